"""The connection to the database."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, make_url, text
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

PROBE_SECONDS = 2.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_engine(url: str, seconds: float | None = None) -> AsyncIterator[AsyncEngine]:
    """Give an engine for the URL, and close its connections when the block ends, however it ends.

    What a statement was given stays out of logs and error messages: it may be somebody's secret.

    Args:
        url: where the database is, as SQLAlchemy writes it, with an async driver.
        seconds: how long PostgreSQL may take to let us in, and for each statement; None: as long as it
            takes, which a migration may need.
    """
    limits = _time_limits(url, seconds)
    engine = create_async_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=limits)
    event.listen(engine.sync_engine, "do_connect", _connect)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    try:
        yield engine
    finally:
        await engine.dispose()


def _time_limits(url: str, seconds: float | None) -> dict[str, float]:
    """Say the limit in asyncpg's words. SQLite has no server to wait for."""
    if seconds is None or make_url(url).get_driver_name() != "asyncpg":
        return {}
    return {"timeout": seconds, "command_timeout": seconds}


def _connect(dialect: Dialect, _: object, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
    """Connect as the dialect does, but fail in one way: asyncpg lets the network's own errors through."""
    try:
        return dialect.connect(*args, **options)
    except (TypeError, ValueError):  # The URL has an option that the driver does not know: no outage.
        raise
    except Exception as error:
        raise OperationalError(None, None, error) from error


def _set_up_sqlite(connection: AsyncAdapt_aiosqlite_connection, _: object) -> None:
    """Let SQLite do what other databases do unasked: follow foreign keys, and know all letters.

    Its own `lower`, by which a search leaves case aside, changes A to Z and no other letter.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def make_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the factory of sessions. What a session has loaded stays readable after its commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def is_outage(error: SQLAlchemyError | TimeoutError) -> bool:
    """Tell whether the database was not there, went away or was too busy, so that another try may succeed.

    For SQLite a statement with a mistake is an `OperationalError`, too, but no outage. Python's own
    `TimeoutError` is how asyncpg says that a statement took too long.
    """
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
    return isinstance(error, TimeoutError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


async def is_reachable(engine: AsyncEngine) -> bool:
    """Tell whether the database answers a query within `PROBE_SECONDS`."""
    try:
        async with asyncio.timeout(PROBE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception:
        logger.exception("The database cannot be reached")
        return False
    return True
