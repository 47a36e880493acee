"""The application: every part of the service is wired together here, and nowhere else."""

from fastapi import FastAPI

from app.health.router import router as health_router


def create_app() -> FastAPI:
    """Build an application of its own, with everything that it serves."""
    app = FastAPI(title="Lending library")
    app.include_router(health_router)
    return app


app = create_app()
