"""Health probes over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app.core.database import is_reachable
from app.health.schemas import HealthStatus

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", response_model=HealthStatus)
async def live() -> HealthStatus:
    """Answer at all: the process runs and its event loop is free."""
    return HealthStatus(status="ok")


@router.get(
    "/ready",
    response_model=HealthStatus,
    responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": HealthStatus}},
)
async def ready(request: Request, response: Response) -> HealthStatus:
    """Tell whether requests can be served: 503 while the database does not answer."""
    if await is_reachable(request.app.state.engine):
        return HealthStatus(status="ok")
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return HealthStatus(status="unavailable")
