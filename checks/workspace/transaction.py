"""One change of the project: done whole, or taken back, also by the next command after a crash.

The change is written down in a journal before the first step. A step never overwrites: what stands in its
way is moved to the staging folder, and stays there until all of it is known to be in the snapshot.
The journal's removal is the moment at which the change counts. Until then, everything is taken back,
except what somebody else wrote in the meantime: that stays.
"""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks.workspace.area import Area, read_data
from checks.workspace.model import Change
from checks.workspace.store import DamagedError
from checks.workspace.tree import Entry, Kind, Tree, ancestors, look

OWNER_WRITES = 0o200


class ObstacleError(Exception):
    """Something that nobody could foresee is in the way of a step; the text names the path."""


class ChangedMeanwhileError(ObstacleError):
    """A path is not what it was when the change was planned."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was changed by another program at this very moment.")


@dataclass(frozen=True)
class Step:
    """One step of a change; each can be taken back by itself.

    Attributes:
        part: ``file`` (a file or link moves out, in, or both), ``folder`` or ``mode``.
        before, after: what stands at the path; None for nothing.
    """

    part: str
    path: str
    before: Entry | None
    after: Entry | None

    def to_data(self) -> list[Any]:
        """As plain values."""
        before, after = (entry and entry.to_data() for entry in (self.before, self.after))
        return [self.part, self.path, before, after]

    @classmethod
    def from_data(cls, data: list[Any]) -> "Step":
        """The reverse of `to_data`."""
        part, path, *entries = data
        before, after = (Entry.from_data(entry) if entry else None for entry in entries)
        return cls(part, path, before, after)


def steps_between(before: Tree, after: Tree) -> list[Step]:
    """The steps from one tree to another, in an order in which each is possible."""
    steps = [
        step
        for path in before.keys() | after.keys()
        for step in _steps_at(path, before.get(path), after.get(path))
    ]
    return sorted(steps, key=_order)


def _steps_at(path: str, before: Entry | None, after: Entry | None) -> Iterator[Step]:
    folder_before, folder_after = _is_folder(before), _is_folder(after)
    file_before = None if folder_before else before
    file_after = None if folder_after else after
    if folder_before != folder_after:
        yield Step("folder", path, before if folder_before else None, after if folder_after else None)
    if (file_before or file_after) and not (file_before and file_before.holds_same(file_after)):
        yield Step("file", path, file_before, file_after)
    stays = before if before and before.holds_same(after) else None
    if (
        after
        and after.mode is not None
        and (stays or folder_after)
        and (not stays or stays.mode != after.mode)
    ):
        yield Step("mode", path, stays, after)


def _is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind is Kind.FOLDER


def _order(step: Step) -> tuple[int, int, str]:
    depth = step.path.count("/")
    if step.part == "mode":
        opens = (
            _is_folder(step.before) and bool((step.after.mode or 0) & OWNER_WRITES) if step.after else False
        )
        return (0, depth, step.path) if opens else (5, -depth, step.path)
    if step.part == "folder":
        return (3, depth, step.path) if step.after else (2, -depth, step.path)
    return (4, depth, step.path) if step.after else (1, depth, step.path)


@dataclass
class Transaction:
    """A planned change.

    Attributes:
        steps: in the order in which they are done.
        action, lesson, snapshot: as in `Change`.
        new_state: what is remembered once it is done.
        old_state: text of the state's record before; None where there was none.
        may_tear: whether this file system can leave a new file half written.
        reverted: paths that taking back put right, with what stands there now.
        notes: what was out of the ordinary.
    """

    area: Area
    steps: list[Step]
    action: str
    lesson: str | None
    snapshot: str | None
    new_state: dict[str, Any] = field(default_factory=dict)
    old_state: str | None = None
    may_tear: bool = False
    notes: list[str] = field(default_factory=list)
    reverted: list[Step] = field(default_factory=list)

    def carry_out(self) -> None:
        """Do all steps, or none.

        Raises:
            ChangedMeanwhileError: a path was changed by somebody else; the project is as it was.
            OSError, DamagedError: a step is not possible; the project is as it was. If taking back is not
                possible now either, the journal stays, and the next command takes the change back.
        """
        self._stage()
        self._write_journal()
        try:
            for number, step in enumerate(self.steps):
                self._do(number, step)
            self._check_moved_out()
            self.area.write_data(self.area.state, self.new_state)
            self.area.disk.discard(self.area.journal)
        except BaseException:
            self.take_back()
            raise
        with suppress(OSError):
            clear_staging(self.area)

    def take_back(self) -> None:
        """Undo the steps that were done, keeping what somebody else wrote since.

        Raises:
            OSError, DamagedError: not possible now; to be tried again.
        """
        for number, step in reversed(list(enumerate(self.steps))):
            self._revert(number, step)
        self._rescue_late_edits()
        self._restore_state()
        self.area.disk.discard(self.area.journal)
        with suppress(OSError):
            clear_staging(self.area)

    def change(self) -> Change:
        """What the steps do, for people."""
        files = [step for step in self.steps if step.part != "folder" and not _is_folder(step.after)]
        return Change(
            self.action,
            self.lesson,
            added=_paths(step for step in files if step.before is None),
            changed=_paths(step for step in files if step.before and step.after),
            removed=_paths(step for step in files if step.after is None),
            snapshot=self.snapshot,
            notes=tuple(self.notes),
        )

    def _stage(self) -> None:
        """Write all new contents beside the project first: a full disk shows here."""
        clear_staging(self.area)
        self.area.disk.mkdir(self.area.staging)
        for number, step in enumerate(self.steps):
            if step.part == "file" and step.after and step.after.kind is Kind.FILE:
                self._stage_file(self._new(number), step.after)
                self.may_tear = self.may_tear or not self._can_link(self._new(number))

    def _stage_file(self, path: Path, entry: Entry) -> None:
        disk = self.area.disk
        disk.create(path, self.area.store.chunks(entry.digest))
        if entry.time is not None:
            disk.set_time(path, entry.time)
        if entry.mode is not None:
            disk.chmod(path, entry.mode)

    def _can_link(self, path: Path) -> bool:
        second = path.with_suffix(".link")
        try:
            self.area.disk.link(path, second)
        except OSError:
            return False
        self.area.disk.discard(second)
        return True

    def _write_journal(self) -> None:
        with suppress(FileNotFoundError):
            self.old_state = self.area.state.read_text(encoding="utf-8")
        data = {
            "version": 1,
            "action": self.action,
            "lesson": self.lesson,
            "snapshot": self.snapshot,
            "may_tear": self.may_tear,
            "old_state": self.old_state,
            "steps": [step.to_data() for step in self.steps],
        }
        self.area.write_data(self.area.journal, data)

    def _do(self, number: int, step: Step) -> None:
        path = self.area.root / step.path
        if step.part == "mode":
            if step.after and step.after.mode is not None:
                self.area.disk.chmod(path, step.after.mode)
        elif step.part == "folder":
            self._do_folder(path, step)
        else:
            self._do_file(number, path, step)

    def _do_folder(self, path: Path, step: Step) -> None:
        if step.after:
            with _unless_taken(step.path):
                self.area.disk.mkdir(path)
        elif not self._rmdir(path) and any(s.part == "file" and s.path == step.path for s in self.steps):
            raise ObstacleError(f"{step.path} is a folder that holds files which the workshop leaves alone.")

    def _rmdir(self, path: Path) -> bool:
        """Remove a folder unless something is in it; returns whether it is gone."""
        try:
            self.area.disk.rmdir(path)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            return False
        return True

    def _do_file(self, number: int, path: Path, step: Step) -> None:
        if step.before:
            if not step.before.holds_same(look(path)):
                raise ChangedMeanwhileError(step.path)
            self.area.disk.move_out(path, self._old(number))
        if step.after:
            with _unless_taken(step.path):
                self._put(self._new(number), path, step.after)

    def _put(self, staged: Path, path: Path, entry: Entry) -> None:
        if entry.kind is Kind.LINK:
            leads_to_folder = (path.parent / entry.target).is_dir()
            self.area.disk.symlink(entry.target, path, is_folder=leads_to_folder)
        else:
            self.area.disk.move_in(staged, path)

    def _check_moved_out(self) -> None:
        """A program may have written to a file after it was read for the snapshot, through an open handle."""
        for number, step in enumerate(self.steps):
            if step.part == "file" and step.before and not step.before.holds_same(look(self._old(number))):
                raise ChangedMeanwhileError(step.path)

    def _revert(self, number: int, step: Step) -> None:
        path = self.area.root / step.path
        now = look(path)
        if step.part == "mode":
            self._revert_mode(path, step, now)
        elif step.part == "folder":
            self._revert_folder(path, step, now)
        else:
            self._revert_file(number, path, step, now)

    def _revert_mode(self, path: Path, step: Step, now: Entry | None) -> None:
        if not (now and step.before and step.after) or now.kind is not step.before.kind:
            return
        if step.before.mode is not None and now.mode == step.after.mode:
            self.area.disk.chmod(path, step.before.mode)

    def _revert_folder(self, path: Path, step: Step, now: Entry | None) -> None:
        if step.after:
            if _is_folder(now):
                self._rmdir(path)
        elif now is None and step.before and self._make_parents(step.path):
            self.area.disk.mkdir(path)
            if step.before.mode is not None:
                self.area.disk.chmod(path, step.before.mode)

    def _revert_file(self, number: int, path: Path, step: Step, now: Entry | None) -> None:
        old = self._old(number)
        if now and step.before and step.before.holds_same(now):
            return
        if now and self._is_ours(path, step, now):
            taken = self._taken(number)
            self.area.disk.discard(taken)
            self.area.disk.move_out(path, taken)
            self.reverted.append(step)
        elif now:
            self.notes.append(f"{step.path} was changed in the meantime and is left as it is.")
            return
        if step.before:
            self._put_back(old, path, step, step.before)

    def _is_ours(self, path: Path, step: Step, now: Entry) -> bool:
        return step.after is not None and (step.after.holds_same(now) or self._is_torn(path, step, now))

    def _is_torn(self, path: Path, step: Step, now: Entry) -> bool:
        """Whether a file is what a crash left of a step, on a file system that has no better way."""
        if not self.may_tear or step.after is None or step.after.kind is not Kind.FILE:
            return False
        is_short = now.kind is Kind.FILE and now.size < step.after.size
        return is_short and self.area.store.starts_with(step.after.digest, path)

    def _put_back(self, old: Path, path: Path, step: Step, before: Entry) -> None:
        if not self._make_parents(step.path):
            self.notes.append(
                f"{step.path} is not brought back: something else has its place. {self._where()}"
            )
            return
        if before.kind is Kind.FILE and look(old) is None:
            self._stage_file(old, before)
        self._put(old, path, before)
        if step not in self.reverted:
            self.reverted.append(step)

    def _make_parents(self, path: str) -> bool:
        """Make the folders above a path again; returns False where something else has the place of one."""
        for folder in ancestors(path):
            entry = look(self.area.root / folder)
            if entry is None:
                self.area.disk.mkdir(self.area.root / folder)
            elif not _is_folder(entry):
                return False
        return True

    def _rescue_late_edits(self) -> None:
        """Keep what was moved out, is not back in its place, and is in no snapshot."""
        for number, step in enumerate(self.steps):
            for path, expected in ((self._old(number), step.before), (self._taken(number), step.after)):
                moved = look(path)
                if moved and not moved.holds_same(expected) and not self._is_torn(path, step, moved):
                    kept = self.area.set_aside(path)
                    self.notes.append(f"A late edit of {step.path} is kept in {kept}.")

    def _restore_state(self) -> None:
        if self.old_state is None:
            self.area.disk.discard(self.area.state)
        elif not self.area.state.is_file() or self.area.state.read_text(encoding="utf-8") != self.old_state:
            self.area.write(self.area.state, self.old_state.encode())

    def _where(self) -> str:
        return f"It is in the copy {self.snapshot}." if self.snapshot else ""

    def _new(self, number: int) -> Path:
        return self.area.staging / f"{number}.new"

    def _old(self, number: int) -> Path:
        return self.area.staging / f"{number}.old"

    def _taken(self, number: int) -> Path:
        return self.area.staging / f"{number}.taken"


def interrupted(area: Area) -> Transaction | None:
    """The change that the journal tells of; None where there is no journal.

    Raises:
        DamagedError: the journal is not what it should be.
        OSError: it cannot be read.
    """
    try:
        data = read_data(area.journal)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return Transaction(
            area,
            [Step.from_data(step) for step in data["steps"]],
            str(data["action"]),
            data["lesson"],
            data["snapshot"],
            old_state=data["old_state"],
            may_tear=bool(data["may_tear"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{area.journal} is damaged.") from error


def clear_staging(area: Area) -> None:
    """Remove what a change that is over left in the staging folder."""
    if not area.staging.is_dir():
        return
    for path in area.staging.iterdir():
        area.disk.discard(path)
    area.disk.rmdir(area.staging)


@contextmanager
def _unless_taken(path: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise ChangedMeanwhileError(path) from error


def _paths(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(sorted({step.path for step in steps}))
