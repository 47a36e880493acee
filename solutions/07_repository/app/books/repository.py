"""Where books are kept and found. The caller owns the transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.models import Book


class BookRepository:
    """The books of one session's database."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, book_id: int) -> Book | None:
        """Give the book with this key, or None."""
        return await self._session.get(Book, book_id)

    async def search(self, text: str | None, *, limit: int, offset: int) -> Sequence[Book]:
        """Give a part of the books whose title or author holds the text (None: of all), ordered by title.

        Upper and lower case are the same, for all letters that the database's `lower` knows.
        """
        query = select(Book).where(_matches(text)).order_by(Book.title, Book.id).limit(limit).offset(offset)
        return (await self._session.scalars(query)).all()

    async def count(self, text: str | None) -> int:
        """Tell how many books `search` finds without a limit."""
        query = select(func.count()).select_from(Book).where(_matches(text))
        return await self._session.scalar(query) or 0

    async def add(self, book: Book) -> None:
        """Store a new book.

        Raises:
            sqlalchemy.exc.IntegrityError: there is a book with this ISBN. The transaction is spoilt then.
        """
        self._session.add(book)
        await self._session.flush()

    async def update(self, book_id: int, changes: dict[str, Any]) -> Book | None:
        """Change columns of a book and give it as it is then, or None where there is no such book.

        Raises:
            sqlalchemy.exc.IntegrityError: fewer copies than are lent. The transaction is spoilt then.
        """
        if not changes:
            return await self.get(book_id)
        return await self._session.scalar(
            update(Book).where(Book.id == book_id).values(changes).returning(Book)
        )

    async def delete_if_all_are_here(self, book_id: int) -> bool:
        """Remove a book and tell True; False where a copy of it is lent, or there is no such book."""
        gone = delete(Book).where(Book.id == book_id, Book.lent == 0).returning(Book.id)
        return await self._session.scalar(gone) is not None

    async def lend_copy(self, book_id: int) -> bool:
        """Count one copy more as lent; False where there is no such book or no copy left.

        Looking and counting are one statement: of two callers who want the last copy, one gets it.
        """
        left = update(Book).where(Book.id == book_id, Book.lent < Book.copies)
        return await self._session.scalar(left.values(lent=Book.lent + 1).returning(Book.id)) is not None

    async def take_back_copy(self, book_id: int) -> None:
        """Count one copy less as lent."""
        await self._session.execute(update(Book).where(Book.id == book_id).values(lent=Book.lent - 1))


def _matches(text: str | None) -> ColumnElement[bool]:
    if text is None:
        return true()
    return or_(Book.title.icontains(text, autoescape=True), Book.author.icontains(text, autoescape=True))
