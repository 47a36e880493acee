"""What the library does with its books."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.exceptions import BookNotFoundError, CopiesAreLentError, DuplicateIsbnError, NoCopyLeftError
from app.books.models import Book
from app.books.repository import BookRepository
from app.books.schemas import BookCreate, BookUpdate


class BookService:
    """The rules of the collection.

    Args:
        session: the unit of work, committed by the methods that finish one.
        books: the books of that session.
    """

    def __init__(self, session: AsyncSession, books: BookRepository) -> None:
        self._session = session
        self._books = books

    async def get(self, book_id: int) -> Book:
        """Give a book.

        Raises:
            BookNotFoundError: there is none with this key.
        """
        book = await self._books.get(book_id)
        if book is None:
            raise BookNotFoundError(book_id)
        return book

    async def search(self, text: str | None, *, limit: int, offset: int) -> tuple[Sequence[Book], int]:
        """Give a part of the books whose title or author holds the text, and how many there are in all."""
        books = await self._books.search(text, limit=limit, offset=offset)
        return books, await self._books.count(text)

    async def create(self, new: BookCreate) -> Book:
        """Take a book into the collection.

        Raises:
            DuplicateIsbnError: the library has a book with this ISBN.
        """
        book = Book(**new.model_dump())
        try:
            await self._books.add(book)
        except IntegrityError as error:
            raise DuplicateIsbnError(new.isbn) from error
        await self._session.commit()
        return book

    async def update(self, book_id: int, update: BookUpdate) -> Book:
        """Change what the request names, and nothing else.

        Raises:
            BookNotFoundError: there is no such book.
            CopiesAreLentError: there would be fewer copies than are lent.
        """
        try:
            book = await self._books.update(book_id, update.changes())
        except IntegrityError as error:
            raise CopiesAreLentError(book_id) from error
        if book is None:
            raise BookNotFoundError(book_id)
        await self._session.commit()
        return book

    async def delete(self, book_id: int) -> None:
        """Take a book out of the collection.

        Raises:
            BookNotFoundError: there is no such book.
            CopiesAreLentError: a member still has a copy.
        """
        if not await self._books.delete_if_all_are_here(book_id):
            await self.get(book_id)  # raises where there is no such book
            raise CopiesAreLentError(book_id)
        await self._session.commit()

    async def lend_copy(self, book_id: int) -> None:
        """Let one copy go out. A part of a larger unit of work: the caller commits it.

        Raises:
            BookNotFoundError: there is no such book.
            NoCopyLeftError: all copies are lent.
        """
        if not await self._books.lend_copy(book_id):
            await self.get(book_id)  # raises where there is no such book
            raise NoCopyLeftError(book_id)

    async def take_back_copy(self, book_id: int) -> None:
        """Let one copy come home. A part of a larger unit of work: the caller commits it."""
        await self._books.take_back_copy(book_id)
