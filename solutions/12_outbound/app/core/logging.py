"""One log line per request, and on every line the request that it belongs to."""

import logging
import re
import secrets
import time
from contextvars import ContextVar
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER = "X-Request-ID"
# What they write about each request holds its query string.
LOGGERS_OF_WHOLE_URLS = ("httpx", "uvicorn.access")
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"

# What comes from outside ends up in the log: nothing that could look like another line, and nothing long.
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_RAW_HEADER = REQUEST_ID_HEADER.lower().encode()

logger = logging.getLogger(__name__)
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class _RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


def configure_logging() -> None:
    """Write the log to standard error, uvicorn's lines too, each with the id of its request.

    Where the root logger has a handler (`uvicorn --log-config` can give it one), the log stays as it is.
    Query strings are never logged: the line about a request is written by `RequestLog`.
    """
    for name in LOGGERS_OF_WHOLE_URLS:
        logging.getLogger(name).setLevel(logging.WARNING)
    if logging.root.handlers:
        return

    handler = logging.StreamHandler()
    handler.addFilter(_RequestIdFilter())
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, handlers=[handler])
    server = logging.getLogger("uvicorn")
    server.handlers.clear()
    server.propagate = True


class RequestLog:
    """ASGI middleware: gives each request an id, answers with it, and logs how the request went.

    The id is the one that the client sent, if it is short and plain, and else a new one. Query strings,
    headers and bodies are not logged: they may hold secrets. An error that nobody expected goes on to the
    server, which logs it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        # The context is that of this request's task, and ends with it.
        own_id = _sent_id(scope) or secrets.token_hex(16)
        request_id.set(own_id)
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_RAW_HEADER, own_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            # Quoted, for a path may hold line ends that would pass for other log lines, and so may the
            # address that a proxy tells. A request from a Unix socket has none.
            client, path = quote((scope.get("client") or "-")[0], ":"), quote(scope["path"])
            logger.info("%s %s %s %d in %.1f ms", client, scope["method"], path, status, milliseconds)


def _sent_id(scope: Scope) -> str | None:
    sent = next((value for name, value in scope["headers"] if name == _RAW_HEADER), b"")
    return sent.decode() if _ACCEPTED_ID.fullmatch(sent) else None
