"""What requests and responses about loans hold."""

from datetime import date
from typing import Annotated

from pydantic import Field, Strict

from app.common.schemas import MAX_INTEGER, WHOLE_NUMBER, RequestSchema, ResponseSchema


class LoanCreate(RequestSchema):
    """The wish to borrow a book."""

    book_id: Annotated[int, Strict(), Field(ge=1, le=MAX_INTEGER), WHOLE_NUMBER]


class LoanRead(ResponseSchema):
    """A loan as the member sees it."""

    id: int
    book_id: int
    member_id: int
    borrowed_on: date
    due_on: date = Field(description="The last day on which the book can come back in time.")
    returned_on: date | None = Field(description="`null` while the book is out.")
    renewals: int
