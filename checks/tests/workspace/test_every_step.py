"""Every command, stopped at every one of its steps: the project is the old one or the new one."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from checks.tests.workspace.world import (
    CrashError,
    Fault,
    FaultyDisk,
    Picture,
    kept_anywhere,
    link,
    make_course,
    picture,
    put,
    quick_folder,
)
from checks.workspace import Workspace, WorkspaceError

COMMANDS = {
    "place": lambda workspace, lessons: workspace.place(lessons[2]),
    "start": lambda workspace, lessons: workspace.start(lessons[1]),
    "reset": lambda workspace, lessons: workspace.reset(lessons[1]),
    "solve": lambda workspace, lessons: workspace.solve(lessons[1]),
    "catchup": lambda workspace, lessons: workspace.catchup(lessons[2]),
    "undo": lambda workspace, _: workspace.undo(),
}


class Stage:
    """A project in the middle of lesson 2 that can be brought back to that moment, again and again."""

    def __init__(self, root: Path) -> None:
        self.course = make_course(root / "clone")
        self.project = self.course.project
        self._saved = root / "saved"
        workspace = self.workspace()
        workspace.place(self.course.all_lessons[1])
        put(self.project / "app/main.py", "main, mine")
        put(self.project / "app/leaf/leaf.py", "leaf, mine")
        workspace.reset(self.course.all_lessons[1])
        put(self.project / "app/main.py", "main, mine again")
        put(self.project / "app/leaf/leaf.py", "leaf, mine again")
        put(self.project / "notes/deep/note.txt", "a note")
        with suppress(OSError):  # Windows allows links only to some
            (self.project / "link").symlink_to("notes")
        (self.project / "notes/deep").chmod(0o700)
        shutil.copytree(self.project, self._saved, symlinks=True)
        self.before = picture(self.project)
        self.memory_before = self.memory()

    def memory(self) -> bytes:
        """What the workspace remembers."""
        return (self.project / ".workshop/state.json").read_bytes()

    def workspace(self, disk: FaultyDisk | None = None) -> Workspace:
        return Workspace(self.course, disk=disk or FaultyDisk(), lock_wait=0.2)

    def restore(self) -> None:
        shutil.rmtree(self.project)
        shutil.copytree(self._saved, self.project, symlinks=True)

    def outcome(self, command: str, *, links: bool = True) -> tuple[Picture, list[tuple[str, Path]]]:
        """What the command makes of the project, and in which steps."""
        self.restore()
        disk = FaultyDisk(links=links)
        COMMANDS[command](self.workspace(disk), self.course.all_lessons)
        return picture(self.project), disk.steps

    def interrupt(self, command: str, disk: FaultyDisk) -> None:
        self.restore()
        try:
            COMMANDS[command](self.workspace(disk), self.course.all_lessons)
        except (CrashError, WorkspaceError):
            return


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with quick_folder() as folder:
        yield Stage(folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_crash(stage, command):
    after, steps = stage.outcome(command)
    assert after != stage.before
    for at in range(len(steps)):
        stage.interrupt(command, FaultyDisk(Fault("crash", at)))
        stage.workspace().recover()
        assert picture(stage.project) == stage.before, at
        assert stage.memory() == stage.memory_before, at
        assert not (stage.project / ".workshop/change.json").exists()
        if at % 20 == 0:
            assert_everything_works(stage)


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_crash_in_the_middle_of_a_write(stage, command, links):
    _, steps = stage.outcome(command, links=links)
    for at in (number for number, (action, _) in enumerate(steps) if action == "write"):
        stage.interrupt(command, FaultyDisk(Fault("torn", at), links=links))
        stage.workspace(FaultyDisk(links=links)).recover()
        assert picture(stage.project) == stage.before, at
        assert stage.memory() == stage.memory_before, at


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interruption_by_the_keyboard(stage, command):
    _, steps = stage.outcome(command)
    for at in range(0, len(steps), 5):
        stage.restore()
        disk = FaultyDisk(Fault("interrupt", at))
        with pytest.raises(KeyboardInterrupt):
            COMMANDS[command](stage.workspace(disk), stage.course.all_lessons)
        assert picture(stage.project) == stage.before, at
        assert stage.memory() == stage.memory_before, at


class InterruptedAtTheEnd(FaultyDisk):
    """A disk on which Ctrl-C comes right after the step that makes a change count."""

    def _settle(self, folder: Path) -> None:
        if folder.name == "staging":
            raise KeyboardInterrupt


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interruption_once_the_change_counts(stage, command):
    after, _ = stage.outcome(command)
    stage.restore()
    disk = InterruptedAtTheEnd()
    with pytest.raises(KeyboardInterrupt):
        COMMANDS[command](stage.workspace(disk), stage.course.all_lessons)
    assert disk.steps[-1][1].name == "done.json"
    assert picture(stage.project) == after
    assert stage.workspace().recover() is None
    stage.workspace().undo(stage.workspace().snapshots()[-1].name)
    assert picture(stage.project) == stage.before


@pytest.mark.parametrize("kind", ["ENOSPC", "EACCES"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_error(stage, command, kind):
    after, steps = stage.outcome(command)
    for at in range(len(steps)):
        stage.restore()
        message = refusal(stage, command, FaultyDisk(Fault(kind, at)))
        if message is None:
            assert picture(stage.project) == after, at
            continue
        if "Nothing was changed" not in message:
            assert "the next command of the workshop takes it back" in message
            stage.workspace().recover()
        assert picture(stage.project) == stage.before, at
        assert stage.memory() == stage.memory_before, at
        if at % 20 == 0:
            assert_everything_works(stage)


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("command", ["reset", "undo"])
def test_a_crash_of_the_recovery(stage, command, links):
    _, steps = stage.outcome(command, links=links)
    journal = next(number for number, (_, path) in enumerate(steps) if path.name == "change.json")
    for at in range(journal + 4, len(steps), 5):
        for again in range(0, 20, 2):
            stage.interrupt(command, FaultyDisk(Fault("crash", at), links=links))
            with suppress(CrashError):
                stage.workspace(FaultyDisk(Fault("torn", again), links=links)).recover()
            stage.workspace(FaultyDisk(links=links)).recover()
            assert picture(stage.project) == stage.before, (at, again)
            assert stage.memory() == stage.memory_before, (at, again)


@pytest.mark.parametrize("path", ["app/main.py", "app/leaf/leaf.py", "app/late.py"])
@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("command", ["catchup", "undo"])
def test_an_edit_after_a_crash_is_kept(stage, command, path, links):
    after, steps = stage.outcome(command)
    journal = next(number for number, (_, path) in enumerate(steps) if path.name == "change.json")
    for at in range(journal, len(steps), 3):
        stage.interrupt(command, FaultyDisk(Fault("crash", at), links=links))
        put(stage.project / path, "an edit after the crash")
        stage.workspace().recover()
        now = picture(stage.project)
        assert now[path][1] == b"an edit after the crash"
        assert without(now, path) in (without(stage.before, path), without(after, path)), at
        assert b"main, mine again" in kept_anywhere(stage.project)


def writes_in_place(path: Path, content: bytes) -> None:
    put(path, content)


def writes_beside_and_renames(path: Path, content: bytes) -> None:
    put(path.with_name("save.tmp"), content).replace(path)


@pytest.mark.parametrize("save", [writes_in_place, writes_beside_and_renames])
@pytest.mark.parametrize("path", ["app/main.py", "app/late.py"])
@pytest.mark.parametrize("command", ["place", "reset", "undo"])
def test_a_save_in_the_middle_of_a_command_is_kept(stage, command, path, save):
    _, steps = stage.outcome(command)
    for at in range(len(steps)):
        edit = f"an edit at step {at}".encode()
        disk = FaultyDisk(Fault("none", at), intruder=partial(save, stage.project / path, edit))
        stage.interrupt(command, disk)
        assert edit in kept_anywhere(stage.project), at


def a_folder(path: Path) -> None:
    put(path / "inner.txt", "a late edit")


def a_link(path: Path) -> None:
    link(path, "nowhere")


def a_link_to_a_file(path: Path) -> None:
    link(path, "../.workshop/README.txt")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("make", [a_folder, a_link, a_link_to_a_file])
@pytest.mark.parametrize("command", ["reset", "catchup", "undo"])
def test_something_else_takes_the_place_of_a_file_at_the_last_moment(stage, command, make, links):
    path = stage.project / "app/main.py"
    _, steps = stage.outcome(command, links=links)

    def take_the_place() -> None:
        path.unlink()
        make(path)

    at = steps.index(("move out", path))
    stage.restore()
    disk = FaultyDisk(Fault("none", at), links=links, intruder=take_the_place)
    assert "app/main.py was changed by another program" in (refusal(stage, command, disk) or "")
    now = picture(stage.project)
    assert without(stage.before, "app/main.py").items() <= now.items()
    path.rename(stage.project / "taken")
    make(path)
    assert picture(stage.project)["app/main.py"] == now["app/main.py"]


@pytest.mark.parametrize("command", ["reset", "catchup", "undo"])
def test_a_write_through_an_open_handle_is_kept(stage, command, monkeypatch):
    monkeypatch.setattr("checks.patience.MOMENT", 0.0)  # this handle is not closed by waiting
    _, steps = stage.outcome(command)
    for at in range(len(steps), 0, -2):
        stage.restore()
        with (stage.project / "app/main.py").open("ab", buffering=0) as handle:
            disk = FaultyDisk(Fault("none", at), intruder=partial(handle.write, b" and more"))
            refusal(stage, command, disk)
            if at == len(steps):
                handle.write(b" and more")
        stage.workspace().catchup(stage.course.all_lessons[0])
        assert b"main, mine again and more" in kept_anywhere(stage.project), at


def refusal(stage: Stage, command: str, disk: FaultyDisk) -> str | None:
    """The message of a command that cannot be done; None when it is done."""
    try:
        COMMANDS[command](stage.workspace(disk), stage.course.all_lessons)
    except WorkspaceError as error:
        return str(error)
    return None


def without(seen: Picture, path: str) -> Picture:
    """All but one path."""
    return {key: value for key, value in seen.items() if key != path}


def assert_everything_works(stage: Stage) -> None:
    before = picture(stage.project)
    workspace = stage.workspace()
    workspace.catchup(stage.course.all_lessons[1])
    put(stage.project / "app/main.py", "once more")
    workspace.reset(stage.course.all_lessons[1])
    workspace.undo(workspace.snapshots()[-2].name)
    assert picture(stage.project) == before
