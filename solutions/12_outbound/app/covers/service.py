"""What the library does with covers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.books.service import BookService
from app.covers.exceptions import (
    CoverNotFoundError,
    CoverTooLargeError,
    CoverTooSlowError,
    NotAPictureError,
)
from app.covers.pictures import SIGNATURE_BYTES, media_type_of
from app.covers.repository import CoverRepository

# Long enough for a few megabytes over a slow line.
UPLOAD_SECONDS = 600.0


@dataclass(frozen=True)
class Cover:
    """A picture and its media type."""

    content: bytes
    media_type: str


class CoverService:
    """The covers of the books. A cover belongs to an ISBN: it is still there for a book that comes back.

    Args:
        session: that of the books.
        books: says which books there are.
        covers: the files.
        max_bytes: how large a cover may be.
    """

    def __init__(
        self, session: AsyncSession, books: BookService, covers: CoverRepository, max_bytes: int
    ) -> None:
        self._session = session
        self._books = books
        self._covers = covers
        self._max_bytes = max_bytes

    async def get(self, book_id: int) -> Cover:
        """Give the cover of a book.

        Raises:
            BookNotFoundError: there is no such book.
            CoverNotFoundError: it has no cover.
        """
        content = await self._covers.read(await self._isbn_of(book_id))
        media_type = media_type_of(content) if content else None
        if content is None or media_type is None:
            raise CoverNotFoundError(book_id)
        return Cover(content, media_type)

    async def put(self, book_id: int, chunks: AsyncIterator[bytes]) -> bool:
        """Keep the cover of a book, as it arrives, and tell whether it is the book's first.

        Raises:
            BookNotFoundError: there is no such book.
            CoverTooLargeError: it has too many bytes.
            CoverTooSlowError: it is not there after `UPLOAD_SECONDS`.
            NotAPictureError: it is no picture of a known kind.
        """
        isbn = await self._isbn_of(book_id)
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._covers.write(isbn, only_pictures(at_most(self._max_bytes, chunks)))
        except TimeoutError as error:
            raise CoverTooSlowError(UPLOAD_SECONDS) from error

    async def _isbn_of(self, book_id: int) -> str:
        book = await self._books.get(book_id)
        await self._session.commit()  # A file may take its time: the connection goes back to the others.
        return book.isbn


async def at_most(max_bytes: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Hand the chunks on, until they are more than that many bytes together.

    Raises:
        CoverTooLargeError: they are more.
    """
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise CoverTooLargeError(max_bytes)
        yield chunk


async def only_pictures(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Hand the chunks on, if together they start like a picture.

    Raises:
        NotAPictureError: they start like something else, or there are none.
    """
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) >= SIGNATURE_BYTES:
            break
    if media_type_of(start) is None:
        raise NotAPictureError
    yield start
    async for chunk in chunks:
        yield chunk
