"""Where loans are kept and found. The caller owns the transaction."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.loans.models import Loan


class LoanRepository:
    """The loans of one session's database."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, loan_id: int) -> Loan | None:
        """Give the loan with this key, or None."""
        return await self._session.get(Loan, loan_id)

    async def of_member(self, member_id: int, *, limit: int, offset: int) -> Sequence[Loan]:
        """Give a part of a member's loans, the newest first."""
        query = select(Loan).where(Loan.member_id == member_id).order_by(Loan.id.desc())
        return (await self._session.scalars(query.limit(limit).offset(offset))).all()

    async def count_of_member(self, member_id: int) -> int:
        """Tell how many loans a member has or had."""
        query = select(func.count()).select_from(Loan).where(Loan.member_id == member_id)
        return await self._session.scalar(query) or 0

    async def open_of_member(self, member_id: int) -> Sequence[Loan]:
        """Give the loans of a member that are not back yet."""
        query = select(Loan).where(Loan.member_id == member_id, Loan.returned_on.is_(None))
        return (await self._session.scalars(query)).all()

    async def add(self, loan: Loan) -> None:
        """Store a new loan."""
        self._session.add(loan)
        await self._session.flush()

    async def close(self, loan_id: int, returned_on: date) -> Loan | None:
        """Note the day on which a loan came back; None where it was back already.

        Looking and noting are one statement: of two callers, one gets the loan.
        """
        still_out = update(Loan).where(Loan.id == loan_id, Loan.returned_on.is_(None))
        return await self._session.scalar(still_out.values(returned_on=returned_on).returning(Loan))

    async def extend(self, loan: Loan, due_on: date) -> Loan | None:
        """Note a later due day and one renewal more; None where the loan is not as it was read."""
        unchanged = update(Loan).where(
            Loan.id == loan.id, Loan.renewals == loan.renewals, Loan.returned_on.is_(None)
        )
        extended = unchanged.values(due_on=due_on, renewals=loan.renewals + 1)
        return await self._session.scalar(extended.returning(Loan))
