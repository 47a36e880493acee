"""The log: one line per request, on every line the request that it belongs to, and no secret."""

import io
import logging
import re

import httpx
import pytest
from fastapi import FastAPI

from app.core.logging import configure_logging, request_id
from tests.examples import PASSWORD

pytestmark = pytest.mark.anyio


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
        "127.0.0.1 POST /members 201",
        "127.0.0.1 POST /members/token 200",
        "127.0.0.1 GET /members/me 200",
        "127.0.0.1 GET /books/a%0D%0Aforged 422",
    ]
    logged = "\n".join(own)
    assert all(secret not in logged for secret in (PASSWORD, token, "hush"))


@pytest.mark.parametrize(
    ("client", "logged"),
    [(("2001:db8::1", 1), "2001:db8::1"), (("1\r\nforged", 1), "1%0D%0Aforged"), (None, "-")],
    ids=["IPv6", "a proxy that lies", "a Unix socket"],
)
async def test_the_log_names_the_client(
    app: FastAPI, caplog: pytest.LogCaptureFixture, client: tuple[str, int] | None, logged: str
) -> None:
    caplog.set_level(logging.INFO)
    # What is typed is not what comes: without an address, servers write None.
    transport = httpx.ASGITransport(app, client=client)  # type: ignore[arg-type]

    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as caller:
        await caller.get("/health/live")

    assert f"{logged} GET /health/live 200 in " in caplog.text


def start_logging_as_under_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log as uvicorn hands it over: its own lines are taken care of, and no others."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)
    server = logging.getLogger("uvicorn")
    monkeypatch.setattr(server, "handlers", [logging.NullHandler()])
    monkeypatch.setattr(server, "propagate", False)


async def test_the_service_sets_its_log_up_when_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.main import create_app

    start_logging_as_under_uvicorn(monkeypatch)
    app = create_app()

    async with app.router.lifespan_context(app):
        assert len(logging.root.handlers) == 1


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
def test_whoever_logs_query_strings_is_silent(name: str) -> None:
    logging.getLogger(name).setLevel(logging.INFO)

    configure_logging()

    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_a_log_that_is_set_up_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    start_logging_as_under_uvicorn(monkeypatch)
    kept = logging.NullHandler()
    logging.root.addHandler(kept)

    configure_logging()

    assert logging.root.handlers == [kept]
    assert not logging.getLogger("uvicorn").propagate
