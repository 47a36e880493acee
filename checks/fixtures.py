"""The fixtures of the lessons' checks.

They are here whenever lessons run: a lesson's test module asks for them by name and imports nothing of the
learner's application itself.
"""

import contextlib
import importlib
import inspect
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from checks.apart import move_apart
from checks.expect import Unmet, line_with
from checks.lesson import Course
from checks.outage import Database
from checks.serving import serving

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

Load = Callable[..., ModuleType]
"""``load("app.main", DEBUG="true")``: import a module of the project anew, under the given environment."""

SECRET_KEY = "a key for the checks, and for nothing else at all"  # noqa: S105


def environment(folder: Path) -> dict[str, str]:
    """Settings with which the application can start; its data goes into the given folder."""
    return {
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": f"sqlite+aiosqlite:///{(folder / 'library.db').as_posix()}",
    }


@pytest.fixture
def anyio_backend() -> str:
    """FastAPI's own event loop, for every asynchronous check."""
    return "asyncio"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder and an environment in which the application can start.

    Nothing that a check does reaches the learner's own ``.env``, database or uploads. In the subject the
    folder lies in one that is removed for certain; pytest's ``tmp_path`` would cost a tenth of its time.
    """
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="check-", dir=root, ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        with contextlib.chdir(folder):
            for variable, value in environment(folder).items():
                monkeypatch.setenv(variable, value)
            yield folder
            forget_application()


@pytest.fixture
def project(request: pytest.FixtureRequest) -> Path:
    """The learner's own folder; a check reads there and never writes."""
    return Course(request.config.rootpath).project


@pytest.fixture
def apart(surroundings: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where the application now seems to stand; see `checks.apart`."""
    move_apart(project, surroundings, monkeypatch)
    return surroundings


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import a module of the project anew; see `Load`. A value of None removes the variable."""

    def load(module: str, **environment: str | None) -> ModuleType:
        for name, value in environment.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        forget_application()
        return importlib.import_module(module)

    return load


@pytest.fixture
def load_app(load: Load, project: Path) -> Callable[..., "FastAPI"]:
    """``load_app(DEBUG="true")``: the learner's application, imported anew under the given environment.

    Raises `checks.expect.Unmet` if it is none.
    """

    def load_app(**environment: str | None) -> "FastAPI":
        from fastapi import FastAPI

        main = load("app.main", **environment)
        application, factory = main.app, getattr(main, "create_app", None)
        if application is None and factory is not None:
            raise Unmet(
                expected="create_app() to return the application",
                found="create_app() returned None",
                at=factory,
            )
        if not isinstance(application, FastAPI):
            raise Unmet(
                expected="app.main.app to be a FastAPI object",
                found=f"an object of type {type(application).__name__}",
                at=line_with("app/main.py", project, r"^app\b"),
            )
        return application

    return load_app


@pytest.fixture
def app(load_app: Callable[..., "FastAPI"]) -> "FastAPI":
    """The learner's application, imported anew."""
    return load_app()


@pytest.fixture
async def client(app: "FastAPI", anyio_backend: str) -> AsyncIterator["httpx.AsyncClient"]:
    """A client for the application, between its start-up and its shutdown."""
    assert anyio_backend == "asyncio"
    async with serving(app) as client:
        yield client


@pytest.fixture
def database(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The application's database, for checks that take it away; ask for it before ``app`` and ``client``."""
    database = Database(surroundings)
    monkeypatch.setenv("DATABASE_URL", database.url)
    with database.watched():
        yield database


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


def forget_application() -> None:
    """Let the next import of ``app`` run its modules again."""
    for name in [name for name in sys.modules if name == "app" or name.startswith("app.")]:
        del sys.modules[name]
