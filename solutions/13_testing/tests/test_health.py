"""Is the service alive, and ready?"""

import httpx
import pytest
from sqlalchemy import event

pytestmark = pytest.mark.anyio


async def test_a_running_service_is_alive(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_service_with_its_database_is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_service_without_its_database_is_not_ready(cut_off_client: httpx.AsyncClient) -> None:
    ready = await cut_off_client.get("/health/ready")
    live = await cut_off_client.get("/health/live")

    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable"})
    assert live.status_code == 200


async def test_nothing_stays_open_when_the_service_ends() -> None:
    from app.main import create_app

    app = create_app()
    opened: list[object] = []
    closed: list[object] = []
    async with app.router.lifespan_context(app):
        event.listen(app.state.engine.sync_engine, "connect", lambda connection, _: opened.append(connection))
        event.listen(app.state.engine.sync_engine, "close", lambda connection, _: closed.append(connection))
        async with app.state.engine.connect():
            pass

    assert len(opened) == 1
    assert closed == opened
    assert app.state.catalogue_client.is_closed
