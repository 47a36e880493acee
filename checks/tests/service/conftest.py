"""States to try, and a PostgreSQL server."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from checks.tests.service import postgres, states

type State = Callable[[int], Path]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Give the folder of state N. It is built once: who writes into it makes a copy."""

    @cache
    def build(number: int) -> Path:
        return states.build(number, tmp_path_factory.mktemp(f"state{number:02d}"))

    return build


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server. Where there is none to start the test is skipped, but not in CI on Linux."""
    binaries = postgres.find_binaries()
    if binaries is None:
        reason = (
            "no PostgreSQL to start here: on Linux and macOS from the path, else from /usr/lib/postgresql"
        )
        # It proves something of the service, not of the system: one system is enough, and CI has it there.
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail(reason)
        pytest.skip(reason)
    with postgres.running(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind, as a URL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'library.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.new_database()
