"""What the layers cost, measured side by side with a handler that has none."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from proofs.surroundings import Library, output_of, serving
from sqlalchemy import event

pytestmark = pytest.mark.anyio

LEAST_RATIO = 0.8


def bare(library: Library) -> FastAPI:
    """The same answer to the same question by one query, in one handler."""
    from app.books.models import Book
    from app.books.schemas import BookRead

    application = FastAPI()
    sessions = library.app.state.session_factory

    @application.get("/books/{book_id}", response_model=BookRead)
    async def read_book(book_id: int) -> Any:
        async with sessions() as session:
            return await session.get(Book, book_id)

    return application


async def test_reading_is_nearly_as_fast_as_without_layers(library: Library) -> None:
    path = f"/books/{await library.add_book()}"
    async with serving(library.app) as layered, serving(bare(library)) as without_layers:
        figures = json.loads(await output_of("-m", "proofs.ask", layered + path, without_layers + path))

    ratio = figures[0] / figures[1]
    print(f"requests a second: {figures[0]:.0f} with layers, {figures[1]:.0f} without: {ratio:.2f}")
    assert ratio >= LEAST_RATIO


@pytest.mark.parametrize("books", [0, 5, 60])
async def test_a_page_takes_two_statements_however_long_it_is(library: Library, books: int) -> None:
    for index in range(books):
        await library.add_book(title=f"Book {index}")
    statements: list[str] = []
    engine = library.app.state.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    page = (await library.client.get("/books?limit=50")).json()

    assert len(page["items"]) == min(books, 50)
    assert page["total"] == books
    assert len(statements) == 2, statements
