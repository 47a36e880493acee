"""A database that a check can take away, bring back, or keep waiting.

It goes away for real: its connections are closed and its file is not there, so whatever way the application
asks, it meets what it would meet in production. Only the waiting is played: time then runs faster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

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
        lent: those that are in use now, if they were asked for where it counts; see `count_from_here`.
        disposed: the engines that were disposed of.
        statements: what was sent where it counts, over any engine.
        said: types and texts of its errors, as SQLAlchemy and the driver tell them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "database"
        self._away = folder / "away"
        self._folder.mkdir()
        self.open: dict[int, Any] = {}
        self.lent: set[Any] = set()
        self._users: dict[int, asyncio.Task[Any] | None] = {}
        self.disposed: list[Any] = []
        self.statements: list[str] = []
        self.said: set[str] = set()

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

    @property
    def left_open(self) -> list[Any]:
        """The connections that are open now, without those that nobody is to blame for.

        A task that is cancelled while it opens a connection or gives it back may leave it to the garbage
        collector: SQLAlchemy shields neither. Such a connection was used last by a task of the application's
        that has ended, or by none.
        """
        users = [(one, self._users[key]) for key, one in self.open.items() if key in self._users]
        return [one for one, user in users if user is None or user in _own or not user.done()]

    def on_connect(self, connection: Any, _record: object) -> None:
        """A pool has opened a connection."""
        self.open[id(connection)] = connection
        self._users.pop(id(connection), None)

    def on_close(self, connection: Any, _record: object = None) -> None:
        """A pool has closed a connection."""
        self.open.pop(id(connection), None)

    def on_checkout(self, connection: Any, record: Any, _proxy: object) -> None:
        """A pool has lent a connection."""
        try:
            self._users[id(connection)] = asyncio.current_task()
        except RuntimeError:  # no event loop runs in this thread
            self._users[id(connection)] = None
        if _counts.get():
            self.lent.add(record)

    def on_checkin(self, _connection: object, record: Any) -> None:
        """A pool has got a connection back; one that could not be lent comes back, too."""
        self.lent.discard(record)

    def on_statement(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        """An engine is about to send a statement."""
        if _counts.get():
            self.statements.append(statement)

    def on_error(self, context: Any) -> None:
        """The driver has raised an error; only its words are kept, for it holds connections."""
        for error in filter(None, (context.original_exception, context.sqlalchemy_exception)):
            words = (type(error).__name__, getattr(error, "sqlite_errorname", ""), *str(error).splitlines())
            self.said.update(word.strip() for word in words if word)

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
        count: the attempts that count, see `count_from_here`.
        clock_runs: whether waiting puts the clock forward. A check that sets it to False can look at what
            waits for as long as it likes.
        patience: seconds after which the driver gives a silent database up; a check can change it.
    """

    count: int = 0
    clock_runs: bool = True
    patience: float = STALLED

    async def let_pass(self, seconds: float) -> None:
        """Let the clock run on for as long as something waits for the database, then stop it."""
        for _ in range(round(seconds / TICK)):
            await asyncio.sleep(0)
        self.clock_runs = False


def count_from_here() -> None:
    """Count what the current task does from now on, and each task that it begins.

    What the application had begun before, and does in the background, is not the answer to a check.
    """
    _counts.set(True)
    if (task := asyncio.current_task()) is not None:
        _own.add(task)


def counts(task: "asyncio.Task[Any]") -> bool:
    """Whether a task began where it counts, see `count_from_here`."""
    return task.get_context().get(_counts, False)


@asynccontextmanager
async def stalled(engine: Any, *, queries: bool = False, delay: float = 0.0) -> AsyncIterator[Held]:
    """Let every new connection wait for ever, for as long as the block runs.

    "For ever" takes no time: the running loop's clock is put forward while a connection is waited for, so
    that a time limit of the application is reached at once. After `STALLED` seconds the attempt fails. What
    still waits at the end of the block waits on, in silence.

    Args:
        engine: the application's, whose idle connections are dropped first.
        queries: let connections through, and every statement wait instead.
        delay: seconds, by the loop's clock, that a connection takes which is let through.

    Yields:
        A count of what had to wait. The block's own task counts from then on, see `count_from_here`.
    """
    from sqlalchemy.util import await_only

    _listen()
    count_from_here()
    held = Held()
    loop: Any = asyncio.get_running_loop()
    real, ahead = loop.time, 0.0
    loop.time = lambda: real() + ahead

    over = False

    async def wait(seconds: float) -> None:
        nonlocal ahead
        start = ahead
        while ahead - start < seconds and not over:
            ahead += TICK * held.clock_runs
            await asyncio.sleep(0)
        if over:
            await loop.create_future()

    def refuse(dialect: Any) -> None:
        held.count += _counts.get()
        await_only(wait(held.patience))
        raise dialect.loaded_dbapi.OperationalError("the connection timed out")

    def let_through(_dialect: Any) -> None:
        await_only(wait(delay))

    await engine.dispose()
    hooks: list[tuple[list[Callable[[Any], None]], Callable[[Any], None]]]
    hooks = [(_refusing_queries if queries else _refusing_connections, refuse)]
    if delay:
        hooks.append((_refusing_connections, let_through))
    for hooked, hook in hooks:
        hooked.append(hook)
    try:
        yield held
    finally:
        over = True
        for hooked, hook in hooks:
            hooked.remove(hook)


_counts: ContextVar[bool] = ContextVar("counts", default=False)
_own: WeakSet["asyncio.Task[Any]"] = WeakSet()
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
    event.listen(Engine, "handle_error", _passed_on(Database.on_error))
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
