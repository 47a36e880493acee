"""Lesson 01: an application that can say it is alive."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import Unmet, expect, expect_answer, line_with, told_status
from checks.serving import serving

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

    from checks.fixtures import Load

pytestmark = pytest.mark.anyio

MAIN = "app/main.py"
LIVE = "/health/live"


def served_paths(app: "FastAPI") -> str:
    """What an application serves, as its documentation has it."""
    routes = (
        (method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods
    )
    return ", ".join(map(" ".join, routes)) or "no path at all"


def test_app_is_a_fastapi_application(load_app: "Callable[..., FastAPI]") -> None:
    """app is an application, made by FastAPI

    Why: uvicorn is told `app.main:app` and calls what it finds there for every request.

    Next: Look at step 1: what does the last line of app/main.py put into `app`?
    """
    load_app()


@pytest.mark.needs("test_app_is_a_fastapi_application")
async def test_live_is_served(app: "FastAPI", client: "httpx.AsyncClient", project: Path) -> None:
    """GET /health/live is a route of the application

    Why: A load balancer asks one fixed address; any other answer takes the service out of use.

    Next: Compare method, path and prefix with step 3; a router serves nothing before step 1 includes it.
    """
    try:
        response = await client.get(LIVE)
    except Exception as error:
        if not isinstance(error, Unmet) and getattr(error, "endpoint", None) is None:
            raise
        return  # there is a route; what its handler does is for the next check to say
    expect(
        response.status_code not in {404, 405} and not response.is_redirect,
        expected=f"a route for GET {LIVE}",
        found=f"{told_status(response)}; the application serves {served_paths(app)}",
        at=response.extensions.get("endpoint") or likely_cause(app, project),
    )


def likely_cause(app: "FastAPI", project: Path) -> object:
    """What is to blame where nothing serves the path: the handler, if it serves another path or is no route;
    else the line that includes the router.
    """
    health, paths = sys.modules.get("app.health.router"), app.openapi()["paths"]
    is_route = bool(getattr(getattr(health, "router", None), "routes", True))
    handler = getattr(health, "live", None) if LIVE not in paths and (paths or not is_route) else None
    return handler or line_with(MAIN, project, "include_router", r"FastAPI\(")


@pytest.mark.needs("test_live_is_served")
async def test_live_answers_ok(client: "httpx.AsyncClient") -> None:
    """GET /health/live answers 200 and {"status": "ok"}

    Why: Machines read the status code, people the body; they have to say the same.

    Next: Compare what the handler takes and returns with step 3.
    """
    expect_answer(await client.get(LIVE), 200, {"status": "ok"})


@pytest.mark.needs("test_live_answers_ok")
async def test_each_application_is_one_of_its_own(load: "Load", app: "FastAPI") -> None:
    """create_app() builds another application each time

    Why: A test changes its application as it likes. If two tests share one, each has to undo what it did.

    Next: Step 1: where is the FastAPI object made?
    """
    main = load("app.main")
    create_app: Any = getattr(main, "create_app", None)
    # Without create_app(), each import of the module makes another.
    one, other = (create_app(), create_app()) if create_app else (app, main.app)
    expect(
        one is not other,
        expected="two applications from two calls of create_app()",
        found="the same object twice",
        at=create_app,
    )
    async with serving(other) as client:
        paths = other.openapi()["paths"].keys()
        expect(
            paths == app.openapi()["paths"].keys() and (await client.get(LIVE)).status_code != 404,
            expected=f"an application that serves {served_paths(app)}, like app itself",
            found=f"one that serves {served_paths(other)}",
            at=create_app,
        )


@pytest.mark.needs("test_live_answers_ok")
async def test_live_answers_with_json(client: "httpx.AsyncClient") -> None:
    """GET /health/live says that its answer is JSON

    Why: A client decides by the header Content-Type how to read a body.

    Next: FastAPI writes the header for the object that a handler returns; see step 3.
    """
    response = await client.get(LIVE)
    content_type = response.headers.get("content-type", "none")
    expect(
        content_type.partition(";")[0].strip() == "application/json",
        expected="the header Content-Type: application/json",
        found=f"Content-Type: {content_type}",
        at=response.extensions.get("endpoint"),
    )


@pytest.mark.needs("test_live_answers_ok")
async def test_live_is_documented(app: "FastAPI", client: "httpx.AsyncClient") -> None:
    """The documentation says what /health/live answers

    Why: /docs and generated clients know only what the route declares, not what it happens to return.

    Next: Step 2 describes the model, step 3 says where the route names it.
    """
    documentation = app.openapi()
    operation = documentation["paths"].get(LIVE, {}).get("get", {})
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    kinds = {kind.partition(";")[0].strip(): body.get("schema", {}) for kind, body in content.items()}
    expect(
        has_status(documentation, kinds.get("application/json", {})),
        expected="a documented answer with the field status",
        found="a body of any shape" if operation else f"no GET {LIVE} in the documentation",
        at=(await client.get(LIVE)).extensions.get("endpoint"),
    )


def has_status(documentation: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether every object that a schema allows has the field ``status``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return has_status(documentation, documentation["components"]["schemas"][name])
    either = schema.get("anyOf") or schema.get("oneOf") or ()
    return (
        "status" in schema.get("properties", {})
        or (bool(either) and all(has_status(documentation, one) for one in either))
        or any(has_status(documentation, one) for one in schema.get("allOf", ()))
    )


@pytest.mark.needs("test_live_is_served")
async def test_live_only_answers_get(client: "httpx.AsyncClient") -> None:
    """Methods that write are refused at /health/live with 405

    Why: A probe reads. Methods that mean nothing here should say so.

    Next: Step 3 names the one method that the route serves.
    """
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        expect_answer(await client.request(method, LIVE), 405)


@pytest.mark.needs("test_app_is_a_fastapi_application")
async def test_unknown_path_is_not_found(client: "httpx.AsyncClient") -> None:
    """A path that nobody serves is answered with 404

    Why: A client with a wrong address has to learn that, and not that all is well.

    Next: Serve the one path of step 3; FastAPI itself answers for all others.
    """
    expect_answer(await client.get("/no/such/path"), 404)
