"""What the routes of the outside catalogue ask for."""

from typing import Annotated

from fastapi import Depends, Request

from app.catalogue.service import CatalogueService
from app.core.dependencies import SettingsDep


async def get_catalogue_service(request: Request, settings: SettingsDep) -> CatalogueService:
    """Make the service of this request, on the client that all requests share."""
    return CatalogueService(request.app.state.catalogue_client, settings.catalogue_seconds)


CatalogueServiceDep = Annotated[CatalogueService, Depends(get_catalogue_service)]
