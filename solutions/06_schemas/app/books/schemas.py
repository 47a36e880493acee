"""What requests and responses about books hold."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict

from app.books.isbn import normalise_isbn
from app.common.schemas import WHOLE_NUMBER, Line, RequestSchema, ResponseSchema, not_given

Isbn = Annotated[
    str,
    Field(min_length=13, max_length=17, examples=["978-0-306-40615-7"], json_schema_extra={"format": "isbn"}),
    AfterValidator(normalise_isbn),
]
Year = Annotated[int, Strict(), Field(ge=1, le=9999), WHOLE_NUMBER]
Copies = Annotated[int, Strict(), Field(ge=1, le=1000), WHOLE_NUMBER]


class BookCreate(RequestSchema):
    """A book that comes into the collection."""

    isbn: Isbn
    title: Line
    author: Line
    year: Year | None = None
    # Not `= 1`: Pydantic 2.9 then takes 1 for the default of every field of this type.
    copies: Copies = Field(default=1)


class BookUpdate(RequestSchema):
    """What changes about a book.

    A field that is not given stays as it is. Only the year can be `null`: it is not known then.
    """

    title: Line = not_given()
    author: Line = not_given()
    year: Year | None = not_given()
    copies: Copies = not_given()

    def changes(self) -> dict[str, Any]:
        """Give the fields that the request named, with their new values."""
        return self.model_dump(exclude_unset=True)


class BookRead(ResponseSchema):
    """A book as the library shows it."""

    id: int
    isbn: str
    title: str
    author: str
    year: int | None
    copies: int
    available: int = Field(description="How many copies can be lent right now.")
