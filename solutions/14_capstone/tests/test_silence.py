"""A PostgreSQL server that takes every connection and says nothing."""

import asyncio

import httpx
import pytest

from app.core.config import get_settings

pytestmark = pytest.mark.anyio


async def test_a_database_that_is_silent_is_an_outage(settings: pytest.MonkeyPatch) -> None:
    from app.main import create_app

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings.setenv("DATABASE_URL", f"postgresql+asyncpg://library@127.0.0.1:{port}/library?ssl=disable")
    settings.setenv("DATABASE_SECONDS", "0.1")
    get_settings.cache_clear()
    app = create_app()
    transport = httpx.ASGITransport(app)
    async with (
        server,
        asyncio.timeout(5),
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://library.test") as client,
    ):
        answer = await client.get("/books")

    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")


async def test_an_option_that_the_driver_does_not_know_is_a_fault(settings: pytest.MonkeyPatch) -> None:
    from app.main import create_app

    settings.setenv("DATABASE_URL", "postgresql+asyncpg://library@127.0.0.1:1/library?speed=high")
    get_settings.cache_clear()
    app = create_app()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://library.test") as client,
    ):
        answer = await client.get("/books")

    assert answer.status_code == 500
