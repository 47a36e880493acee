"""The command where it is installed for its audit alone, as a hook or with uvx: no clone, no course."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.tests.cli.conftest import HOUSE, Result, read

type Installed = Callable[..., Result]

LEFT_OUT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
    "targets"
]["wheel"]["exclude"]
BAD = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef root():\n    return 1\n"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel does."""
    folder = tmp_path_factory.mktemp("site-packages")
    ignored = {HOUSE / name for name in LEFT_OUT}

    def leave_out(parent: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(parent, name) in ignored or name == "__pycache__"]

    shutil.copytree(HOUSE / "checks", folder / "checks", ignore=leave_out)
    return folder


@pytest.fixture
def installed(site: Path, tmp_path: Path) -> Installed:
    """Run `workshop` from there, in a folder that is no clone."""

    def run(*words: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-c", "from checks.cli import main; main()", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, read(done.stdout), read(done.stderr))

    return run


def test_the_wheel_holds_no_tests_and_no_benchmark(site: Path) -> None:
    assert set(LEFT_OUT) == {"checks/tests", "checks/benchmark"}
    assert (site / "checks" / "audit" / "schema.json").is_file()
    assert not (site / "checks" / "tests").exists()


def test_a_convention_is_explained_without_a_course(installed: Installed) -> None:
    result = installed("explain", "async-session")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("async-session   Every database call")
    assert "first met" not in result.stdout
    assert json.loads(installed("explain", "async-session", "--json").stdout)["lesson"] is None


def test_an_unknown_convention_names_the_nearest(installed: Installed) -> None:
    result = installed("explain", "async-sesion")
    assert result.exit_code == 2
    assert "The nearest is async-session" in " ".join(result.stderr.split())


def test_the_audit_and_its_help(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(BAD, encoding="utf-8")
    result = installed("audit", ".")
    assert result.exit_code == 1, result.stderr
    assert "main.py:7" in result.stdout
    assert installed("audit", "--help").exit_code == 0
    assert installed("--help").exit_code == 0


@pytest.mark.parametrize("words", [[], ["status"], ["start", "1"], ["hint"], ["undo", "--list"]])
def test_what_needs_lessons_says_where_they_are(installed: Installed, words: list[str]) -> None:
    result = installed(*words)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert "is a clone of the workshop" in said
    assert "Go into your clone" in said
    assert "`workshop audit PATH` and `workshop explain SLUG` work" in said
    assert result.stdout == ""
