"""What `--json` prints: one JSON value on standard output, in ASCII, whatever the console."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.tests.cli.conftest import Result, Run, Write


def data(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    assert result.stdout.isascii()
    return json.loads(result.stdout)


def test_position(run: Run) -> None:
    run("start", "1")
    position = data(run("--json"))

    assert position["lesson"]["name"] == "01_greeting"
    assert position["lesson"]["standing"] == "open"
    assert position["files"] == ["project/app/greeting.py"]
    assert position["next"]["command"] == "uv run pytest lessons/01"


def test_status(run: Run) -> None:
    run("start", "2")
    standings = {lesson["name"]: lesson["standing"] for lesson in data(run("status", "--json"))["lessons"]}

    assert standings["02_farewell"] == "open"
    assert standings["03_silence"] == "ahead"


def test_hint(run: Run) -> None:
    run("start", "1")
    run("hint")
    hints = data(run("hint", "--json"))

    assert hints["total"] == 3
    assert hints["shown"] == [
        {
            "number": 2,
            "title": "the sentence",
            "text": 'Start from the name:\n\n```python\n## not a heading\nname = "world"\n```',
        }
    ]
    assert [hint["number"] for hint in data(run("hint", "--again", "--json"))["shown"]] == [1, 2]


def test_explain(run: Run) -> None:
    explanation = data(run("explain", "async-handlers", "--json"))

    assert explanation["slug"] == "async-handlers"
    assert explanation["lesson"] == "01_greeting"
    assert explanation["title"]
    assert explanation["rule"]
    assert explanation["why"]
    assert "def " in explanation["bad"][0]
    assert "async def " in explanation["good"][0]


def test_diff(run: Run) -> None:
    run("start", "1")
    [file] = data(run("diff", "--spoil", "--json"))["files"]

    assert file["path"] == "project/app/greeting.py"
    assert file["likeness"] == "different"
    assert '+    return f"Hello, {name}."' in file["lines"]


@pytest.mark.parametrize("command", ["start", "solve", "catchup"])
def test_changes(run: Run, clone: Path, command: str) -> None:
    outcome = data(run(command, "2", "--json"))

    after = {path.relative_to(clone).as_posix() for path in clone.glob("project/app/**/*.py")}
    assert outcome["action"] == command
    assert outcome["lesson"] == "02_farewell"
    assert set(outcome["added"]) == after
    assert set(outcome["reference"]) <= after


def test_reset(run: Run, write: Write) -> None:
    run("start", "2")
    write("app/farewell.py", "")
    outcome = data(run("reset", "2", "--json"))

    assert outcome["changed"] == ["project/app/farewell.py"]
    assert outcome["saved"]


@pytest.mark.parametrize("command", ["start", "reset", "catchup"])
def test_going_back_leads_to_that_lesson(run: Run, command: str) -> None:
    run("start", "3")
    run("start", "1")
    outcome = data(run(command, "1", "--json"))

    assert outcome["next"]["command"] == "uv run pytest lessons/01"
    assert outcome["brief"] == "lessons/01_greeting/README.md"


def test_undo(run: Run) -> None:
    run("start", "1")
    run("solve", "1")
    outcome = data(run("undo", "--json"))

    assert outcome["changed"] == ["project/app/greeting.py"]
    assert (outcome["undone"]["action"], outcome["undone"]["lesson"]) == ("solve", "01_greeting")


def test_list_of_copies_and_the_way_back_to_one(run: Run) -> None:
    assert data(run("undo", "--list", "--json")) == {"copies": []}
    run("start", "1")
    run("solve", "1")
    solve, start = data(run("undo", "--list", "--json"))["copies"]

    assert (start["number"], start["action"], start["lesson"], start["files"]) == (
        1,
        "start",
        "01_greeting",
        0,
    )
    assert (solve["number"], solve["action"], solve["lesson"], solve["files"]) == (
        2,
        "solve",
        "01_greeting",
        1,
    )
    assert abs(datetime.fromisoformat(solve["when"]) - datetime.now(UTC)) < timedelta(minutes=1)
    outcome = data(run("undo", "--to", start["name"], "--json"))
    assert outcome["undone"] == start
    assert outcome["removed"] == ["project/app/greeting.py"]
    assert data(run("undo", "--json"))["added"] == ["project/app/greeting.py"]
