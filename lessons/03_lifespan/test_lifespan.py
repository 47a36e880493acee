"""Lesson 03: a database engine that lives as long as the application, and a probe that asks it."""

import asyncio
import contextlib
import inspect
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import Unmet, described, expect, expect_answer, learners_line, line_with, shorten
from checks.outage import TICK, Database, stalled
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
ERROR_WORDS = ("sqlite", "unable to open", "no active connection", "Error", "library.db")
"""What the text of an error holds when the database of these checks is away."""
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
    app: "FastAPI", load: "Load", project: Path
) -> None:
    """While the application runs, app.state.engine is an AsyncEngine

    Why: One engine keeps the connections for all requests; later lessons take it from there.

    Next: Step 2: the lifespan puts the engine where the whole application finds it.
    """
    from sqlalchemy.ext.asyncio import AsyncEngine

    try:
        async with serving(app):
            engine = getattr(app.state, "engine", None)
    except (TypeError, AttributeError, RuntimeError) as error:
        explain(error, project)
        raise
    if engine is None:
        await complain_if_unwritten(load)
    expect(
        isinstance(engine, AsyncEngine),
        expected="app.state.engine to be an AsyncEngine between start-up and shutdown",
        found=f"an object of type {type(engine).__name__}" if engine else "no app.state.engine",
        at=lifespan_line(project),
    )


def explain(error: Exception, project: Path) -> None:
    """Say in the lesson's words what is wrong with a context manager that Python complains about.

    Raises `checks.expect.Unmet`, unless the learner's own line in the traceback says more.
    """
    place = learners_line(error, project)
    if "async iterator" in str(error):
        expected, at = "a lifespan that yields once", place or lifespan_line(project)
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
    """app.state.session_factory() gives an AsyncSession on that engine

    Why: Each request gets a session of its own; the factory is what they have in common.

    Next: Step 3 makes the factory, and the lifespan puts it beside the engine.
    """
    from sqlalchemy.ext.asyncio import AsyncSession

    async with serving(app):
        factory = getattr(app.state, "session_factory", None)
        expect(
            callable(factory),
            expected="app.state.session_factory to be a factory of sessions",
            found=f"an object of type {type(factory).__name__}"
            if factory
            else "no app.state.session_factory",
            at=lifespan_line(project),
        )
        made_at = line_with(DATABASE, project, r"sessionmaker\(")
        with blaming(lifespan_line(project) if inspect.isfunction(factory) else made_at, project):
            session: Any = factory()  # type: ignore[misc]
        expect(
            isinstance(session, AsyncSession),
            expected="app.state.session_factory() to give an AsyncSession",
            found=f"an object of type {type(session).__name__}",
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
    """When the application ends, its connections are closed

    Why: A database allows so many connections and no more; each one left open is one less for the others.

    Next: Step 1: what happens after the yield? Step 2: inside which block does the lifespan yield?
    """
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
    await expect_all_closed(database, "after the application has ended", engines)


@pytest.mark.needs("test_connections_are_closed_at_shutdown")
async def test_connections_are_closed_after_an_error(
    app: "FastAPI", database: Database, engines: dict[Any, object]
) -> None:
    """When something that starts later fails, the connections are closed too

    Why: A start-up that fails half-way is tried again and again, and leaves something open each time.

    Next: Step 1: an error arrives at the yield. Which statement runs its last part even then?
    """
    with contextlib.suppress(Exception):  # in whatever words the lifespan tells it
        async with serving(app):
            await use(app.state.engine)
            raise StartUpError
    await expect_all_closed(database, "after an error", engines)


@pytest.mark.needs("test_connections_are_closed_after_an_error")
async def test_error_comes_out_of_the_lifespan(app: "FastAPI", project: Path) -> None:
    """The lifespan lets an error go on

    Why: Whoever started the service has to learn that something failed. An error that is kept back looks
    like a normal end.

    Next: Step 2: which statement in the lifespan catches errors at the yield?
    """
    try:
        async with serving(app):
            raise StartUpError  # noqa: TRY301 - it arrives at the lifespan's yield
    except Exception:  # noqa: BLE001 - also an error that tells it in other words
        return
    raise Unmet(
        expected="an error that is raised while the application runs to come out of the lifespan",
        found="a lifespan that ended as if nothing had happened",
        at=line_with(MAIN, project, r"except\b", r"suppress\(", r"def lifespan\("),
    )


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
    """The application can be started a second time

    Why: Tests start and stop one application many times.

    Next: Step 2: whatever belongs to one run is made inside the lifespan.
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


@pytest.mark.needs("test_engine_is_there_while_the_application_runs")
async def test_ready_answers_ok(
    client: "httpx.AsyncClient", project: Path, logged: list[logging.LogRecord]
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
    expect_answer(response, 200, {"status": "ok"}, at=missing)


def exception_in(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record tells, in whatever way it was handed over."""
    told = [record.exc_info[1]] if isinstance(record.exc_info, tuple) else []
    given = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in (*told, *given, record.msg) if isinstance(one, BaseException)), None)


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_asks_the_database(
    database: Database, client: "httpx.AsyncClient", project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/health/ready sends the database a query each time

    Why: A pool lends connections that were closed long ago. Only an answer shows that somebody is there.

    Next: Step 4: is the query sent, and its answer awaited?
    """
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    by_driver: list[str] = []
    for owner, name in ((AsyncConnection, "get_raw_connection"), (AsyncEngine, "raw_connection")):
        original = getattr(owner, name)

        def noted(*arguments: Any, original: Any = original) -> Any:
            by_driver.append("asked")
            return original(*arguments)

        monkeypatch.setattr(owner, name, noted)
    await client.get(READY)
    before = database.statements
    by_driver.clear()
    await client.get(READY)
    expect(
        database.statements > before or by_driver,
        expected="a query while /health/ready answers",
        found="a connection at most, and no query",
        at=line_with(DATABASE, project, r"\.(execute|scalar|exec_driver_sql)\(", r"def is_reachable\("),
    )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_is_unavailable_without_database(database: Database, client: "httpx.AsyncClient") -> None:
    """Without its database, /health/ready answers 503

    Why: A service that says it is ready and fails each request is worse than one that is not there.

    Next: Step 4: what is the answer when the query raises? Step 5: what does the route do with it?
    """
    await client.get(READY)
    await database.go_away()
    for _ in range(2):
        response = await client.get(READY)
        expect_answer(response, 503)
        expect(
            not says_ok(response),
            expected="a body that does not say ok, together with status 503",
            found=f"the body {shorten(response.text)}",
            at=response.extensions.get("endpoint"),
        )


def says_ok(response: "httpx.Response") -> bool:
    """Whether a body says what the brief asks for when all is well."""
    try:
        return bool(response.json() == {"status": "ok"})
    except ValueError:
        return False


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
async def test_ready_does_not_wait_for_ever(app: "FastAPI", client: "httpx.AsyncClient") -> None:
    """If the database never answers, /health/ready says 503 within 5 seconds

    Why: A network that swallows packets gives no error. Whoever waits without a limit waits for ever.

    Next: Step 4 gives the limit; asyncio has a context manager for it.
    """
    for what, queries in (("connection", False), ("query", True)):
        async with stalled(app.state.engine, queries=queries) as held:
            clock = asyncio.get_running_loop().time
            start = clock()
            response = await client.get(READY)
            waited = clock() - start
        if queries and not held.count:
            return  # the driver was asked directly: there is nothing to hold
        expect_answer(response, 503)
        expect(
            waited <= PATIENCE + OVERSHOOT,
            expected=f"an answer within {PATIENCE:g} seconds when a {what} takes for ever",
            found=f"an answer after {waited:.1f} seconds",
            at=response.extensions.get("endpoint"),
        )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_gives_its_connection_back(database: Database, client: "httpx.AsyncClient") -> None:
    """/health/ready gives its connection back after each answer

    Why: A probe comes every few seconds. With one connection each, the pool is empty in a minute.

    Next: Step 4: the connection is a context manager.
    """
    for _ in range(3):
        response = await client.get(READY)
    expect(
        database.lent == 0,
        expected="no connection in use after three probes",
        found=f"{database.lent} in use",
        at=response.extensions.get("endpoint"),
    )


@pytest.mark.needs(
    "test_connections_are_closed_at_shutdown",
    "test_factory_makes_sessions",
    "test_ready_gives_its_connection_back",
)
async def test_every_engine_is_closed_at_shutdown(
    app: "FastAPI", database: Database, engines: dict[Any, object]
) -> None:
    """What the probe and the sessions opened is closed at shutdown, too

    Why: A second engine has connections of its own, and nobody who closes them.

    Next: Step 3 and step 4: the factory and the probe are given the one engine of the lifespan.
    """
    async with serving(app) as client:
        await client.get(READY)
        async with app.state.session_factory() as session:
            await session.connection()
    await expect_all_closed(database, "after a probe, a session and the end", engines)


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_unavailable_answer_tells_no_secrets(database: Database, client: "httpx.AsyncClient") -> None:
    """The 503 does not tell what the error said

    Why: The text of a database error may hold its address, a user or a password. The log is the place for it.

    Next: Step 5 says what the body is.
    """
    await database.go_away()
    response = await client.get(READY)
    for words in ERROR_WORDS:
        expect(
            words not in response.text,
            expected="a body that says that the service is unavailable, and no more",
            found=f"a body with the words of the error: {shorten(response.text)}",
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
    await client.get(READY)
    libraries = {"sqlalchemy", "aiosqlite", "asyncio"}
    own = [
        record
        for record in logged
        if record.levelno >= logging.WARNING and record.name.partition(".")[0] not in libraries
    ]
    expect(
        any(map(tells_reason, own)),
        expected="a warning or an error in the log that tells what the database's error was",
        found=f"only {shorten(own[-1].getMessage())!r}" if own else "none",
        at=logging_line(own, project) or line_with(DATABASE, project, r"except\b"),
    )


def logging_line(records: list[logging.LogRecord], project: Path) -> tuple[str, int] | None:
    """The learner's line that logged the last of some records."""
    own = (record for record in reversed(records) if Path(record.pathname).is_relative_to(project))
    return next(((Path(one.pathname).relative_to(project).as_posix(), one.lineno) for one in own), None)


def tells_reason(record: logging.LogRecord) -> bool:
    """Whether a record holds an exception, or the text or type of one."""
    places = {"name", "pathname", "filename", "module", "funcName"}
    told = " ".join(
        [record.getMessage(), *(str(vars(record)[name]) for name in vars(record).keys() - places)]
    )
    return exception_in(record) is not None or any(words in told for words in ERROR_WORDS)


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_documents_both_answers(app: "FastAPI", client: "httpx.AsyncClient") -> None:
    """The documentation of /health/ready has both answers, 200 and 503

    Why: Whoever sets up the load balancer reads there what to expect.

    Next: Step 5: the decorator takes `responses=` for the answers besides the usual one.
    """
    operation = app.openapi()["paths"].get(READY, {}).get("get", {})
    documented = sorted(operation.get("responses", {}))
    expect(
        {"200", "503"} <= set(documented),
        expected="200 and 503 among the documented answers",
        found=", ".join(documented) or f"no GET {READY} in the documentation",
        at=(await client.get(READY)).extensions.get("endpoint"),
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
    count = len(database.open)
    left = [place for engine, place in engines.items() if engine not in database.disposed]
    await database.close_all()
    expect(
        count == 0,
        expected=f"no open connection {when}",
        found=f"{count} that nobody closed",
        at=next(iter([*left, *engines.values()]), None),
    )


def lifespan_line(project: Path) -> object:
    """The place of the lifespan, as far as a look at main.py can tell."""
    return line_with(MAIN, project, r"def lifespan\(", "lifespan=", r"FastAPI\(")
