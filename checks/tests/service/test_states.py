"""Every state is a complete, running, tidy project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from checks.conventions import load, slugs
from checks.source import parse
from checks.tests.service.conftest import State
from checks.tests.service.states import COURSE, LAST, NUMBERS, build, run

PROOFS = Path(__file__).parent / "proofs"
ROOT = Path(__file__).parents[3]
# Where the schema changes.
MIGRATED = [
    lesson.number for lesson in COURSE.all_lessons if any("migrations/" in file for file in lesson.made)
]

THERE_AND_BACK = """
from alembic import command
from alembic.config import Config

config = Config("alembic.ini")
command.upgrade(config, "head")
command.check(config)
command.downgrade(config, "base")
command.upgrade(config, "head")
"""


@pytest.mark.parametrize("number", NUMBERS)
def test_it_starts_and_serves(number: int, tmp_path: Path) -> None:
    state = build(number, tmp_path)
    shutil.copytree(PROOFS, state / "proofs", ignore=shutil.ignore_patterns("__pycache__"))
    env = {"APP_NAME": "Journey", "CATALOGUE_URL": "http://127.0.0.1:9"}

    served = run(state, "-W", "error", "-m", "proofs.journey", str(number), env=env)

    assert served.returncode == 0, served.stdout
    assert served.stdout.splitlines()[-1].endswith(" steps")


def test_the_last_one_serves_on_every_database(tmp_path: Path, database_url: str) -> None:
    state = build(LAST, tmp_path / "state")
    shutil.copytree(PROOFS, state / "proofs", ignore=shutil.ignore_patterns("__pycache__"))
    env = {"APP_NAME": "Journey", "CATALOGUE_URL": "http://127.0.0.1:9", "DATABASE_URL": database_url}

    served = run(state, "-W", "error", "-m", "proofs.journey", str(LAST), env=env)

    assert served.returncode == 0, served.stdout


@pytest.mark.parametrize("number", MIGRATED)
def test_it_migrates_there_and_back_without_drift(number: int, state: State, database_url: str) -> None:
    migrated = run(state(number), "-W", "error", "-c", THERE_AND_BACK, env={"DATABASE_URL": database_url})

    assert migrated.returncode == 0, migrated.stdout


@pytest.mark.parametrize("number", [1, LAST])
def test_it_starts_with_its_own_env_file_and_nothing_else(number: int, tmp_path: Path) -> None:
    state = build(number, tmp_path)
    known = ("PATH", "SYSTEMROOT", "HOME", "TEMP", "TMP")
    bare = {name: value for name, value in os.environ.items() if name in known}
    words = [sys.executable, "-c", "import app.main"]

    started = subprocess.run(words, cwd=state, env=bare, capture_output=True, text=True, check=False)

    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize("number", [11, LAST])
def test_the_key_of_its_env_file_is_refused_outside_development(number: int, state: State) -> None:
    key = dotenv_values(state(number) / ".env")["SECRET_KEY"]
    assert key

    refused = run(state(number), "-c", "import app.main", env={"SECRET_KEY": key, "DEBUG": "false"})

    assert refused.returncode != 0
    assert "everybody can read this key" in refused.stdout
    assert key not in refused.stdout


@pytest.mark.parametrize("number", NUMBERS)
def test_no_convention_has_anything_to_say(number: int, state: State) -> None:
    project = parse(state(number))

    found = [
        f"{finding.place}: {finding.message}" for slug in slugs() for finding in load(slug).check(project)
    ]

    assert found == []


def test_each_repository_keeps_to_the_tables_of_its_own_module(state: State) -> None:
    repositories = list((state(LAST) / "app").glob("*/repository.py"))

    for repository in repositories:
        used = re.findall(r"from app\.(\w+)\.models import", repository.read_text(encoding="utf-8"))
        assert set(used) <= {repository.parent.name}, repository
    assert len(repositories) == 4


@pytest.mark.parametrize("number", NUMBERS)
def test_the_linter_has_nothing_to_say(number: int, state: State) -> None:
    own = state(number) / "pyproject.toml"
    config = own if own.exists() else ROOT / "pyproject.toml"

    for words in (["check"], ["format", "--check"]):
        linted = run(state(number), "-m", "ruff", *words, "--no-cache", "--config", str(config), ".")
        assert linted.returncode == 0, linted.stdout


def test_the_type_checker_has_nothing_to_say(tmp_path: Path) -> None:
    """All states in one folder, one after the other: each takes from the cache what has not changed.

    The first takes seconds, for the libraries are read; most of the others take less than one.
    """
    state, config = tmp_path / "state", tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\nplugins = pydantic.mypy\n", encoding="utf-8")
    options = ["--config-file", str(config), "--cache-dir", str(tmp_path / "cache")]

    for number in NUMBERS:
        build(number, state)
        if number == LAST:
            shutil.copytree(PROOFS, state / "proofs", ignore=shutil.ignore_patterns("__pycache__"))
        rooms = [room for room in ("app", "migrations", "tests", "proofs") if (state / room).exists()]
        typed = run(state, "-m", "mypy", *options, *rooms)
        assert typed.returncode == 0, f"state {number}: {typed.stdout}"
        assert "no issues found" in typed.stdout
