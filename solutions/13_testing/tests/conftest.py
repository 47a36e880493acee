"""A service of its own for each test: its own database, its own covers, its own settings."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.config import Config
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from app.core.config import get_settings
from app.members.promote import promote
from tests.examples import PASSWORD, a_book

# Hashes passwords as weakly as can be: most tests log somebody in, and hardly one is about the strength.
WEAK_HASHER = PasswordHash((Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1),))
PROJECT = Path(__file__).resolve().parents[1]

type Headers = dict[str, str]
type AddBook = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all migrations and no rows. Copying it is quicker than migrating again."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{path}")
        environment.setenv("SECRET_KEY", "k" * 32)
        get_settings.cache_clear()
        command.upgrade(Config(PROJECT / "alembic.ini"), "head")
    return path


@pytest.fixture(autouse=True)
def settings(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """The settings of this test. Every one that matters is set here, so no `.env` can change a result."""
    database = tmp_path / "library.db"
    shutil.copy(empty_database, database)
    monkeypatch.setenv("APP_NAME", "Test library")
    monkeypatch.setenv("DEBUG", "false")
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{database}")
    monkeypatch.setenv("SECRET_KEY", "a-key-for-tests-and-nothing-else-0")
    monkeypatch.setenv("DATABASE_SECONDS", "10")
    monkeypatch.setenv("TOKEN_MINUTES", "30")
    monkeypatch.setenv("CATALOGUE_URL", "http://catalogue.test")
    monkeypatch.setenv("CATALOGUE_SECONDS", "0.5")
    monkeypatch.setenv("COVERS_FOLDER", str(tmp_path / "covers"))
    monkeypatch.setenv("COVER_BYTES", "1000")
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.security._hasher", WEAK_HASHER)


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    """The application between its start-up and its shutdown, which `ASGITransport` alone does not run."""
    from app.main import app

    async with app.router.lifespan_context(app):
        yield app
    app.dependency_overrides.clear()


@pytest.fixture
def connections_in_use(app: FastAPI) -> Callable[[], int]:
    """Tell how many connections to the database are not free at the moment."""
    in_use: set[object] = set()
    engine = app.state.engine.sync_engine
    event.listen(engine, "checkout", lambda _, record, __: in_use.add(record))
    event.listen(engine, "checkin", lambda _, record: in_use.discard(record))
    return lambda: len(in_use)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
        yield client


@pytest.fixture
async def cut_off_client(settings: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that does not reach its database."""
    from app.main import create_app

    settings.setenv("DATABASE_URL", "sqlite+aiosqlite:////nowhere/at/all/library.db")
    get_settings.cache_clear()
    app = create_app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://library.test") as client,
    ):
        yield client


@pytest.fixture
def join(client: httpx.AsyncClient) -> Callable[[str], Awaitable[Headers]]:
    """Register a member with this name and log in: gives the headers that say who is there."""

    async def join(name: str) -> Headers:
        email = f"{name}@example.org"
        joined = await client.post("/members", json={"email": email, "name": name, "password": PASSWORD})
        assert joined.status_code == 201, joined.text
        answer = await client.post("/members/token", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return join


@pytest.fixture
async def member(join: Callable[[str], Awaitable[Headers]]) -> Headers:
    return await join("mary")


@pytest.fixture
async def staff(join: Callable[[str], Awaitable[Headers]]) -> Headers:
    headers = await join("stan")
    await promote("stan@example.org")
    return headers


@pytest.fixture
def add_book(client: httpx.AsyncClient, staff: Headers) -> AddBook:
    """Take a book into the collection: gives it as the service answers it."""

    async def add(**values: Any) -> dict[str, Any]:
        answer = await client.post("/books", json=a_book(**values), headers=staff)
        assert answer.status_code == 201, answer.text
        book: dict[str, Any] = answer.json()
        return book

    return add
