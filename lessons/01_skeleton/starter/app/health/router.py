"""Health probes over HTTP."""

from fastapi import APIRouter

from app.health.schemas import HealthStatus

router = APIRouter(prefix="/health", tags=["health"])


async def live() -> HealthStatus:
    """Answer at all: the process runs and its event loop is free."""
    raise NotImplementedError("Make this a route, and return a status")
