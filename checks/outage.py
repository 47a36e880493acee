"""A database that a check can take away, bring back, or keep waiting.

It goes away for real: its connections are closed and its file is not there, so whatever way the application
asks, it meets what it would meet in production. Only the waiting is played: time then runs faster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

STALLED = 60.0
"""Seconds, by the event loop's clock, after which the driver gives a silent database up."""

TICK = 0.1
"""Seconds that the event loop's clock jumps at each turn of the loop while the database does not answer."""


class Database:
    """An SQLite file in a folder of its own, and the connections that the application has to it.

    Args:
        folder: where it may make its own.

    Attributes:
        open: the connections that are open now, in SQLAlchemy's form.
        lent: how many of them are in use now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "database"
        self._away = folder / "away"
        self._folder.mkdir()
        self.open: dict[int, Any] = {}
        self.lent = 0

    @property
    def url(self) -> str:
        """The URL for the setting DATABASE_URL."""
        return f"sqlite+aiosqlite:///{(self._folder / 'library.db').as_posix()}"

    @contextmanager
    def watched(self) -> Iterator["Database"]:
        """Count connections, of every engine, for as long as the block runs."""
        from sqlalchemy import event
        from sqlalchemy.pool import Pool

        listeners: dict[str, Callable[..., None]] = {
            "connect": self._connected,
            "close": self._closed,
            "close_detached": self._closed,
            "checkout": self._checked_out,
            "checkin": self._checked_in,
        }
        for name, listener in listeners.items():
            event.listen(Pool, name, listener)
        try:
            yield self
        finally:
            for name, listener in listeners.items():
                event.remove(Pool, name, listener)

    def _connected(self, connection: Any, _record: object) -> None:
        self.open[id(connection)] = connection

    def _closed(self, connection: Any, _record: object = None) -> None:
        self.open.pop(id(connection), None)

    def _checked_out(self, _connection: object, _record: object, _proxy: object) -> None:
        self.lent += 1

    def _checked_in(self, _connection: object, _record: object) -> None:
        self.lent -= 1

    async def close_all(self) -> None:
        """Close every connection under SQLAlchemy, as a server that restarts does."""
        for connection in list(self.open.values()):
            await connection.driver_connection.close()

    async def go_away(self) -> None:
        """Close every connection and refuse new ones."""
        await self.close_all()
        self._folder.rename(self._away)

    def come_back(self) -> None:
        """Take connections again."""
        self._away.rename(self._folder)


@asynccontextmanager
async def stalled(engine: Any) -> AsyncIterator[None]:
    """Let every new connection wait for ever, for as long as the block runs.

    "For ever" takes no time: the running loop's clock is put forward while a connection is waited for, so
    that a time limit of the application is reached at once. After `STALLED` seconds the attempt fails.

    Args:
        engine: the application's, whose idle connections are dropped first.
    """
    from sqlalchemy import Engine, event
    from sqlalchemy.util import await_only

    loop: Any = asyncio.get_running_loop()
    real, ahead = loop.time, 0.0
    loop.time = lambda: real() + ahead

    async def wait() -> None:
        nonlocal ahead
        start = ahead
        while ahead - start < STALLED:
            ahead += TICK
            await asyncio.sleep(0)

    def refuse(dialect: Any, *_: object) -> None:
        await_only(wait())
        raise dialect.loaded_dbapi.OperationalError("the connection timed out")

    await engine.dispose()
    event.listen(Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", refuse)
