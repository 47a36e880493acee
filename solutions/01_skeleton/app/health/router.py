"""Health probes over HTTP."""

from fastapi import APIRouter

from app.health.schemas import HealthStatus

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", response_model=HealthStatus)
async def live() -> HealthStatus:
    """Answer at all: the process runs and its event loop is free."""
    return HealthStatus(status="ok")
