"""Covers over HTTP."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from app.books.dependencies import BookId
from app.core.error_handlers import error_responses
from app.covers.dependencies import CoverServiceDep
from app.covers.pictures import MEDIA_TYPES
from app.members.dependencies import STAFF_ONLY, STAFF_ONLY_ERRORS

router = APIRouter(prefix="/books/{book_id}/cover", tags=["covers"])

PICTURES: dict[str, Any] = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES
}


@router.get(
    "",
    response_class=Response,
    responses={
        HTTPStatus.OK.value: {"content": PICTURES},
        **error_responses(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    },
)
async def read_cover(book_id: BookId, service: CoverServiceDep) -> Response:
    """Show the cover of a book."""
    cover = await service.get(book_id)
    return Response(cover.content, media_type=cover.media_type, headers={"X-Content-Type-Options": "nosniff"})


@router.put(
    "",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=STAFF_ONLY,
    responses={
        HTTPStatus.CREATED.value: {"description": "The book had no cover before."},
        HTTPStatus.NO_CONTENT.value: {"description": "The cover is in the place of the one before."},
        **error_responses(
            *STAFF_ONLY_ERRORS,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": PICTURES}},
)
async def write_cover(book_id: BookId, service: CoverServiceDep, request: Request) -> Response:
    """Give a book a cover: the request's body is the picture."""
    is_first = await service.put(book_id, request.stream())
    return Response(status_code=HTTPStatus.CREATED if is_first else HTTPStatus.NO_CONTENT)
