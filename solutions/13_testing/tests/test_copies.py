"""Copies going out and coming home, as the service of the books sees it."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.exceptions import BookNotFoundError, CopiesAreLentError, NoCopyLeftError
from app.books.repository import BookRepository
from app.books.schemas import BookCreate, BookUpdate
from app.books.service import BookService
from tests.examples import a_book

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session(app: FastAPI) -> AsyncIterator[AsyncSession]:
    async with app.state.session_factory() as session:
        yield session


@pytest.fixture
def books(session: AsyncSession) -> BookService:
    return BookService(session, BookRepository(session))


@pytest.fixture
async def book_id(books: BookService) -> int:
    """A book with two copies, of which one is lent."""
    book = await books.create(BookCreate(**a_book(copies=2)))
    await books.lend_copy(book.id)
    return book.id


async def test_a_lent_copy_is_not_available(books: BookService, session: AsyncSession, book_id: int) -> None:
    await session.commit()
    session.expunge_all()

    assert (await books.get(book_id)).available == 1


async def test_no_more_copies_are_lent_than_there_are(books: BookService, book_id: int) -> None:
    await books.lend_copy(book_id)

    with pytest.raises(NoCopyLeftError):
        await books.lend_copy(book_id)


async def test_a_copy_that_came_home_can_be_lent_again(books: BookService, book_id: int) -> None:
    await books.lend_copy(book_id)
    await books.take_back_copy(book_id)
    await books.lend_copy(book_id)

    with pytest.raises(NoCopyLeftError):
        await books.lend_copy(book_id)


async def test_a_book_that_is_not_there_cannot_be_lent(books: BookService) -> None:
    with pytest.raises(BookNotFoundError):
        await books.lend_copy(77)


async def test_a_book_stays_while_a_copy_is_lent(books: BookService, book_id: int) -> None:
    with pytest.raises(CopiesAreLentError):
        await books.delete(book_id)

    await books.take_back_copy(book_id)
    await books.delete(book_id)


async def test_there_are_never_fewer_copies_than_are_lent(
    books: BookService, session: AsyncSession, book_id: int
) -> None:
    await books.lend_copy(book_id)
    await session.commit()

    with pytest.raises(CopiesAreLentError):
        await books.update(book_id, BookUpdate(copies=1))
