"""Lesson 03: versions of its reference, wrong and right."""

from checks.lesson import LOAD
from checks.report import Kind
from checks.tests.lessons.judging import Line, Right, Wrong

MAIN = "app/main.py"
DATABASE = "app/core/database.py"
ROUTER = "app/health/router.py"
SCHEMAS = "app/health/schemas.py"

FIRST_STUB = (DATABASE, "open_engine")
LIFESPAN = Line(MAIN, "def lifespan(")
READY = Line(ROUTER, "@router.get(")
MADE = Line(DATABASE, "create_async_engine(")
MADE_BY_HAND = Line(MAIN, "create_async_engine(")
FACTORY = Line(DATABASE, "sessionmaker(")

ENGINE = "engine = create_async_engine(url, pool_pre_ping=True)"
GUARDED = "    try:\n        yield engine\n    finally:\n        await engine.dispose()\n"
OPEN = """    async with open_engine(get_settings().database_url) as engine:
        app.state.engine = engine
        app.state.session_factory = make_session_factory(engine)
        yield
"""
ASK = "async with asyncio.timeout(PROBE_SECONDS), engine.connect() as connection:"
QUERY = 'await connection.execute(text("SELECT 1"))'
REACHABLE = 'if await is_reachable(request.app.state.engine):\n        return HealthStatus(status="ok")\n'
STATUS = "    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE\n"
UNAVAILABLE = STATUS + '    return HealthStatus(status="unavailable")\n'
DECLARED = '    responses={HTTPStatus.SERVICE_UNAVAILABLE: {"model": HealthStatus}},\n'
LIFESPAN_HEAD = "@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
LIFESPAN_TEXT = (
    '    """Open what the application needs, and close it again when it ends or fails to start."""\n'
)


def lifespan_of(body: str) -> list[tuple[str, str]]:
    """The edit of main.py that gives the lifespan another body."""
    return [(OPEN, body)]


BY_HAND = """    engine = create_async_engine(get_settings().database_url)
    app.state.engine = engine
    app.state.session_factory = async_sessionmaker(engine, expire_on_commit=False)
    try:
        yield
    finally:
        await engine.dispose()
"""
KEEPING_ERRORS = """    try:
        yield engine
    except Exception as error:
        print(error)
    finally:
        await engine.dispose()
"""
AWAITED = """    engine = await open_engine(get_settings().database_url)
    app.state.engine = engine
    yield
"""
DISPOSED_ON_ERROR = """    try:
        yield engine
    except BaseException:
        await engine.dispose()
        raise
"""
STARTED_BY_EVENT = """)

    @app.on_event("startup")
    async def begin() -> None:
        await start(app)
"""
ASKED_AT_START = """        async with engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")
        yield"""
CONNECT = """async with asyncio.timeout(PROBE_SECONDS):
            connection = await engine.connect()
"""
ASKED = ASK + "\n            " + QUERY
ASK_APART = (
    "async def is_reachable",
    (
        "async def _ask(engine: AsyncEngine) -> None:\n    async with engine.connect() as connection:\n"
        '        await connection.exec_driver_sql("SELECT 1")\n\n\nasync def is_reachable'
    ),
)
PROBE_ENGINE = "    own = create_async_engine(engine.url)\n"
KEPT_ANSWER = "    if time.monotonic() < GOOD[-1]:\n        return True\n"
FOREVER = (
    LIFESPAN_HEAD,
    "async def forever() -> None:\n    while True:\n        await asyncio.sleep(60)\n\n\n" + LIFESPAN_HEAD,
)
IMPORT_ASYNCIO = ("from collections.abc import", "import asyncio\nfrom collections.abc import")
BEGIN = "        task = asyncio.create_task(forever())\n"
ASSIGNED = "    app.router.lifespan_context = lifespan\n"
LOGGED = '    except Exception as error:\n        logger.warning("ended by %s", error)\n'


def two_limits(seconds: float) -> str:
    """A question with one limit for the connection, and another for the query."""
    return (
        f"async with asyncio.timeout({seconds}):\n            connection = await engine.connect()\n"
        f"        try:\n            async with asyncio.timeout({seconds}):\n                {QUERY}\n"
        "        finally:\n            await connection.close()"
    )


LIVE = """async def live() -> HealthStatus:
    \"\"\"Answer at all: the process runs and its event loop is free.\"\"\"
"""
LIVE_BY_DATABASE = """async def live(request: Request) -> HealthStatus:
    if not await is_reachable(request.app.state.engine):
        raise RuntimeError
"""
IMPORT_ENGINE = (
    "from fastapi import FastAPI\n",
    (
        "from fastapi import FastAPI\n"
        "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n"
    ),
)

WRONG = [
    Wrong(
        "an engine that keeps errors to itself, and no factory",
        {
            DATABASE: [
                (
                    GUARDED,
                    GUARDED.replace(
                        "    finally:", "    except Exception as error:\n        print(error)\n    finally:"
                    ),
                ),
            ],
            MAIN: ("        app.state.session_factory = make_session_factory(engine)\n", ""),
        },
        "test_factory_makes_sessions",
        LIFESPAN,
    ),
    Wrong(
        "SQL without text(), and nobody hears of the error",
        {
            DATABASE: [
                (QUERY, 'await connection.execute("SELECT 1")'),
                ('        logger.exception("The database cannot be reached")\n', ""),
            ]
        },
        "test_ready_answers_ok",
        Line(DATABASE, 'execute("SELECT 1")'),
    ),
    Wrong(
        "a yield without the engine",
        {DATABASE: ("yield engine", "yield")},
        "test_engine_is_there_while_the_application_runs",
        Line(DATABASE, "        yield"),
    ),
    Wrong(
        "an engine that is returned, before the lifespan is written",
        {
            DATABASE: [("@asynccontextmanager\n", ""), (GUARDED, "    return engine\n")],
            MAIN: (", lifespan=lifespan", ""),
        },
        "test_engine_is_there_while_the_application_runs",
        Line(DATABASE, "return engine"),
    ),
    Wrong(
        "a plain with",
        {MAIN: ("async with open_engine", "with open_engine")},
        "test_engine_is_there_while_the_application_runs",
        Line(MAIN, "with open_engine"),
    ),
    Wrong(
        "an engine that is awaited",
        {MAIN: (OPEN, AWAITED)},
        "test_engine_is_there_while_the_application_runs",
        Line(MAIN, "await open_engine"),
    ),
    Wrong(
        "no word when the database is away",
        {DATABASE: ("        return False\n    return True", "    else:\n        return True")},
        "test_ready_is_unavailable_without_database",
        Line(DATABASE, "def is_reachable("),
    ),
    Wrong(
        "parameters without their types",
        {ROUTER: ("request: Request, response: Response", "request, response")},
        "test_ready_answers_ok",
        READY,
    ),
    Wrong("objects that expire", {DATABASE: (", expire_on_commit=False", "")}, "expire-on-commit", FACTORY),
    Wrong(
        "objects that expire, at run time",
        {DATABASE: (", expire_on_commit=False", "")},
        "test_objects_stay_readable_after_commit",
        FACTORY,
    ),
    Wrong(
        "objects that expire, by an option from elsewhere",
        {
            DATABASE: [
                (
                    "return async_sessionmaker(engine, expire_on_commit=False)",
                    "return async_sessionmaker(engine, **OPTIONS)",
                ),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 2.0\nOPTIONS = dict([('expire_on_commit', True)])"),
            ]
        },
        "test_objects_stay_readable_after_commit",
        FACTORY,
    ),
    Wrong(
        "an engine that nobody disposes of",
        {DATABASE: (GUARDED, "    yield engine\n")},
        "test_connections_are_closed_at_shutdown",
        MADE,
    ),
    Wrong(
        "an engine that nobody disposes of, as the convention sees it",
        {MAIN: [IMPORT_ENGINE, (OPEN, BY_HAND.partition("    try:")[0] + "    yield\n")]},
        "lifespan",
        MADE_BY_HAND,
    ),
    Wrong(
        "a dispose that closes nothing",
        {DATABASE: ("await engine.dispose()", "await engine.dispose(close=False)")},
        "test_connections_are_closed_at_shutdown",
        MADE,
    ),
    Wrong(
        "a dispose that is never awaited",
        {DATABASE: ("await engine.dispose()", "engine.dispose()")},
        "test_connections_are_closed_at_shutdown",
        Line(DATABASE, "engine.dispose()"),
    ),
    Wrong(
        "a dispose that nobody waits for",
        {
            DATABASE: (
                "        await engine.dispose()",
                "        _ = asyncio.ensure_future(engine.dispose())\n        await asyncio.sleep(0)",
            )
        },
        "test_connections_are_closed_at_shutdown",
        Line(DATABASE, "ensure_future(engine.dispose())"),
    ),
    Wrong(
        "a dispose that an error leaves out",
        {DATABASE: (GUARDED, "    yield engine\n    await engine.dispose()\n")},
        "test_connections_are_closed_after_an_error",
        MADE,
    ),
    Wrong(
        "a dispose that only an error reaches",
        {
            DATABASE: (
                GUARDED,
                DISPOSED_ON_ERROR,
            )
        },
        "test_connections_are_closed_at_shutdown",
        MADE,
    ),
    Wrong(
        "a first query before anybody takes care of the engine",
        {
            MAIN: [
                IMPORT_ENGINE,
                (
                    OPEN,
                    BY_HAND.replace("    try:", "    async with engine.connect():\n        pass\n    try:"),
                ),
            ]
        },
        "test_refused_start_leaves_no_engine",
        MADE_BY_HAND,
    ),
    Wrong(
        "an engine that stays in the lifespan",
        {MAIN: ("        app.state.engine = engine\n", "")},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan that yields nothing",
        {MAIN: ("        yield\n", "")},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan that yields twice",
        {MAIN: ("        yield\n", "        yield\n        yield\n")},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan that is no asynchronous context manager",
        {MAIN: [("import asynccontextmanager", "import contextmanager"), ("@asynccontext", "@context")]},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan without a parameter",
        {
            MAIN: [
                ("lifespan(app: FastAPI)", "lifespan()"),
                ("    async with open", "    app = FastAPI()\n    async with open"),
            ]
        },
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "an engine that is never yielded",
        {DATABASE: ("        yield engine\n", "        pass\n")},
        "test_engine_is_there_while_the_application_runs",
        Line(DATABASE, "def open_engine"),
    ),
    Wrong(
        "a yield after the engine's block",
        {MAIN: ("        yield\n", "    yield\n")},
        "test_connections_are_closed_at_shutdown",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan that keeps errors back",
        {
            MAIN: (
                "        yield\n",
                "        try:\n            yield\n        except Exception:\n            pass\n",
            )
        },
        "test_error_comes_out_of_the_lifespan",
        Line(MAIN, "except"),
    ),
    Wrong(
        "a factory that is not called",
        {MAIN: ("make_session_factory(engine)", "make_session_factory")},
        "test_factory_makes_sessions",
        LIFESPAN,
    ),
    Wrong(
        "an option with a spelling mistake",
        {DATABASE: ("expire_on_commit", "expire_on_commits")},
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "sessions for a URL",
        {DATABASE: ("async_sessionmaker(engine,", "async_sessionmaker(engine.url,")},
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "sessions on a second engine for the same database",
        {DATABASE: ("async_sessionmaker(engine,", "async_sessionmaker(create_async_engine(engine.url),")},
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "an engine that blocks beside the other one",
        {
            ROUTER: [
                (
                    "await is_reachable(request.app.state.engine)",
                    'blocking.connect().exec_driver_sql("SELECT 1")',
                ),
                (
                    "router = APIRouter(",
                    (
                        'blocking = create_engine(get_settings().database_url.replace("+aiosqlite", ""))\n'
                        "router = APIRouter("
                    ),
                ),
                (
                    "from app.core.database import is_reachable",
                    "from sqlalchemy import create_engine\n\nfrom app.core.config import get_settings",
                ),
            ]
        },
        "async-session",
    ),
    Wrong(
        "a probe on an engine of its own",
        {
            DATABASE: (
                ASK,
                ASK.replace("engine.connect()", "create_async_engine(engine.url).connect()"),
            )
        },
        "test_ready_asks_the_database",
        Line(DATABASE, "create_async_engine(engine.url)"),
    ),
    Wrong(
        "a second engine that is kept for the probe",
        {
            DATABASE: [
                (ASK, ASK.replace("engine.connect()", "second(engine).connect()")),
                (
                    "async def is_reachable",
                    (
                        "@lru_cache\ndef second(engine: AsyncEngine) -> AsyncEngine:\n"
                        "    return create_async_engine(engine.url)\n\n\nasync def is_reachable"
                    ),
                ),
                ("import logging\n", "import logging\nfrom functools import lru_cache\n"),
            ]
        },
        "test_every_engine_is_closed_at_shutdown",
        Line(DATABASE, "create_async_engine(engine.url)"),
    ),
    Wrong(
        "a probe on an engine that is made for it, and disposed of",
        {
            DATABASE: [
                (ASK, ASK.replace("engine.connect()", "own.connect()")),
                ("    try:\n        async with", PROBE_ENGINE + "    try:\n        async with"),
                (
                    "        return False\n",
                    "        return False\n    finally:\n        await own.dispose()\n",
                ),
            ]
        },
        "test_ready_asks_the_database",
        Line(DATABASE, "own = create_async_engine("),
    ),
    Wrong(
        "a probe that disposes of the engine",
        {DATABASE: ("    return True\n", "    await engine.dispose()\n    return True\n")},
        "test_ready_asks_the_database",
        Line(DATABASE, "await engine.dispose()"),
    ),
    Wrong(
        "a probe that leaves a table behind",
        {DATABASE: ('"SELECT 1"', '"CREATE TABLE IF NOT EXISTS probe (id INTEGER)"')},
        "test_ready_asks_the_database",
        Line(DATABASE, "connection.execute("),
    ),
    Wrong(
        "a good answer that is kept for a minute",
        {
            DATABASE: [
                ("    return True\n", "    GOOD.append(time.monotonic() + 60)\n    return True\n"),
                ("    try:\n        async with", KEPT_ANSWER + "    try:\n        async with"),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 2.0\nGOOD = [0.0]"),
                ("import logging\n", "import logging\nimport time\n"),
            ]
        },
        "test_ready_asks_the_database",
        Line(DATABASE, "def is_reachable"),
    ),
    Wrong(
        "a query that nobody awaits",
        {DATABASE: ("await connection.execute", "connection.execute")},
        "test_ready_asks_the_database",
        Line(DATABASE, "connection.execute("),
    ),
    Wrong(
        "a connection, tested by the pool, without a query",
        {DATABASE: (QUERY, "pass")},
        "test_ready_asks_the_database",
        Line(DATABASE, "def is_reachable"),
    ),
    Wrong(
        "ok with status 503",
        {ROUTER: ('status="unavailable"', 'status="ok"')},
        "test_ready_is_unavailable_without_database",
        READY,
    ),
    Wrong(
        "a time limit only for the connection",
        {
            DATABASE: (
                ASK + "\n            " + QUERY,
                CONNECT
                + "        try:\n            "
                + QUERY
                + "\n        finally:\n            await connection.close()",
            )
        },
        "test_ready_does_not_wait_for_ever",
        Line(DATABASE, "asyncio.timeout("),
    ),
    Wrong(
        "two limits that are too long together",
        {DATABASE: (ASK + "\n            " + QUERY, two_limits(4.9))},
        "test_ready_does_not_wait_for_ever",
        Line(DATABASE, "asyncio.timeout("),
    ),
    Wrong(
        "a query that nobody ends",
        {
            DATABASE: [
                ASK_APART,
                (ASKED, "await asyncio.wait_for(asyncio.shield(_ask(engine)), PROBE_SECONDS)"),
            ]
        },
        "test_ready_gives_its_connection_back",
        Line(DATABASE, "def _ask("),
    ),
    Wrong(
        "a wait whose task goes on",
        {
            DATABASE: [
                ASK_APART,
                (
                    ASKED,
                    (
                        "asking = asyncio.create_task(_ask(engine))\n"
                        "        done, _ = await asyncio.wait({asking}, timeout=PROBE_SECONDS)\n"
                        "        if not done:\n            raise TimeoutError\n        done.pop().result()"
                    ),
                ),
            ]
        },
        "test_ready_gives_its_connection_back",
        Line(DATABASE, "def _ask("),
    ),
    Wrong(
        "a connection that is given back only after an answer",
        {
            DATABASE: (
                ASK + "\n            " + QUERY,
                CONNECT + "            " + QUERY + "\n            await connection.close()",
            )
        },
        "test_ready_gives_its_connection_back",
        Line(DATABASE, "engine.connect()"),
    ),
    Wrong(
        "a bare except",
        {DATABASE: ("except Exception:", "except:")},
        "test_ready_can_be_given_up",
        Line(DATABASE, "except:"),
    ),
    Wrong(
        "a cancellation that counts as an outage",
        {DATABASE: ("except Exception:", "except (Exception, asyncio.CancelledError):")},
        "test_ready_can_be_given_up",
        Line(DATABASE, "except ("),
    ),
    Wrong(
        "a log that tells no reason",
        {DATABASE: ('logger.exception("The database cannot be reached")', 'logger.error("database down")')},
        "test_reason_stands_in_the_log",
        Line(DATABASE, "logger.error"),
    ),
    Wrong(
        "a log that speaks of an error, and not of which",
        {
            DATABASE: (
                'logger.exception("The database cannot be reached")',
                'logger.error("Error connecting to the sqlite database")',
            )
        },
        "test_reason_stands_in_the_log",
        Line(DATABASE, "logger.error"),
    ),
    Wrong(
        "a warning before each question",
        {
            DATABASE: [
                (
                    "    try:\n        async with",
                    '    logger.warning("asking")\n    try:\n        async with',
                ),
                ('        logger.exception("The database cannot be reached")\n', ""),
            ]
        },
        "test_reason_stands_in_the_log",
    ),
    Wrong(
        "a name that is never imported, in a block that catches everything",
        {DATABASE: ("import asyncio\n", "")},
        "test_ready_answers_ok",
        Line(DATABASE, "asyncio.timeout"),
    ),
    Wrong(
        "an alive that waits for the database and ignores its answer",
        {
            ROUTER: (
                LIVE,
                LIVE_BY_DATABASE.replace("if not await", "await").replace(
                    ":\n        raise RuntimeError", ""
                ),
            )
        },
        "test_live_needs_no_database",
        Line(ROUTER, '@router.get("/live"'),
    ),
    Wrong(
        "a context manager that yields twice",
        {DATABASE: ("await engine.dispose()\n", "await engine.dispose()\n    yield engine\n")},
        "test_engine_is_there_while_the_application_runs",
        kind=Kind.RAISED,
    ),
    Wrong(
        "a factory that returns nothing",
        {MAIN: ("    return app\n", "")},
        "test_engine_is_there_while_the_application_runs",
        Line(MAIN, "def create_app"),
    ),
    Wrong(
        "another name for the engine",
        {MAIN: ("app.state.engine = engine", "app.state.db = engine")},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a lifespan that nobody hands over",
        {MAIN: (", lifespan=lifespan", "")},
        "test_engine_is_there_while_the_application_runs",
        Line(MAIN, "app = FastAPI("),
    ),
    Wrong(
        "an engine beside the application's state",
        {MAIN: ("app.state.engine = engine", "app.engine = engine")},
        "test_engine_is_there_while_the_application_runs",
        Line(MAIN, "app.engine = engine"),
    ),
    Wrong(
        "a lifespan without its decorator",
        {MAIN: ("@asynccontextmanager\n", "")},
        "test_engine_is_there_while_the_application_runs",
        LIFESPAN,
    ),
    Wrong(
        "a factory of sessions that returns nothing",
        {DATABASE: ("return async_sessionmaker(", "async_sessionmaker(")},
        "test_factory_makes_sessions",
        Line(DATABASE, "def make_session_factory"),
    ),
    Wrong(
        "one session for everybody, behind a function",
        {
            DATABASE: (
                "return async_sessionmaker(engine, expire_on_commit=False)",
                "session = AsyncSession(engine, expire_on_commit=False)\n    return lambda: session",
            )
        },
        "test_factory_makes_sessions",
        Line(DATABASE, "AsyncSession("),
    ),
    Wrong(
        "one session for everybody, from a cache",
        {
            DATABASE: [
                (
                    "return async_sessionmaker(engine, expire_on_commit=False)",
                    "return lru_cache(async_sessionmaker(engine, expire_on_commit=False))",
                ),
                ("import logging\n", "import logging\nfrom functools import lru_cache\n"),
            ]
        },
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "a probe that returns nothing",
        {DATABASE: ("    return True\n", "")},
        "test_ready_answers_ok",
        Line(DATABASE, "def is_reachable"),
    ),
    Wrong(
        "a route that other methods reach as well",
        {
            ROUTER: [
                ('@router.get(\n    "/ready"', '@router.api_route(\n    "/ready"'),
                (DECLARED, DECLARED + '    methods=["GET", "POST"],\n'),
            ]
        },
        "test_ready_answers_ok",
        Line(ROUTER, "@router.api_route("),
    ),
    Wrong(
        "a task that nobody ends",
        {MAIN: [IMPORT_ASYNCIO, FOREVER, ("        yield\n", BEGIN + "        yield\n")]},
        "test_connections_are_closed_at_shutdown",
        Line(MAIN, "def forever("),
    ),
    Wrong(
        "a task that ends unless there is an error",
        {
            MAIN: [
                IMPORT_ASYNCIO,
                FOREVER,
                ("        yield\n", BEGIN + "        yield\n        task.cancel()\n"),
            ]
        },
        "test_connections_are_closed_after_an_error",
        Line(MAIN, "def forever("),
    ),
    Wrong(
        "a dispose that a cancellation leaves out",
        {
            DATABASE: (
                GUARDED,
                (
                    "    try:\n        yield engine\n    except Exception:\n        await engine.dispose()\n"
                    "        raise\n    else:\n        await engine.dispose()\n"
                ),
            )
        },
        "test_connections_are_closed_after_an_error",
        MADE,
    ),
    Wrong(
        "a context manager that keeps errors back",
        {DATABASE: ("    finally:\n        await", LOGGED + "    finally:\n        await")},
        "test_error_comes_out_of_the_lifespan",
        Line(DATABASE, "    except Exception as error:"),
    ),
    Wrong(
        "a context manager that keeps a cancellation back",
        {
            DATABASE: (
                "    finally:\n        await",
                "    except asyncio.CancelledError:\n        pass\n    finally:\n        await",
            )
        },
        "test_error_comes_out_of_the_lifespan",
        Line(DATABASE, "except asyncio.CancelledError"),
    ),
    Wrong(
        "a lifespan that keeps some errors back",
        {
            MAIN: [
                ("        yield\n", "        with suppress(OSError):\n            yield\n"),
                ("import asynccontextmanager", "import asynccontextmanager, suppress"),
            ]
        },
        "test_error_comes_out_of_the_lifespan",
        Line(MAIN, "suppress(OSError)"),
    ),
    Wrong(
        "the module's application instead of the one that is given",
        {MAIN: ("lifespan(app: FastAPI)", "lifespan(_: FastAPI)")},
        "test_application_can_start_again",
        LIFESPAN,
    ),
    Wrong(
        "a factory that stays in the lifespan",
        {MAIN: ("        app.state.session_factory = make_session_factory(engine)\n", "")},
        "test_factory_makes_sessions",
        LIFESPAN,
    ),
    Wrong(
        "one session for everybody",
        {MAIN: ("make_session_factory(engine)", "make_session_factory(engine)()")},
        "test_factory_makes_sessions",
        LIFESPAN,
    ),
    Wrong(
        "a factory of sessions that block",
        {
            DATABASE: [
                ("return async_sessionmaker(engine,", "return sessionmaker(engine.sync_engine,"),
                ("from sqlalchemy.ext", "from sqlalchemy.orm import sessionmaker\nfrom sqlalchemy.ext"),
            ]
        },
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "a factory of sessions that block, as the convention sees it",
        {
            DATABASE: [
                ("return async_sessionmaker(engine,", "return sessionmaker(engine.sync_engine,"),
                ("from sqlalchemy.ext", "from sqlalchemy.orm import sessionmaker\nfrom sqlalchemy.ext"),
            ]
        },
        "async-session",
        FACTORY,
    ),
    Wrong(
        "sessions on a database of their own",
        {
            DATABASE: (
                "async_sessionmaker(engine,",
                'async_sessionmaker(create_async_engine("sqlite+aiosqlite://"),',
            )
        },
        "test_factory_makes_sessions",
        FACTORY,
    ),
    Wrong(
        "a database that the source names",
        {MAIN: ("open_engine(get_settings().database_url)", 'open_engine("sqlite+aiosqlite://")')},
        "test_engine_goes_where_the_settings_say",
        LIFESPAN,
    ),
    Wrong(
        "an event instead of the lifespan",
        {
            MAIN: [
                (
                    OPEN,
                    BY_HAND.replace(
                        "    try:\n        yield\n    finally:\n        await engine.dispose()\n", ""
                    ),
                ),
                (LIFESPAN_HEAD, "async def start(app: FastAPI) -> None:\n"),
                (
                    ", lifespan=lifespan)",
                    STARTED_BY_EVENT,
                ),
                IMPORT_ENGINE,
            ]
        },
        "lifespan",
        Line(MAIN, "on_event"),
    ),
    Wrong(
        "a lifespan that serves once",
        {
            MAIN: (
                "lifespan=lifespan)",
                "lifespan=lambda app, once=[]: once[0] if once else once.append(lifespan(app)) or once[0])",
            )
        },
        "test_application_can_start_again",
    ),
    Wrong("no route", {ROUTER: ('"/ready"', '"/raedy"')}, "test_ready_answers_ok"),
    Wrong(
        "ready without asking",
        {ROUTER: ("if await is_reachable(request.app.state.engine):", "if request.app.state.engine:")},
        "test_ready_asks_the_database",
        READY,
    ),
    Wrong(
        "ready by a hard-coded answer",
        {ROUTER: (REACHABLE + UNAVAILABLE, 'return HealthStatus(status="ok")\n')},
        "test_ready_asks_the_database",
        READY,
    ),
    Wrong(
        "ready as it was at the start",
        {
            MAIN: [
                (
                    OPEN,
                    OPEN.replace(
                        "        yield", "        app.state.ready = await is_reachable(engine)\n        yield"
                    ),
                ),
                ("import make_session_factory", "import is_reachable, make_session_factory"),
            ],
            ROUTER: ("await is_reachable(request.app.state.engine)", "request.app.state.ready"),
        },
        "test_ready_asks_the_database",
        READY,
    ),
    Wrong(
        "a connection without a query",
        {DATABASE: [(QUERY, "pass"), (", pool_pre_ping=True", "")]},
        "test_ready_asks_the_database",
        Line(DATABASE, "def is_reachable"),
    ),
    Wrong(
        "unavailable with status 200", {ROUTER: (STATUS, "")}, "test_ready_is_unavailable_without_database"
    ),
    Wrong(
        "a pair of body and status",
        {ROUTER: (UNAVAILABLE, '    return HealthStatus(status="unavailable"), 503\n')},
        "test_ready_is_unavailable_without_database",
        Line(ROUTER, "@router.get("),
    ),
    Wrong(
        "a pair of upper-case OK and status 503",
        {ROUTER: ('status="unavailable"', 'status="OK"'), SCHEMAS: ('Literal["ok", "unavailable"]', "str")},
        "test_ready_is_unavailable_without_database",
        READY,
    ),
    Wrong(
        "an exception for the client that the route itself catches",
        {
            ROUTER: [
                (
                    "    if await is_reachable(request.app.state.engine):\n"
                    '        return HealthStatus(status="ok")\n' + UNAVAILABLE,
                    (
                        "    try:\n        if not await is_reachable(request.app.state.engine):\n"
                        "            raise HTTPException(503)\n    except Exception:\n"
                        '        return HealthStatus(status="unavailable")\n'
                        '    return HealthStatus(status="ok")\n'
                    ),
                ),
                ("import APIRouter, Request", "import APIRouter, HTTPException, Request"),
            ]
        },
        "test_ready_is_unavailable_without_database",
        Line(ROUTER, "except Exception"),
    ),
    Wrong(
        "500 instead of 503",
        {ROUTER: ("response.status_code = HTTPStatus.SERVICE_UNAVAILABLE", "response.status_code = 500")},
        "test_ready_is_unavailable_without_database",
    ),
    Wrong(
        "an error that nobody catches",
        {DATABASE: ("except Exception:", "except ValueError:")},
        "test_ready_is_unavailable_without_database",
        Line(DATABASE, "async with asyncio.timeout"),
        Kind.RAISED,
    ),
    Wrong(
        "unavailable for ever",
        {
            DATABASE: [
                ("        return False\n", "        GONE.append(True)\n        return False\n"),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 2.0\nGONE: list[bool] = []"),
                (
                    "    try:\n        async with asyncio",
                    "    if GONE:\n        return False\n    try:\n        async with asyncio",
                ),
            ]
        },
        "test_ready_recovers",
    ),
    Wrong(
        "no time limit",
        {DATABASE: ("asyncio.timeout(PROBE_SECONDS), ", "")},
        "test_ready_does_not_wait_for_ever",
    ),
    Wrong(
        "a time limit of a minute",
        {DATABASE: ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 30.0")},
        "test_ready_does_not_wait_for_ever",
    ),
    Wrong(
        "a time limit only for the query",
        {DATABASE: (ASK, "async with engine.connect() as connection, asyncio.timeout(PROBE_SECONDS):")},
        "test_ready_does_not_wait_for_ever",
    ),
    Wrong(
        "a connection that is kept",
        {
            DATABASE: [
                (
                    ASK + "\n            " + QUERY,
                    CONNECT + "            KEPT.append(connection)\n            " + QUERY,
                ),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 2.0\nKEPT: list[object] = []"),
            ]
        },
        "test_ready_gives_its_connection_back",
    ),
    Wrong(
        "a connection that is dropped",
        {
            DATABASE: (
                ASK + "\n            " + QUERY,
                CONNECT + "            " + QUERY,
            )
        },
        "test_ready_gives_its_connection_back",
    ),
    Wrong(
        "an error that nobody hears of",
        {DATABASE: ('        logger.exception("The database cannot be reached")\n', "")},
        "test_reason_stands_in_the_log",
        Line(DATABASE, "except"),
    ),
    Wrong(
        "an error that is told to everybody",
        {
            DATABASE: [
                (
                    "async def is_reachable(engine: AsyncEngine) -> bool:",
                    "async def is_reachable(engine: AsyncEngine) -> str:",
                ),
                ("    except Exception:\n", "    except Exception as error:\n"),
                ("        return False\n", "        return str(error)\n"),
                ("    return True\n", '    return ""\n'),
            ],
            ROUTER: [
                (
                    "if await is_reachable(request.app.state.engine):",
                    "problem = await is_reachable(request.app.state.engine)\n    if not problem:",
                ),
                ('status="unavailable"', "status=problem"),
            ],
            SCHEMAS: ('Literal["ok", "unavailable"]', "str"),
        },
        "test_unavailable_answer_tells_no_secrets",
    ),
    Wrong(
        "an error that is told in a header",
        {
            DATABASE: [
                ("    except Exception:\n", "    except Exception as error:\n"),
                ("        return False\n", "        TOLD.append(repr(error))\n        return False\n"),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 2.0\nTOLD: list[str] = []"),
            ],
            ROUTER: [
                (STATUS, STATUS + '    response.headers["X-Reason"] = TOLD[-1].replace("\\n", " ")\n'),
                ("import is_reachable", "import TOLD, is_reachable"),
            ],
        },
        "test_unavailable_answer_tells_no_secrets",
        READY,
    ),
    Wrong("a 503 that nobody declared", {ROUTER: (DECLARED, "")}, "test_ready_documents_both_answers"),
    Wrong(
        "an alive that asks the database",
        {
            ROUTER: (
                LIVE,
                LIVE_BY_DATABASE,
            )
        },
        "test_live_needs_no_database",
        Line(ROUTER, "raise RuntimeError"),
        Kind.RAISED,
    ),
    Wrong(
        "a start-up that is still to be written",
        {
            DATABASE: (
                "return async_sessionmaker(engine, expire_on_commit=False)",
                'raise NotImplementedError("later")',
            )
        },
        "test_engine_is_there_while_the_application_runs",
        Line(DATABASE, "raise Not"),
        Kind.STUB,
    ),
    Wrong(
        "a probe that is still to be written",
        {
            DATABASE: (
                "    try:\n        async with",
                '    raise NotImplementedError("later")\n    try:\n        async with',
            )
        },
        "test_ready_answers_ok",
        Line(DATABASE, "raise Not"),
        Kind.STUB,
    ),
    Wrong(
        "a misspelt import",
        {MAIN: ("import make_session_factory", "import make_sesion_factory")},
        LOAD,
        Line(MAIN, "make_sesion"),
        Kind.NAME,
    ),
]

RIGHT = [
    Right("nearly five seconds", {DATABASE: ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 4.9")}),
    Right("two limits that are nearly five seconds together", {DATABASE: (ASKED, two_limits(2.4))}),
    Right(
        "two attempts that are nearly five seconds together",
        {
            DATABASE: [
                (
                    "    try:\n        async with",
                    "    for _ in range(2):\n        try:\n            async with",
                ),
                ("            " + QUERY + "\n", "                " + QUERY + "\n            return True\n"),
                (
                    (
                        "    except Exception:\n"
                        '        logger.exception("The database cannot be reached")\n'
                        "        return False\n    return True\n"
                    ),
                    (
                        "        except Exception:\n"
                        '            logger.exception("The database cannot be reached")\n'
                        "    return False\n"
                    ),
                ),
            ]
        },
    ),
    Right(
        "a question that goes on for a while after the answer",
        {
            DATABASE: [
                (
                    "async def is_reachable(engine: AsyncEngine) -> bool:",
                    (
                        "async def is_reachable(engine: AsyncEngine) -> bool:\n"
                        '    """Tell it in time, for all who ask meanwhile."""\n    try:\n'
                        "        return await asyncio.wait_for(asyncio.shield(_ask(engine)), 2.0)\n"
                        '    except TimeoutError:\n        logger.exception("late")\n'
                        "        return False\n\n\n"
                        "async def _ask(engine: AsyncEngine) -> bool:"
                    ),
                ),
                ("PROBE_SECONDS = 2.0", "PROBE_SECONDS = 4.0"),
            ]
        },
    ),
    Right(
        "a wait whose task is ended",
        {
            DATABASE: [
                ASK_APART,
                (
                    ASKED,
                    (
                        "asking = asyncio.create_task(_ask(engine))\n"
                        "        done, _ = await asyncio.wait({asking}, timeout=PROBE_SECONDS)\n"
                        "        if not done:\n            asking.cancel()\n            raise TimeoutError\n"
                        "        asking.result()"
                    ),
                ),
            ]
        },
    ),
    Right(
        "a cancellation that is told and goes on",
        {
            DATABASE: (
                "    except Exception:\n",
                (
                    '    except BaseException as error:\n        logger.warning("%r", error)\n'
                    "        if not isinstance(error, Exception):\n            raise\n"
                ),
            )
        },
    ),
    Right(
        "an option of the engine for the probe alone",
        {
            DATABASE: (
                "engine.connect() as connection",
                'engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection',
            )
        },
    ),
    Right(
        "a query that speaks of a change",
        {DATABASE: ('"SELECT 1"', "\"SELECT 'insert, update, delete'\"")},
    ),
    Right(
        "sessions that belong to a task",
        {
            DATABASE: [
                (
                    "return async_sessionmaker(engine, expire_on_commit=False)",
                    (
                        "return async_scoped_session(\n"
                        "        async_sessionmaker(engine, expire_on_commit=False),\n"
                        "        asyncio.current_task,\n    )"
                    ),
                ),
                ("import AsyncEngine,", "import AsyncEngine, async_scoped_session,"),
            ]
        },
    ),
    Right(
        "a task that asks all the time, and ends with the application",
        {
            MAIN: [
                IMPORT_ASYNCIO,
                (
                    LIFESPAN_HEAD,
                    (
                        "async def keep_asking(engine: object) -> None:\n    while True:\n"
                        "        await asyncio.gather(is_reachable(engine))\n"
                        "        await asyncio.sleep(0.5)\n\n\n" + LIFESPAN_HEAD
                    ),
                ),
                (
                    "        yield\n",
                    (
                        "        task = asyncio.create_task(keep_asking(engine))\n"
                        "        try:\n            yield\n        finally:\n            task.cancel()\n"
                        "            with suppress(asyncio.CancelledError):\n                await task\n"
                    ),
                ),
                ("import asynccontextmanager", "import asynccontextmanager, suppress"),
                ("import make_session_factory", "import is_reachable, make_session_factory"),
            ]
        },
    ),
    Right(
        "a task that comes to its own end",
        {
            MAIN: [
                IMPORT_ASYNCIO,
                (
                    "        yield\n",
                    "        app.state.warm = asyncio.create_task(warm_up())\n        yield\n",
                ),
                (
                    LIFESPAN_HEAD,
                    "async def warm_up() -> None:\n    await asyncio.sleep(0.1)\n\n\n" + LIFESPAN_HEAD,
                ),
            ]
        },
    ),
    Right(
        "a group of tasks around the yield",
        {
            MAIN: [
                IMPORT_ASYNCIO,
                FOREVER,
                (
                    "        yield\n",
                    (
                        "        async with asyncio.TaskGroup() as group:\n"
                        "            task = group.create_task(forever())\n"
                        "            yield\n            task.cancel()\n"
                    ),
                ),
            ]
        },
    ),
    Right(
        "a dispose in a task of its own that is waited for",
        {DATABASE: ("        await engine.dispose()", "        await asyncio.shield(engine.dispose())")},
    ),
    Right(
        "whatever ends the block is told and goes on",
        {
            DATABASE: (
                "    finally:\n        await",
                (
                    '    except BaseException:\n        logger.exception("the service ends")\n        raise\n'
                    "    finally:\n        await"
                ),
            )
        },
    ),
    Right(
        "a context manager that is made where it is handed over",
        {
            MAIN: [
                ("@asynccontextmanager\n", ""),
                ("lifespan=lifespan", "lifespan=asynccontextmanager(lifespan)"),
            ]
        },
    ),
    Right(
        "a lifespan that is assigned to the router",
        {MAIN: [(", lifespan=lifespan", ""), ("    return app\n", ASSIGNED + "    return app\n")]},
    ),
    Right(
        "a function that builds an application for given settings",
        {
            MAIN: [
                (
                    "def create_app() -> FastAPI:",
                    "def create_app(settings: Settings) -> FastAPI:",
                ),
                ("    settings = get_settings()\n", ""),
                ("app = create_app()", "app = create_app(get_settings())"),
                ("import get_settings", "import Settings, get_settings"),
            ]
        },
    ),
    Right(
        "a function that builds one application for all",
        {
            MAIN: [
                ("def create_app() ->", "@lru_cache\ndef create_app() ->"),
                (
                    "import asynccontextmanager\n",
                    "import asynccontextmanager\nfrom functools import lru_cache\n",
                ),
                ("lifespan(app: FastAPI)", "lifespan(_: FastAPI)"),
            ]
        },
    ),
    Right(
        "the driver's own words in the log",
        {
            DATABASE: [
                ("except Exception:", "except Exception as error:"),
                (
                    'logger.exception("The database cannot be reached")',
                    'logger.error("Error connecting to database: %s", getattr(error, "orig", error))',
                ),
            ]
        },
    ),
    Right(
        "the error's type in the log",
        {
            DATABASE: [
                ("except Exception:", "except Exception as error:"),
                (
                    'logger.exception("The database cannot be reached")',
                    'logger.error("not ready: %s", type(error).__name__)',
                ),
            ]
        },
    ),
    Right(
        "a body and a header that say when to come again",
        {
            ROUTER: [
                (
                    UNAVAILABLE,
                    (
                        "    return JSONResponse(\n"
                        '        {"status": "not ready", "title": "Database Error", "live": "ok"},\n'
                        "        status_code=503,\n"
                        '        headers={"Retry-After": "5", "X-Error": "Error"},\n    )\n'
                    ),
                ),
                (
                    "import APIRouter, Request, Response\n",
                    "import APIRouter, Request\nfrom fastapi.responses import JSONResponse\n",
                ),
                (
                    "ready(request: Request, response: Response) -> HealthStatus:",
                    "ready(request: Request) -> HealthStatus | JSONResponse:",
                ),
            ]
        },
    ),
    Right(
        "a range of answers in the documentation",
        {ROUTER: ("responses={HTTPStatus.SERVICE_UNAVAILABLE:", 'responses={"5XX":')},
    ),
    Right(
        "any other answer in the documentation",
        {ROUTER: ("responses={HTTPStatus.SERVICE_UNAVAILABLE:", 'responses={"default":')},
    ),
    Right(
        "a route that answers HEAD as well",
        {
            ROUTER: [
                ('@router.get(\n    "/ready"', '@router.api_route(\n    "/ready"'),
                (DECLARED, DECLARED + '    methods=["GET", "HEAD"],\n'),
            ]
        },
    ),
    Right(
        "an exception for the client that the route lets through",
        {
            ROUTER: [
                (
                    "    if await is_reachable(request.app.state.engine):\n"
                    '        return HealthStatus(status="ok")\n' + UNAVAILABLE,
                    (
                        "    try:\n        if not await is_reachable(request.app.state.engine):\n"
                        "            raise HTTPException(503)\n    except HTTPException:\n        raise\n"
                        "    except Exception as error:\n        raise HTTPException(503) from error\n"
                        '    return HealthStatus(status="ok")\n'
                    ),
                ),
                ("import APIRouter, Request", "import APIRouter, HTTPException, Request"),
            ]
        },
    ),
    Right(
        "a limit for the connection and one for the query",
        {
            DATABASE: (
                ASK + "\n            " + QUERY,
                (
                    CONNECT + "        try:\n            async with asyncio.timeout(PROBE_SECONDS):\n"
                    "                " + QUERY + "\n        finally:\n            await connection.close()"
                ),
            )
        },
    ),
    Right(
        "the driver itself is asked",
        {
            DATABASE: (
                QUERY,
                (
                    "raw = await connection.get_raw_connection()\n"
                    '            await raw.driver_connection.execute("SELECT 1")'
                ),
            )
        },
    ),
    Right(
        "the error's text in the log",
        {
            DATABASE: [
                ("except Exception:", "except Exception as error:"),
                (
                    'logger.exception("The database cannot be reached")',
                    'logger.warning("not ready: %s", error)',
                ),
            ]
        },
    ),
    Right(
        "the error's text as a field of the record",
        {
            DATABASE: [
                ("except Exception:", "except Exception as error:"),
                (
                    'logger.exception("The database cannot be reached")',
                    'logger.error("not ready", extra={"reason": repr(error)})',
                ),
            ]
        },
    ),
    Right(
        "sessions with options of the engine",
        {
            DATABASE: (
                "async_sessionmaker(engine,",
                'async_sessionmaker(engine.execution_options(isolation_level="SERIALIZABLE"),',
            )
        },
    ),
    Right(
        "an error that the lifespan tells and raises again",
        {
            MAIN: (
                "        yield\n",
                (
                    "        try:\n            yield\n"
                    "        except Exception as error:\n"
                    '            raise RuntimeError("the service ends") from error\n'
                ),
            )
        },
    ),
    Right("everything in the lifespan, with try and finally", {MAIN: [IMPORT_ENGINE, (OPEN, BY_HAND)]}),
    Right(
        "an exit stack",
        {
            MAIN: [
                ("import asynccontextmanager", "import AsyncExitStack, asynccontextmanager"),
                (
                    OPEN,
                    (
                        "    async with AsyncExitStack() as stack:\n"
                        "        engine = create_async_engine(get_settings().database_url)\n"
                        "        stack.push_async_callback(engine.dispose)\n"
                        "        app.state.engine = engine\n"
                        "        app.state.session_factory = make_session_factory(engine)\n"
                        "        yield\n"
                    ),
                ),
                IMPORT_ENGINE,
            ]
        },
    ),
    Right(
        "a class as the lifespan",
        {
            MAIN: [
                (
                    LIFESPAN_HEAD + LIFESPAN_TEXT + OPEN,
                    (
                        "class Lifespan:\n"
                        "    def __init__(self, app: FastAPI) -> None:\n"
                        "        self.app = app\n\n"
                        "    async def __aenter__(self) -> None:\n"
                        "        engine = create_async_engine(get_settings().database_url)\n"
                        "        self.app.state.engine = engine\n"
                        "        self.app.state.session_factory = make_session_factory(engine)\n\n"
                        "    async def __aexit__(self, *error: object) -> None:\n"
                        "        await self.app.state.engine.dispose()\n"
                    ),
                ),
                ("lifespan=lifespan", "lifespan=Lifespan"),
                IMPORT_ENGINE,
            ]
        },
    ),
    Right(
        "a lifespan that yields state",
        {
            MAIN: [
                ("        yield\n", '        yield {"engine": engine}\n'),
                ("AsyncIterator[None]", "AsyncIterator[dict[str, object]]"),
            ],
            ROUTER: ("request.app.state.engine", "request.state.engine"),
        },
    ),
    Right(
        "a factory of lifespans",
        {
            MAIN: [
                (
                    LIFESPAN_HEAD + LIFESPAN_TEXT + OPEN,
                    (
                        "def lifespan_for(url: str):\n"
                        "    @asynccontextmanager\n"
                        "    async def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
                        "        async with open_engine(url) as engine:\n"
                        "            app.state.engine = engine\n"
                        "            app.state.session_factory = make_session_factory(engine)\n"
                        "            yield\n\n"
                        "    return lifespan\n"
                    ),
                ),
                ("lifespan=lifespan", "lifespan=lifespan_for(settings.database_url)"),
            ]
        },
    ),
    Right(
        "an engine made at import, closed by the lifespan",
        {
            DATABASE: [
                (
                    "PROBE_SECONDS = 2.0",
                    "engine = create_async_engine(get_settings().database_url)\nPROBE_SECONDS = 2.0",
                ),
                ("import asyncio\n", "import asyncio\n\nfrom app.core.config import get_settings\n"),
            ],
            MAIN: [
                IMPORT_ENGINE,
                (OPEN, BY_HAND.partition("\n")[2]),
                ("import make_session_factory, open_engine", "import engine"),
            ],
        },
    ),
    Right(
        "a start-up that refuses to go on without its database",
        {
            MAIN: [
                (
                    OPEN,
                    OPEN.replace(
                        "        yield",
                        ASKED_AT_START,
                    ),
                )
            ]
        },
    ),
    Right(
        "an exception instead of the response's status",
        {
            ROUTER: [
                (
                    STATUS + '    return HealthStatus(status="unavailable")\n',
                    "    raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE)\n",
                ),
                ("import APIRouter, Request, Response", "import APIRouter, HTTPException, Request"),
                ("ready(request: Request, response: Response)", "ready(request: Request)"),
                (DECLARED, '    responses={503: {"description": "The database does not answer"}},\n'),
            ]
        },
    ),
    Right(
        "a response of its own",
        {
            ROUTER: [
                (UNAVAILABLE, '    return JSONResponse({"status": "unavailable"}, status_code=503)\n'),
                (
                    "import APIRouter, Request, Response\n",
                    "import APIRouter, Request\nfrom fastapi.responses import JSONResponse\n",
                ),
                (
                    "ready(request: Request, response: Response) -> HealthStatus:",
                    "ready(request: Request) -> HealthStatus | JSONResponse:",
                ),
            ]
        },
    ),
    Right(
        "asyncio.wait_for and a session",
        {
            DATABASE: [
                (
                    ASK + "\n            " + QUERY,
                    "await asyncio.wait_for(_ask(engine), PROBE_SECONDS)",
                ),
                (
                    "async def is_reachable",
                    (
                        "async def _ask(engine: AsyncEngine) -> None:\n"
                        "    async with make_session_factory(engine)() as session:\n"
                        "        await session.scalar(select(1))\n\n\n"
                        "async def is_reachable"
                    ),
                ),
                ("import text", "import select"),
            ]
        },
    ),
    Right(
        "anyio's time limit, and no pool",
        {
            DATABASE: [
                (
                    "asyncio.timeout(PROBE_SECONDS), engine.connect() as connection:\n            " + QUERY,
                    "engine.connect() as connection:\n                " + QUERY,
                ),
                (
                    "        async with engine",
                    "        with anyio.fail_after(PROBE_SECONDS):\n            async with engine",
                ),
                ("import asyncio\n", "import anyio\n"),
                ("pool_pre_ping=True", "poolclass=NullPool"),
                ("from sqlalchemy import text\n", "from sqlalchemy import NullPool, text\n"),
            ]
        },
    ),
    Right(
        "a database that is a dependency",
        {
            ROUTER: [
                (
                    "ready(request: Request, response: Response)",
                    "ready(reachable: Reachable, response: Response)",
                ),
                ("if await is_reachable(request.app.state.engine):", "if reachable:"),
                (
                    'router = APIRouter(prefix="/health", tags=["health"])\n',
                    (
                        'router = APIRouter(prefix="/health", tags=["health"])\n\n\n'
                        "async def ask(request: Request) -> bool:\n"
                        "    return await is_reachable(request.app.state.engine)\n\n\n"
                        "Reachable = Annotated[bool, Depends(ask)]\n"
                    ),
                ),
                ("from http import", "from typing import Annotated\nfrom http import"),
                ("import APIRouter, Request", "import APIRouter, Depends, Request"),
            ]
        },
    ),
]
