"""Tests drive the app with httpx AsyncClient.

## Rule

Tests are coroutines that call the application through `AsyncClient(transport=ASGITransport(app=app))`, run
by pytest-asyncio or anyio. Websockets are the exception: httpx has none, so `TestClient` may serve those.

## Why

`TestClient` runs the application in a loop of its own. An engine, a session or a lock made in the test's
loop does not work in that one. With `AsyncClient`, test and application share one loop, as they do in
production.

## Bad

```python
# tests/test_health.py
from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)  # <-- here


def test_live() -> None:
    assert client.get("/health/live").status_code == 200

# app/main.py
from fastapi import FastAPI

app = FastAPI()
```

## Good

```python
# tests/test_health.py
import pytest
from httpx import ASGITransport, AsyncClient

from app.main import app


@pytest.mark.anyio
async def test_live() -> None:
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        response = await client.get("/health/live")
    assert response.status_code == 200

# app/main.py
from fastapi import FastAPI

app = FastAPI()
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Function, Layer, Module, Project, Scope, written

CLIENT: Final = "starlette.testclient.TestClient"
VERBS: Final = frozenset(["get", "post", "put", "patch", "delete", "head", "options", "request", "stream"])
RULE = Rule(
    __name__,
    expected="httpx.AsyncClient with ASGITransport",
    why="TestClient runs the app in a loop of its own; what the test's loop made does not work there.",
    next="Make the client once in a fixture, and let the tests await it",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds TestClient where it does not serve websockets."""
    for module in project.fact(_tests):
        for call, scope in _clients(module, project):
            made = project.resolver.infer(call, scope)
            if project.resolver.is_kind(made, CLIENT) or made == CLIENT:
                if not _serves_sockets(scope, project):
                    yield RULE.violation(module, call, "the synchronous TestClient")
            elif any(keyword.arg == "app" for keyword in call.keywords):
                yield RULE.note(
                    module,
                    call,
                    "AsyncClient(app=...), which httpx no longer has",
                    expected="AsyncClient(transport=ASGITransport(app=...))",
                )


def subjects(project: Project) -> int:
    """Counts the clients that the tests make."""
    return sum(1 for module in project.fact(_tests) for _ in _clients(module, project))


def _tests(project: Project) -> list[Module]:
    return [module for module in project.modules if project.layer(module) is Layer.TESTS]


def _clients(module: Module, project: Project) -> Iterator[tuple[ast.Call, Scope]]:
    if b"Client" not in module.content:
        return
    for call, scope in module.every(ast.Call):
        target = project.resolver.resolve(call.func, scope)
        if target in {CLIENT, "httpx.AsyncClient"} or (
            isinstance(target, Class) and project.resolver.is_kind(target, CLIENT)
        ):
            yield call, scope


def _serves_sockets(scope: Scope, project: Project) -> bool:
    """Whether all that is done with the client is to open websockets."""
    if not project.fact(_opens_sockets):
        return False
    around = scope.function
    used = _methods(scope.module if around is None else around, project)
    if around is not None and _is_fixture(around):
        used |= project.fact(_methods_on_parameters).get(around.name, set())
    return "websocket_connect" in used and not used & VERBS


def _opens_sockets(project: Project) -> bool:
    return any(b"websocket_connect" in module.content for module in project.fact(_tests))


def _is_fixture(function: Function) -> bool:
    return any("fixture" in written(decorator) for decorator in function.decorators)


def _methods(scope: Scope, project: Project) -> set[str]:
    """The methods called on test clients in a scope and those inside it."""
    used: set[str] = set()
    for inner in scope.within():
        for call in inner.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in VERBS | {"websocket_connect"}:
                continue
            if project.resolver.infer(func.value, inner) in {CLIENT, None}:
                used.add(func.attr)
    return used


def _methods_on_parameters(project: Project) -> dict[str, set[str]]:
    """The name of a parameter to the methods that the tests call on what they are given under it."""
    used: dict[str, set[str]] = {}
    for module in project.fact(_tests):
        for function in module.functions:
            names = {argument.arg for argument, _ in function.parameters}
            for call in function.nodes(ast.Call):
                match call.func:
                    case ast.Attribute(value=ast.Name(id=name), attr=method) if name in names:
                        used.setdefault(name, set()).add(method)
    return used
