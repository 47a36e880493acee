"""Errors have one shape, and keep to themselves what is nobody's business."""

import sqlite3

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.books.dependencies import get_book_service
from app.books.repository import BookRepository
from tests.conftest import Headers

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
    assert (await client.put("/books")).headers["Allow"] == "GET, POST"
    assert (await client.put("/books/77")).headers["Allow"] == "GET, PATCH, DELETE"


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


async def test_an_error_may_have_any_detail(app: FastAPI, client: httpx.AsyncClient) -> None:
    def refuse() -> None:
        raise HTTPException(400, {"shelf": 7})

    app.dependency_overrides[get_book_service] = refuse

    answer = await client.get("/books")

    assert (answer.status_code, answer.json()["message"]) == (400, "{'shelf': 7}")


async def test_where_no_body_is_allowed_there_is_none(app: FastAPI, client: httpx.AsyncClient) -> None:
    def refuse() -> None:
        raise HTTPException(304, headers={"ETag": '"7"'})

    app.dependency_overrides[get_book_service] = refuse

    answer = await client.get("/books")

    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", '"7"')
    assert "Content-Type" not in answer.headers


async def test_the_headers_of_responses_are_documented(client: httpx.AsyncClient) -> None:
    operation = (await client.get("/openapi.json")).json()["paths"]["/books"]["post"]

    documented = {status: set(answer.get("headers", {})) for status, answer in operation["responses"].items()}
    assert documented["201"] == {"Location"}
    assert documented["401"] == {"WWW-Authenticate"}
    assert documented["503"] == {"Retry-After"}


async def test_not_more_faults_are_told_than_anybody_reads(client: httpx.AsyncClient) -> None:
    answer = await client.post("/members", json={f"key{number}": 1 for number in range(1000)})

    assert answer.status_code == 422
    assert len(answer.json()["fields"]) == 20


async def test_a_database_that_is_not_there_is_an_outage(
    cut_off_client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await cut_off_client.get("/books")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    assert set(answer.json()) == {"code", "message", "fields"}
    assert answer.headers["Retry-After"] == "5"
    assert "unable to open database file" in caplog.text
    assert "unable to open" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PoolTimeoutError("QueuePool limit reached"), 503),
        (TimeoutError(), 503),
        (OperationalError("UPDATE books", None, sqlite3.OperationalError("database is locked")), 503),
        (InterfaceError("SELECT 1", None, OSError("closed"), connection_invalidated=True), 503),
        (IntegrityError("INSERT INTO books", None, sqlite3.IntegrityError("not null")), 500),
    ],
    ids=["no connection is free", "silent", "locked", "broken off", "a fault of the service"],
)
async def test_an_outage_is_told_from_a_fault(
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    error: SQLAlchemyError | TimeoutError,
    status: int,
) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(BookRepository, "search", break_down)

    assert (await client.get("/books")).status_code == status


async def test_a_statement_that_is_wrong_is_no_outage(client: httpx.AsyncClient, app: FastAPI) -> None:
    async with app.state.engine.begin() as connection:
        await connection.execute(text("DROP TABLE books"))

    assert (await client.get("/books")).status_code == 500


async def test_an_error_of_the_database_keeps_to_itself_what_a_statement_was_given(app: FastAPI) -> None:
    async with app.state.session_factory() as session:
        with pytest.raises(OperationalError) as failed:
            await session.execute(text("SELECT :password FROM nowhere"), {"password": "hush"})

    assert "hush" not in str(failed.value)


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
