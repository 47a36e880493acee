"""What cannot be done now, and faults of the workshop itself: a text for people and an exit code."""

from pathlib import Path

import pytest

from checks import guide
from checks.lesson import Course
from checks.tests.cli.conftest import MakeGreen, Result, Run, Write
from checks.workspace import Workspace, WorkspaceError


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


def test_undo_with_nothing_to_undo(run: Run) -> None:
    assert "nothing to undo" in refused(run("undo"))


def test_undo_after_nothing_but_a_run_of_pytest(run: Run, clone: Path) -> None:
    course = Course(clone)
    Workspace(course).place(course.find("1"))
    assert "`workshop undo --list` shows the copies" in refused(run("undo"))


def test_a_copy_that_is_damaged(run: Run, clone: Path) -> None:
    run("start", "1")
    [path] = clone.glob("project/.workshop/snapshots/*.json")
    path.write_text("{", encoding="utf-8")
    assert "cannot be read" in refused(run("undo", "--to", "1"))


@pytest.mark.parametrize("command", ["hint", "diff"])
def test_no_lesson_is_started(run: Run, command: str) -> None:
    assert "No lesson is started yet." in refused(run(command))


def test_a_lesson_without_hints(run: Run) -> None:
    run("start", "2")
    assert "Lesson 02_farewell has no hints." in refused(run("hint"))


def test_hints_that_are_not_text(run: Run, clone: Path) -> None:
    run("start", "1")
    (clone / "lessons/01_greeting/hints.md").write_bytes(b"\xff\xfe\x00")
    assert "hints.md cannot be read" in refused(run("hint"))


def test_a_hint_for_a_lesson_that_is_not_started(run: Run) -> None:
    run("start", "1")
    assert "02_farewell is not started yet" in refused(run("hint", "2"))
    assert "hint 1 of 3" in run("hint").stdout


def test_a_hint_for_a_lesson_that_is_green(run: Run, make_green: MakeGreen, write: Write) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    make_green("01_greeting")

    assert "needs no hint any more" in refused(run("hint"))
    assert "hint 1 of 3" in run("hint", "1").stdout


def test_diff_would_give_the_solution_away(run: Run) -> None:
    run("start", "1")
    text = refused(run("diff"))
    assert "--spoil" in text
    assert "Hello" not in text


def test_a_damaged_lesson(run: Run, clone: Path) -> None:
    (clone / "lessons/01_greeting/lesson.toml").write_text("title = ", encoding="utf-8")
    assert "lesson.toml cannot be read" in refused(run())


def test_no_lessons_on_offer(run: Run, clone: Path) -> None:
    for brief in clone.glob("lessons/*/README.md"):
        brief.unlink()
    assert "is not on offer yet" in " ".join(run("start", "1").stderr.split())
    assert run().exit_code == 0


@pytest.mark.parametrize("command", ["start", "hint", "diff", "reset", "solve", "catchup"])
def test_a_lesson_that_is_not_on_offer_yet(run: Run, clone: Path, command: str) -> None:
    (clone / "lessons/03_silence/README.md").unlink()
    result = run(command, "3")

    assert result.exit_code == 2
    assert "Lesson 03_silence is not on offer yet. `workshop status` lists" in " ".join(result.stderr.split())


def test_an_error_of_the_workspace_is_told_in_its_words(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise WorkspaceError("The disk is full. Free some space and run it again.")

    monkeypatch.setattr(guide.Guide, "undo", fail)
    assert refused(run("undo")) == "The disk is full. Free some space and run it again."


def test_a_damaged_record_is_mended_and_said(run: Run, clone: Path) -> None:
    run("start", "1")
    (clone / "project/.workshop/state.json").write_text("{", encoding="utf-8")
    first, second = run("status"), run("status")

    assert first.exit_code == 0
    assert "damaged" in first.stderr
    assert "damaged" not in first.stdout
    assert second.stderr == ""
    assert first.stdout == second.stdout


def test_a_file_where_the_project_should_be(run: Run, clone: Path) -> None:
    (clone / "project").write_text("mine", encoding="utf-8")

    assert "is not a folder" in refused(run("start", "1"))
    assert (clone / "project").read_text(encoding="utf-8") == "mine"


def test_an_error_of_the_operating_system(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise PermissionError(13, "Permission denied", "/home/ada/lessons")

    monkeypatch.setattr(guide.Guide, "status", fail)
    assert refused(run("status")) == "/home/ada/lessons: Permission denied."


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise KeyError("flux")

    monkeypatch.setattr(guide.Guide, "status", fail)


@pytest.mark.usefixtures("broken")
def test_a_fault_of_the_workshop(run: Run) -> None:
    result = run("status")

    assert result.exit_code == 70
    assert result.stdout == ""
    assert "A fault of the workshop, not of your code: KeyError: 'flux'" in " ".join(result.stderr.split())
    assert "WORKSHOP_TRACEBACK=1" in result.stderr
    assert "issue tracker" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("broken")
def test_the_traceback_on_request(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in run("status").stderr


def test_interrupted_by_the_person(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(guide.Guide, "status", stop)
    result = run("status")

    assert result.exit_code == 130
    assert result.output.strip() == ""
