"""When the database is away or too busy, requests are answered as the documentation says, and then go on."""

from functools import partial
from typing import Any

import httpx
import pytest
from proofs.surroundings import Library
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

pytestmark = pytest.mark.anyio


def assert_outage(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable"), answer.text
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.headers["Retry-After"] == "5"


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """The engine keeps one connection, and nobody waits for it."""
    from sqlalchemy.pool import AsyncAdaptedQueuePool

    engine = partial(
        create_async_engine,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.05,
    )
    monkeypatch.setattr("app.core.database.create_async_engine", engine)
    if database_url.startswith("sqlite"):
        monkeypatch.setattr("app.core.database._time_limits", lambda *_: {"timeout": 0.2})


@pytest.mark.usefixtures("one_connection")
async def test_whoever_gets_no_connection_may_try_again(library: Library) -> None:
    async with library.app.state.engine.connect():
        assert_outage(await library.client.get("/books"))

    assert (await library.client.get("/books")).status_code == 200


async def test_a_server_that_refuses_is_an_outage(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    from app.core.config import get_settings
    from app.main import app

    away = "sqlite+aiosqlite:////nowhere/at/all.db"
    if database_url.startswith("postgresql"):
        away = "postgresql+asyncpg://library@127.0.0.1:1/library"
    with monkeypatch.context() as settings:
        settings.setenv("DATABASE_URL", away)
        get_settings.cache_clear()
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://library.test") as client,
        ):
            assert_outage(await client.get("/books"))
            assert (await client.get("/health/ready")).status_code == 503
    get_settings.cache_clear()


# What breaks a request off in the middle: PostgreSQL ends the connection, SQLite is locked by somebody else.
ENDED_BY_THE_SERVER = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.usefixtures("one_connection")
async def test_a_request_that_breaks_off_in_the_middle_may_be_tried_again(
    library: Library, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.books.repository import BookRepository

    (staff,) = await library.add_people(1, staff=True)
    book = {"isbn": "9780306406157", "title": "Emma", "author": "Jane Austen"}
    add = BookRepository.add
    other = create_async_engine(database_url)

    async def add_too_late(books: BookRepository, new: Any) -> None:
        if other.dialect.name == "postgresql":
            await books._session.execute(text(ENDED_BY_THE_SERVER))
        await add(books, new)

    async with other.connect() as holder:
        if other.dialect.name == "sqlite":
            await holder.execute(text("BEGIN IMMEDIATE"))
        with monkeypatch.context() as patched:
            patched.setattr(BookRepository, "add", add_too_late)
            assert_outage(await library.client.post("/books", json=book, headers=staff))
    await other.dispose()

    assert (await library.client.post("/books", json=book, headers=staff)).status_code == 201
