"""A database that a check can take away, bring back, or keep waiting.

It goes away for real: its connections are closed and its file is not there, so whatever way the application
asks, it meets what it would meet in production. Only the waiting is played: time then runs faster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from checks.expect import Unmet
from checks.patience import patiently

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
        disposed: the engines that were disposed of.
        statements: how many statements were sent, over any engine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "database"
        self._away = folder / "away"
        self._folder.mkdir()
        self.open: dict[int, Any] = {}
        self.lent = 0
        self.disposed: list[Any] = []
        self.statements = 0

    @property
    def url(self) -> str:
        """The URL for the setting DATABASE_URL."""
        return f"sqlite+aiosqlite:///{(self._folder / 'library.db').as_posix()}"

    @contextmanager
    def watched(self) -> Iterator["Database"]:
        """Count connections, of every engine, for as long as the block runs."""
        _listen()
        _keep_connections()
        _stop_once()
        _watching.append(self)
        try:
            yield self
        finally:
            _watching.remove(self)

    def on_connect(self, connection: Any, _record: object) -> None:
        """A pool has opened a connection."""
        self.open[id(connection)] = connection

    def on_close(self, connection: Any, _record: object = None) -> None:
        """A pool has closed a connection."""
        self.open.pop(id(connection), None)

    def on_checkout(self, *_: object) -> None:
        """A pool has lent a connection."""
        self.lent += 1

    def on_checkin(self, *_: object) -> None:
        """A pool has got a connection back."""
        self.lent -= 1

    def on_statement(self, *_: object) -> None:
        """An engine is about to send a statement."""
        self.statements += 1

    def on_disposed(self, engine: Any) -> None:
        """An engine has been disposed of."""
        self.disposed.append(engine)

    async def close_all(self) -> None:
        """Close every connection under SQLAlchemy, as a server that restarts does."""
        for connection in list(self.open.values()):
            if hasattr(connection, "driver_connection"):
                await connection.driver_connection.close()
            else:
                connection.close()  # of an engine that blocks: the conventions say so

    async def go_away(self) -> None:
        """Close every connection and refuse new ones."""
        await self.close_all()
        try:
            patiently(lambda: self._folder.rename(self._away))
        except PermissionError:  # Windows moves no folder in which somebody has a file open
            raise Unmet(
                expected="no connection to the database but those of the engine's pool",
                found="its file is still open when all of those are closed",
            ) from None

    def come_back(self) -> None:
        """Take connections again."""
        patiently(lambda: self._away.rename(self._folder))


@dataclass
class Held:
    """How often the database was asked while it did not answer.

    Attributes:
        count: the attempts of the check's own task and of tasks that began after it; what the application
            does in the background is not counted.
    """

    count: int = 0


@asynccontextmanager
async def stalled(engine: Any, *, queries: bool = False) -> AsyncIterator[Held]:
    """Let every new connection wait for ever, for as long as the block runs.

    "For ever" takes no time: the running loop's clock is put forward while a connection is waited for, so
    that a time limit of the application is reached at once. After `STALLED` seconds the attempt fails.

    Args:
        engine: the application's, whose idle connections are dropped first.
        queries: let connections through, and every statement wait instead.

    Yields:
        A count of what had to wait.
    """
    from sqlalchemy.util import await_only

    _listen()
    held = Held()
    background = asyncio.all_tasks() - {asyncio.current_task()}
    loop: Any = asyncio.get_running_loop()
    real, ahead = loop.time, 0.0
    loop.time = lambda: real() + ahead

    async def wait() -> None:
        nonlocal ahead
        start = ahead
        while ahead - start < STALLED:
            ahead += TICK
            await asyncio.sleep(0)

    def refuse(dialect: Any) -> None:
        if asyncio.current_task() not in background:
            held.count += 1
        await_only(wait())
        raise dialect.loaded_dbapi.OperationalError("the connection timed out")

    await engine.dispose()
    refusing = _refusing_queries if queries else _refusing_connections
    refusing.append(refuse)
    try:
        yield held
    finally:
        refusing.remove(refuse)


_watching: list[Database] = []
_refusing_connections: list[Callable[[Any], None]] = []
_refusing_queries: list[Callable[[Any], None]] = []


@cache
def _listen() -> None:
    """Hear of all that SQLAlchemy's pools do, from now on.

    The listeners stay: `sqlalchemy.event.remove` fails when a pool is collected at the same moment.
    """
    from sqlalchemy import Engine, event
    from sqlalchemy.pool import Pool

    def connecting(dialect: Any, _record: object, _args: object, _options: object) -> None:
        for refuse in _refusing_connections:
            refuse(dialect)

    def executing(*arguments: Any) -> None:
        for refuse in _refusing_queries:
            refuse(arguments[-1].dialect)

    event.listen(Pool, "connect", _passed_on(Database.on_connect))
    event.listen(Pool, "close", _passed_on(Database.on_close))
    event.listen(Pool, "close_detached", _passed_on(Database.on_close))
    event.listen(Pool, "checkout", _passed_on(Database.on_checkout))
    event.listen(Pool, "checkin", _passed_on(Database.on_checkin))
    event.listen(Engine, "engine_disposed", _passed_on(Database.on_disposed))
    event.listen(Engine, "before_cursor_execute", _passed_on(Database.on_statement))
    event.listen(Engine, "do_connect", connecting)
    event.listen(Engine, "do_execute", executing)
    event.listen(Engine, "do_execute_no_params", executing)


@cache
def _keep_connections() -> None:
    """Give engines for SQLite files a real pool, as SQLAlchemy itself does from 2.0.38 on.

    Before, each use had a connection of its own, and nothing showed whether an engine is ever disposed of.
    """
    from sqlalchemy import make_url
    from sqlalchemy.dialects.sqlite.aiosqlite import dialect
    from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, StaticPool

    if dialect.get_pool_class(make_url("sqlite+aiosqlite:///library.db")) is NullPool:

        def get_pool_class(url: Any) -> type:
            return AsyncAdaptedQueuePool if url.database and url.database != ":memory:" else StaticPool

        dialect.get_pool_class = staticmethod(get_pool_class)  # type: ignore[method-assign]


@cache
def _stop_once() -> None:
    """Let a connection of aiosqlite that was stopped stay stopped.

    A time limit of anyio cancels again and again, also the closing of a connection. SQLAlchemy then stops it,
    while its `close` is under way and goes on to wait for a thread that has ended (aiosqlite 0.22).
    """
    from aiosqlite import Connection

    stop = getattr(Connection, "stop", None)
    if stop is not None:

        def stop_once(connection: Any) -> Any:
            return stop(connection) if connection._running else None  # noqa: SLF001 - it has no public name

        Connection.stop = stop_once  # type: ignore[method-assign, assignment]


def _passed_on(method: Callable[..., None]) -> Callable[..., None]:
    def listener(*args: Any) -> None:
        for database in _watching:
            method(database, *args)

    return listener
