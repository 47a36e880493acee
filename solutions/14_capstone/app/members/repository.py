"""Where members are kept and found. The caller owns the transaction."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.members.models import Member


class MemberRepository:
    """The members of one session's database."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, member_id: int) -> Member | None:
        """Give the member with this key, or None."""
        return await self._session.get(Member, member_id)

    async def with_email(self, email: str) -> Member | None:
        """Give the member with this e-mail (in lower case), or None."""
        return await self._session.scalar(select(Member).where(Member.email == email))

    async def lock(self, member_id: int) -> None:
        """Let everybody else who locks this member wait until the transaction ends.

        A write that changes nothing: it locks the row on PostgreSQL and the database on SQLite, which
        has no SELECT FOR UPDATE.
        """
        await self._session.execute(update(Member).where(Member.id == member_id).values(id=Member.id))

    async def add(self, member: Member) -> None:
        """Store a new member.

        Raises:
            sqlalchemy.exc.IntegrityError: there is a member with this e-mail. The transaction is spoilt then.
        """
        self._session.add(member)
        await self._session.flush()
