"""The log: one line per request, on every line the request that it belongs to, and no secret."""

import io
import logging
import re

import httpx
import pytest

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
