"""The workspace's own records: damaged, from a later version, or taken away."""

import json
import shutil
from pathlib import Path

import pytest

from checks.lesson import Course
from checks.tests.workspace.world import CrashError, FaultyDisk, contents, picture, put
from checks.workspace import Origin, Workspace, WorkspaceError

DAMAGES = {
    "empty": b"",
    "cut": b'{"lessons": {"root"',
    "not text": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number for lessons": b'{"lessons": 3}',
    "a number for a lesson": b'{"lessons": {"root": 3}}',
    "a wrong verdict": b'{"lessons": {"root": {"green": "yes"}}}',
    "a wrong start": b'{"lessons": {"root": {"start": {"app/main.py": {"kind": "moon"}}}}}',
    "a wrong origin": b'{"placed": {"app/main.py": {"digest": "00", "origin": "moon"}}}',
    "a list for a file": b'{"placed": {"app/main.py": []}}',
    "a number for the copy": b'{"last": 3}',
    "too deep": b"[" * 100_000,
}


@pytest.fixture
def at_work(workspace, course, project):
    workspace.place(course.all_lessons[1])
    put(project / "app/main.py", "mine")
    workspace.reset(course.all_lessons[1])
    put(project / "app/main.py", "mine again")
    return workspace


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_set_aside_and_made_anew(at_work, course, project, damage):
    put(project / ".workshop/state.json", damage)
    before = picture(project)
    assert at_work.reached() == ["01_root", "02_leaf"]

    change = at_work.recover()
    assert change is not None
    assert "was damaged" in change.notes[0]
    assert (project / ".workshop/set-aside/state-1.json").read_bytes() == damage
    assert picture(project) == before
    assert at_work.recover() is None
    assert at_work.reached() == ["01_root", "02_leaf"]
    assert at_work.origin("app/leaf/leaf.py") is Origin.STARTER
    assert at_work.origin("app/main.py") is None
    at_work.undo()
    assert contents(project)["app/main.py"] == b"mine"


def test_a_state_made_anew_does_not_take_a_place_for_a_command(at_work, course, project):
    at_work.place(course.all_lessons[2])
    put(project / ".workshop/state.json", "{")
    at_work.undo()
    assert contents(project)["app/main.py"] == b"mine"
    assert "app/late.py" not in contents(project)


def test_any_command_says_that_the_state_was_damaged(at_work, course, project):
    put(project / ".workshop/state.json", "{")
    change = at_work.place(course.all_lessons[2])
    assert "was damaged" in change.notes[0]
    assert change.added == ("app/late.py",)


def test_a_folder_in_the_place_of_the_state(at_work, project):
    (project / ".workshop/state.json").unlink()
    put(project / ".workshop/state.json/inner", "mine")
    assert at_work.recover() is not None
    assert (project / ".workshop/set-aside/state-1.json/inner").read_text() == "mine"


def test_keys_of_a_later_version_are_kept(at_work, course, project):
    path = project / ".workshop/state.json"
    data = json.loads(path.read_text())
    data["future"] = {"key": [1]}
    data["lessons"]["leaf"]["mood"] = "good"
    data["placed"]["app/root.py"]["seal"] = 7
    path.write_text(json.dumps(data))
    at_work.show_hint(course.all_lessons[1])
    at_work.solve(course.all_lessons[1])
    at_work.undo()
    data = json.loads(path.read_text())
    assert data["future"] == {"key": [1]}
    assert data["lessons"]["leaf"]["mood"] == "good"
    assert data["placed"]["app/root.py"]["seal"] == 7


def test_without_its_folder_the_workspace_begins_anew(at_work, course, project):
    shutil.rmtree(project / ".workshop")
    before = picture(project)
    assert at_work.reached() == []
    assert at_work.place(course.all_lessons[1]).added == ()
    assert picture(project) == before
    assert at_work.origin("app/main.py") is None


def test_a_damaged_journal_is_set_aside_with_all_that_it_may_speak_of(at_work, course, project):
    interrupt(course)
    put(project / ".workshop/change.json", "{")
    former = next((project / ".workshop/staging").glob("*.old")).read_bytes()
    change = Workspace(course).recover()
    assert change is not None
    assert "damaged" in change.notes[0]
    assert at_work.snapshots()[-1].name in change.notes[0]
    assert former in [path.read_bytes() for path in (project / ".workshop/set-aside").rglob("*.old")]
    assert Workspace(course).place(course.all_lessons[2]).touched


def test_a_recovery_says_what_it_did(at_work, course, project):
    before = picture(project)
    interrupt(course)
    assert picture(project) != before
    change = Workspace(course).recover()
    assert change is not None
    assert (change.action, change.lesson) == ("recover", "02_leaf")
    assert "An interrupted `solve` was taken back" in change.notes[0]
    assert picture(project) == before


def test_asking_does_not_recover(at_work, course, project):
    interrupt(course)
    before = picture(project)
    fresh = Workspace(course)
    assert fresh.reached() == ["01_root", "02_leaf"]
    fresh.origin("app/main.py")
    fresh.lesson_is_own_work(course.all_lessons[1])
    assert picture(project) == before
    assert (project / ".workshop/change.json").exists()


def test_a_damaged_copy_is_named_and_the_others_serve(at_work, course, project):
    first, last = (snapshot.name for snapshot in at_work.snapshots())
    put(project / f".workshop/snapshots/{last}.json", "{")
    before = picture(project)
    with pytest.raises(WorkspaceError, match=last):
        at_work.undo()
    assert picture(project) == before
    assert [snapshot.name for snapshot in at_work.snapshots()] == [first]
    at_work.undo(first)
    assert contents(project) == {}


def test_a_damaged_content_is_noticed_before_anything_changes(at_work, course, project):
    for path in (project / ".workshop/objects").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    before = picture(project)
    with pytest.raises(WorkspaceError, match="damaged"):
        Workspace(course).undo()
    assert picture(project) == before


def test_a_damaged_content_is_kept_anew_while_it_can_be(at_work, course, project):
    for path in (project / ".workshop/objects").rglob("*"):
        if path.is_file():
            path.write_bytes(b"nonsense")
    before = picture(project)
    fresh = Workspace(course)
    fresh.solve(course.all_lessons[1])
    Workspace(course).undo()
    assert picture(project) == before


def test_a_store_that_is_taken_away_between_two_commands(at_work, course, project):
    """Also from a program that stays, and has seen the contents there."""
    at_work.solve(course.all_lessons[1])
    at_work.undo()
    before = picture(project)
    shutil.rmtree(project / ".workshop/objects")
    at_work.solve(course.all_lessons[1])
    at_work.undo()
    assert picture(project) == before


def test_the_staging_folder_may_vanish_after_a_crash(at_work, course, project):
    before = picture(project)
    interrupt(course)
    shutil.rmtree(project / ".workshop/staging")
    Workspace(course).recover()
    assert picture(project) == before


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_state_that_is_damaged_after_a_crash(at_work, course, project, damage):
    before, memory = picture(project), (project / ".workshop/state.json").read_bytes()
    interrupt(course)
    put(project / ".workshop/state.json", damage)
    change = Workspace(course).recover()
    assert change is not None
    assert "An interrupted `solve` was taken back" in change.notes[0]
    assert picture(project) == before
    assert (project / ".workshop/state.json").read_bytes() == memory
    assert Workspace(course).recover() is None


@pytest.mark.parametrize("is_first", [True, False], ids=["no state before", "a state before"])
def test_a_folder_in_the_place_of_the_state_after_a_crash(at_work, course, project, is_first):
    state = project / ".workshop/state.json"
    if is_first:
        state.unlink()
    before = picture(project)
    interrupt(course)
    state.unlink(missing_ok=True)
    put(state / "inner", "mine")
    assert Workspace(course).recover() is not None
    assert picture(project) == before
    assert (project / ".workshop/set-aside/state-1.json/inner").read_text() == "mine"
    assert Workspace(course).solve(course.all_lessons[1]).touched


@pytest.mark.parametrize("content", [b"\xff\xfe", '"caf\u00e9"'.encode(), b'{"a":\r\n 1}'])
def test_a_state_comes_back_to_the_byte(at_work, course, project, content):
    """Also one that another program damages between the moment it is read and the first step."""

    class Damages(EndsAtTheSecondFile):
        def step(self, action: str, path: Path) -> None:
            if action == "mkdir" and path.name == "staging":
                put(project / ".workshop/state.json", content)
            super().step(action, path)

    shutil.rmtree(project / ".workshop/staging")
    with pytest.raises(CrashError):
        Workspace(course, disk=Damages()).solve(course.all_lessons[1])
    state = project / ".workshop/state.json"
    put(state, "something else")
    Workspace(course).recover()
    assert content in (state.read_bytes(), *(p.read_bytes() for p in state.parent.glob("set-aside/*")))


def test_a_crash_after_which_the_contents_are_taken_away(at_work, course, project):
    """What nobody has any more cannot come back; all else does, and no command is refused for it."""
    interrupt(course)
    shutil.rmtree(project / ".workshop/staging")
    shutil.rmtree(project / ".workshop/objects")
    left = contents(project)
    change = Workspace(course).recover()
    assert change is not None
    assert any(
        "app/main.py is not brought back: its content is not there any more" in n for n in change.notes
    )
    assert contents(project).keys() <= left.keys()
    assert Workspace(course).recover() is None
    assert Workspace(course).solve(course.all_lessons[1]).touched


def test_a_copy_that_somebody_removed(at_work, project):
    shutil.rmtree(project / ".workshop/snapshots")
    with pytest.raises(WorkspaceError, match="`workshop undo --list` shows"):
        at_work.undo()


class EndsAtTheSecondFile(FaultyDisk):
    """A disk on which the process ends when it takes the second file out of its place."""

    def step(self, action: str, path: Path) -> None:
        super().step(action, path)
        if [done for done, _ in self.steps].count("move out") == 2:
            self.is_dead = True
            raise CrashError


def interrupt(course: Course) -> None:
    """End a `solve` after its first file was replaced."""
    with pytest.raises(CrashError):
        Workspace(course, disk=EndsAtTheSecondFile()).solve(course.all_lessons[1])
