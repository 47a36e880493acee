"""A course of two tiny lessons, so that these tests depend on no real one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"

HELLO = '''\
"""The application."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    """Greet."""
    return {"text": "hello"}
'''

STARTER = '''\
"""The application."""

from fastapi import FastAPI


def create_app() -> FastAPI:
    """Make the application, with GET /hello."""
    raise NotImplementedError("Make a FastAPI object with the route")


app = create_app()
'''

TEST_HELLO = '''\
import pytest

from checks.expect import expect_answer

pytestmark = pytest.mark.anyio


async def test_hello_answers(client):
    """GET /hello answers 200

    Why: A greeting that fails is no greeting.

    Next: Compare the path with step 1.
    """
    expect_answer(await client.get("/hello"), 200)


@pytest.mark.needs("test_hello_answers")
async def test_hello_greets(client):
    """GET /hello says hello

    Why: People read the text.

    Next: Compare the text with step 2.
    """
    expect_answer(await client.get("/hello"), 200, {"text": "hello"})


async def test_nothing_else(client):
    """GET /nothing answers 404

    Why: An unknown path is the client's mistake.

    Next: Take out routes that match everything.
    """
    expect_answer(await client.get("/nothing"), 404)
'''

TEST_COUNT = '''\
import pytest

from checks.expect import expect

pytestmark = pytest.mark.anyio


def test_counts(load):
    """count adds one

    Why: The next lesson counts on it.

    Next: Look at step 1.
    """
    count = load("app.count").count
    expect(count(1) == 2, expected="count(1) to give 2", found=f"{count(1)}", at=count)
'''

LESSONS = {
    "lessons/01_hello/lesson.toml": (
        'title = "Hello"\nsummary = "A greeting."\nminutes = 5\nmade = ["app/__init__.py", "app/main.py"]\n'
        'conventions = ["async-handlers"]\n\n[contract]\n"app.main" = ["app: FastAPI"]\n'
    ),
    "lessons/01_hello/README.md": "# Hello\n",
    "lessons/01_hello/hints.md": "## Hint 1\n\nLook.\n",
    "lessons/01_hello/test_hello.py": TEST_HELLO,
    "lessons/01_hello/starter/app/__init__.py": "",
    "lessons/01_hello/starter/app/main.py": STARTER,
    "solutions/01_hello/app/__init__.py": "",
    "solutions/01_hello/app/main.py": HELLO,
    "lessons/02_count/lesson.toml": (
        'title = "Count"\nsummary = "A number."\nminutes = 5\nmade = ["app/count.py"]\n'
        '\n[contract]\n"app.count" = ["def count(number: int) -> int"]\n'
    ),
    "lessons/02_count/README.md": "# Count\n",
    "lessons/02_count/hints.md": "## Hint 1\n\nLook.\n",
    "lessons/02_count/test_count.py": TEST_COUNT,
    "lessons/02_count/starter/app/count.py": (
        'def count(number: int) -> int:\n    """Add one."""\n    raise NotImplementedError("Add one")\n'
    ),
    "solutions/02_count/app/count.py": (
        'def count(number: int) -> int:\n    """Add one."""\n    return number + 1\n'
    ),
    "lessons/03_later/lesson.toml": 'title = "Later"\nsummary = "Not on offer yet."\nminutes = 5\n',
    "checks/.keep": "",
}


@dataclass(frozen=True)
class Ran:
    """How a pytest process ended."""

    code: int
    output: str


class Clone:
    """A clone of that course in a folder of its own, used as a learner would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        write(root, LESSONS)
        shutil.copy(PYPROJECT, root / "pyproject.toml")

    def pytest(self, *arguments: str, folder: str = ".", **environment: str) -> Ran:
        """Run pytest in the clone, as a process of its own."""
        process = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.root / folder,
            env=learners_environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=120,
            check=False,
        )
        return Ran(process.returncode, process.stdout + process.stderr)

    def solve(self) -> None:
        """Give the project the reference of both lessons, as if the learner had written it."""
        write(self.project, {"app/__init__.py": "", "app/main.py": HELLO})
        write(self.project, {"app/count.py": LESSONS["solutions/02_count/app/count.py"]})

    def done(self) -> list[str]:
        """The lessons that are remembered as done, by the word of their name."""
        file = self.project / ".workshop" / "state.json"
        lessons = json.loads(file.read_text(encoding="utf-8"))["lessons"] if file.is_file() else {}
        return [word for word, record in lessons.items() if record.get("green")]


def learners_environment() -> dict[str, str]:
    """The environment of a learner's shell: no other pytest round it, no plugin that only authors have."""
    left_out = ("PYTEST_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return inherited | {
        "COLUMNS": "80",
        "PYTHONIOENCODING": "utf-8",
        "PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:timeout",
    }


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
