"""Members over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.common.responses import CREATED
from app.core.error_handlers import INVALID_BODY, error_responses
from app.members.dependencies import CredentialsForm, CurrentMember, MemberServiceDep
from app.members.schemas import MemberCreate, MemberRead, Token

router = APIRouter(prefix="/members", tags=["members"])


@router.post(
    "",
    response_model=MemberRead,
    status_code=HTTPStatus.CREATED,
    responses=CREATED | error_responses(*INVALID_BODY, HTTPStatus.CONFLICT),
)
async def register(
    new: MemberCreate, service: MemberServiceDep, request: Request, response: Response
) -> MemberRead:
    """Join the library."""
    member = await service.register(new)
    response.headers["Location"] = request.url_for("read_own_membership").path
    return MemberRead.model_validate(member)


@router.post(
    "/token",
    response_model=Token,
    responses=error_responses(*INVALID_BODY, HTTPStatus.UNAUTHORIZED),
)
async def log_in(credentials: CredentialsForm, service: MemberServiceDep, response: Response) -> Token:
    """Get a token for an e-mail and a password."""
    response.headers["Cache-Control"] = "no-store"
    return await service.log_in(credentials)


@router.get("/me", response_model=MemberRead, responses=error_responses(HTTPStatus.UNAUTHORIZED))
async def read_own_membership(member: CurrentMember) -> MemberRead:
    """Show the member who is logged in."""
    return MemberRead.model_validate(member)
