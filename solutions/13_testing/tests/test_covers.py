"""Pictures of covers, kept as files."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.config import get_settings
from app.covers import repository, service
from tests.conftest import AddBook, Headers
from tests.examples import JPEG, PNG, WEBP

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cover(add_book: AddBook) -> str:
    """The path of the cover of a book."""
    return f"/books/{(await add_book())['id']}/cover"


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "covers").glob("*")]


async def in_pieces(content: bytes, size: int = 5) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize(
    ("picture", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")]
)
async def test_a_cover_comes_back_as_it_was_sent(
    client: httpx.AsyncClient, staff: Headers, cover: str, picture: bytes, media_type: str
) -> None:
    sent = await client.put(cover, content=in_pieces(picture), headers=staff)
    read = await client.get(cover)

    assert (sent.status_code, sent.content) == (201, b"")
    assert (read.status_code, read.content) == (200, picture)
    assert read.headers["Content-Type"] == media_type
    assert read.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_new_cover_takes_the_place_of_the_old_one(
    client: httpx.AsyncClient, staff: Headers, cover: str, tmp_path: Path
) -> None:
    first = await client.put(cover, content=PNG, headers=staff)
    second = await client.put(cover, content=JPEG, headers=staff)

    assert (first.status_code, second.status_code, second.content) == (201, 204, b"")
    assert (await client.get(cover)).content == JPEG
    assert files(tmp_path) == [JPEG]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 415, "not_a_picture"),
        (b"\x89PN", 415, "not_a_picture"),
        (b"<svg onload='alert(1)'/>", 415, "not_a_picture"),
        (b"RIFF\x00\x00\x00\x00WAVE", 415, "not_a_picture"),
        (PNG + bytes(1000), 413, "cover_too_large"),
    ],
)
async def test_what_is_refused_leaves_the_old_cover(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient,
    staff: Headers,
    cover: str,
    tmp_path: Path,
    content: bytes,
    status: int,
    code: str,
) -> None:
    await client.put(cover, content=JPEG, headers=staff)

    refused = await client.put(
        cover, content=in_pieces(content), headers=staff | {"Content-Type": "image/png"}
    )

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await client.get(cover)).content == JPEG
    assert files(tmp_path) == [JPEG]


async def test_a_cover_of_exactly_the_greatest_size_is_kept(
    client: httpx.AsyncClient, staff: Headers, cover: str
) -> None:
    picture = PNG.ljust(1000, b"\x00")

    assert (await client.put(cover, content=picture, headers=staff)).status_code == 201


async def test_an_upload_is_written_as_it_arrives_and_holds_no_connection(  # noqa: PLR0913, PLR0917
    client: httpx.AsyncClient,
    staff: Headers,
    cover: str,
    tmp_path: Path,
    settings: pytest.MonkeyPatch,
    connections_in_use: Callable[[], int],
) -> None:
    settings.setenv("COVER_BYTES", "1000000")
    get_settings.cache_clear()
    piece = PNG.ljust(100_000, b"\x00")
    written: list[int] = []
    in_use: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield piece
            written.append(sum(map(len, files(tmp_path))))
            in_use.append(connections_in_use())

    await client.put(cover, content=pieces(), headers=staff)

    assert written == [100_000, 200_000, 300_000]
    assert in_use == [0, 0, 0]


async def test_an_upload_that_breaks_off_leaves_nothing(
    app: FastAPI, client: httpx.AsyncClient, staff: Headers, cover: str, tmp_path: Path
) -> None:
    # httpx always sends a request to its end: what a server tells the application is played here.
    arriving: Iterator[dict[str, Any]] = iter(
        [{"type": "http.request", "body": PNG, "more_body": True}, {"type": "http.disconnect"}]
    )
    answered: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(arriving)

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)

    authorization = (b"authorization", staff["Authorization"].encode())
    scope = {"type": "http", "method": "PUT", "path": cover, "query_string": b"", "headers": [authorization]}
    await app(scope, receive, send)

    assert answered[0]["status"] == 400
    assert (await client.get(cover)).status_code == 404
    assert files(tmp_path) == []


async def test_an_upload_that_takes_too_long_is_ended(
    client: httpx.AsyncClient,
    staff: Headers,
    cover: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "UPLOAD_SECONDS", 0.05)

    async def never_ends() -> AsyncIterator[bytes]:
        yield PNG
        await asyncio.sleep(60)

    answer = await client.put(cover, content=never_ends(), headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (408, "cover_too_slow")
    assert files(tmp_path) == []


async def test_what_a_killed_process_left_is_gone_after_a_start(tmp_path: Path) -> None:
    from app.main import create_app

    folder = tmp_path / "covers"
    folder.mkdir()
    an_hour_ago = time.time() - repository.ABANDONED_SECONDS
    for name, age in [("left.part", -60), ("arriving.part", 60), ("9780306406157.cover", -60)]:
        (folder / name).touch()
        os.utime(folder / name, (an_hour_ago + age,) * 2)

    app = create_app()
    async with app.router.lifespan_context(app):
        kept = sorted(path.name for path in folder.iterdir())

    assert kept == ["9780306406157.cover", "arriving.part"]
    assert service.UPLOAD_SECONDS < repository.ABANDONED_SECONDS


async def test_a_folder_that_cannot_be_cleaned_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(repository.CoverRepository, "_remove_parts", refuse)

    await repository.CoverRepository(tmp_path).remove_abandoned()

    assert "not yours" in caplog.text


async def test_a_book_without_a_cover_has_none(client: httpx.AsyncClient, cover: str) -> None:
    answer = await client.get(cover)

    assert (answer.status_code, answer.json()["code"]) == (404, "cover_not_found")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_no_book_no_cover(client: httpx.AsyncClient, staff: Headers, method: str) -> None:
    answer = await client.request(method, "/books/77/cover", content=PNG, headers=staff)

    assert (answer.status_code, answer.json()["code"]) == (404, "book_not_found")


async def test_only_the_staff_changes_covers(
    client: httpx.AsyncClient, member: Headers, cover: str, tmp_path: Path
) -> None:
    assert (await client.put(cover, content=PNG)).status_code == 401
    assert (await client.put(cover, content=PNG, headers=member)).status_code == 403
    assert files(tmp_path) == []
