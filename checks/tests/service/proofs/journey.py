"""What a visitor can do with state N: `python -m proofs.journey N`, inside the state.

Migrates an empty database first, where the state knows how. Each step belongs to the lesson from
which on it works, and ends where a later lesson changes it.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

BOOK = {"isbn": "978-0-306-40615-7", "title": "Emma", "author": "Jane Austen", "copies": 1}
PASSWORD = "correct horse battery"
LAST = 99

type Step = Callable[[httpx.AsyncClient], Awaitable[None]]
steps: list[tuple[int, int, Step]] = []


def step(first: int, last: int = LAST) -> Callable[[Step], Step]:
    """Register what can be done from one lesson on, and up to another."""

    def register(function: Step) -> Step:
        steps.append((first, last, function))
        return function

    return register


@step(1)
async def is_alive(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@step(2)
async def has_the_title_of_its_settings(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Journey"


@step(3)
async def is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@step(10, 10)
async def everybody_changes_the_collection(client: httpx.AsyncClient) -> None:
    created = await client.post("/books", json=BOOK)
    path = created.headers["Location"]
    assert created.status_code == 201
    assert (await client.post("/books", json=BOOK)).status_code == 409
    assert (await client.patch(path, json={"year": 1815})).json()["year"] == 1815
    assert (await client.get(path)).json()["isbn"] == "9780306406157"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["code"] == "book_not_found"


@step(11)
async def the_staff_changes_the_collection(client: httpx.AsyncClient) -> None:
    from app.members.promote import promote

    new = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD}
    assert (await client.post("/members", json=new)).status_code == 201
    credentials = {"username": new["email"], "password": PASSWORD}
    token = (await client.post("/members/token", data=credentials)).json()["access_token"]
    assert (await client.post("/books", json=BOOK)).status_code == 401
    client.headers["Authorization"] = f"Bearer {token}"
    assert (await client.post("/books", json=BOOK)).status_code == 403
    await promote("ada@example.org")
    assert (await client.post("/books", json=BOOK)).status_code == 201
    assert (await client.get("/books", params={"q": "emma"})).json()["total"] == 1


@step(12)
async def books_have_covers(client: httpx.AsyncClient) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(100)
    assert (await client.put("/books/1/cover", content=picture)).status_code == 201
    assert (await client.get("/books/1/cover")).content == picture


@step(12)
async def an_outside_catalogue_that_is_not_there_is_no_disaster(client: httpx.AsyncClient) -> None:
    answer = await client.get("/catalogue/9780306406157", headers={"X-Request-ID": "journey"})
    assert (answer.status_code, answer.json()["code"]) == (502, "catalogue_failed")
    assert answer.headers["X-Request-ID"] == "journey"


@step(14)
async def books_are_lent_and_come_back(client: httpx.AsyncClient) -> None:
    loan = await client.post("/loans", json={"book_id": 1})
    assert loan.status_code == 201
    assert (await client.post("/loans", json={"book_id": 1})).json()["code"] == "no_copy_left"
    path = loan.headers["Location"]
    assert (await client.post(f"{path}/renewal")).json()["renewals"] == 1
    assert (await client.post(f"{path}/return")).status_code == 200


async def travel(number: int) -> int:
    """Do every step that state N offers; gives how many there were."""
    from app.main import app

    transport = httpx.ASGITransport(app=app)
    offered = [function for first, last, function in steps if first <= number <= last]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://library.test") as client,
    ):
        for function in offered:
            await function(client)
    return len(offered)


def migrate() -> None:
    """Bring the database of the settings to the newest revision."""
    from alembic import command
    from alembic.config import Config

    command.upgrade(Config("alembic.ini"), "head")


if __name__ == "__main__":
    if Path("alembic.ini").exists():
        migrate()
    sys.stdout.write(f"{asyncio.run(travel(int(sys.argv[1])))} steps\n")
