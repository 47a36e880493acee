"""A small course of made-up lessons, so that nothing here depends on the real ones."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from checks.cli import app
from checks.lesson import Course
from checks.workspace import Workspace

HOUSE = Path(__file__).resolve().parents[3]

HINTS = """\
Each tells a little more.

## Hint 1

Look at `greet`.

## Hint 2: the sentence

Start from the name:

```python
## not a heading
name = "world"
```

## Hint 3

- Say hello first,
  then the name.
- A full stop ends it.
"""
FILES = {
    "lessons/01_greeting/README.md": "# Greeting\n",
    "lessons/01_greeting/lesson.toml": """\
title = "Greeting"
summary = "A function that greets."
minutes = 10
made = ["app/greeting.py"]
conventions = ["async-handlers"]
""",
    "lessons/01_greeting/hints.md": HINTS,
    "lessons/01_greeting/test_greeting.py": "def test_greeting(): ...\n",
    "lessons/01_greeting/starter/app/greeting.py": "def greet(name): ...\n",
    "solutions/01_greeting/app/greeting.py": 'def greet(name):\n    return f"Hello, {name}."\n',
    "lessons/02_farewell/README.md": "# Farewell\n",
    "lessons/02_farewell/lesson.toml": """\
title = "Farewell"
summary = "A function that says good-bye."
minutes = 15
made = ["app/farewell.py"]
changed = ["app/greeting.py"]
""",
    "lessons/02_farewell/test_farewell.py": "def test_farewell(): ...\n",
    "lessons/02_farewell/starter/app/farewell.py": "def leave(name): ...\n",
    "solutions/02_farewell/app/farewell.py": 'def leave(name):\n    return f"Good-bye, {name}."\n',
    "solutions/02_farewell/app/greeting.py": 'def greet(name):\n    return f"Good day, {name}."\n',
    "lessons/03_silence/README.md": "# Silence\n",
    "lessons/03_silence/lesson.toml": """\
title = "Silence"
summary = "Nothing to say."
minutes = 5
optional = true
made = ["app/silence.py"]
""",
    "lessons/03_silence/test_silence.py": "def test_silence(): ...\n",
    "lessons/03_silence/starter/app/silence.py": "silence = ...\n",
    "solutions/03_silence/app/silence.py": 'silence = ""\n',
    "checks/README": "the mark of a clone\n",
}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with three lessons, the current folder; its path holds a space and an accent."""
    root = tmp_path / "my clône"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "WORKSHOP_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return root


def read(written: bytes, encoding: str = "utf-8") -> str:
    """What a process has written, whatever ends the lines of this system."""
    return written.decode(encoding).replace("\r\n", "\n")


class Result(NamedTuple):
    """What a command said, and its exit code."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that it said."""
        return self.stdout + self.stderr


type Run = Callable[..., Result]
type Write = Callable[[str, str], Path]
type MakeGreen = Callable[[str], None]
type Golden = Callable[[str, str], None]
type Process = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(clone: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `workshop` with these words in this process."""

    def command(*words: str) -> Result:
        with pytest.raises(SystemExit) as end:
            app(words, prog_name="workshop")
        said = capsys.readouterr()
        return Result(int(end.value.code or 0), said.out, said.err)

    return command


@pytest.fixture
def process(clone: Path) -> Process:
    """Run `workshop` with these words in a process of its own, with more environment by keyword."""

    def start(*words: str, cwd: Path = clone, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", "from checks.cli import main; main()", *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(HOUSE), **environment},
            capture_output=True,
            timeout=30,
            check=False,
        )

    return start


@pytest.fixture
def write(clone: Path) -> Write:
    """Write a file of the project."""

    def write_text(name: str, text: str) -> Path:
        path = clone / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        return path

    return write_text


@pytest.fixture
def make_green(clone: Path) -> MakeGreen:
    """Say that the checks of a lesson passed, as the pytest side does."""
    return lambda name: Workspace(Course(clone)).mark_green(name, green=True)


@pytest.fixture
def golden() -> Golden:
    """Compare a screen with the one kept under that name; with WRITE_GOLDEN=1 keep it instead."""

    def compare(name: str, screen: str) -> None:
        path = Path(__file__).parent / "golden" / f"{name}.txt"
        if os.environ.get("WRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(screen, encoding="utf-8", newline="\n")
        assert screen == path.read_text(encoding="utf-8")

    return compare
