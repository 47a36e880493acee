"""The application: every part of the service is wired together here, and nowhere else."""

from fastapi import FastAPI

from app.core.config import get_settings
from app.health.router import router as health_router


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    settings = get_settings()
    app = FastAPI(title=settings.app_name, debug=settings.debug)
    app.include_router(health_router)
    return app


app = create_app()
