"""The application: every part of the service is wired together here, and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from fastapi import FastAPI

from app.books.router import router as books_router
from app.catalogue.router import router as catalogue_router
from app.core.config import get_settings
from app.core.database import make_session_factory, open_engine
from app.core.error_handlers import error_responses, register_exception_handlers
from app.core.logging import RequestLog, configure_logging
from app.covers.repository import CoverRepository
from app.covers.router import router as covers_router
from app.health.router import router as health_router
from app.members.router import router as members_router


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the application needs, and close it again when it ends or fails to start."""
    settings = get_settings()
    configure_logging()
    async with (
        open_engine(settings.database_url, settings.database_seconds) as engine,
        httpx.AsyncClient(
            base_url=str(settings.catalogue_url), timeout=settings.catalogue_seconds
        ) as catalogue,
    ):
        app.state.engine = engine
        app.state.session_factory = make_session_factory(engine)
        app.state.catalogue_client = catalogue
        await CoverRepository(settings.covers_folder).remove_abandoned()
        yield


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    settings = get_settings()
    app = FastAPI(title=settings.app_name, debug=settings.debug, lifespan=lifespan)
    app.add_middleware(RequestLog)
    register_exception_handlers(app)
    outage = error_responses(HTTPStatus.SERVICE_UNAVAILABLE)  # for each route that needs the database
    app.include_router(books_router, responses=outage)
    app.include_router(covers_router, responses=outage)
    app.include_router(catalogue_router, responses=outage)
    app.include_router(members_router, responses=outage)
    app.include_router(health_router)
    return app


app = create_app()
