"""The application: every part of the service is wired together here, and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.books.router import router as books_router
from app.core.config import get_settings
from app.core.database import make_session_factory, open_engine
from app.core.error_handlers import register_exception_handlers
from app.health.router import router as health_router


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the application needs, and close it again when it ends or fails to start."""
    async with open_engine(get_settings().database_url) as engine:
        app.state.engine = engine
        app.state.session_factory = make_session_factory(engine)
        yield


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    settings = get_settings()
    app = FastAPI(title=settings.app_name, debug=settings.debug, lifespan=lifespan)
    register_exception_handlers(app)
    app.include_router(books_router)
    app.include_router(health_router)
    return app


app = create_app()
