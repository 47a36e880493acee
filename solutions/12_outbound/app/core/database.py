"""The connection to the database."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

PROBE_SECONDS = 2.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine for the URL, and close its connections when the block ends, however it ends.

    What a statement was given stays out of logs and error messages: it may be somebody's password hash.
    """
    engine = create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine.sync_engine, "do_connect", _connect)
    try:
        yield engine
    finally:
        await engine.dispose()


def _connect(dialect: Dialect, _: object, args: tuple[Any, ...], options: dict[str, Any]) -> DBAPIConnection:
    """Connect as the dialect does, but fail in one way: asyncpg lets the network's own errors through."""
    try:
        return dialect.connect(*args, **options)
    except Exception as error:
        raise OperationalError(None, None, error) from error


def make_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the factory of sessions. What a session has loaded stays readable after its commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def is_outage(error: SQLAlchemyError) -> bool:
    """Tell whether the database was not there, went away or was too busy, so that another try may succeed.

    For SQLite a statement with a mistake is an `OperationalError`, too, but no outage.
    """
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR
    return isinstance(error, PoolTimeoutError) or (
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
