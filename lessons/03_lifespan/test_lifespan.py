"""Lesson 03: a database engine that lives as long as the application, and a probe that asks it."""

import asyncio
import contextlib
import inspect
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.expect import Unmet, expect, expect_answer, line_with, shorten
from checks.outage import Database, stalled
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


@pytest.fixture
def engines(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Any, object]:
    """Each engine that is made from now on, and the learner's line that makes it."""
    from sqlalchemy.ext.asyncio import AsyncEngine

    made: dict[Any, object] = {}
    make = AsyncEngine.__init__

    def remember(engine: AsyncEngine, *args: Any, **options: Any) -> None:
        make(engine, *args, **options)
        frames = inspect.getouterframes(inspect.currentframe(), context=0)
        lines = ((Path(frame.filename), frame.lineno) for frame in frames)
        own = ((file.relative_to(project), line) for file, line in lines if file.is_relative_to(project))
        made[engine.sync_engine] = next(((file.as_posix(), line) for file, line in own), None)

    monkeypatch.setattr(AsyncEngine, "__init__", remember)
    return made


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
    except TypeError as error:
        if "async iterator" not in str(error):
            raise
        raise Unmet(
            expected="a lifespan that yields once",
            found="a function without a yield",
            at=lifespan_line(project),
        ) from None
    if engine is None:
        await complain_if_unwritten(load)
    expect(
        isinstance(engine, AsyncEngine),
        expected="app.state.engine to be an AsyncEngine between start-up and shutdown",
        found=f"an object of type {type(engine).__name__}" if engine else "no app.state.engine",
        at=lifespan_line(project),
    )


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
        session: Any = factory()  # type: ignore[misc]
        expect(
            isinstance(session, AsyncSession),
            expected="app.state.session_factory() to give an AsyncSession",
            found=f"an object of type {type(session).__name__}",
            at=line_with(DATABASE, project, r"sessionmaker\("),
        )
        async with session:
            url = (await session.connection()).engine.url
        expect(
            url == app.state.engine.url,
            expected="sessions on the same database as app.state.engine",
            found=f"sessions on {url}",
            at=line_with(DATABASE, project, r"sessionmaker\("),
        )


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
    app: "FastAPI", database: Database, engines: dict[Any, object]
) -> None:
    """When the application ends, its connections are closed

    Why: A database allows so many connections and no more; each one left open is one less for the others.

    Next: Step 1: what happens after the yield?
    """
    async with serving(app):
        await use(app.state.engine)
    await expect_all_closed(database, "after the application has ended", engines)


@pytest.mark.needs("test_connections_are_closed_at_shutdown")
async def test_connections_are_closed_after_an_error(
    app: "FastAPI", database: Database, engines: dict[Any, object]
) -> None:
    """When something that starts later fails, the connections are closed too

    Why: A start-up that fails half-way is tried again and again, and leaves something open each time.

    Next: Step 1: an error arrives at the yield. Which statement runs its last part even then?
    """
    with contextlib.suppress(StartUpError):
        async with serving(app):
            await use(app.state.engine)
            raise StartUpError
    await expect_all_closed(database, "after an error", engines)


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
async def test_ready_answers_ok(client: "httpx.AsyncClient", project: Path) -> None:
    """GET /health/ready answers 200 and {"status": "ok"}

    Why: A load balancer sends requests only to a service that says it is ready.

    Next: Step 4 describes the route.
    """
    missing = line_with(ROUTER, project, r"APIRouter\(")
    expect_answer(await client.get(READY), 200, {"status": "ok"}, at=missing)


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_is_unavailable_without_database(database: Database, client: "httpx.AsyncClient") -> None:
    """Without its database, /health/ready answers 503

    Why: A service that says it is ready and fails each request is worse than one that is not there.

    Next: Step 5: what is the answer when the query raises? Step 4: what does the route do with it?
    """
    await client.get(READY)
    await database.go_away()
    for _ in range(2):
        expect_answer(await client.get(READY), 503)


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_ready_recovers(database: Database, client: "httpx.AsyncClient") -> None:
    """Once the database is back, /health/ready answers 200 again

    Why: Databases restart. A service that has to be restarted too wakes somebody up at night.

    Next: Step 5: the question has to be asked anew each time.
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

    Next: Step 5 gives the limit; asyncio has a context manager for it.
    """
    async with stalled(app.state.engine):
        clock = asyncio.get_running_loop().time
        start = clock()
        response = await client.get(READY)
        waited = clock() - start
    expect_answer(response, 503)
    expect(
        waited <= PATIENCE,
        expected=f"an answer within {PATIENCE:g} seconds",
        found=f"an answer after {waited:.0f} seconds",
        at=response.extensions.get("endpoint"),
    )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_gives_its_connection_back(database: Database, client: "httpx.AsyncClient") -> None:
    """/health/ready gives its connection back after each answer

    Why: A probe comes every few seconds. With one connection each, the pool is empty in a minute.

    Next: Step 5: the connection is a context manager.
    """
    for _ in range(3):
        response = await client.get(READY)
    expect(
        database.lent == 0,
        expected="no connection in use after three probes",
        found=f"{database.lent} in use",
        at=response.extensions.get("endpoint"),
    )


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_unavailable_answer_tells_no_secrets(database: Database, client: "httpx.AsyncClient") -> None:
    """The 503 does not tell what the error said

    Why: The text of a database error may hold its address, a user or a password. The log is the place for it.

    Next: Step 4 says what the body is.
    """
    await database.go_away()
    response = await client.get(READY)
    for words in ("sqlite", "unable to open", "no active connection", "Error", "library.db"):
        expect(
            words not in response.text,
            expected="a body that says that the service is unavailable, and no more",
            found=f"a body with the words of the error: {shorten(response.text)}",
            at=response.extensions.get("endpoint"),
        )


@pytest.mark.needs("test_ready_is_unavailable_without_database")
async def test_reason_stands_in_the_log(
    database: Database, client: "httpx.AsyncClient", project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason for a 503 stands in the log

    Why: The answer does not tell it, so the log is the one place where an operator can find it.

    Next: Step 5: the module has a logger, and a logger has a method for exceptions.
    """
    loggers: list[str] = []
    handle = logging.Logger.handle

    def overhear(logger: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            loggers.append(record.name)
        handle(logger, record)

    monkeypatch.setattr(logging.Logger, "handle", overhear)
    await database.go_away()
    await client.get(READY)
    expect(
        any(name.partition(".")[0] not in {"sqlalchemy", "aiosqlite", "asyncio"} for name in loggers),
        expected="a warning or an error in the log when the database is away",
        found="none",
        at=line_with(DATABASE, project, r"except\b"),
    )


@pytest.mark.needs("test_ready_answers_ok")
async def test_ready_documents_both_answers(app: "FastAPI", client: "httpx.AsyncClient") -> None:
    """The documentation of /health/ready has both answers, 200 and 503

    Why: Whoever sets up the load balancer reads there what to expect.

    Next: Step 4: the decorator takes `responses=` for the answers besides the usual one.
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
async def test_live_needs_no_database(database: Database, client: "httpx.AsyncClient") -> None:
    """/health/live answers 200 while the database is away

    Why: Who does not answer here is killed and started again. That brings no database back.

    Next: Leave live as it is: step 4 adds a second probe.
    """
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
    await database.close_all()
    expect(
        count == 0,
        expected=f"no open connection {when}",
        found=f"{count} that nobody closed",
        at=next(iter(engines.values()), None),
    )


def lifespan_line(project: Path) -> object:
    """The place of the lifespan, as far as a look at main.py can tell."""
    return line_with(MAIN, project, r"def lifespan\(", "lifespan=", r"FastAPI\(")
