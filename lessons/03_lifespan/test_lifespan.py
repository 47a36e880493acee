"""Lesson 03, steps 1 to 3: a database engine that lives as long as the application."""

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import Unmet, described, expect, learners_line, line_matching, line_with
from checks.leftovers import (
    codes_of_tasks,
    expect_all_closed,
    expect_all_ended,
    not_disposed,
    open_connection,
)
from checks.outage import Database, count_from_here
from checks.serving import serving

if TYPE_CHECKING:
    from fastapi import FastAPI

    from checks.fixtures import Load

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("database", "engines")]

MAIN = "app/main.py"
DATABASE = "app/core/database.py"
SIGNS = {
    "didn't stop": "a lifespan that yields more than once",
    "didn't yield": "a lifespan that ends without a yield",
    "asynchronous context manager": "a lifespan that is no asynchronous context manager",
    "__aenter__": "a lifespan that is no asynchronous context manager",
    "positional argument": "a lifespan that cannot be called with the application",
}
MISUSES = {
    "'_AsyncGeneratorContextManager' object does not support the context manager protocol": (
        "a plain `with` around an asynchronous context manager"
    ),
    "'AsyncEngine' object does not support the asynchronous context manager protocol": (
        "`async with` around an engine, which is no context manager"
    ),
    "_AsyncGeneratorContextManager can't be used in 'await' expression": (
        "`await` before an asynchronous context manager, which is entered and not awaited"
    ),
}
"""What Python says where an object is used as it cannot be, and what that means."""
"""What Python says of a lifespan that is written wrongly, and what that means."""


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
        await complain_if_nothing_is_yielded(load, project)
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


def complain_if_left_aside(app: "FastAPI", lifespans: list[object], project: Path) -> None:
    """Say where the way of the engine into the application is broken, if that can be told.

    Raises:
        Unmet: nobody runs the lifespan, or the engine is put beside ``app.state``.
    """
    elsewhere = line_matching(MAIN, project, r"\.lifespan_context\b", r"\bon_startup\b|\bon_event\(")
    if not any(lifespans) and elsewhere is None:
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
    misuse = next((words for sign, words in MISUSES.items() if sign in str(error)), None)
    if place is not None and misuse:
        raise Unmet(
            expected="a block that opens the engine, and closes it when it ends", found=misuse, at=place
        ) from None
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


async def complain_if_nothing_is_yielded(load: "Load", project: Path) -> None:
    """Say what is wrong with ``open_engine``, if that can be told from what it gives.

    Raises:
        NotImplementedError: it is as the starter has it; raised by the learner's own line.
        Unmet: it gives no engine.
    """
    open_engine = getattr(load("app.core.database"), "open_engine", None)
    if open_engine is None:
        return
    with contextlib.suppress(TypeError):
        opened = open_engine("sqlite+aiosqlite://")
        if inspect.iscoroutine(opened):
            opened.close()
            raise Unmet(
                expected="open_engine to be an asynchronous context manager, with a yield",
                found="a coroutine function without one",
                at=line_with(DATABASE, project, r"\breturn\b", r"def open_engine\(", within="open_engine"),
            )
        if not hasattr(opened, "__aenter__"):
            return
        async with opened as engine:
            expect(
                engine is not None,
                expected="open_engine to yield the engine",
                found="a yield without it",
                at=line_with(DATABASE, project, r"\byield\b", within="open_engine"),
            )


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
        found=f"sessions with expire_on_commit={expires!r}",
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
        await open_connection(app.state.engine)
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


class StartUpError(Exception):
    """Something that starts after the application's own lifespan has failed."""


async def left_with(
    error: type[BaseException], app: "FastAPI", *, connecting: bool = False
) -> BaseException | None:
    """What comes out of an application in which something raises an error, or which is cancelled."""

    async def run() -> None:
        count_from_here()
        async with serving(app, passing_errors_on=True):
            if connecting:
                await open_connection(app.state.engine)
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
        if place := line_matching(file, project, *catching, within=function):
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
    with contextlib.suppress(Exception):  # a start-up that asks the database may refuse to go on
        async with serving(app):
            pass
    left = not_disposed(database, engines)
    expect(
        not left,
        expected="every engine to be disposed of, also when the start-up fails",
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
        await open_connection(app.state.engine)
    try:
        async with serving(app):
            await open_connection(app.state.engine)
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


def lifespan_line(project: Path) -> object:
    """The place of the lifespan, as far as a look at main.py can tell."""
    return line_with(MAIN, project, r"def lifespan\(", "lifespan=", r"FastAPI\(")
