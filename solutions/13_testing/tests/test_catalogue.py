"""The outside catalogue: played by a function here, in all its moods."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from app.catalogue import service
from app.core.config import get_settings
from tests.conftest import Headers

pytestmark = pytest.mark.anyio

ISBN = "9780306406157"
EMMA = {"docs": [{"title": "Emma", "author_name": ["Jane Austen"], "first_publish_year": 1815}]}

type Mood = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Outside:
    """The outside catalogue. Remembers what it was asked, and answers as its mood is."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.moods: list[Mood] = [says(EMMA)]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        mood = self.moods[min(len(self.asked), len(self.moods) - 1)]
        self.asked.append(request)
        return await mood(request)


def sends(content: bytes, status: int = 200) -> Mood:
    async def send(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content)

    return send


def says(content: object, status: int = 200) -> Mood:
    return sends(json.dumps(content).encode(), status)


def fails(error: type[httpx.TransportError]) -> Mood:
    async def fail(_: httpx.Request) -> httpx.Response:
        raise error("played")

    return fail


def compresses(content: object) -> Mood:
    async def send(_: httpx.Request) -> httpx.Response:
        compressed = gzip.compress(json.dumps(content).encode())
        return httpx.Response(200, content=compressed, headers={"Content-Encoding": "gzip"})

    return send


class Flood(httpx.AsyncByteStream):
    """A body without an end, which knows how much of it was read."""

    def __init__(self) -> None:
        self.bytes_read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.bytes_read += 1024
            yield bytes(1024)

    async def aclose(self) -> None:
        self.closed = True


async def never_ends(_: httpx.Request) -> httpx.Response:
    await asyncio.sleep(60)
    return httpx.Response(200)


@pytest.fixture
async def outside(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    outside = Outside()
    monkeypatch.setattr(service, "FIRST_PAUSE_SECONDS", 0.001)
    transport, url = httpx.MockTransport(outside), str(get_settings().catalogue_url)
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        monkeypatch.setattr(app.state, "catalogue_client", client)
        yield outside


async def test_a_book_is_found(client: httpx.AsyncClient, staff: Headers, outside: Outside) -> None:
    answer = await client.get("/catalogue/978-0-306-40615-7", headers=staff | {"X-Request-ID": "look-up-1"})

    assert answer.status_code == 200
    assert answer.json() == {"isbn": ISBN, "title": "Emma", "authors": ["Jane Austen"], "year": 1815}
    assert outside.asked[0].url.host == "catalogue.test"
    assert outside.asked[0].url.params["isbn"] == ISBN
    assert outside.asked[0].headers["X-Request-ID"] == "look-up-1"
    assert outside.asked[0].headers["Accept-Encoding"] == "identity"


async def test_a_book_without_author_and_year_is_found(
    client: httpx.AsyncClient, staff: Headers, outside: Outside
) -> None:
    outside.moods = [says({"docs": [{"title": "Beowulf"}]})]

    answer = await client.get(f"/catalogue/{ISBN}", headers=staff)

    assert answer.json() == {"isbn": ISBN, "title": "Beowulf", "authors": [], "year": None}


async def test_only_the_staff_looks_books_up(
    client: httpx.AsyncClient, member: Headers, outside: Outside
) -> None:
    assert (await client.get(f"/catalogue/{ISBN}")).status_code == 401
    assert (await client.get(f"/catalogue/{ISBN}", headers=member)).status_code == 403
    assert outside.asked == []


async def test_what_is_no_isbn_is_not_looked_up(
    client: httpx.AsyncClient, staff: Headers, outside: Outside
) -> None:
    assert (await client.get("/catalogue/9780306406158", headers=staff)).status_code == 422
    assert outside.asked == []


@pytest.mark.parametrize(
    ("moods", "status", "code", "asked"),
    [
        ([says({"docs": []})], 404, "entry_not_found", 1),
        ([says({}, 500)], 502, "catalogue_failed", 1),
        ([says({}, 404)], 502, "catalogue_failed", 1),
        ([says({}, 503)], 502, "catalogue_failed", 3),
        ([fails(httpx.ConnectError)], 502, "catalogue_failed", 3),
        ([fails(httpx.ReadError)], 502, "catalogue_failed", 3),
        ([fails(httpx.ConnectTimeout)], 504, "catalogue_too_slow", 1),
        ([fails(httpx.ReadTimeout)], 504, "catalogue_too_slow", 1),
        ([says("a text")], 502, "catalogue_not_understood", 1),
        ([says({"docs": [{"name": "no title"}]})], 502, "catalogue_not_understood", 1),
        ([says(EMMA, 302)], 502, "catalogue_failed", 1),
        ([says(EMMA, 204)], 502, "catalogue_failed", 1),
        ([sends(b"\xff<html>")], 502, "catalogue_not_understood", 1),
        ([compresses(EMMA)], 502, "catalogue_not_understood", 1),
    ],
)
async def test_every_way_of_failing_has_its_answer(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient,
    staff: Headers,
    outside: Outside,
    moods: list[Mood],
    status: int,
    code: str,
    asked: int,
) -> None:
    outside.moods = moods

    answer = await client.get(f"/catalogue/{ISBN}", headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(outside.asked) == asked


async def test_a_transient_failure_passes(
    client: httpx.AsyncClient, staff: Headers, outside: Outside
) -> None:
    outside.moods = [fails(httpx.ConnectError), says({}, 503), says(EMMA)]

    assert (await client.get(f"/catalogue/{ISBN}", headers=staff)).status_code == 200


async def test_whoever_waits_for_the_catalogue_holds_no_connection(
    client: httpx.AsyncClient, staff: Headers, outside: Outside, connections_in_use: Callable[[], int]
) -> None:
    in_use: list[int] = []

    async def counts(_: httpx.Request) -> httpx.Response:
        in_use.append(connections_in_use())
        return httpx.Response(200, json=EMMA)

    outside.moods = [counts]

    await client.get(f"/catalogue/{ISBN}", headers=staff)

    assert in_use == [0]


async def test_a_look_up_that_never_ends_is_given_up(
    client: httpx.AsyncClient, staff: Headers, outside: Outside
) -> None:
    outside.moods = [never_ends]

    async with asyncio.timeout(5):
        answer = await client.get(f"/catalogue/{ISBN}", headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (504, "catalogue_too_slow")


async def test_an_answer_without_an_end_is_not_read_to_its_end(
    client: httpx.AsyncClient, staff: Headers, outside: Outside
) -> None:
    flood = Flood()

    async def floods(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=flood)

    outside.moods = [floods]

    answer = await client.get(f"/catalogue/{ISBN}", headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (502, "catalogue_not_understood")
    assert flood.bytes_read <= 2 * service.MAX_BYTES
    assert flood.closed
