"""The connection to the database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import event, text
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

PROBE_SECONDS = 2.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine for the URL, and close its connections when the block ends, however it ends.

    What a statement was given stays out of logs and error messages: it may be somebody's secret.
    """
    engine = create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    try:
        yield engine
    finally:
        await engine.dispose()


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


async def is_reachable(engine: AsyncEngine) -> bool:
    """Tell whether the database answers a query within `PROBE_SECONDS`."""
    try:
        async with asyncio.timeout(PROBE_SECONDS), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception:
        logger.exception("The database cannot be reached")
        return False
    return True
