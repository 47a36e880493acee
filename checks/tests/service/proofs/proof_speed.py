"""What the layers cost, measured side by side with a handler that has none."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from proofs.surroundings import Library
from sqlalchemy import event

pytestmark = pytest.mark.anyio

ROUNDS = 15
REQUESTS_A_ROUND = 60
LEAST_RATIO = 0.8

type Asgi = Callable[..., Awaitable[Any]]


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


async def get(application: Asgi, path: str) -> int:
    """Ask an application without any client in between; gives the status."""
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"library.test")],
        "server": ("library.test", 80),
        "client": ("127.0.0.1", 1),
    }
    await application(scope, receive, send)
    return status


async def requests_a_second(application: Asgi, path: str) -> float:
    started = time.perf_counter()
    for _ in range(REQUESTS_A_ROUND):
        assert await get(application, path) == 200
    return REQUESTS_A_ROUND / (time.perf_counter() - started)


async def test_reading_is_nearly_as_fast_as_without_layers(library: Library) -> None:
    path = f"/books/{await library.add_book()}"
    without_layers = bare(library)
    await requests_a_second(library.app, path)
    await requests_a_second(without_layers, path)

    ratios = []
    for _ in range(ROUNDS):
        layered = await requests_a_second(library.app, path)
        ratios.append(layered / await requests_a_second(without_layers, path))

    ratio = statistics.median(ratios)
    print(f"requests a second, with layers to without: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
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
