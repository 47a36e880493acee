"""What the library's rules say about loans."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.books.service import BookService
from app.core.clock import Clock
from app.loans.exceptions import (
    AlreadyRenewedError,
    AlreadyReturnedError,
    HasOverdueLoanError,
    LoanChangedError,
    LoanNotFoundError,
    LoanOverdueError,
    TooManyLoansError,
)
from app.loans.models import Loan
from app.loans.repository import LoanRepository
from app.members.models import Member, Role
from app.members.service import MemberService

MAX_LOANS = 3
LOAN_TIME = timedelta(days=14)
MAX_RENEWALS = 1


class LoanService:
    """Lending books and taking them back.

    Args:
        session: the unit of work, committed by the methods that finish one.
        loans: the loans of that session.
        books: the collection, in the same session.
        members: the members, in the same session.
        today: the clock.
    """

    def __init__(
        self,
        session: AsyncSession,
        loans: LoanRepository,
        *,
        books: BookService,
        members: MemberService,
        today: Clock,
    ) -> None:
        self._session = session
        self._loans = loans
        self._books = books
        self._members = members
        self._today = today

    async def borrow(self, book_id: int, member: Member) -> Loan:
        """Lend a copy of a book to a member.

        Raises:
            TooManyLoansError: the member has `MAX_LOANS` books.
            HasOverdueLoanError: the member has a book that should be back.
            BookNotFoundError: there is no such book.
            NoCopyLeftError: all copies are lent.
        """
        await self._members.lock(member)  # so that many requests at a time count as one after the other
        await self._check_may_borrow(member)
        await self._books.lend_copy(book_id)

        today = self._today()
        loan = Loan(book_id=book_id, member_id=member.id, borrowed_on=today, due_on=today + LOAN_TIME)
        await self._loans.add(loan)
        await self._session.commit()
        return loan

    async def give_back(self, loan_id: int, member: Member) -> Loan:
        """Take a book back.

        Raises:
            LoanNotFoundError: there is no such loan that the member may see.
            AlreadyReturnedError: the book is back.
        """
        loan = await self.get(loan_id, member)
        closed = await self._loans.close(loan.id, self._today())
        if closed is None:
            raise AlreadyReturnedError
        await self._books.take_back_copy(closed.book_id)
        await self._session.commit()
        return closed

    async def renew(self, loan_id: int, member: Member) -> Loan:
        """Let a member keep a book for another `LOAN_TIME` after the day it is due.

        Raises:
            LoanNotFoundError: there is no such loan that the member may see.
            AlreadyReturnedError: the book is back.
            LoanOverdueError: the book should be back.
            AlreadyRenewedError: the loan was renewed `MAX_RENEWALS` times.
            LoanChangedError: it was renewed or came back at the same moment.
        """
        loan = await self.get(loan_id, member)
        self._check_may_renew(loan)
        extended = await self._loans.extend(loan, loan.due_on + LOAN_TIME)
        if extended is None:
            raise LoanChangedError(loan_id)
        await self._session.commit()
        return extended

    async def get(self, loan_id: int, member: Member) -> Loan:
        """Give a loan to the member who has it, or to the staff.

        Raises:
            LoanNotFoundError: there is no such loan that the member may see.
        """
        loan = await self._loans.get(loan_id)
        if loan is None or (loan.member_id != member.id and member.role is not Role.STAFF):
            raise LoanNotFoundError(loan_id)
        return loan

    async def list_of(self, member: Member, *, limit: int, offset: int) -> tuple[Sequence[Loan], int]:
        """Give a part of a member's loans, the newest first, and how many there are in all."""
        loans = await self._loans.of_member(member.id, limit=limit, offset=offset)
        return loans, await self._loans.count_of_member(member.id)

    async def _check_may_borrow(self, member: Member) -> None:
        loans = await self._loans.open_of_member(member.id)
        if any(loan.is_overdue(self._today()) for loan in loans):
            raise HasOverdueLoanError
        if len(loans) >= MAX_LOANS:
            raise TooManyLoansError(MAX_LOANS)

    def _check_may_renew(self, loan: Loan) -> None:
        if loan.returned_on is not None:
            raise AlreadyReturnedError
        if loan.is_overdue(self._today()):
            raise LoanOverdueError(loan.due_on)
        if loan.renewals >= MAX_RENEWALS:
            raise AlreadyRenewedError
