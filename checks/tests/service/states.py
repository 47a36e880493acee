"""States of the reference service as folders of their own, and how to run something inside one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.lesson import find_course

COURSE = find_course(Path(__file__).parent)
NUMBERS = [lesson.number for lesson in COURSE.all_lessons]
LAST = NUMBERS[-1]


def build(number: int, folder: Path) -> Path:
    """Copy state N, the union of the solutions 01 to N, into a folder."""
    lesson = next(lesson for lesson in COURSE.all_lessons if lesson.number == number)
    for name, source in COURSE.state(lesson).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The environment variables of a service that keeps its data in a folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return inherited | {
        "SECRET_KEY": "a-key-for-proofs-and-nothing-else-",
        "DEBUG": "false",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'library.db'}",
        "COVERS_FOLDER": str(folder / "covers"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(
    state: Path, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments inside a state. What it wrote is in the answer, errors and all."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=state,
        env=environment(state) | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )


def find_uv() -> str:
    """The program uv; where there is none the test is skipped, but not in CI, which installs it."""
    executable = shutil.which("uv")
    if executable is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no uv on the path of this machine")
    return executable


def pytest_arguments(*more: str) -> list[str]:
    """How a project runs pytest that knows nothing of the workshop's own settings."""
    return ["-m", "pytest", "-q", "-p", "no:cacheprovider", *more]
