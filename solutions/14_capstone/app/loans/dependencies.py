"""What the routes about loans ask for."""

from typing import Annotated

from fastapi import Depends, Path

from app.books.dependencies import BookServiceDep
from app.common.schemas import MAX_INTEGER
from app.core.clock import ClockDep
from app.core.dependencies import SessionDep
from app.loans.repository import LoanRepository
from app.loans.service import LoanService
from app.members.dependencies import MemberServiceDep

LoanId = Annotated[int, Path(ge=1, le=MAX_INTEGER)]


async def get_loan_service(
    session: SessionDep, books: BookServiceDep, members: MemberServiceDep, clock: ClockDep
) -> LoanService:
    """Make the service of this request."""
    return LoanService(session, LoanRepository(session), books=books, members=members, today=clock)


LoanServiceDep = Annotated[LoanService, Depends(get_loan_service)]
