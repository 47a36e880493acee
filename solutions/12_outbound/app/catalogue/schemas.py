"""What the outside catalogue answers, and what this service tells of it."""

from pydantic import BaseModel, Field

from app.common.schemas import ResponseSchema


class OutsideBook(BaseModel):
    """A book in Open Library's search results, without the parts that nobody here reads."""

    title: str
    author_name: list[str] = []
    first_publish_year: int | None = None


class OutsideAnswer(BaseModel):
    """Open Library's answer to a search."""

    docs: list[OutsideBook]


class CatalogueEntry(ResponseSchema):
    """A book as the outside catalogue knows it."""

    isbn: str
    title: str
    authors: list[str]
    year: int | None = Field(description="When the book was first published, where that is known.")
