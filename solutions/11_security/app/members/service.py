"""What the library does with its members."""

from datetime import timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings
from app.core.security import BadTokenError, create_token, hash_password, read_token, verify_password
from app.members.exceptions import (
    EmailTakenError,
    MemberNotFoundError,
    NotLoggedInError,
    StaffOnlyError,
    WrongCredentialsError,
)
from app.members.models import Member, Role
from app.members.repository import MemberRepository
from app.members.schemas import Credentials, MemberCreate, Token


class MemberService:
    """Who belongs to the library, and how they prove it.

    Args:
        session: the unit of work, committed by the methods that finish one.
        members: the members of that session.
        settings: the key that signs tokens, and how long they are valid.
    """

    def __init__(self, session: AsyncSession, members: MemberRepository, settings: Settings) -> None:
        self._session = session
        self._members = members
        self._key = settings.secret_key.get_secret_value()
        self._token_lifetime = timedelta(minutes=settings.token_minutes)

    async def register(self, new: MemberCreate) -> Member:
        """Let a person join.

        Raises:
            EmailTakenError: somebody has joined with this e-mail.
        """
        password_hash = await hash_password(new.password.get_secret_value())
        member = Member(email=new.email, name=new.name, password_hash=password_hash, role=Role.MEMBER)
        try:
            await self._members.add(member)
        except IntegrityError as error:
            raise EmailTakenError from error
        await self._session.commit()
        return member

    async def log_in(self, credentials: Credentials) -> Token:
        """Give a token to whoever knows a member's e-mail and password.

        Raises:
            WrongCredentialsError: no such member, or not the member's password. Neither the words nor the
                time that the answer takes say which.
        """
        member = await self._members.with_email(credentials.username)
        await self._session.commit()  # Hashing takes a while: the connection goes back to the others.
        stored = member.password_hash if member else None
        # Verified for nobody as well: it has to take the same time.
        matches = await verify_password(credentials.password.get_secret_value(), stored)
        if member is None or not matches:
            raise WrongCredentialsError
        token = create_token(member.id, self._key, self._token_lifetime)
        return Token(access_token=token, expires_in=int(self._token_lifetime.total_seconds()))

    async def identify(self, token: str) -> Member:
        """Give the member for whom a token was made.

        Raises:
            NotLoggedInError: the token is not valid, or the member is gone.
        """
        try:
            member = await self._members.get(read_token(token, self._key))
        except BadTokenError as error:
            raise NotLoggedInError from error
        if member is None:
            raise NotLoggedInError
        await self._session.commit()  # The handler may wait for something else: it holds no connection then.
        return member

    async def promote(self, email: str) -> Member:
        """Make a member a part of the staff.

        Raises:
            MemberNotFoundError: nobody has joined with this e-mail.
        """
        member = await self._members.with_email(email.lower())
        if member is None:
            raise MemberNotFoundError(email)
        member.role = Role.STAFF
        await self._session.commit()
        return member


def require_staff(member: Member) -> None:
    """Let nobody pass but the staff.

    Raises:
        StaffOnlyError: the member is not a part of it.
    """
    if member.role is not Role.STAFF:
        raise StaffOnlyError
