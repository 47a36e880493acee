"""A pytest plugin: a running service for each proof, and many people who use it at a time."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from alembic import command
from alembic.config import Config
from fastapi import FastAPI

KEY = "a-key-for-proofs-and-nothing-else-"
PROJECT = Path.cwd()

type Asgi = Callable[..., Awaitable[Any]]


@dataclass
class Library:
    """The running service, with ways past its front door to fill it quickly."""

    app: FastAPI
    client: httpx.AsyncClient

    async def add_book(self, copies: int = 1, title: str = "Emma") -> int:
        """Store a book and give its key."""
        from app.books.isbn import check_digit
        from app.books.models import Book

        async with self.app.state.session_factory() as session:
            book = Book(isbn="", title=title, author="Jane Austen", year=1815, copies=copies)
            session.add(book)
            await session.flush()
            first_twelve = f"978{book.id:09d}"
            book.isbn = first_twelve + check_digit(first_twelve)
            await session.commit()
        return book.id

    async def add_people(self, number: int, *, staff: bool = False) -> list[dict[str, str]]:
        """Store members, and give the headers that each of them sends."""
        from app.core.security import create_token
        from app.members.models import Member, Role

        role = Role.STAFF if staff else Role.MEMBER
        async with self.app.state.session_factory() as session:
            people = [
                Member(email=f"{role}{index}@example.org", name="N", password_hash="-", role=role)
                for index in range(number)
            ]
            session.add_all(people)
            await session.commit()
        tokens = [create_token(person.id, KEY, timedelta(hours=1)) for person in people]
        return [{"Authorization": f"Bearer {token}"} for token in tokens]

    async def available(self, book_id: int) -> int:
        """How many copies of a book the service offers."""
        return int((await self.client.get(f"/books/{book_id}")).json()["available"])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return os.environ.get("PROOF_DATABASE_URL") or f"sqlite+aiosqlite:///{tmp_path / 'proof.db'}"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from app.core.config import get_settings

    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("DEBUG", "false")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CATALOGUE_URL", "http://catalogue.test")
    monkeypatch.setenv("COVERS_FOLDER", str(tmp_path / "covers"))
    get_settings.cache_clear()
    migrations = Config(PROJECT / "alembic.ini")
    command.upgrade(migrations, "head")
    yield
    command.downgrade(migrations, "base")
    get_settings.cache_clear()


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    from app.main import app

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://library.test", timeout=60) as client,
    ):
        yield Library(app, client)


class _Server(uvicorn.Server):
    """A server on a free port for an application that is between its start-up and its shutdown."""

    def __init__(self, app: Asgi) -> None:
        super().__init__(uvicorn.Config(app, port=0, lifespan="off", log_level="warning"))

    async def url(self) -> str:
        while not self.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        port = self.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"


@asynccontextmanager
async def serving(app: Asgi) -> AsyncIterator[str]:
    """Serve an application over real HTTP, in this loop; gives the URL."""
    server = _Server(app)
    async with asyncio.TaskGroup() as together:
        together.create_task(server.serve())
        try:
            yield await server.url()
        finally:
            server.should_exit = True


async def output_of(*arguments: str) -> str:
    """Run Python in a process of its own; gives what it wrote."""
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    written, _ = await process.communicate()
    assert process.returncode == 0
    return written.decode()
