"""The learner's application, served inside the check's own process."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from checks.expect import Unmet, shorten

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI


@asynccontextmanager
async def serving(app: "FastAPI", *, passing_errors_on: bool = False) -> AsyncIterator["httpx.AsyncClient"]:
    """Start the application up, hand out a client for it, shut it down.

    Args:
        app: the application.
        passing_errors_on: whether an exception in the block arrives in the lifespan, as one of something that
            starts after it does. Otherwise the application ends as usual first: a lifespan that keeps
            exceptions back must not keep the verdict of a check back.

    Yields:
        A client whose responses carry the handler that answered as ``response.extensions["endpoint"]``.
        An exception that the application lets through is raised at the call. It carries as ``endpoint`` what
        is to blame where none of the learner's lines is in its traceback; a return value that does not fit
        the declared model raises `Unmet`.
    """
    import httpx

    raised: Exception | None = None
    try:
        async with _Lifespan(app) as state:
            transport = _recording_transport(app, dict(state or {}))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                try:
                    yield client
                except Exception as error:
                    if passing_errors_on:
                        raise
                    raised = error
    except Exception:
        if raised is None:
            raise
    if raised is not None:
        raise raised


class _Lifespan:
    """The application's lifespan; what goes wrong in it is blamed on ``app/main.py``."""

    def __init__(self, app: "FastAPI") -> None:
        self._app = app
        self._context: Any = None

    async def __aenter__(self) -> Any:
        with _blame(lambda: "app/main.py"):
            self._context = self._app.router.lifespan_context(self._app)
            return await self._context.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        with _blame(lambda: "app/main.py"):
            return await self._context.__aexit__(*error)


@contextmanager
def _blame(endpoint: Callable[[], object]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if getattr(error, "endpoint", None) is None:
            error.endpoint = endpoint()  # type: ignore[attr-defined]
        raise


def _objection(error: Any) -> str:
    """What a model has against a return value."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][1:]))
    return f"the model says of {field}: {first['msg']}" if field else f"the model says: {first['msg']}"


def _recording_transport(app: "FastAPI", state: dict[str, Any]) -> "httpx.AsyncBaseTransport":
    import httpx
    from fastapi.exceptions import ResponseValidationError

    class RecordingTransport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            scopes: list[Any] = []

            async def recorded(scope: Any, receive: Any, send: Any) -> None:
                scope["state"] = state.copy()
                scopes.append(scope)
                try:
                    with _blame(lambda: scope.get("endpoint")):
                        await app(scope, receive, send)
                except ResponseValidationError as error:
                    raise Unmet(
                        expected="a return value that fits the model which the route declares",
                        found=f"the handler returned {shorten(repr(error.body))}; {_objection(error)}",
                        at=scope.get("endpoint"),
                    ) from None

            response = await httpx.ASGITransport(app=recorded).handle_async_request(request)
            endpoint = scopes[0].get("endpoint") if scopes else None
            if endpoint is not None:
                response.extensions["endpoint"] = endpoint
            return response

    return RecordingTransport()
