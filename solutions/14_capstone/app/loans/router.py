"""Loans over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.common.pagination import PaginationDep
from app.common.responses import CREATED
from app.common.schemas import Page
from app.core.error_handlers import INVALID_BODY, error_responses
from app.loans.dependencies import LoanId, LoanServiceDep
from app.loans.schemas import LoanCreate, LoanRead
from app.members.dependencies import CurrentMember

router = APIRouter(
    prefix="/loans",
    tags=["loans"],
    responses=error_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY),
)


@router.get("", response_model=Page[LoanRead])
async def list_loans(member: CurrentMember, service: LoanServiceDep, page: PaginationDep) -> Page[LoanRead]:
    """List the loans of the member who is logged in, the newest first."""
    loans, total = await service.list_of(member, limit=page.limit, offset=page.offset)
    items = [LoanRead.model_validate(loan) for loan in loans]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post(
    "",
    response_model=LoanRead,
    status_code=HTTPStatus.CREATED,
    responses=CREATED | error_responses(*INVALID_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def borrow(
    wish: LoanCreate, member: CurrentMember, service: LoanServiceDep, request: Request, response: Response
) -> LoanRead:
    """Borrow a book."""
    loan = await service.borrow(wish.book_id, member)
    response.headers["Location"] = request.url_for("read_loan", loan_id=loan.id).path
    return LoanRead.model_validate(loan)


@router.get("/{loan_id}", response_model=LoanRead, responses=error_responses(HTTPStatus.NOT_FOUND))
async def read_loan(loan_id: LoanId, member: CurrentMember, service: LoanServiceDep) -> LoanRead:
    """Show one loan, to the member who has it or to the staff."""
    return LoanRead.model_validate(await service.get(loan_id, member))


@router.post(
    "/{loan_id}/return",
    response_model=LoanRead,
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def give_back(loan_id: LoanId, member: CurrentMember, service: LoanServiceDep) -> LoanRead:
    """Bring a book back."""
    return LoanRead.model_validate(await service.give_back(loan_id, member))


@router.post(
    "/{loan_id}/renewal",
    response_model=LoanRead,
    responses=error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def renew(loan_id: LoanId, member: CurrentMember, service: LoanServiceDep) -> LoanRead:
    """Keep a book for longer."""
    return LoanRead.model_validate(await service.renew(loan_id, member))
