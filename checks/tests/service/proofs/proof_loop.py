"""The event loop stays free while the service works hard."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from anyio import to_thread
from blockbuster import BlockBuster, BlockingError
from proofs.surroundings import Library
from starlette.concurrency import run_in_threadpool

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


async def a_picture(size: int) -> AsyncIterator[bytes]:
    yield b"\x89PNG\r\n\x1a\n".ljust(64, b"\x00")
    piece = os.urandom(64 * 1024)
    for _ in range(size // len(piece)):
        yield piece


async def work_hard(library: Library, staff: dict[str, str], books: list[int], people: int) -> list[int]:
    """Covers are uploaded and read, members join and log in, the collection is searched: all at a time."""

    async def cover(book_id: int) -> list[httpx.Response]:
        path = f"/books/{book_id}/cover"
        put = await library.client.put(path, content=a_picture(1_500_000), headers=staff)
        return [put, await library.client.get(path)]

    async def join(index: int) -> list[httpx.Response]:
        email = f"person{index}-{time.monotonic_ns()}@example.org"
        new = {"email": email, "name": "N", "password": PASSWORD}
        joined = await library.client.post("/members", json=new)
        credentials = {"username": email, "password": PASSWORD}
        return [joined, await library.client.post("/members/token", data=credentials)]

    async def look() -> list[httpx.Response]:
        return [await library.client.get("/books"), await library.client.get("/health/ready")]

    work = (
        [cover(book) for book in books] + [join(index) for index in range(people)] + [look() for _ in books]
    )
    return [answer.status_code for answers in await asyncio.gather(*work) for answer in answers]


async def test_nothing_blocks_the_loop_under_load(library: Library) -> None:
    (staff,) = await library.add_people(1, staff=True)
    books = [await library.add_book() for _ in range(10)]
    loans = [{"book_id": book} for book in books[:3]]
    await work_hard(library, staff, books, people=2)  # lazy imports read files, once

    guard = BlockBuster(scanned_modules=["app", "aiosqlite", "sqlalchemy"])
    guard.activate()
    try:
        statuses = await work_hard(library, staff, books, people=10)
        for wish in loans:
            loan = await library.client.post("/loans", json=wish, headers=staff)
            statuses.append(loan.status_code)
            for action in ("renewal", "return"):
                done = await library.client.post(f"/loans/{loan.json()['id']}/{action}", headers=staff)
                statuses.append(done.status_code)
    finally:
        guard.deactivate()

    assert set(statuses) <= {200, 201, 204}


async def test_the_guard_would_have_seen_it(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.books.repository import BookRepository

    async def get_slowly(_: BookRepository, book_id: int) -> None:
        time.sleep(0.01)  # noqa: ASYNC251 (this is what the guard has to see)

    monkeypatch.setattr(BookRepository, "get", get_slowly)
    guard = BlockBuster(scanned_modules=["app", "proofs"])
    guard.activate()
    try:
        with pytest.raises(BlockingError):
            await get_slowly(BookRepository, 1)  # type: ignore[arg-type]
        answer = await library.client.get("/books/1")
    finally:
        guard.deactivate()

    assert answer.status_code == 500


async def test_slow_uploads_hold_no_connection(library: Library) -> None:
    """More people upload than there are connections, and nobody else notices."""
    (staff,) = await library.add_people(1, staff=True)
    book_id = await library.add_book()
    uploads = 40
    arrived = 0
    everybody_arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow_picture() -> AsyncIterator[bytes]:
        nonlocal arrived
        yield b"\x89PNG\r\n\x1a\n".ljust(64, b"\x00")
        arrived += 1
        if arrived == uploads:
            everybody_arrived.set()
        await go_on.wait()
        yield bytes(1000)

    async with asyncio.TaskGroup() as together:
        sent = [
            together.create_task(
                library.client.put(f"/books/{book_id}/cover", content=slow_picture(), headers=staff)
            )
            for _ in range(uploads)
        ]
        async with asyncio.timeout(10):
            await everybody_arrived.wait()
            assert library.app.state.engine.pool.checkedout() == 0
            assert (await library.client.get(f"/books/{book_id}")).status_code == 200
        go_on.set()

    assert {upload.result().status_code for upload in sent} <= {201, 204}


async def test_a_request_takes_no_thread_but_for_hashing_and_files(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FastAPI runs a provider that is not async in a thread, and so would every request that needs it."""
    (staff,) = await library.add_people(1, staff=True)
    book_id = await library.add_book()
    in_threads: list[str] = []
    run_sync = to_thread.run_sync

    async def watched_run_sync(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        in_threads.append(repr(function))
        return await run_sync(function, *args, **options)

    monkeypatch.setattr("anyio.to_thread.run_sync", watched_run_sync)
    for path in ("/books", f"/books/{book_id}", "/members/me", "/loans", "/health/ready"):
        assert (await library.client.get(path, headers=staff)).status_code == 200
    await library.client.post("/loans", json={"book_id": book_id}, headers=staff)
    assert in_threads == []

    await run_in_threadpool(len, "what FastAPI would do")
    assert len(in_threads) == 1
