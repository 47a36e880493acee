"""The outside catalogue over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter

from app.books.schemas import Isbn
from app.catalogue.dependencies import CatalogueServiceDep
from app.catalogue.schemas import CatalogueEntry
from app.core.error_handlers import error_responses
from app.members.dependencies import STAFF_ONLY, STAFF_ONLY_ERRORS

router = APIRouter(prefix="/catalogue", tags=["catalogue"], dependencies=STAFF_ONLY)


@router.get(
    "/{isbn}",
    response_model=CatalogueEntry,
    responses=error_responses(
        *STAFF_ONLY_ERRORS,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.GATEWAY_TIMEOUT,
    ),
)
async def look_up(isbn: Isbn, service: CatalogueServiceDep) -> CatalogueEntry:
    """Look a book up in the outside catalogue, before it comes into the collection."""
    return await service.look_up(isbn)
