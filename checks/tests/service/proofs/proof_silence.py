"""A PostgreSQL server that stays connected and says nothing is an outage, and no request waits for ever."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from proofs.proof_outage import assert_outage
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

pytestmark = pytest.mark.anyio

# Far more than the limit, and far less than for ever.
PATIENCE_SECONDS = 20


@pytest.fixture
def impatient(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.core.config import get_settings

    monkeypatch.setenv("DATABASE_SECONDS", "0.3")
    get_settings.cache_clear()


@pytest.fixture
async def app(impatient: None) -> AsyncIterator[FastAPI]:
    from app.main import app

    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://library.test"
    ) as client:
        yield client


async def test_a_server_that_is_stopped(app: FastAPI, client: httpx.AsyncClient) -> None:
    """The kernel goes on taking what is sent to a stopped process: nothing but a clock tells."""
    async with app.state.engine.connect() as connection:
        process_id = await connection.scalar(text("SELECT pg_backend_pid()"))
    os.kill(process_id, signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert_outage(await client.get("/books"))
    finally:
        os.kill(process_id, signal.SIGCONT)

    assert (await client.get("/books")).status_code == 200


async def test_a_table_that_is_locked(app: FastAPI, client: httpx.AsyncClient, database_url: str) -> None:
    other = create_async_engine(database_url)
    async with other.begin() as holder, asyncio.timeout(PATIENCE_SECONDS):
        await holder.execute(text("LOCK TABLE books IN ACCESS EXCLUSIVE MODE"))
        assert_outage(await client.get("/books"))
    await other.dispose()

    assert app.state.engine.pool.checkedout() == 0
    assert (await client.get("/books")).status_code == 200
