"""The handlers that an application registers while it is imported.

A reading of the source may miss a route that is registered in a roundabout way; here it is seen.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from checks.finding import Evidence
from checks.subject.diagnosis import Diagnosis

Handler = Callable[..., Any]


@dataclass(slots=True)
class Registered:
    """The routes that were made, each once per registration.

    Attributes:
        handlers: the functions that serve them.
        undeclared: how many of them have no model for their answer.
    """

    handlers: list[Handler] = field(default_factory=list)
    undeclared: int = 0

    def evidence(self, diagnosis: Diagnosis) -> dict[str, Evidence]:
        """What conventions can learn from it, by their slugs.

        Args:
            diagnosis: knows which functions are the learner's, and where they stand.
        """
        own = {handler: diagnosis.place_of(_behind(handler)) for handler in self.handlers}
        broken = tuple(
            (place, f"the sync function {_behind(handler).__name__}() serving a route")
            for handler, place in own.items()
            if place and not _is_async(handler)
        )
        # Without a model at run time, the route may still return a response of its own: the source knows.
        declared = 0 if self.undeclared else len(self.handlers)
        return {"async-handlers": Evidence(len(own), broken), "response-model": Evidence(declared)}


@contextmanager
def registering() -> Iterator[Registered]:
    """Note every route that is made while the block runs."""
    from fastapi.routing import APIRoute

    registered = Registered()
    make = APIRoute.__init__

    def noting(route: APIRoute, path: str, endpoint: Handler, **options: Any) -> None:
        make(route, path, endpoint, **options)
        registered.handlers.append(endpoint)
        registered.undeclared += route.response_model is None

    APIRoute.__init__ = noting  # type: ignore[method-assign, assignment]
    try:
        yield registered
    finally:
        APIRoute.__init__ = make  # type: ignore[method-assign]


def _behind(handler: Handler) -> Any:
    """The function that a handler calls in the end."""
    while isinstance(handler, partial):
        handler = handler.func
    handler = inspect.unwrap(handler)
    return handler if inspect.isroutine(handler) else type(handler).__call__


def _is_async(handler: Handler) -> bool:
    """Whether FastAPI calls a handler on the event loop: also where a decorator stands around it."""
    layers = (handler, _behind(handler), getattr(handler, "__call__", None))  # noqa: B004 - its kind matters
    return any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in layers)
