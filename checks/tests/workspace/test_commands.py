"""What each command does when nothing goes wrong."""

import json
import os
import time
from contextlib import suppress

import pytest

from checks.lesson import Course
from checks.tests.workspace.world import NAMES, SOLUTIONS, STARTERS, contents, picture, put
from checks.workspace import Origin, UnknownSnapshotError, Workspace, WorkspaceError


def test_nothing_is_written_by_asking(workspace, course, project):
    lesson = course.all_lessons[0]
    assert workspace.reached() == []
    assert workspace.recover() is None
    assert workspace.snapshots() == []
    assert workspace.origin("app/main.py") is None
    assert not workspace.is_green(lesson.name)
    assert workspace.hints_shown(lesson) == 0
    assert workspace.lesson_is_own_work(lesson)
    assert not project.exists()


def test_place_adds_the_starter(workspace, course, project):
    change = workspace.place(course.all_lessons[0])
    assert contents(project) == {path: text.encode() for path, text in STARTERS["01_root"].items()}
    assert change.added == change.added_starter == ("app/main.py", "app/root.py")
    assert change.added_reference == change.changed == change.removed == ()
    assert workspace.reached() == ["01_root"]
    assert workspace.origin("app/main.py") is Origin.STARTER


def test_place_adds_references_of_earlier_lessons(workspace, course, project):
    change = workspace.place(course.all_lessons[2])
    expected = SOLUTIONS["01_root"] | SOLUTIONS["02_leaf"] | STARTERS["03_late"]
    assert contents(project) == {path: text.encode() for path, text in expected.items()}
    assert change.added_starter == ("app/late.py",)
    assert set(change.added_reference) == set(expected) - {"app/late.py"}
    assert workspace.reached() == list(NAMES)
    assert [workspace.lesson_is_own_work(lesson) for lesson in course.all_lessons] == [False, False, True]


def test_place_changes_nothing_that_is_there(workspace, course, project):
    put(project / "app/main.py", "mine\r\n")
    before = picture(project)
    change = workspace.place(course.all_lessons[1])
    after = picture(project)
    assert {path: after[path] for path in before} == before
    assert "app/main.py" not in change.added
    assert change.changed == change.removed == ()


def test_placing_again_does_nothing(workspace, course, project):
    workspace.place(course.all_lessons[1])
    records = {path: path.stat().st_mtime_ns for path in (project / ".workshop").rglob("*")}
    change = workspace.place(course.all_lessons[1])
    assert not change.touched
    assert change.snapshot is None
    assert {path: path.stat().st_mtime_ns for path in (project / ".workshop").rglob("*")} == records


def test_place_brings_a_missing_file_again(workspace, course, project):
    workspace.place(course.all_lessons[0])
    (project / "app/root.py").unlink()
    assert workspace.place(course.all_lessons[0]).added == ("app/root.py",)


def test_a_plain_undo_goes_past_a_place(workspace, course, project):
    lesson = course.all_lessons[0]
    workspace.start(lesson)
    put(project / "app/main.py", "mine")
    before = picture(project)
    reset = workspace.reset(lesson)
    workspace.place(course.all_lessons[1])
    put(project / "app/leaf/leaf.py", "mine as well")
    written = picture(project)

    change = workspace.undo()
    assert change.undone is not None
    assert (change.undone.name, change.undone.why) == (reset.snapshot, "reset 01_root")
    assert picture(project) == before
    assert workspace.undo().undone.why == "undo 01_root"
    assert picture(project) == written


def test_nothing_but_a_place_is_nothing_to_undo(workspace, course, project):
    workspace.place(course.all_lessons[0])
    put(project / "app/main.py", "mine")
    before = picture(project)
    with pytest.raises(WorkspaceError, match=r"nothing to undo.*workshop undo --list"):
        workspace.undo()
    assert picture(project) == before


def test_a_place_can_be_taken_back_by_name(workspace, course, project):
    workspace.place(course.all_lessons[0])
    before = picture(project)
    placed = workspace.place(course.all_lessons[1])
    assert workspace.undo(placed.snapshot).removed == ("app/leaf/__init__.py", "app/leaf/leaf.py")
    assert picture(project) == before
    assert workspace.reached() == ["01_root"]


def test_start_again_puts_the_starter_back_and_nothing_else(workspace, course, project):
    lesson = course.all_lessons[1]
    workspace.start(lesson)
    put(project / "app/leaf/leaf.py", "mine")
    put(project / "app/main.py", "mine as well")
    change = workspace.start(lesson)
    assert change.changed == ("app/leaf/leaf.py",)
    assert contents(project)["app/main.py"] == b"mine as well"
    assert contents(project)["app/leaf/leaf.py"] == b"leaf: to write\n"
    workspace.undo()
    assert contents(project)["app/leaf/leaf.py"] == b"mine"


def test_reset_brings_back_the_lessons_start(workspace, course, project):
    late = course.all_lessons[2]
    workspace.place(course.all_lessons[1])
    put(project / "app/main.py", "my own main of lesson 2")
    put(project / "notes.txt", "mine")
    workspace.place(late)
    start = picture(project)
    put(project / "app/main.py", "my own main of lesson 3")
    put(project / "app/late.py", "my own late")
    put(project / "app/made.txt", "my own made")
    written = picture(project)

    change = workspace.reset(late)
    assert change.changed == ("app/late.py", "app/main.py")
    assert change.removed == ("app/made.txt",)
    assert picture(project) == start
    workspace.undo()
    assert picture(project) == written


def test_reset_of_a_lesson_that_was_passed_over_takes_the_reference(workspace, course, project):
    workspace.place(course.all_lessons[2])
    put(project / "app/main.py", "mine")
    workspace.reset(course.all_lessons[1])
    assert contents(project)["app/main.py"] == b"main 1\n"
    assert contents(project)["app/leaf/leaf.py"] == b"leaf: to write\n"


def test_reset_of_a_lesson_that_is_not_started(workspace, course, project):
    with pytest.raises(WorkspaceError, match=r"02_leaf is not started.*workshop start 2"):
        workspace.reset(course.all_lessons[1])
    assert not project.exists()


def test_solve_puts_the_reference(workspace, course, project):
    lesson = course.all_lessons[1]
    workspace.place(lesson)
    put(project / "app/main.py", "mine")
    change = workspace.solve(lesson)
    assert change.changed == ("app/leaf/leaf.py", "app/main.py")
    found = contents(project)
    assert {path: found[path].decode() for path in SOLUTIONS["02_leaf"]} == SOLUTIONS["02_leaf"]
    assert workspace.origin("app/leaf/__init__.py") is Origin.REFERENCE
    assert not workspace.lesson_is_own_work(lesson)
    put(project / "app/leaf/leaf.py", "mine after all")
    assert workspace.lesson_is_own_work(lesson)


def test_a_solved_lesson_stays_solved_when_the_next_one_changes_its_file(workspace, course, project):
    first, second, _ = course.all_lessons
    workspace.solve(first)
    workspace.place(second)
    put(project / "app/main.py", "main of lesson 2, mine")
    assert not workspace.lesson_is_own_work(first)
    assert workspace.lesson_is_own_work(second)


def test_catchup_brings_the_start_of_a_lesson(workspace, course, project):
    workspace.place(course.all_lessons[0])
    put(project / "app/main.py", "far behind")
    put(project / "app/extra.py", "extra")
    before = picture(project)
    workspace.catchup(course.all_lessons[2])
    expected = SOLUTIONS["01_root"] | SOLUTIONS["02_leaf"] | STARTERS["03_late"] | {"app/extra.py": "extra"}
    assert contents(project) == {path: text.encode() for path, text in expected.items()}
    assert workspace.reached() == list(NAMES)
    workspace.undo()
    assert picture(project) == before
    assert workspace.reached() == ["01_root"]


def test_reset_after_catchup_is_the_start_after_catchup(workspace, course, project):
    late = course.all_lessons[2]
    workspace.place(course.all_lessons[1])
    put(project / "app/main.py", "tangled")
    workspace.place(late)
    workspace.catchup(late)
    start = picture(project)
    put(project / "app/main.py", "better")
    workspace.reset(late)
    assert picture(project) == start


def test_undo_can_be_undone_and_older_copies_stay_in_reach(workspace, course, project):
    lesson = course.all_lessons[0]
    workspace.place(lesson)
    pictures = []
    for text in ("first", "second", "third"):
        put(project / "app/main.py", text)
        pictures.append(picture(project))
        workspace.reset(lesson)
    reset = picture(project)
    workspace.undo()
    assert picture(project) == pictures[2]
    workspace.undo()
    assert picture(project) == reset
    names = [snapshot.name for snapshot in workspace.snapshots() if snapshot.why == "reset 01_root"]
    for name, expected in zip(names, pictures, strict=True):
        workspace.undo(name)
        assert picture(project) == expected


def test_undo_brings_back_all_that_a_person_can_make(workspace, course, project):
    lesson = course.all_lessons[0]
    workspace.place(lesson)
    put(project / "app/main.py", "mine")
    put(project / "library.db", bytes(range(256)) * 50)
    put(project / ".env", "SECRET_KEY=mine")
    script = put(project / "run me.sh", "#!/bin/sh\n")
    script.chmod(0o750)
    put(project / "Übung/ä b.txt", "ü\r\n")
    (project / "empty/inner").mkdir(parents=True)
    link = project / "link"
    with suppress(OSError):  # Windows allows links only to some
        link.symlink_to("app/main.py")
    os.utime(project / "app/main.py", ns=(10**18, 10**18))
    before = picture(project)

    workspace.reset(lesson)
    for name in ("library.db", ".env", "run me.sh", "Übung/ä b.txt"):
        (project / name).unlink()
    link.unlink(missing_ok=True)
    (project / "Übung").rmdir()
    (project / "empty/inner").rmdir()
    put(project / "Übung", "a file where a folder was")
    put(project / "run me.sh/inner.txt", "a folder where a file was")
    workspace.undo()
    assert picture(project) == before
    assert (project / "app/main.py").stat().st_mtime_ns == 10**18


def test_undo_does_not_touch_what_is_the_same(workspace, course, project):
    lesson = course.all_lessons[0]
    workspace.place(lesson)
    put(project / "app/main.py", "mine")
    same = put(project / "notes.txt", "the same")
    status = same.stat()
    workspace.reset(lesson)
    workspace.undo()
    assert (same.stat().st_ino, same.stat().st_ctime_ns) == (status.st_ino, status.st_ctime_ns)


def test_commands_leave_histories_environments_and_caches_alone(workspace, course, project):
    workspace.place(course.all_lessons[0])
    left_alone = [".git/config", ".venv/pyvenv.cfg", "app/__pycache__/main.pyc", ".ruff_cache/x", "a/.git"]
    for path in left_alone:
        put(project / path, "first")
    put(project / "app/main.py", "mine")
    workspace.reset(course.all_lessons[0])
    for path in left_alone:
        put(project / path, "second")
    workspace.undo()
    assert all((project / path).read_text() == "second" for path in left_alone)


def test_verdicts_last_until_a_command_replaces_the_files(workspace, course, project):
    first, second, _ = course.all_lessons
    workspace.place(second)
    for lesson in (first, second):
        workspace.mark_green(lesson.name, green=True)
    put(project / "app/main.py", "mine")
    assert workspace.is_green(second.name)
    workspace.reset(second)
    assert (workspace.is_green(first.name), workspace.is_green(second.name)) == (True, False)
    workspace.undo()
    assert workspace.is_green(second.name)
    workspace.mark_green(second.name, green=False)
    assert not workspace.is_green(second.name)


def test_hints_are_counted_and_survive_an_undo(workspace, course):
    lesson = course.all_lessons[0]
    workspace.start(lesson)
    assert [workspace.show_hint(lesson) for _ in range(2)] == [1, 2]
    workspace.undo()
    assert Workspace(course).hints_shown(lesson) == 2


def test_a_lesson_that_gets_another_number_keeps_its_record(workspace, course):
    workspace.place(course.all_lessons[0])
    workspace.mark_green("01_root", green=True)
    for folder in ("lessons", "solutions"):
        (course.root / folder / "01_root").rename(course.root / folder / "04_root")
    renumbered = Workspace(Course(course.root))
    assert renumbered.reached() == ["04_root"]
    assert renumbered.is_green("04_root")


def test_an_update_of_the_workshop_does_not_change_origins(workspace, course, project):
    workspace.place(course.all_lessons[1])
    put(course.root / "solutions/01_root/app/root.py", "root, improved\n")
    assert workspace.origin("app/root.py") is Origin.REFERENCE
    assert not workspace.place(course.all_lessons[1]).touched


def test_snapshots_say_when_and_why(workspace, course, project):
    workspace.place(course.all_lessons[0])
    put(project / "app/main.py", "mine")
    change = workspace.reset(course.all_lessons[0])
    placed, reset = workspace.snapshots()
    assert (placed.why, placed.files) == ("place 01_root", 0)
    assert (reset.name, reset.why, reset.files) == (change.snapshot, "reset 01_root", 2)
    assert abs(reset.when.timestamp() - time.time()) < 60


def test_nothing_to_undo(workspace, project):
    with pytest.raises(WorkspaceError, match=r"nothing to undo: no command has changed the project yet\.$"):
        workspace.undo()


@pytest.mark.parametrize("word", ["2", "0002", "name"])
def test_undo_to_a_copy_by_its_number_or_name(workspace, course, project, word):
    workspace.place(course.all_lessons[0])
    before = picture(project)
    copy = workspace.solve(course.all_lessons[0]).snapshot
    workspace.solve(course.all_lessons[1])
    change = workspace.undo(copy if word == "name" else word)
    assert change.undone == workspace.snapshots()[1]
    assert picture(project) == before


@pytest.mark.parametrize(
    "name", ["0042_2026-01-01_00-00-00_reset", "../state", "", "nonsense", "0", "2", "-1", "9" * 5000]
)
def test_undo_to_an_unknown_copy(workspace, course, project, name):
    workspace.place(course.all_lessons[0])
    before = picture(project)
    with pytest.raises(UnknownSnapshotError, match="no copy of the project"):
        workspace.undo(name)
    assert picture(project) == before
    assert len(workspace.snapshots()) == 1


def test_the_workspaces_folder_keeps_out_of_version_control(workspace, course, project):
    workspace.place(course.all_lessons[0])
    assert (project / ".workshop/.gitignore").read_text() == "*\n"


def test_equal_contents_are_kept_once(workspace, course, project):
    workspace.place(course.all_lessons[0])
    for number in range(20):
        put(project / f"copy{number}.txt", "the same text" * 100)
    workspace.solve(course.all_lessons[0])
    objects = [path for path in (project / ".workshop/objects").rglob("*") if path.is_file()]
    assert len(objects) <= 2 + 2 + 1


def test_a_search_over_the_project_does_not_find_the_copies(workspace, course, project):
    put(project / "app/main.py", "a very special word")
    workspace.place(course.all_lessons[0])
    records = [path for path in (project / ".workshop").rglob("*") if path.is_file()]
    assert not [path for path in records if b"special" in path.read_bytes()]


def test_the_state_is_plain_data(workspace, course, project):
    workspace.place(course.all_lessons[0])
    data = json.loads((project / ".workshop/state.json").read_text())
    assert data["lessons"]["root"]["reached"] is True
    assert data["placed"]["app/main.py"]["origin"] == "starter"
