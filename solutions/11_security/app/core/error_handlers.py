"""How errors become responses: all in one shape."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.common.schemas import ResponseSchema
from app.core.exceptions import DomainError

# A body that cannot be read at all, and one that is not valid.
INVALID_BODY = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)

# A request can have more faults than anybody reads: unknown keys, above all.
MAX_FIELDS = 20
# RFC 9110, 9.1, and RFC 5789.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# RFC 9110, 15. Written out, for the codes of errors are made of them and never change: `HTTPStatus` names 413
# and 422 one way in Python 3.12 and another way in 3.13.
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

# Headers that come along with an error, as OpenAPI describes them.
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to identify oneself."}},
}


class FieldError(BaseModel):
    """What is wrong with one part of a request, such as `body.isbn`."""

    field: str
    message: str


class ErrorBody(ResponseSchema):
    """The body of every error."""

    code: str = Field(description="A word for machines, which never changes.")
    message: str = Field(description="A sentence for people.")
    fields: list[FieldError] = Field(
        default=[],
        max_length=MAX_FIELDS,
        description=f"What is not valid in the request, at most {MAX_FIELDS} parts; empty for other errors.",
    )


def error_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route answers with, for `responses=` and so for the documentation."""
    return {
        status.value: {
            "model": ErrorBody,
            "description": _phrase(status),
            "headers": _HEADERS.get(status, {}),
        }
        for status in statuses
    }


def register_exception_handlers(app: FastAPI) -> None:
    """Let the application answer every error with an `ErrorBody`."""

    @app.exception_handler(DomainError)
    async def answer_domain_error(_: Request, error: DomainError) -> JSONResponse:
        # RFC 9110, 11.6.1: a 401 names the way to identify oneself.
        headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
        return _respond(error.status, ErrorBody(code=error.code, message=error.message), headers)

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed_methods(request))
        if not is_body_allowed_for_status_code(error.status_code):
            return Response(None, error.status_code, headers)
        # FastAPI lets the detail be anything, and not only a text.
        body = ErrorBody(code=_code(error.status_code), message=str(error.detail))
        return _respond(error.status_code, body, headers)

    @app.exception_handler(RequestValidationError)
    async def answer_invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        # The values stay out of the answer: among them may be a password.
        faults = error.errors()[:MAX_FIELDS]
        fields = [FieldError(field=_dotted(part["loc"]), message=part["msg"]) for part in faults]
        body = ErrorBody(code="invalid_request", message="The request is not valid.", fields=fields)
        return _respond(HTTPStatus.UNPROCESSABLE_ENTITY, body)

    @app.exception_handler(Exception)
    async def answer_unexpected_error(_: Request, __: Exception) -> JSONResponse:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        body = ErrorBody(code=_code(status), message="The service failed. The error is logged.")
        return _respond(status, body)


def _respond(status: int, body: ErrorBody, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body.model_dump(), status, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Find all methods of a path: Starlette names those of one route, and several can share a path."""

    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in METHODS if is_allowed(method)]


def _phrase(status: int) -> str:
    return _PHRASES.get(status, f"HTTP {status}")


def _code(status: int) -> str:
    return _phrase(status).lower().replace(" ", "_")


def _dotted(location: tuple[int | str, ...]) -> str:
    # A key of the request can hold half a surrogate pair, which no response can be encoded with.
    return ".".join(map(str, location)).encode("utf-8", "replace").decode()
