"""Lesson 03: a database engine that lives as long as the application, and a probe that asks it."""

import ast
import asyncio
import contextlib
import inspect
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import (
    Unmet,
    described,
    expect,
    expect_answer,
    learners_line,
    line_with,
    shorten,
    told_status,
)
from checks.outage import STALLED, TICK, Database, Held, count_from_here, counts, stalled
from checks.serving import serving

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

    from checks.fixtures import Load

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("database", "engines")]

MAIN = "app/main.py"
DATABASE = "app/core/database.py"
ROUTER = "app/health/router.py"
READY = "/health/ready"
PATIENCE = 5.0
"""Seconds within which a probe has to answer, as the brief says."""
OVERSHOOT = 5 * TICK
"""Seconds by which the played clock may go too far before a time limit is seen."""
GRACE, MOMENT = 1.0, 0.01
"""Seconds, by the real clock, in which what is ending may come to its end, and after which we look again."""
SECRETS = {"sqlite", "unable to open", "no active connection", "library.db"}
"""What nobody may read in an answer while the database is away, beside what its errors say."""
ALL_IS_WELL = {"ok", "up", "healthy", "ready", "available"}
"""What a status may not say together with 503."""
LIMITS = r"timeout(_at)?\(|wait_for\(|fail_after\(|move_on_after\(|asyncio\.wait\("
"""Where a source sets a time limit."""
CHANGES = r"\s*(?i:create|insert|update|delete|drop|alter|replace|truncate)\b"
"""How a statement begins that leaves something in the database."""
SIGNS = {
    "didn't stop": "a lifespan that yields more than once",
    "didn't yield": "a lifespan that ends without a yield",
    "asynchronous context manager": "a lifespan that is no asynchronous context manager",
    "__aenter__": "a lifespan that is no asynchronous context manager",
    "positional argument": "a lifespan that cannot be called with the application",
}
"""What Python says of a lifespan that is written wrongly, and what that means."""


@pytest.fixture
def engines(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Any, object]:
    """Each engine that is made from now on, and the learner's line that makes it."""
    from sqlalchemy.ext.asyncio import AsyncEngine

    made: dict[Any, object] = {}
    make = AsyncEngine.__init__

    def remember(engine: AsyncEngine, *args: Any, **options: Any) -> None:
        make(engine, *args, **options)
        stack = traceback.walk_stack(inspect.currentframe())
        lines = ((Path(frame.f_code.co_filename), line) for frame, line in stack)
        own = ((file.relative_to(project), line) for file, line in lines if file.is_relative_to(project))
        made[engine.sync_engine] = next(((file.as_posix(), line) for file, line in own), None)

    monkeypatch.setattr(AsyncEngine, "__init__", remember)
    return made


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[logging.LogRecord]:
    """What is logged from now on, in every logger that is switched on."""
    records: list[logging.LogRecord] = []
    handle = logging.Logger.handle

    def overhear(logger: logging.Logger, record: logging.LogRecord) -> None:
        records.append(record)
        handle(logger, record)

    monkeypatch.setattr(logging.Logger, "handle", overhear)
    return records


async def test_engine_is_there_while_the_application_runs(
    load_app: "Callable[..., FastAPI]", load: "Load", project: Path, lifespans: list[object]
) -> None:
    """While the application runs, app.state.engine is an AsyncEngine

    Why: One engine keeps the connections for all requests; later lessons take it from there.

    Next: Step 2: what stands above the lifespan, who is given it, and where does it put the engine?
    """
    from sqlalchemy.ext.asyncio import AsyncEngine

    app = load_app()
    try:
        async with serving(app):
            engine = getattr(app.state, "engine", None)
    except (TypeError, AttributeError, RuntimeError) as error:
        explain(error, project)
        raise
    if engine is None:
        await complain_if_unwritten(load)
        complain_if_left_aside(app, lifespans, project)
    expect(
        isinstance(engine, AsyncEngine),
        expected="app.state.engine to be an AsyncEngine between start-up and shutdown",
        found=f"an object of type {type(engine).__name__}" if engine else "no app.state.engine",
        at=lifespan_line(project),
    )
    for lifespan in lifespans:
        expect(
            not (inspect.isasyncgenfunction(lifespan) or inspect.isgeneratorfunction(lifespan)),
            expected="a lifespan that is an asynchronous context manager",
            found="a function that yields, and no decorator that makes a context manager of it",
            at=lifespan,
        )


@pytest.fixture
def lifespans(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What each application and router is given as its lifespan from now on, None if nothing."""
    from fastapi.routing import APIRouter

    given: list[object] = []
    make = APIRouter.__init__

    def remember(router: APIRouter, *args: Any, **options: Any) -> None:
        given.append(options.get("lifespan"))
        make(router, *args, **options)

    monkeypatch.setattr(APIRouter, "__init__", remember)
    return given


def complain_if_left_aside(app: "FastAPI", lifespans: list[object], project: Path) -> None:
    """Say where the way of the engine into the application is broken, if that can be told.

    Raises:
        Unmet: nobody runs the lifespan, or the engine is put beside ``app.state``.
    """
    elsewhere = line_with(MAIN, project, r"\.lifespan_context\b", r"\bon_startup\b|\bon_event\(")
    if not any(lifespans) and elsewhere == MAIN:
        raise Unmet(
            expected="an application that is given its lifespan",
            found="a FastAPI(...) without one: nobody runs the function",
            at=line_with(MAIN, project, r"FastAPI\("),
        )
    if hasattr(app, "engine"):
        raise Unmet(
            expected="app.state.engine to be an AsyncEngine between start-up and shutdown",
            found="app.engine, which is not in app.state",
            at=line_with(MAIN, project, r"\bapp\.engine\s*=", r"\.engine\s*=", r"def lifespan\("),
        )


def explain(error: Exception, project: Path) -> None:
    """Say in the lesson's words what is wrong with a context manager that Python complains about.

    Raises `checks.expect.Unmet`, unless the learner's own line in the traceback says more.
    """
    place = learners_line(error, project)
    if "async iterator" in str(error):
        expected, at = (
            "a lifespan that yields once, between start-up and shutdown",
            place or lifespan_line(project),
        )
        if place and "open_engine" in text_at(place, project):
            expected, at = (
                "open_engine to yield the engine",
                line_with(DATABASE, project, r"def open_engine\("),
            )
        raise Unmet(expected=expected, found="a function without a yield", at=at) from None
    meaning = next((words for sign, words in SIGNS.items() if sign in str(error)), None)
    if place is None and meaning:
        raise Unmet(
            expected="a lifespan that FastAPI can start with the application, and end once",
            found=meaning,
            at=lifespan_line(project),
        ) from None


def text_at(place: tuple[str, int], project: Path) -> str:
    """The text of a line of the learner's."""
    return (project / place[0]).read_text(encoding="utf-8").splitlines()[place[1] - 1]


async def complain_if_unwritten(load: "Load") -> None:
    """Let a function that is as the starter has it speak for itself.

    Raises:
        NotImplementedError: by the learner's own line.
    """
    database = load("app.core.database")
    if hasattr(database, "open_engine"):
        with contextlib.suppress(TypeError, AttributeError):
            async with database.open_engine("sqlite+aiosqlite://"):
                pass


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_engine_goes_where_the_settings_say(app: "FastAPI", database: Database, project: Path) -> None:
    """The engine is made for the setting database_url

    Why: A service that goes to another database than its operator said loses data without a word.

    Next: Step 2: what does the lifespan hand to open_engine?
    """
    from sqlalchemy import make_url

    async with serving(app):
        url = app.state.engine.url
    expect(
        url.database == make_url(database.url).database,
        expected="an engine for the value of DATABASE_URL",
        found=f"an engine for {url}",
        at=lifespan_line(project),
    )


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_factory_makes_sessions(app: "FastAPI", project: Path) -> None:
    """app.state.session_factory() gives a new AsyncSession on that engine

    Why: Each request gets a session of its own, for a session is one transaction. The factory is shared.

    Next: Step 3 makes the factory, and the lifespan puts it beside the engine.
    """
    from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

    async with serving(app):
        factory = getattr(app.state, "session_factory", None)
        if factory is None:
            complain_if_nothing_is_made(app)
        expect(
            callable(factory),
            expected="app.state.session_factory to be a factory of sessions",
            found=f"an object of type {type(factory).__name__}"
            if factory
            else "no app.state.session_factory",
            at=lifespan_line(project),
        )
        made_at = line_with(DATABASE, project, r"sessionmaker\(", r"AsyncSession\(")
        with blaming(lifespan_line(project) if inspect.isfunction(factory) else made_at, project):
            session: Any = factory()  # type: ignore[misc]
        expect(
            isinstance(session, AsyncSession),
            expected="app.state.session_factory() to give an AsyncSession",
            found=f"an object of type {type(session).__name__}",
            at=made_at,
        )
        expect(
            # What is the scope of such a session, an application may decide.
            isinstance(factory, async_scoped_session) or await in_another_task(factory) is not session,
            expected="a session of its own for each call of app.state.session_factory()",
            found="the same session for two tasks at the same time",
            at=made_at,
        )
        with blaming(made_at, project):
            async with session:
                engine = (await session.connection()).sync_connection.engine
        same = engine.url == app.state.engine.url
        expect(
            engine.pool is app.state.engine.pool,
            expected="sessions on app.state.engine",
            found="sessions on a second engine for the same database"
            if same
            else f"sessions on {engine.url}",
            at=made_at,
        )


def complain_if_nothing_is_made(app: "FastAPI") -> None:
    """Point at ``make_session_factory`` if it is there and returns None.

    Raises:
        Unmet: it does.
    """
    make = getattr(sys.modules.get("app.core.database"), "make_session_factory", None)
    with contextlib.suppress(TypeError):
        expect(
            not inspect.isfunction(make) or make(app.state.engine) is not None,
            expected="make_session_factory() to return the factory",
            found="it returned None",
            at=make,
        )


async def in_another_task(function: Any) -> Any:
    """What a function returns that is called by another request, so to speak."""

    async def call() -> Any:
        return function()

    return await asyncio.create_task(call())


@contextlib.contextmanager
def blaming(at: object, project: Path) -> Iterator[None]:
    """What a library says of sessions that are made wrongly, at a line of the learner's."""
    try:
        yield
    except Exception as error:
        if learners_line(error, project):
            raise
        raise Unmet(expected="sessions that can be used", found=described(error), at=at) from None


@pytest.mark.needs("test_factory_makes_sessions")
async def test_objects_stay_readable_after_commit(app: "FastAPI", project: Path) -> None:
    """Sessions are made with expire_on_commit=False

    Why: Else an object forgets its values at the commit, and reading one asks the database without await.

    Next: Step 3 names the option.
    """
    async with serving(app), app.state.session_factory() as session:
        expires = session.sync_session.expire_on_commit
    expect(
        expires is False,
        expected="sessions with expire_on_commit=False",
        found=f"sessions with expire_on_commit={expires}",
        at=line_with(DATABASE, project, r"sessionmaker\("),
    )


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_connections_are_closed_at_shutdown(
    app: "FastAPI", database: Database, engines: dict[Any, object], project: Path
) -> None:
    """When the application ends, its connections and its tasks end too

    Why: A database allows so many connections and no more; each one left open is one less for the others.

    Next: Step 1: what happens after the yield? Step 2: in which block is the yield, and who ends the tasks?
    """
    count_from_here()
    async with serving(app):
        early = app.state.engine.sync_engine in database.disposed
        await use(app.state.engine)
    if early and database.open:
        await database.close_all()
        raise Unmet(
            expected="an engine that is disposed of when the application ends",
            found="one that was disposed of before the first request",
            at=lifespan_line(project),
        )
    expect(
        not any(code.co_name == "dispose" for code in codes_of_tasks()),
        expected="an engine that is closed when the application has ended",
        found="a dispose() that nobody waits for",
        at=line_with(DATABASE, project, r"\.dispose\("),
    )
    await expect_all_closed(database, "after the application has ended", engines)
    await expect_all_ended("after the application has ended", project)


@pytest.mark.needs("test_connections_are_closed_at_shutdown")
async def test_connections_are_closed_after_an_error(
    app: "FastAPI", database: Database, engines: dict[Any, object], project: Path
) -> None:
    """After an error or a cancellation, connections and tasks end too

    Why: A start-up that fails half-way is tried again and again, and leaves something open each time.

    Next: Step 1: both arrive at the yield. Which statement runs its last part even then?
    """
    count_from_here()
    for error in (StartUpError, asyncio.CancelledError):
        await left_with(error, app, connecting=True)  # in whatever words the lifespan tells it
        when = f"after {told_as(error)}"
        await expect_all_closed(database, when, engines)
        await expect_all_ended(when, project)


@pytest.mark.needs("test_connections_are_closed_after_an_error")
async def test_error_comes_out_of_the_lifespan(app: "FastAPI", project: Path) -> None:
    """The lifespan lets an error go on

    Why: Whoever started the service has to learn that something failed. An error that is kept back looks
    like a normal end.

    Next: Step 1 and step 2: which statement around a yield keeps an error back?
    """
    for error in (StartUpError, RuntimeError, OSError, asyncio.CancelledError):
        expect(
            await left_with(error, app),  # also an error that tells it in other words
            expected=f"{told_as(error)} at the yield to come out of the lifespan",
            found="a lifespan that ended as if nothing had happened",
            at=line_that_keeps_errors_back(project),
        )


async def left_with(
    error: type[BaseException], app: "FastAPI", *, connecting: bool = False
) -> BaseException | None:
    """What comes out of an application in which something raises an error, or which is cancelled."""

    async def run() -> None:
        count_from_here()
        async with serving(app):
            if connecting:
                await use(app.state.engine)
            if error is asyncio.CancelledError:
                task.cancel()
                await asyncio.sleep(0)
            raise error

    task = asyncio.create_task(run())
    await asyncio.wait({task})
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def told_as(error: type[BaseException]) -> str:
    """What an error is called in a message."""
    if error is asyncio.CancelledError:
        return "a cancellation"
    return "an error" if error is StartUpError else f"an error of type {error.__name__}"


def line_that_keeps_errors_back(project: Path) -> object:
    """The place where the learner's source seems to catch what arrives at a yield."""
    catching = (r"except\b", r"suppress\(", r"\breturn\b")
    for file, function in ((MAIN, "lifespan"), (DATABASE, "open_engine")):
        place = line_with(file, project, *catching, within=function)
        if place != file:
            return place
    return line_with(MAIN, project, *catching[:2], r"def lifespan\(")


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_refused_start_leaves_no_engine(
    app: "FastAPI", database: Database, engines: dict[Any, object]
) -> None:
    """An engine whose database is not there at the start is not left behind

    Why: Whatever opens something closes it, also when the start-up itself is what fails.

    Next: Step 1: from which line on does anybody take care of the engine?
    """
    engines.clear()
    await database.go_away()
    try:
        async with serving(app):
            return  # the start-up does not ask the database: nothing of it can fail here
    except Exception:  # noqa: BLE001, S110 - in whatever way it refuses to go on
        pass
    left = [place for engine, place in engines.items() if engine not in database.disposed]
    expect(
        not left,
        expected="every engine to be disposed of when the start-up fails",
        found=f"{len(left)} engine that nobody disposed of",
        at=left and left[0],
    )


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_application_can_start_again(app: "FastAPI", project: Path) -> None:
    """A second start, and a second application, work like the first

    Why: Tests start and stop applications many times, and build their own.

    Next: Step 2: what belongs to one run is made inside the lifespan, for the application that it is given.
    """
    async with serving(app):
        await use(app.state.engine)
    try:
        async with serving(app):
            await use(app.state.engine)
    except Exception as error:  # noqa: BLE001 - whatever the second start stumbles over
        raise Unmet(
            expected="a second start that ends as the first one did",
            found=f"{type(error).__name__}: {error}",
            at=lifespan_line(project),
        ) from None
    second = another(app)
    if second is not None:
        async with serving(second):
            expect(
                getattr(second.state, "engine", None) is not None,
                expected="an app.state.engine in each application that create_app() builds",
                found="none in the second one, while it runs",
                at=lifespan_line(project),
            )


def another(app: "FastAPI") -> "FastAPI | None":
    """What ``create_app()`` builds now; None if there is no such function, or it asks for something."""
    create: Any = getattr(sys.modules.get("app.main"), "create_app", None)
    try:
        inspect.signature(create).bind()
    except (TypeError, ValueError):
        return None
    second = None if inspect.iscoroutinefunction(create) else create()
    return second if isinstance(second, type(app)) and second is not app else None


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
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
        await complain_if_nothing_is_told(app)
    expect_answer(response, 200, {"status": "ok"}, at=missing)
    allowed = re.findall(r"POST|PUT|PATCH|DELETE", (await client.options(READY)).headers.get("allow", ""))
    expect(
        not allowed,
        expected=f"a route for GET {READY}, and for no method that changes something",
        found=f"one for {', '.join(allowed)}, too",
        at=response.extensions.get("endpoint"),
    )


async def complain_if_nothing_is_told(app: "FastAPI") -> None:
    """Point at ``is_reachable`` if it is there and returns None.

    Raises:
        Unmet: it does.
    """
    ask = getattr(sys.modules.get("app.core.database"), "is_reachable", None)
    if inspect.iscoroutinefunction(ask):
        with contextlib.suppress(TypeError, AttributeError):
            expect(
                await ask(app.state.engine) is not None,
                expected="is_reachable() to return True when the query succeeds",
                found="it returned None",
                at=ask,
            )


def exception_in(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record tells, in whatever way it was handed over."""
    told = [record.exc_info[1]] if isinstance(record.exc_info, tuple) else []
    given = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in (*told, *given, record.msg) if isinstance(one, BaseException)), None)


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
    at = line_with(DATABASE, project, r"\.(execute|scalar|exec_driver_sql)\(", r"def is_reachable\(")
    if first and silent:
        at = line_with(DATABASE, project, r"def is_reachable\(")
    elif line_with(ROUTER, project, r"is_reachable\(") == ROUTER:
        at = response.extensions.get("endpoint")
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
    database: Database, client: "httpx.AsyncClient", project: Path
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
    limit = next(
        (place for file in (DATABASE, ROUTER) if (place := line_with(file, project, LIMITS)) != file), None
    )
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
    at = (await client.get(READY)).extensions.get("endpoint")
    await expect_given_back(database, "after a probe", at)
    async with stalled(app.state.engine, queries=True) as held:
        await client.get(READY)
        await expect_all_ended("after the answer that the database is silent", project, held)
        held.patience = 0.0
        await client.get(READY)
        await expect_given_back(database, "after a query that failed", at)


async def expect_given_back(database: Database, when: str, at: object) -> None:
    """Fail the check if a connection stays in use that was asked for where it counts."""
    in_use = await settled(lambda: [*database.lent])
    expect(not in_use, expected=f"no connection in use {when}", found=f"{len(in_use)} in use", at=at)


async def settled(left: "Callable[[], list[Any]]") -> list[Any]:
    """What is still left of something that may need a moment to come to its end."""
    for _ in range(round(GRACE / MOMENT)):
        if not left():
            break
        await asyncio.sleep(MOMENT)
    return left()


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
        if not request.cancel():
            return  # it did not wait for a connection
        await asyncio.wait({request}, timeout=GRACE)
        answered = request.done() and not request.cancelled() and request.exception() is None
    expect(
        not answered,
        expected="a request that ends when it is cancelled, without an answer",
        found="it went on, and answered",
        at=line_that_keeps_cancellations_back(project)
        or (answered and request.result().extensions.get("endpoint")),
    )


def line_that_keeps_cancellations_back(project: Path) -> object:
    """The place where the learner's source catches more than exceptions, if there is one."""
    patterns = (
        r"except\s*:",
        r"except\b.*\b(BaseException|CancelledError)\b",
        r"suppress\(.*(BaseExc|Cancelled)",
    )
    places = ((file, line_with(file, project, *patterns)) for file in (DATABASE, ROUTER))
    return next((place for file, place in places if place != file), None)


@pytest.mark.needs(
    "test_connections_are_closed_at_shutdown",
    "test_factory_makes_sessions",
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


def holds(text: str, words: set[str]) -> bool:
    """Whether a text holds one of some words, in capitals or not."""
    text = text.casefold()
    return any(word.casefold() in text for word in words)


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
    await client.get(READY)
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
        at=logging_line(own, project) or line_with(DATABASE, project, r"except\b"),
    )


def logging_line(records: list[logging.LogRecord], project: Path) -> tuple[str, int] | None:
    """The learner's line that logged the last of some records."""
    own = (record for record in reversed(records) if Path(record.pathname).is_relative_to(project))
    return next(((Path(one.pathname).relative_to(project).as_posix(), one.lineno) for one in own), None)


def tells_reason(record: logging.LogRecord, said: set[str]) -> bool:
    """Whether a record holds an exception, or the text or type of what the database said."""
    places = {"name", "pathname", "filename", "module", "funcName"}
    told = " ".join(
        [record.getMessage(), *(str(vars(record)[name]) for name in vars(record).keys() - places)]
    )
    if said:
        return exception_in(record) is not None or holds(told, said | {"TimeoutError"})
    # The driver was asked directly: nobody else heard what it said.
    return (
        exception_in(record) is not None or re.search(r"[a-z]Error\b|no active connection", told) is not None
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


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
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


class StartUpError(Exception):
    """Something that starts after the application's own lifespan has failed."""


async def use(engine: Any) -> None:
    """Make the engine open a connection."""
    from sqlalchemy import text

    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def expect_all_closed(database: Database, when: str, engines: dict[Any, object]) -> None:
    count = len(database.left_open)
    left = [place for engine, place in engines.items() if engine not in database.disposed]
    await database.close_all()
    expect(
        count == 0,
        expected=f"no open connection {when}",
        found=f"{count} that nobody closed",
        at=next(iter([*left, *engines.values()]), None),
    )


async def expect_all_ended(when: str, project: Path, held: Held | None = None) -> None:
    """Fail the check if a coroutine of the learner's goes on that was begun where it counts.

    What has its own limit may come to it first; `held` is the clock that is put forward for it.
    """

    def going_on() -> list[Any]:
        return [code for code in codes_of_tasks() if Path(code.co_filename).is_relative_to(project)]

    for _ in range(round(PATIENCE / TICK) if held else 0):
        if going_on():
            await asyncio.sleep(0)
    if held:
        held.clock_runs = False
    left = await settled(going_on)
    expect(
        not left,
        expected=f"no task that goes on {when}",
        found=f"{left[0].co_name}(), which nobody ended" if left else "",
        at=left and left[0],
    )


def codes_of_tasks() -> list[Any]:
    """What the tasks run that were begun where it counts and go on, if that is a coroutine function."""
    codes = (getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() if counts(task))
    return [code for code in codes if code]


def lifespan_line(project: Path) -> object:
    """The place of the lifespan, as far as a look at main.py can tell."""
    return line_with(MAIN, project, r"def lifespan\(", "lifespan=", r"FastAPI\(")
