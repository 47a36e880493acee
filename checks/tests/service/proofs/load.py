"""A client that keeps the service busy, in a process of its own.

`python -m proofs.load URL AUTHORIZATION BOOK…` uploads covers, joins and logs in for some seconds, and then
writes how many answers there were of each status, as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx

SECONDS = 3.0
PASSWORD = "correct horse battery"
PIECE = os.urandom(64 * 1024)


async def a_picture() -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n".ljust(64, b"\x00")
    for _ in range(20):
        yield PIECE


async def upload(client: httpx.AsyncClient, staff: dict[str, str], book_id: str) -> list[httpx.Response]:
    path = f"/books/{book_id}/cover"
    put = await client.put(path, content=a_picture(), headers=staff)
    return [put, await client.get(path)]


async def join(client: httpx.AsyncClient, name: str) -> list[httpx.Response]:
    email = f"{name}@example.org"
    joined = await client.post("/members", json={"email": email, "name": "N", "password": PASSWORD})
    return [joined, await client.post("/members/token", data={"username": email, "password": PASSWORD})]


async def keep_busy(url: str, authorization: str, books: list[str]) -> Counter[int]:
    """Do all of it at a time, again and again; gives how often each status came."""
    statuses: Counter[int] = Counter()
    end = time.monotonic() + SECONDS

    async def uploading(client: httpx.AsyncClient, book_id: str) -> None:
        while time.monotonic() < end:
            answers = await upload(client, {"Authorization": authorization}, book_id)
            statuses.update(answer.status_code for answer in answers)

    async def joining(client: httpx.AsyncClient, person: int) -> None:
        while time.monotonic() < end:
            answers = await join(client, f"person{person}-{time.monotonic_ns()}")
            statuses.update(answer.status_code for answer in answers)

    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.TaskGroup() as together:
        for index, book_id in enumerate(books):
            together.create_task(uploading(client, book_id))
            together.create_task(joining(client, index))
    return statuses


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(keep_busy(sys.argv[1], sys.argv[2], sys.argv[3:]))))
