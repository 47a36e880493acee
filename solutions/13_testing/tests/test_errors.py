"""Errors have one shape, and the log has what the answer keeps to itself."""

import io
import logging
import re
import sqlite3

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.books.dependencies import get_book_service
from app.books.repository import BookRepository
from app.core.config import get_settings
from app.core.logging import configure_logging, request_id
from tests.conftest import Headers
from tests.examples import PASSWORD

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/books", 405, "method_not_allowed"),
        ("GET", "/books/77", 404, "book_not_found"),
        ("GET", "/books/emma", 422, "invalid_request"),
        ("GET", "/members/me", 401, "not_logged_in"),
    ],
)
async def test_every_error_has_the_same_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "fields"}


async def test_a_method_that_is_not_allowed_names_those_that_are(client: httpx.AsyncClient) -> None:
    assert (await client.put("/books")).headers["Allow"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(413, "content_too_large"), (422, "unprocessable_content"), (418, "http_418"), (499, "http_499")],
)
async def test_the_code_of_an_error_is_the_same_on_every_python(
    app: FastAPI, client: httpx.AsyncClient, status: int, code: str
) -> None:
    def refuse() -> None:
        raise HTTPException(status, "No.")

    app.dependency_overrides[get_book_service] = refuse

    answer = await client.get("/books")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_database_that_is_not_there_is_an_outage(
    settings: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from app.main import create_app

    settings.setenv("DATABASE_URL", "sqlite+aiosqlite:////nowhere/at/all/library.db")
    get_settings.cache_clear()
    app = create_app()

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://library.test") as client,
    ):
        answer = await client.get("/books")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.headers["Retry-After"] == "5"
    assert "unable to open database file" in caplog.text
    assert "unable to open" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PoolTimeoutError("QueuePool limit reached"), 503),
        (OperationalError("UPDATE books", None, sqlite3.OperationalError("database is locked")), 503),
        (InterfaceError("SELECT 1", None, OSError("closed"), connection_invalidated=True), 503),
        (IntegrityError("INSERT INTO books", None, sqlite3.IntegrityError("not null")), 500),
    ],
    ids=["no connection is free", "locked", "broken off", "a fault of the service"],
)
async def test_an_outage_is_told_from_a_fault(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: SQLAlchemyError, status: int
) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(BookRepository, "search", break_down)

    assert (await client.get("/books")).status_code == status


async def test_a_statement_that_is_wrong_is_no_outage(client: httpx.AsyncClient, app: FastAPI) -> None:
    async with app.state.engine.begin() as connection:
        await connection.execute(text("DROP TABLE books"))

    assert (await client.get("/books")).status_code == 500


async def test_an_unexpected_error_tells_its_secrets_to_the_server_only(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    def break_down() -> None:
        raise RuntimeError("the secret of the house")

    app.dependency_overrides[get_book_service] = break_down

    answer = await client.get("/books", headers={"X-Request-ID": "broken-1"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert answer.headers["X-Request-ID"] == "broken-1"
    assert "secret of the house" not in answer.text
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://library.test"
    ) as server:
        with pytest.raises(RuntimeError, match="secret of the house"):
            await server.get("/books")


async def test_a_key_that_is_half_a_letter_is_answered(client: httpx.AsyncClient, staff: Headers) -> None:
    answer = await client.post(
        "/books", content=b'{"\\ud800": 1}', headers=staff | {"Content-Type": "application/json"}
    )

    assert answer.status_code == 422


async def test_a_body_that_is_no_text_is_answered(client: httpx.AsyncClient, staff: Headers) -> None:
    headers = staff | {"Content-Type": "application/json"}

    answer = await client.post("/books", content=b"\xff\xfe{}", headers=headers)

    assert answer.status_code in {400, 422}
    assert set(answer.json()) == {"code", "message", "fields"}


@pytest.mark.parametrize("sent", ["", "two words", "x" * 65, "line\tend"])
async def test_a_request_gets_an_id_of_its_own(client: httpx.AsyncClient, sent: str) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": sent})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


async def test_a_request_keeps_the_id_that_it_came_with(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": "from-the-gateway.1"})

    assert answer.headers["X-Request-ID"] == "from-the-gateway.1"


async def test_the_log_names_each_request_and_no_secret(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await client.post("/members", json={"email": "ada@example.org", "name": "Ada", "password": PASSWORD})
    answer = await client.post("/members/token", data={"username": "ada@example.org", "password": PASSWORD})
    token = answer.json()["access_token"]
    await client.get("/members/me?secret=hush", headers={"Authorization": f"Bearer {token}"})
    await client.get("/books/a%0d%0aforged")

    own = [record.getMessage() for record in caplog.records if record.name.startswith("app.")]
    assert [line.split(" in ")[0] for line in own] == [
        "POST /members 201",
        "POST /members/token 200",
        "GET /members/me 200",
        "GET /books/a%0D%0Aforged 422",
    ]
    logged = "\n".join(own)
    assert all(secret not in logged for secret in (PASSWORD, token, "hush"))


def start_logging_as_under_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log as uvicorn hands it over: its own lines are taken care of, and no others."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    server = logging.getLogger("uvicorn")
    monkeypatch.setattr(server, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(server, "propagate", False)


@pytest.mark.parametrize("name", ["app.anything", "uvicorn.error"])
def test_every_line_of_the_log_has_the_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start_logging_as_under_uvicorn(monkeypatch)
    written = io.StringIO()

    configure_logging()
    (handler,) = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    token = request_id.set("number-7")
    logging.getLogger(name).error("something happened")
    request_id.reset(token)

    assert f"ERROR {name} [number-7] something happened" in written.getvalue()


@pytest.mark.parametrize("name", ["uvicorn.access", "httpx"])
async def test_whoever_logs_query_strings_is_silent(name: str, app: FastAPI) -> None:
    assert app.state.engine
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_a_log_that_is_set_up_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    start_logging_as_under_uvicorn(monkeypatch)
    kept = logging.NullHandler()
    logging.root.addHandler(kept)

    configure_logging()

    assert logging.root.handlers == [kept]
    assert not logging.getLogger("uvicorn").propagate
