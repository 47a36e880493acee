"""Generated histories of commands, edits and faults, compared with a model that fits on a page."""

import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from checks.lesson import Lesson
from checks.tests.workspace.world import (
    NAMES,
    SOLUTIONS,
    STARTERS,
    CrashError,
    Fault,
    FaultyDisk,
    Picture,
    Seen,
    kept_anywhere,
    make_course,
    picture,
    put,
    quick_folder,
)
from checks.workspace import Change, Disk, Workspace, WorkspaceError, snapshots, state
from checks.workspace.area import Area
from checks.workspace.tree import Entry, EntryKind

FILES = st.sampled_from(
    [
        *sorted({path for files in SOLUTIONS.values() for path in files}),
        "notes.txt",
        "app/own/deep.py",
        ".env",
    ]
)
FOLDERS = st.sampled_from(["app", "app/leaf", "app/own", "empty", "app/late.py", "notes.txt"])
TEXTS = st.one_of(st.binary(max_size=12), st.sampled_from([b"main 1\n", b"main 2\n", b"leaf: to write\n"]))
LESSONS = st.integers(0, len(NAMES) - 1)
PLANNED = ("place", "start", "reset", "solve", "catchup")
COMMANDS = st.sampled_from([*PLANNED, "undo"])
FAULTS = st.builds(Fault, st.sampled_from(["crash", "torn", "ENOSPC", "EACCES"]), st.integers(0, 90))

EDITS = st.one_of(
    st.tuples(st.sampled_from(["write", "save"]), FILES, TEXTS),
    st.tuples(st.just("delete"), FILES, st.none()),
    st.tuples(st.just("link"), FILES, st.sampled_from(["app/main.py", "nowhere", "../../out", "app"])),
    st.tuples(st.just("chmod"), FILES | FOLDERS, st.sampled_from([0o600, 0o755, 0o444])),
    st.tuples(st.sampled_from(["mkdir", "rmtree"]), FOLDERS, st.none()),
    st.tuples(st.just("move"), FOLDERS, st.sampled_from(["app/moved", "away"])),
)

Texts = dict[str, bytes]


def expected_files(
    command: str, number: int, files: Texts, reached: set[int], starts: dict[int, Texts]
) -> Texts:
    """What the files of a project should be after a command: the rules of the design, and nothing else."""
    starter = _bytes(STARTERS[NAMES[number]])
    solution = _bytes(SOLUTIONS[NAMES[number]])
    earlier: Texts = {}
    for name in NAMES[:number]:
        earlier |= _bytes(SOLUTIONS[name])
    if command == "place" or (command == "start" and number not in reached):
        return earlier | starter | files
    if command == "start":
        return earlier | files | starter
    if command == "solve":
        return earlier | starter | files | solution
    without_starter = solution.keys() - starter.keys()
    kept = {path: text for path, text in files.items() if path not in without_starter}
    if command == "catchup":
        return kept | earlier | starter
    own = starts.get(number, {})
    start = {path: own.get(path, earlier.get(path)) for path in without_starter}
    return kept | {path: text for path, text in start.items() if text is not None} | starter


def _bytes(files: dict[str, str]) -> Texts:
    return {path: text.encode() for path, text in files.items()}


def files_of(seen: Picture) -> Texts:
    """What stands in the files, also under the name of a link to one."""
    texts = {path: content for path, (kind, content, _) in seen.items() if kind == "file"}
    links = {path: str(target) for path, (kind, target, _) in seen.items() if kind == "link"}
    ends = {path: normpath(join(dirname(path), target)) for path, target in links.items()}
    return texts | {path: texts[end] for path, end in ends.items() if end in texts}


class Histories(RuleBasedStateMachine):
    """One learner with one project."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._root = self._stack.enter_context(quick_folder())
        self.course = make_course(self._root / "clone")
        self.project = self.course.project
        self.copies: dict[str, Picture] = {}
        self.memories: dict[str, tuple[set[int], dict[int, Texts]]] = {}
        self.last: str | None = None
        self.reached: set[int] = set()
        self.starts: dict[int, Texts] = {}
        self.links = True

    def teardown(self) -> None:
        try:
            for name, expected in [*self.copies.items()][::4]:
                self.workspace().undo(name)
                assert picture(self.project) == expected
        finally:
            self._stack.close()

    @initialize(links=st.booleans())
    def choose_file_system(self, links: bool) -> None:
        self.links = links

    @rule(edit=EDITS)
    def edit(self, edit: tuple[str, str, Any]) -> None:
        """Something that a person does; what the system refuses does not happen."""
        action, path, value = edit
        target = self.project / path
        with suppress(OSError):
            match action:
                case "write":
                    put(target, value)
                case "save":
                    put(target.with_name("saving"), value).replace(target)
                case "delete":
                    target.unlink()
                case "link":
                    target.symlink_to(value)
                case "chmod" if not target.is_symlink():
                    target.chmod(value if target.is_file() else value | 0o700)
                case "mkdir":
                    target.mkdir(parents=True)
                case "rmtree":
                    shutil.rmtree(target)
                case "move":
                    target.rename(self.project / value)

    @rule(number=LESSONS, command=st.sampled_from(PLANNED))
    def command(self, number: int, command: str) -> None:
        before = self.seen()
        try:
            change = self.do(self.workspace(), command, number)
        except WorkspaceError as error:
            note(f"{command} {number}: {error}")
            assert self.seen() == before
        else:
            self.check_done(command, number, before, change)

    @rule()
    def undo(self) -> None:
        self.undo_to(self.last, None)

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def undo_to_older_copy(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.copies)))
        self.undo_to(name, name)

    @rule()
    def undo_twice(self) -> None:
        before, reached = self.seen(), set(self.reached)
        self.undo()
        self.undo()
        if self.last:
            assert self.seen() == before
            assert self.reached == reached

    @rule(number=LESSONS, command=COMMANDS, fault=FAULTS, edit=st.none() | st.tuples(FILES, TEXTS))
    def command_with_fault(
        self, number: int, command: str, fault: Fault, edit: tuple[str, bytes] | None
    ) -> None:
        before = self.seen()
        try:
            change = self.do(self.workspace(FaultyDisk(fault, links=self.links)), command, number)
        except (CrashError, WorkspaceError) as error:
            note(f"{command} {number} at {fault}: {error!r}")
        else:
            self.check_done(command, number, before, change)
            return
        edited = self.edit_after_crash(*edit) if edit else None
        self.workspace().recover()
        self.check_taken_back(before, edited)

    @rule(number=LESSONS, command=COMMANDS, path=FILES, at=st.integers(0, 90))
    def command_with_late_save(self, number: int, command: str, path: str, at: int) -> None:
        before = files_of(self.seen())
        edit = f"late edit {at}".encode()
        saved: list[Path] = []

        def save() -> None:
            target = self.project / path
            with suppress(OSError):
                if target.resolve().is_relative_to(self.project.resolve()):  # a link may lead out of it
                    saved.append(put(target, edit))

        disk = FaultyDisk(Fault("none", at), links=self.links, intruder=save)
        with suppress(WorkspaceError):
            self.do(self.workspace(disk), command, number)
        found = kept_anywhere(self.project) if self.project.is_dir() else set()
        assert not saved or edit in found
        overwritten = {before.get(path)} if saved else set()
        assert set(before.values()) <= found | overwritten
        self.learn()

    @invariant()
    def memory_is_right(self) -> None:
        assert self.workspace().reached() == [NAMES[number] for number in sorted(self.reached)]

    def workspace(self, disk: FaultyDisk | None = None) -> Workspace:
        return Workspace(self.course, disk=disk or FaultyDisk(links=self.links), lock_wait=0.5)

    def seen(self) -> Picture:
        return picture(self.project) if self.project.is_dir() else {}

    def lesson(self, number: int) -> Lesson:
        return self.course.all_lessons[number]

    def do(self, workspace: Workspace, command: str, number: int) -> Change:
        if command == "undo":
            return workspace.undo()
        change: Change = getattr(workspace, command)(self.lesson(number))
        return change

    def undo_to(self, name: str | None, argument: str | None) -> None:
        before = self.seen()
        if name is None:
            with pytest.raises(WorkspaceError, match="nothing to undo"):
                self.workspace().undo(argument)
            return
        change = self.workspace().undo(argument)
        assert self.seen() == self.copies[name]
        self.remember_copy(change, before)
        self.reached, self.starts = self.recall(name)

    def recall(self, name: str) -> tuple[set[int], dict[int, Texts]]:
        reached, starts = self.memories[name]
        return set(reached), dict(starts)

    def remember_copy(self, change: Change, before: Picture) -> None:
        if change.snapshot:
            assert change.snapshot not in self.copies
            self.copies[change.snapshot] = before
            self.memories[change.snapshot] = (set(self.reached), dict(self.starts))
            if change.action != "place":
                self.last = change.snapshot

    def check_done(self, command: str, number: int, before: Picture, change: Change) -> None:
        after = self.seen()
        if command == "undo":
            name = self.last
            assert name is not None
            assert after == self.copies[name]
            self.remember_copy(change, before)
            self.reached, self.starts = self.recall(name)
            return
        assert (change.snapshot is None) == (after == before)
        links = {path for path, (kind, *_) in after.items() if kind == "link"}
        assert without(files_of(after), links) == without(self.wanted(command, number, before), links)
        if command == "place":
            assert {path: after[path] for path in before} == before
        told = {*change.added, *change.changed, *change.removed}
        assert told == {p for p in before.keys() | after.keys() if self.differs(before.get(p), after.get(p))}
        self.remember_copy(change, before)
        self.advance(command, number, before)

    @staticmethod
    def differs(before: Seen | None, after: Seen | None) -> bool:
        return before != after and "folder" not in {seen[0] for seen in (before, after) if seen}

    def wanted(self, command: str, number: int, before: Picture) -> Texts:
        return expected_files(command, number, files_of(before), self.reached, self.starts)

    def advance(self, command: str, number: int, before: Picture) -> None:
        """What the workspace should remember now."""
        if command != "reset" and (number not in self.starts or command == "catchup"):
            base = "catchup" if command == "catchup" else "place"
            start = expected_files(base, number, files_of(before), self.reached, self.starts)
            self.starts[number] = {p: t for p, t in start.items() if p in SOLUTIONS[NAMES[number]]}
        if command != "reset":
            self.reached |= set(range(number + 1))

    def edit_after_crash(self, path: str, text: bytes) -> str | None:
        """Save a file between the crash and the recovery; returns its path unless that is not possible."""
        target = self.project / path
        if any(place.is_symlink() for place in (target, *target.parents)):
            return None
        try:
            put(target, text)
        except OSError:
            return None
        return path

    def check_taken_back(self, before: Picture, edited: str | None) -> None:
        after = self.seen()
        beside = {edited, *(folder.as_posix() for folder in Path(edited).parents)} if edited else set()
        assert without(after, beside) == without(before, beside)
        if edited:
            overwritten = {files_of(before).get(edited)}
            assert set(files_of(before).values()) <= kept_anywhere(self.project) | overwritten
        for snapshot in self.workspace().snapshots():
            if snapshot.name not in self.copies:
                self.learn()

    def learn(self) -> None:
        """Read from the workspace's own records what a command with a fault left behind."""
        area = Area(self.project, Disk())
        known = state.load(area)
        self.reached, self.starts = reading(known, area)
        self.last = known.last
        for snapshot in snapshots.listed(area):
            if snapshot.name not in self.copies:
                copy = snapshots.read(area, snapshot.name)
                self.copies[snapshot.name] = {path: seen_in(entry, area) for path, entry in copy.tree.items()}
                self.memories[snapshot.name] = reading(copy.state or state.State(), area)


def reading(known: state.State, area: Area) -> tuple[set[int], dict[int, Texts]]:
    """Lessons reached, and their files at their start."""
    records = {number: known.seen(name) for number, name in enumerate(NAMES)}
    starts = {
        number: {
            path: b"".join(area.store.chunks(entry["digest"])) for path, entry in record["start"].items()
        }
        for number, record in records.items()
        if "start" in record
    }
    return {number for number, record in records.items() if record.get("reached")}, starts


def text_of(digest: str, area: Area) -> bytes:
    return b"".join(area.store.chunks(digest))


def seen_in(entry: Entry, area: Area) -> Seen:
    if entry.kind is EntryKind.FILE:
        return ("file", text_of(entry.digest, area), entry.mode or 0)
    return ("link", entry.target, 0) if entry.kind is EntryKind.LINK else ("folder", None, entry.mode or 0)


def without[T](seen: dict[str, T], paths: set[str]) -> dict[str, T]:
    return {path: value for path, value in seen.items() if path not in paths}


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
