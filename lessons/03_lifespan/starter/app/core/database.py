"""The connection to the database."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

PROBE_SECONDS = 2.0

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine for the URL, and close its connections when the block ends, however it ends."""
    raise NotImplementedError("Make, yield and dispose of an engine")
    yield  # replace this line, too: without any yield this would be no context manager


def make_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make the factory of sessions. What a session has loaded stays readable after its commit."""
    raise NotImplementedError("Make the factory, and return it")


async def is_reachable(engine: AsyncEngine) -> bool:
    """Tell whether the database answers a query within `PROBE_SECONDS`."""
    raise NotImplementedError("Send a query, and wait for the answer")
