"""What the application opens, it closes, however it ends."""

import gc
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

pytestmark = pytest.mark.anyio


class Witness:
    """Sees which engines and clients were opened, and which of them are closed by now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.closed: list[str] = []

        def make_watched_engine(*args: Any, **options: Any) -> Any:
            engine = create_async_engine(*args, **options)
            self.opened.append("engine")
            dispose = type(engine).dispose

            async def watched_dispose(this: Any, *args: Any, **options: Any) -> None:
                await dispose(this, *args, **options)
                self.closed.append("engine")

            monkeypatch.setattr(type(engine), "dispose", watched_dispose)
            return engine

        monkeypatch.setattr("app.core.database.create_async_engine", make_watched_engine)
        enter, leave = httpx.AsyncClient.__aenter__, httpx.AsyncClient.__aexit__

        async def watched_enter(this: httpx.AsyncClient) -> httpx.AsyncClient:
            self.opened.append("client")
            return await enter(this)

        async def watched_exit(this: httpx.AsyncClient, *error: Any) -> None:
            await leave(this, *error)
            self.closed.append("client")

        monkeypatch.setattr(httpx.AsyncClient, "__aenter__", watched_enter)
        monkeypatch.setattr(httpx.AsyncClient, "__aexit__", watched_exit)


def breaks(*_: object, **__: object) -> None:
    raise RuntimeError("start-up fails here")


@pytest.mark.parametrize(
    ("place", "opened"),
    [
        ("app.main.configure_logging", []),
        ("httpx.AsyncClient.__init__", ["engine"]),
        ("app.main.make_session_factory", ["engine", "client"]),
    ],
)
async def test_a_start_that_fails_half_way_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, place: str, opened: list[str]
) -> None:
    from app.main import app

    witness = Witness(monkeypatch)
    monkeypatch.setattr(place, breaks)

    with pytest.raises(RuntimeError, match="start-up fails here"):
        async with app.router.lifespan_context(app):
            pytest.fail("the application started")

    assert witness.opened == opened
    assert sorted(witness.closed) == sorted(opened)


@pytest.mark.parametrize("error", [None, ValueError])
async def test_an_application_that_ends_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    from app.main import app

    witness = Witness(monkeypatch)
    try:
        async with app.router.lifespan_context(app):
            if error:
                raise error
    except ValueError:
        assert error is ValueError

    assert witness.opened == ["engine", "client"]
    assert witness.closed == ["client", "engine"]


def open_files() -> int:
    """How many files and connections this process has open; 0 where the system does not tell."""
    descriptors = Path("/proc/self/fd")
    return len(list(descriptors.iterdir())) if descriptors.exists() else 0


async def test_starting_again_and_again_gathers_neither_threads_nor_files() -> None:
    from app.main import app

    async def live() -> tuple[int, int]:
        async with app.router.lifespan_context(app), app.state.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        gc.collect()
        return threading.active_count(), open_files()

    first = await live()
    assert [await live() for _ in range(5)] == [first] * 5
