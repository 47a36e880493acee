"""What the routes about books ask for."""

from typing import Annotated

from fastapi import Depends, Path, Query

from app.books.repository import BookRepository
from app.books.service import BookService
from app.common.schemas import MAX_INTEGER, LineOrEmpty
from app.core.dependencies import SessionDep

BookId = Annotated[int, Path(ge=1, le=MAX_INTEGER)]
SearchText = Annotated[
    LineOrEmpty | None, Query(description="Part of a title or of an author's name. Empty: all books.")
]


async def get_book_service(session: SessionDep) -> BookService:
    """Make the service of this request."""
    return BookService(session, BookRepository(session))


BookServiceDep = Annotated[BookService, Depends(get_book_service)]
