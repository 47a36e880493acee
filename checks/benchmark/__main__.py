"""How quick the workshop is: ``python -m checks.benchmark``.

Each row compares a command of the workshop with the least that such a command could cost on the same machine.
Both are run in turns, so that a busy machine slows both; only the ratio of the medians counts. A first round,
not counted, leaves bytecode behind, as the set-up does.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checks.lesson import Course, find_course

DEPENDENCIES = "import fastapi, sqlalchemy.ext.asyncio, httpx, pydantic_settings"
COPIED = ("lessons", "solutions", "checks", "pyproject.toml")


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        name: what is compared.
        ours, base: the two command lines, without the interpreter.
        ours_in, base_in: the folders in which they run.
        bound: the ratio that we promise not to exceed.
    """

    name: str
    ours: Sequence[str]
    base: Sequence[str]
    ours_in: Path
    base_in: Path
    bound: float
    ours_seconds: list[float] = field(default_factory=list)
    base_seconds: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of ours over median of the base."""
        return statistics.median(self.ours_seconds) / statistics.median(self.base_seconds)

    def measure(self) -> None:
        """Run both commands once."""
        self.base_seconds.append(_seconds(self.base, self.base_in))
        self.ours_seconds.append(_seconds(self.ours, self.ours_in))


def rows(clone: Path, plain: Path) -> list[Row]:
    """The comparisons.

    Args:
        clone: a clone of the workshop whose project is at the state of lesson 03.
        plain: a folder with one empty test and one that imports the learner's dependencies.
    """
    return [
        Row(
            "pytest lessons/03 / pytest and the learner's dependencies",
            ("-m", "pytest", "lessons/03"),
            ("-m", "pytest", "test_dependencies.py"),
            clone,
            plain,
            1.25,
        ),
        Row(
            "pytest --collect-only lessons/03 / the same of one empty test",
            ("-m", "pytest", "--collect-only", "lessons/03"),
            ("-m", "pytest", "--collect-only", "test_empty.py"),
            clone,
            plain,
            1.3,
        ),
        Row(
            "workshop / import of typer and rich.console",
            ("-c", "import sys; sys.argv = ['workshop']; from checks.cli import main; main()"),
            ("-c", "import typer, rich.console"),
            clone,
            plain,
            1.5,
        ),
    ]


def prepare(course: Course, folder: Path) -> tuple[Path, Path]:
    """Make the two folders that `rows` needs, below the given one."""
    clone, plain = folder / "clone", folder / "plain"
    clone.mkdir()
    for name in COPIED:
        source = course.root / name
        ignore = shutil.ignore_patterns("__pycache__", "tests")
        _ = (
            shutil.copytree(source, clone / name, ignore=ignore)
            if source.is_dir()
            else shutil.copy(source, clone)
        )
    for file, source in course.state(course.find("3")).items():
        target = clone / "project" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    plain.mkdir()
    (plain / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (plain / "test_empty.py").write_text("def test_empty():\n    pass\n", encoding="utf-8")
    (plain / "test_dependencies.py").write_text(f"def test_empty():\n    {DEPENDENCIES}\n", encoding="utf-8")
    return clone, plain


def _seconds(command: Sequence[str], folder: Path) -> float:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def main() -> None:
    """Measure, print a table, and exit with 1 if a ratio is above its bound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="how often each command runs (default: 9)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        table = rows(*prepare(find_course(), Path(folder)))
        for row in table:
            row.measure()
            row.ours_seconds.clear()
            row.base_seconds.clear()
        for _ in range(rounds):
            for row in table:
                row.measure()
    print(f"{'ours ms':>8} {'base ms':>8} {'ratio':>6} {'bound':>6}  (medians of {rounds}, in turns)")
    for row in table:
        ours, base = (statistics.median(s) * 1000 for s in (row.ours_seconds, row.base_seconds))
        print(f"{ours:8.0f} {base:8.0f} {row.ratio:6.2f} {row.bound:6.2f}  {row.name}")
    sys.exit(any(row.ratio > row.bound for row in table))


if __name__ == "__main__":
    main()
