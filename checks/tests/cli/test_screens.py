"""The main screens, word for word, and the promise that every one fits 80 columns."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from checks.cli import app
from checks.lesson import Course
from checks.tests.cli.conftest import Golden, MakeGreen, Run, Write
from checks.workspace import Workspace


def without_times(screen: str) -> str:
    """A screen as it would be at one certain minute."""
    return re.sub(r"\d\d:\d\d", "07:32", re.sub(r"\d{4}-\d\d-\d\d", "2026-11-23", screen))


def test_before_the_first_lesson(run: Run, golden: Golden) -> None:
    golden("first", run().output)


def test_in_a_lesson(run: Run, golden: Golden) -> None:
    run("start", "1")
    run("hint")
    golden("open", run().output)


def test_after_a_green_lesson(run: Run, write: Write, make_green: MakeGreen, golden: Golden) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    make_green("01_greeting")
    golden("next", run().output)


def test_after_the_last_lesson(run: Run, golden: Golden) -> None:
    run("solve", "3")
    golden("last", run().output)


def test_status(run: Run, write: Write, make_green: MakeGreen, golden: Golden) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    make_green("01_greeting")
    run("start", "2")
    golden("status", run("status").output)


def test_hints(run: Run, golden: Golden) -> None:
    run("start", "1")
    golden("hints", "".join(run("hint").output for _ in range(4)) + run("hint", "--again").output)


def test_hints_of_which_none_was_seen(run: Run, golden: Golden) -> None:
    run("start", "1")
    golden("hints-unseen", run("hint", "--again").output)


def test_start(run: Run, golden: Golden) -> None:
    golden("start", run("start", "2").output)


def test_start_again(run: Run, write: Write, golden: Golden) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    golden("start-again", run("start", "1").output)


def test_reset(run: Run, write: Write, golden: Golden) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    golden("reset", run("reset", "1").output)


def test_reset_of_what_is_at_its_start(run: Run, golden: Golden) -> None:
    run("start", "1")
    golden("reset-nothing", run("reset", "1").output)


def test_solve(run: Run, golden: Golden) -> None:
    run("start", "2")
    golden("solve", run("solve", "2").output)


def test_catchup(run: Run, golden: Golden) -> None:
    run("start", "1")
    golden("catchup", run("catchup", "3").output)


def test_undo(run: Run, golden: Golden) -> None:
    run("start", "1")
    run("solve", "1")
    golden("undo", without_times(run("undo").output))


def test_undo_of_an_undo(run: Run, golden: Golden) -> None:
    run("start", "1")
    run("solve", "1")
    run("undo")
    golden("undo-undo", without_times(run("undo").output))


def test_undo_after_days_says_the_day(run: Run, clone: Path) -> None:
    run("start", "1")
    [path] = clone.glob("project/.workshop/snapshots/*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    day = datetime(2026, 1, 31, 7, 32).astimezone()
    path.write_text(json.dumps({**record, "time": day.timestamp()}), encoding="utf-8")

    headline = run("undo").output.splitlines()[0]
    assert headline == "Undone: start of lesson 01_greeting (2026-01-31 07:32), with all changes since."


def test_copies(run: Run, clone: Path, golden: Golden) -> None:
    course = Course(clone)
    Workspace(course).place(course.find("1"))
    for words in (["solve", "1"], ["undo"], ["reset", "1"], ["catchup", "2"], ["undo", "--to", "1"]):
        run(*words)
    golden("copies", without_times(run("undo", "--list").output))


def test_no_copies(run: Run, clone: Path) -> None:
    assert "There is no copy of your project yet" in run("undo", "--list").output
    assert not (clone / "project").exists()


def test_diff(run: Run, write: Write, make_green: MakeGreen, golden: Golden) -> None:
    run("start", "2")
    write("app/farewell.py", "def leave(name):\n    return name\n")
    make_green("02_farewell")
    golden("diff", run("diff").output)


def test_diff_before_the_lesson_is_green(run: Run, golden: Golden) -> None:
    run("start", "1")
    golden("diff-refused", run("diff").output)
    golden("diff-spoilt", run("diff", "--spoil").output)


def test_explain(run: Run) -> None:
    screen = run("explain", "async-handlers").output

    assert screen.startswith(
        "async-handlers   Every route handler is async def\nfirst met in lesson 01_greeting\n"
    )
    assert screen.index("\nWhy\n") < screen.index("\nBad\n") < screen.index("\nGood\n")


COMMANDS = ("start", "status", "hint", "explain", "diff", "reset", "solve", "catchup", "undo", "audit")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert f"Usage: workshop {command}" in result.output
    assert ("--format" if command == "audit" else "--json") in result.output


@pytest.mark.parametrize(
    "words", [(), *((command,) for command in ("status", "hint", "undo")), ("undo", "--list")]
)
def test_no_line_is_wider_than_80_columns(run: Run, words: tuple[str, ...]) -> None:
    run("start", "1")
    run("solve", "1")

    assert max(map(len, run(*words).output.splitlines())) <= 80


def test_the_help_lists_every_command(run: Run) -> None:
    text = run("--help").output

    assert {command.callback.__name__ for command in app.registered_commands if command.callback} == set(
        COMMANDS
    )
    assert all(f" {command} " in text for command in COMMANDS)
    assert "Exit codes: 0 done, 1 cannot be done now" in text


def test_version(run: Run) -> None:
    assert run("--version").output.startswith("workshop ")
