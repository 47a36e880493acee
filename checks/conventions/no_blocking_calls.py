"""Nothing blocks the event loop.

## Rule

Code that runs on the event loop awaits whatever takes time: HTTP by `httpx.AsyncClient` (the case
`async-http`), files by `aiofiles` or `anyio` (the case `async-files`), pauses by `asyncio.sleep`. What only
exists as blocking code is handed to a thread: `asyncio.to_thread(function, argument)`, the function itself
and not its result. Sync handlers, sync dependencies and scripts may block. So may what runs before the first
request, if it must.

## Why

One thread serves all requests. While it waits in `requests.get` or `open`, it serves none of them: a call
of one second makes everybody wait for that second. Hashing a password takes about as long, on purpose.

## Bad

```python
# app/catalogue/service.py
import requests


class CatalogueService:
    async def look_up(self, isbn: str) -> str:
        return requests.get(f"https://example.org/{isbn}").text  # <-- here
```

```python
# app/covers/files.py
from pathlib import Path


def store(path: Path, content: bytes) -> None:
    path.write_bytes(content)

# app/covers/service.py
from pathlib import Path

from app.covers.files import store


async def save_cover(name: str, content: bytes) -> None:
    store(Path("covers") / name, content)  # <-- here
```

## Good

```python
# app/covers/service.py
import asyncio
from pathlib import Path

import httpx


class CoverService:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def fetch(self, url: str, path: Path) -> None:
        response = await self.client.get(url)
        await asyncio.to_thread(path.write_bytes, response.content)
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._helpers import with_helpers
from checks.conventions._rule import Rule
from checks.conventions.lifespan import lifespans
from checks.finding import Finding
from checks.source import Function, Module, Project, written
from checks.source.calls import Blocker, Blocking
from checks.source.graph import imports

EXPECTED: Final = {
    "http": "outbound HTTP awaited, by httpx.AsyncClient",
    "files": "files awaited, by aiofiles or anyio, or handed to a thread",
    "other": "an awaited call, or the work handed to a thread",
    "hashing": "the hashing handed to a thread",
    "slow": "an awaited call, or the work handed to a thread",
}
FOLLOWED: Final = 2
"""How many of the project's functions may stand between a coroutine and a certain blocking call."""
FAR: Final = 4
"""The same for HTTP, which is seldom there for a rare case alone."""
RESOLVES: Final = frozenset(f"strawberry.{name}" for name in ("field", "mutation", "type.field"))
RULE = Rule(
    __name__,
    expected=EXPECTED["other"],
    why="While this call waits, the event loop waits: no other request is served.",
    next="Use a library that can be awaited here, or hand the function itself to a thread",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds blocking calls in coroutines, also through the project's own functions."""
    blocking = Blocking(project.resolver)
    starting = with_helpers([*project.fact(lifespans), *_start_events(project)], project)
    for function in coroutines(project):
        for call, blocker in blocking.in_scope(function):
            yield _finding(function.module, call, blocker, is_start=function in starting)
        if function not in starting:
            yield from _clients(function, project)


def subjects(project: Project) -> int:
    """Counts the coroutines of the application."""
    return sum(1 for _ in coroutines(project))


def coroutines(project: Project) -> Iterator[Function]:
    """The async functions of the web application; those of stand-alone programs are their own affair."""
    aside = _programs(project) | project.workers
    for module in project.application:
        if b"async def" in module.content and module not in aside:
            yield from (function for function in module.functions if function.is_async)
        if b"strawberry" in module.content:
            yield from (f for f in module.functions if not f.is_async and _is_resolver(f, project))


def _is_resolver(function: Function, project: Project) -> bool:
    """Whether strawberry resolves a field with the function: it calls a sync one on the event loop."""
    called = (getattr(decorator, "func", decorator) for decorator in function.decorators)
    return any(project.resolver.resolve(node, function.parent or function) in RESOLVES for node in called)


def _start_events(project: Project) -> Iterator[Function]:
    """The functions of the old start-up event, which run before the first request as well."""
    for module in project.application:
        if b"on_event" not in module.content:
            continue
        for function in module.functions:
            for decorator in function.decorators:
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") == "on_event":
                    yield function


def _programs(project: Project) -> set[Module]:
    """Modules with a main guard that nothing else imports and that serve no route."""
    guarded = {m for m in project.application if b"__main__" in m.content}
    guarded -= project.registering
    if not guarded:
        return guarded
    imported: set[Module] = set()
    for module in project.application:
        imported |= imports(module, project.resolver)
    return guarded - imported


def _finding(module: Module, call: ast.Call, blocker: Blocker, *, is_start: bool) -> Finding:
    name = f"{blocker.name}()"
    if blocker.via:
        inner = blocker.via[-1]
        name = f"{blocker.via[0].name}(), which calls {name} in {inner.module.file}"
    reach = FAR if blocker.sort == "http" else FOLLOWED
    certain = blocker.sort not in {"hashing", "slow"} and len(blocker.via) <= reach
    if is_start or not certain or any(_is_cached(function) for function in blocker.via):
        why = "At start-up it delays only the start." if is_start and certain else RULE.why
        return RULE.note(module, call, f"{name} on the event loop", expected=EXPECTED[blocker.sort], why=why)
    return RULE.violation(module, call, f"{name} on the event loop", expected=EXPECTED[blocker.sort])


def _is_cached(function: Function) -> bool:
    """Whether a function works for its first call alone: a decorator keeps its answer, or a global name."""
    return any("cache" in written(decorator) for decorator in function.decorators) or _has_kept(function)


def _has_kept(function: Function) -> bool:
    """Whether a function begins with ``if _answer is not None: return _answer``, of a global name."""
    kept = {name for name, home in function.outward.items() if isinstance(home, Module)}
    return any(
        isinstance(branch.body[-1], ast.Return)
        and getattr(branch.body[-1].value, "id", "") in kept
        and any(getattr(node, "id", "") in kept for node in ast.walk(branch.test))
        for branch in (function.nodes(ast.If) if kept else ())
    )


def _clients(function: Function, project: Project) -> Iterator[Finding]:
    """HTTP clients that are made anew for each request."""
    if function.is_generator:
        return
    for call in function.nodes(ast.Call):
        if project.resolver.resolve(call.func, function) == "httpx.AsyncClient":
            yield RULE.note(
                function.module,
                call,
                "an HTTP client made for each call",
                expected="one client, made in the lifespan",
                why="A client of its own opens a new connection for every request.",
                next="Make the client where the application starts and hand it in",
            )
