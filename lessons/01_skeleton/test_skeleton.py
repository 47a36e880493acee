"""Lesson 01: an application that can say it is alive."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import Unmet, expect, expect_answer, line_with, told_status

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

pytestmark = pytest.mark.anyio

MAIN = "app/main.py"
LIVE = "/health/live"


def served_paths(app: "FastAPI") -> str:
    return ", ".join(app.openapi()["paths"]) or "no path at all"


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
        at=response.extensions.get("endpoint") or line_with(MAIN, project, "include_router", r"FastAPI\("),
    )


@pytest.mark.needs("test_live_is_served")
async def test_live_answers_ok(client: "httpx.AsyncClient") -> None:
    """GET /health/live answers 200 and {"status": "ok"}

    Why: Machines read the status code, people the body; they have to say the same.

    Next: Compare what the handler returns with step 3.
    """
    expect_answer(await client.get(LIVE), 200, {"status": "ok"})


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
    schema = resolved(documentation, content.get("application/json", {}).get("schema", {}))
    expect(
        "status" in schema.get("properties", {}),
        expected="a documented answer with the field status",
        found="a body of any shape" if operation else f"no GET {LIVE} in the documentation",
        at=(await client.get(LIVE)).extensions.get("endpoint"),
    )


def resolved(documentation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where it stands apart, under a name."""
    while "$ref" in schema:
        schema = documentation["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.needs("test_live_is_served")
async def test_live_only_answers_get(client: "httpx.AsyncClient") -> None:
    """POST to /health/live is refused with 405

    Why: A probe reads. Methods that mean nothing here should say so.

    Next: Step 3 names the one method that the route serves.
    """
    expect_answer(await client.post(LIVE), 405)


@pytest.mark.needs("test_app_is_a_fastapi_application")
async def test_unknown_path_is_not_found(client: "httpx.AsyncClient") -> None:
    """A path that nobody serves is answered with 404

    Why: A client with a wrong address has to learn that, and not that all is well.

    Next: Serve the one path of step 3; FastAPI itself answers for all others.
    """
    expect_answer(await client.get("/no/such/path"), 404)
