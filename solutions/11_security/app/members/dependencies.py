"""What routes ask for to know who is there."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Form
from fastapi.security import OAuth2PasswordBearer

from app.core.dependencies import SessionDep, SettingsDep
from app.members.exceptions import NotLoggedInError
from app.members.models import Member
from app.members.repository import MemberRepository
from app.members.schemas import Credentials
from app.members.service import MemberService, require_staff

CredentialsForm = Annotated[Credentials, Form()]
# Where to log in, seen from the documentation: not absolute, so that a prefix before the service stays.
BearerToken = Annotated[str | None, Depends(OAuth2PasswordBearer("members/token", auto_error=False))]


async def get_member_service(session: SessionDep, settings: SettingsDep) -> MemberService:
    """Make the service of this request."""
    return MemberService(session, MemberRepository(session), settings)


MemberServiceDep = Annotated[MemberService, Depends(get_member_service)]


async def get_current_member(token: BearerToken, service: MemberServiceDep) -> Member:
    """Give the member who sent the request.

    Raises:
        NotLoggedInError: it carries no valid token.
    """
    if token is None:
        raise NotLoggedInError
    return await service.identify(token)


CurrentMember = Annotated[Member, Depends(get_current_member)]


async def check_staff(member: CurrentMember) -> None:
    """Let only the staff's requests pass.

    Raises:
        StaffOnlyError: the member is not a part of the staff.
    """
    require_staff(member)


STAFF_ONLY = [Depends(check_staff)]
STAFF_ONLY_ERRORS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
