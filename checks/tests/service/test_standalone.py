"""Copied out of this repository, the finished service is a project of its own. Slow: it installs itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.tests.service.states import LAST, build, environment, find_uv, run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return build(LAST, tmp_path / "library")


def uv(project: Path, *words: str) -> str:
    """Do what the README says, and expect that it works."""
    outside = environment(project) | {"UV_PYTHON_DOWNLOADS": "never"}
    # Of the workshop's environment and of the versions that it is tried with, the project knows nothing.
    env = {name: value for name, value in outside.items() if name not in {"VIRTUAL_ENV", "UV_RESOLUTION"}}
    done = subprocess.run(
        [find_uv(), *words],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, f"uv {' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_of_its_readme_work_as_they_stand(project: Path) -> None:
    readme = (project / "README.md").read_text(encoding="utf-8")
    for written in (
        "uv sync",
        "uv run alembic upgrade head",
        "uv run pytest --cov=app -x",
        "uv run ruff check . && uv run ruff format .",
        'uv run alembic revision --autogenerate -m "What changes"',
    ):
        assert written in readme
    lock = (project / "uv.lock").read_bytes()

    uv(project, "sync", "--locked")
    uv(project, "run", "alembic", "upgrade", "head")
    # Not all tests: that they pass is proved in `test_own_tests.py`.
    assert " passed" in uv(
        project, "run", "pytest", "--cov=app", "-x", "tests/test_isbn.py", "tests/test_health.py"
    )
    uv(project, "run", "ruff", "check", ".")
    assert "unchanged" in uv(project, "run", "ruff", "format", ".")
    uv(project, "run", "alembic", "revision", "--autogenerate", "-m", "What changes")
    uv(project, "run", "ruff", "check", ".")
    assert "unchanged" in uv(project, "run", "ruff", "format", ".")
    assert len(list((project / "migrations" / "versions").glob("*.py"))) == 4
    assert (project / "uv.lock").read_bytes() == lock


@pytest.mark.skipif("CI" not in os.environ, reason="takes half a minute: CI does it")
def test_it_works_with_the_oldest_versions_that_it_admits(project: Path) -> None:
    (project / "uv.lock").unlink()

    uv(project, "sync", "--resolution", "lowest-direct")
    # Old libraries warn of what newer Pythons will take away: that is no fault of the service.
    tested = uv(project, "run", "--no-sync", "pytest", "-q", "-n", "2", "-o", "filterwarnings=")

    assert " passed" in tested
    installed = uv(project, "pip", "list")
    for oldest in ("fastapi 0.115.0", "sqlalchemy 2.0.30", "pydantic 2.9.0"):
        assert oldest in " ".join(installed.split()), installed


def test_it_does_not_start_before_it_has_a_key(project: Path) -> None:
    shutil.copy(project / ".env.example", project / ".env")

    refused = run(project, "-c", "import app.main", env={"SECRET_KEY": ""})

    assert refused.returncode != 0
    assert "secret_key" in refused.stdout
