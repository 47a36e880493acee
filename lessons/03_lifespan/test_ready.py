"""Lesson 03, steps 4 and 5: a probe that asks the database, and is honest about the answer."""

import ast
import asyncio
import contextlib
import inspect
import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import (
    Unmet,
    described,
    expect,
    expect_answer,
    learners_line,
    line_matching,
    line_with,
    shorten,
    told_status,
)
from checks.leftovers import GRACE, expect_all_closed, expect_all_ended, expect_given_back
from checks.logs import exception_in, holds, logging_line, tells_reason
from checks.outage import STALLED, TICK, Database, count_from_here, stalled
from checks.raised import raised_below
from checks.serving import serving

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("database", "engines")]

DATABASE = "app/core/database.py"
ROUTER = "app/health/router.py"
READY = "/health/ready"
PATIENCE = 5.0
"""Seconds within which a probe has to answer, as the brief says."""
OVERSHOOT = 5 * TICK
"""Seconds by which the played clock may go too far before a time limit is seen."""
SECRETS = {"sqlite", "unable to open", "no active connection", "library.db"}
"""What nobody may read in an answer while the database is away, beside what its errors say."""
ALL_IS_WELL = {"ok", "up", "healthy", "ready", "available"}
"""What a status may not say together with 503."""
LIMITS = r"timeout(_at)?\(|wait_for\(|fail_after\(|move_on_after\(|asyncio\.wait\("
"""Where a source sets a time limit."""
CHANGES = r"\s*(?i:create|insert|update|delete|drop|alter|replace|truncate)\b"
"""How a statement begins that leaves something in the database."""
KEEPING_CANCELLATIONS = (
    r"except\s*:",
    r"except\b.*\b(BaseException|CancelledError)\b",
    r"suppress\(.*(BaseExc|Cancelled)",
)
"""Where a source catches more than exceptions."""


@pytest.fixture
def by_driver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time from now on that somebody asks for the driver's own connection."""
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    asked: list[str] = []
    for owner, name in ((AsyncConnection, "get_raw_connection"), (AsyncEngine, "raw_connection")):
        original = getattr(owner, name)

        def noted(*arguments: Any, original: Any = original, name: str = name) -> Any:
            asked.append(name)
            return original(*arguments)

        monkeypatch.setattr(owner, name, noted)
    return asked


@pytest.mark.needs("test_lifespan.py::test_engine_is_there_while_the_application_runs")
async def test_ready_answers_ok(
    app: "FastAPI", client: "httpx.AsyncClient", project: Path, logged: list[logging.LogRecord]
) -> None:
    """GET /health/ready answers 200 and {"status": "ok"}

    Why: A load balancer sends requests only to a service that says it is ready.

    Next: Step 5 describes the route, step 4 the question that it asks.
    """
    missing = line_with(ROUTER, project, r"APIRouter\(")
    response = await client.get(READY)
    error = next(filter(None, map(exception_in, reversed(logged))), None)
    if response.status_code != 200 and error is not None:
        raise Unmet(
            expected=f"status 200 from GET {READY}",
            found=f"status {response.status_code}, and in the log {described(error)}",
            at=learners_line(error, project) or response.extensions.get("endpoint"),
        )
    if response.status_code == 503:
        await complain_if_nothing_is_told(app, answer=True, when="the query succeeds")
        await complain_if_kept_to_itself(client, project)
    expect_answer(response, 200, {"status": "ok"}, at=missing)
    allowed = re.findall(r"POST|PUT|PATCH|DELETE", (await client.options(READY)).headers.get("allow", ""))
    expect(
        not allowed,
        expected=f"a route for GET {READY}, and for no method that changes something",
        found=f"one for {', '.join(allowed)}, too",
        at=response.extensions.get("endpoint"),
    )


def where_it_asks(project: Path, *patterns: str) -> object:
    """The line that asks the database, as far as a look at the source can tell.

    Args:
        project: the learner's folder.
        patterns: regular expressions for the line; without a match it is the head of ``is_reachable``.

    Returns:
        What `checks.expect.Unmet` needs to point there; None where the handler asks in some other way.
    """
    if line_matching(ROUTER, project, r"is_reachable\("):
        return line_matching(DATABASE, project, *patterns, r"def is_reachable\(")
    return line_matching(ROUTER, project, *patterns)


async def complain_if_nothing_is_told(app: "FastAPI", *, answer: bool, when: str) -> None:
    """Point at ``is_reachable`` if it is there and returns None.

    Args:
        app: the application, while it runs.
        answer: what the function has to return now.
        when: the words for now.

    Raises:
        Unmet: it does.
    """
    ask = getattr(sys.modules.get("app.core.database"), "is_reachable", None)
    if inspect.iscoroutinefunction(ask):
        with contextlib.suppress(TypeError, AttributeError):
            expect(
                await ask(app.state.engine) is not None,
                expected=f"is_reachable() to return {answer} when {when}",
                found="it returned None",
                at=ask,
            )


async def complain_if_kept_to_itself(client: "httpx.AsyncClient", project: Path) -> None:
    """Tell the error that the learner's code meets and answers with 503, for nobody else does.

    Raises:
        Unmet: there is one.
    """
    with raised_below(project) as raised:
        await client.get(READY)
    if raised:
        raise Unmet(
            expected=f"status 200 from GET {READY}",
            found=f"status 503, after {described(raised[0])}",
            at=learners_line(raised[0], project),
        )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_asks_the_database(
    database: Database,
    engines: dict[Any, object],
    by_driver: list[str],
    client: "httpx.AsyncClient",
    project: Path,
) -> None:
    """/health/ready sends the database a query each time

    Why: A pool lends connections that were closed long ago. Only an answer shows that somebody is there.

    Next: Step 4: each call sends one small query over the engine that it is given, and awaits the answer.
    """
    count_from_here()
    await client.get(READY)
    first = [*database.statements, *by_driver]
    for earlier in (database.statements, by_driver, database.disposed):
        earlier.clear()
    known = set(engines)
    response = await client.get(READY)
    silent = not (database.statements or by_driver)
    queries = () if first and silent else (r"\.(execute|scalar|exec_driver_sql)\(",)
    at = where_it_asks(project, *queries) or response.extensions.get("endpoint")
    expect(
        not silent,
        expected="a query while /health/ready answers",
        found="one for the first request, and none for the second"
        if first
        else "a connection at most, and no query",
        at=at,
    )
    changing = next((one for one in database.statements if re.match(CHANGES, one)), "")
    expect(
        not changing,
        expected="a query that changes nothing in the database",
        found=shorten(" ".join(changing.split()), 60),
        at=at,
    )
    pools = {engine.pool for engine in known}
    own = [engine for engine in engines if engine.pool not in pools]
    expect(
        not own,
        expected="a query over app.state.engine",
        found="an engine that was made for this one request",
        at=own and engines[own[0]],
    )
    expect(
        known.isdisjoint(database.disposed),
        expected="an engine that keeps its connections for the next request",
        found="a probe that disposes of it",
        at=line_with(DATABASE, project, r"\.dispose\(", within="is_reachable"),
    )


@pytest.mark.needs("test_ready_asks_the_database")
async def test_ready_is_unavailable_without_database(
    app: "FastAPI", database: Database, client: "httpx.AsyncClient", project: Path
) -> None:
    """Without its database, /health/ready answers 503

    Why: A service that says it is ready and fails each request is worse than one that is not there.

    Next: Step 4: what is the answer when the query raises? Step 5: what does the route do with it?
    """
    await client.get(READY)
    await database.go_away()
    for _ in range(2):
        response = await client.get(READY)
        if response.status_code != 503:
            complain_if_own_exception_is_caught(response, project)
        expect_answer(response, 503)
        expect(
            not says_ok(response),
            expected="a body that does not say ok, together with status 503",
            found=f"the body {shorten(response.text)}",
            at=response.extensions.get("endpoint"),
        )
    await complain_if_nothing_is_told(app, answer=False, when="the query fails")


def complain_if_own_exception_is_caught(response: "httpx.Response", project: Path) -> None:
    """Point at an ``except`` of the route that also catches what the route raises for the client.

    Raises:
        Unmet: there is one.
    """
    source = (project / ROUTER).read_text(encoding="utf-8") if (project / ROUTER).is_file() else ""
    for block in ast.walk(ast.parse(source)):
        if isinstance(block, ast.Try) and "raise HTTPException" in "\n".join(map(ast.unparse, block.body)):
            first = block.handlers[0] if block.handlers else None
            if first is not None and (first.type is None or ast.unparse(first.type).endswith("Exception")):
                raise Unmet(
                    expected=f"status 503 from GET {READY}",
                    found=f"{told_status(response)}: this line catches HTTPException as well",
                    at=(ROUTER, first.lineno),
                )


def says_ok(response: "httpx.Response") -> bool:
    """Whether a body says in some word that all is well."""
    try:
        body = response.json()
    except ValueError:
        return False
    status = body.get("status") if isinstance(body, dict) else body
    return isinstance(status, str) and status.strip().casefold() in ALL_IS_WELL


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_ready_recovers(database: Database, client: "httpx.AsyncClient") -> None:
    """Once the database is back, /health/ready answers 200 again

    Why: Databases restart. A service that has to be restarted too wakes somebody up at night.

    Next: Step 4: the question has to be asked anew each time.
    """
    await client.get(READY)
    await database.go_away()
    await client.get(READY)
    database.come_back()
    await client.get(READY)
    expect_answer(await client.get(READY), 200, {"status": "ok"})


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_ready_does_not_wait_for_ever(
    app: "FastAPI", client: "httpx.AsyncClient", project: Path
) -> None:
    """If the database never answers, /health/ready says 503 within 5 seconds

    Why: A network that swallows packets gives no error. Whoever waits without a limit waits for ever.

    Next: Step 4: one limit, which begins before the connection is asked for and ends after the answer.
    """
    waited = await time_to_answer(app, client, project, "a connection")
    await time_to_answer(app, client, project, "the answer to a query", queries=True)
    nearly = max(waited - OVERSHOOT, 0.0)
    await time_to_answer(app, client, project, "first the one and then the other", queries=True, delay=nearly)


async def time_to_answer(
    app: "FastAPI", client: "httpx.AsyncClient", project: Path, what: str, **silence: Any
) -> float:
    """The seconds until the answer in a silence, see `stalled`.

    Raises:
        Unmet: the answer is not 503, or takes longer than the brief allows.
    """
    clock = asyncio.get_running_loop()
    async with stalled(app.state.engine, **silence) as held:
        start = clock.time()
        response = await client.get(READY)
        waited = clock.time() - start
    if "queries" in silence and not held.count:
        return waited  # the driver was asked directly: there is nothing to hold
    expect_answer(response, 503)
    gave_up = ", when the driver gave up" if waited >= STALLED else ""
    limit = line_matching(ROUTER, project, LIMITS) or where_it_asks(project, LIMITS)
    expect(
        waited <= PATIENCE + OVERSHOOT,
        expected=f"an answer within {PATIENCE:g} seconds when {what} takes for ever",
        found=f"an answer after {waited:.0f} seconds of the check's own clock{gave_up}",
        at=limit or response.extensions.get("endpoint"),
    )
    return waited


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_ready_gives_its_connection_back(
    app: "FastAPI", database: Database, client: "httpx.AsyncClient", project: Path
) -> None:
    """/health/ready gives its connection back after each answer

    Why: A probe comes every few seconds. With one connection each, the pool is empty in a minute.

    Next: Step 4: a connection is a context manager, and a limit ends what it limits.
    """
    count_from_here()
    response = await client.get(READY)
    at = where_it_asks(project, r"\.(connect|begin)\(") or response.extensions.get("endpoint")
    await expect_given_back(database, "after a probe", at)
    async with stalled(app.state.engine, queries=True) as held:
        await client.get(READY)
        await held.let_pass(PATIENCE)  # what has a limit of its own may come to it
        await expect_all_ended("after the answer that the database is silent", project)
        held.patience = 0.0
        await client.get(READY)
        await expect_given_back(database, "after a query that failed", at)


@pytest.mark.needs("test_ready_does_not_wait_for_ever")
async def test_ready_can_be_given_up(app: "FastAPI", client: "httpx.AsyncClient", project: Path) -> None:
    """A request to /health/ready ends when it is cancelled

    Why: A server that stops cancels what still waits. Code that catches this goes on, for nobody.

    Next: Step 4: a cancellation is no error of the database. Which exceptions does the probe catch?
    """
    async with stalled(app.state.engine) as held:
        request = asyncio.create_task(client.get(READY))
        while not (held.count or request.done()):  # noqa: ASYNC110 - the clock runs with the loop
            await asyncio.sleep(0)
        held.clock_runs = False
        if request.done():  # it asks in a way that cannot be held: it is cancelled where it first waits
            request = asyncio.create_task(client.get(READY))
            await asyncio.sleep(0)
        request.cancel()
        await asyncio.wait({request}, timeout=GRACE)
        answered = request.done() and not request.cancelled() and request.exception() is None
    expect(
        not answered,
        expected="a request that ends when it is cancelled, without an answer",
        found="it went on, and answered",
        at=where_it_asks(project, *KEEPING_CANCELLATIONS)
        or (answered and request.result().extensions.get("endpoint")),
    )


@pytest.mark.needs(
    "test_lifespan.py::test_connections_are_closed_at_shutdown",
    "test_lifespan.py::test_factory_makes_sessions",
    "test_ready_asks_the_database",
    "test_ready_gives_its_connection_back",
)
async def test_every_engine_is_closed_at_shutdown(
    app: "FastAPI", database: Database, engines: dict[Any, object], project: Path
) -> None:
    """What the probe and the sessions opened is closed at shutdown, too

    Why: A second engine has connections of its own, and nobody who closes them.

    Next: Step 3 and step 4: the factory and the probe are given the one engine of the lifespan.
    """
    count_from_here()
    async with serving(app) as client:
        await client.get(READY)
        async with app.state.session_factory() as session:
            await session.connection()
    await expect_all_closed(database, "after a probe, a session and the end", engines)
    await expect_all_ended("after a probe and the end", project)


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_unavailable_answer_tells_no_secrets(database: Database, client: "httpx.AsyncClient") -> None:
    """The 503 does not tell what the error said

    Why: The text of a database error may hold its address, a user or a password. The log is the place for it.

    Next: Step 5 says what the answer holds.
    """
    await database.go_away()
    response = await client.get(READY)
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    for kind, text in (("body", response.text), ("header", headers)):
        line = next((line for line in text.splitlines() if holds(line, SECRETS | database.said)), "")
        expect(
            not line,
            expected="an answer that says that the service is unavailable, and no more",
            found=f"a {kind} with the words of the error: {shorten(line)}",
            at=response.extensions.get("endpoint"),
        )


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_reason_stands_in_the_log(
    database: Database, client: "httpx.AsyncClient", project: Path, logged: list[logging.LogRecord]
) -> None:
    """The reason for a 503 stands in the log

    Why: The answer does not tell it, so the log is the one place where an operator can find it.

    Next: Step 4: the module has a logger, and a logger has a method for exceptions.
    """
    await database.go_away()
    logged.clear()
    response = await client.get(READY)
    libraries = {"sqlalchemy", "aiosqlite", "asyncio"}
    own = [
        record
        for record in logged
        if record.levelno >= logging.WARNING and record.name.partition(".")[0] not in libraries
    ]
    expect(
        any(tells_reason(record, database.said) for record in own),
        expected="a warning or an error in the log that tells what the database's error was",
        found=f"only {shorten(own[-1].getMessage())!r}" if own else "none",
        at=logging_line(own, project)
        or where_it_asks(project, r"except\b")
        or response.extensions.get("endpoint"),
    )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_documents_both_answers(app: "FastAPI") -> None:
    """The documentation of /health/ready has both answers, 200 and 503

    Why: Whoever sets up the load balancer reads there what to expect.

    Next: Step 5: the decorator takes `responses=` for the answers besides the usual one.
    """
    operation = app.openapi()["paths"].get(READY, {}).get("get", {})
    documented = sorted(operation.get("responses", {}))
    if "200" in documented and {"503", "5XX", "default"} & set(documented):
        return
    async with serving(app) as client:
        response = await client.get(READY)
    raise Unmet(
        expected="200 and 503 among the documented answers",
        found=", ".join(documented) or f"no GET {READY} in the documentation",
        at=response.extensions.get("endpoint"),
    )


@pytest.mark.needs("test_lifespan.py::test_engine_is_there_while_the_application_runs")
async def test_live_needs_no_database(
    app: "FastAPI", database: Database, client: "httpx.AsyncClient"
) -> None:
    """/health/live answers without asking the database

    Why: Who does not answer here is killed and started again. That brings no database back.

    Next: Leave live as it is: step 5 adds a second probe.
    """
    async with stalled(app.state.engine) as held:
        response = await client.get("/health/live")
    expect(
        not held.count,
        expected="an answer from /health/live that waits for nobody",
        found="it asks the database first",
        at=response.extensions.get("endpoint"),
    )
    await database.go_away()
    expect_answer(await client.get("/health/live"), 200, {"status": "ok"})
