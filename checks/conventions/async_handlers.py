"""Every route handler is async def.

## Rule

Write every function that serves a route as `async def`: functions under `@router.get`, `.post` and their
kin, and functions given to `add_api_route`. Dependencies and providers may be plain functions; the rule is
about handlers.

## Why

FastAPI runs an `async def` handler on the event loop, where it can await the database and other services. A
plain `def` handler runs in a pool of 40 threads: it cannot use `AsyncSession`, and the forty-first request
waits. FastAPI's own guidance prefers plain `def` when in doubt. This workshop is async from end to end, so
that one way of thinking fits every layer.

## Bad

```python
# app/books/router.py
from fastapi import APIRouter

router = APIRouter(prefix="/books")


@router.get("/count")
def count_books() -> int:  # <-- here
    return 3
```

```python
# app/health/handlers.py
def live() -> dict[str, str]:
    return {"status": "ok"}

# app/main.py
from fastapi import FastAPI

from app.health.handlers import live

app = FastAPI()
app.add_api_route("/health/live", live)  # <-- here
```

## Good

```python
# app/books/router.py
from fastapi import APIRouter, Depends

router = APIRouter(prefix="/books")


def page_size(size: int = 20) -> int:
    return min(size, 100)


@router.get("/count")
async def count_books(size: int = Depends(page_size)) -> int:
    return size
```
"""

import ast
from collections.abc import Iterator

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Project, Route, written

RULE = Rule(
    __name__,
    expected="a handler written `async def`",
    why="Only an async handler can await the database. A sync one takes a thread of a small pool.",
    next="Make the function a coroutine, and await what it calls",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds the synchronous handlers."""
    for route in project.routes:
        handler = route.handler
        if handler is None or handler.is_async or _is_wrapped(route):
            continue
        found = f"the sync function {handler.name}() serving a route"
        if route.endpoint is None:
            yield RULE.violation(handler.module, handler.node, found)
        else:
            yield RULE.violation(route.module, route.endpoint, found)


def subjects(project: Project) -> int:
    """Counts the routes."""
    return len(project.routes)


def _is_wrapped(route: Route) -> bool:
    """Whether a decorator under the route's own may have made a coroutine function of it."""
    handler = route.handler
    if handler is None or route.endpoint is not None:
        return False
    below = [d for d in handler.decorators if d.lineno > route.node.lineno]
    names = [written(d.func if isinstance(d, ast.Call) else d).lower() for d in below]
    return any(word in name for name in names for word in ("async", "threadpool", "to_thread"))
