"""One change of the project: done whole, or taken back, also by the next command after a crash.

The change is written down in a journal before the first step. A step never overwrites: what stands in its
way is moved to the staging folder, and stays there until all of it is known to be in the snapshot.
The journal's removal is the moment at which the change counts. Until then, everything is taken back,
except what somebody else wrote in the meantime: that stays.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks.workspace import disk
from checks.workspace.area import Area, read_data
from checks.workspace.letters import is_same
from checks.workspace.model import Change, DamagedError
from checks.workspace.shape import is_text_or_none, is_word
from checks.workspace.staging import Staging
from checks.workspace.steps import OWNER_WRITES, Step, is_folder
from checks.workspace.tree import Entry, EntryKind, ancestors, look

ANY_BYTES = ("utf-8", "surrogateescape")
"""How any bytes become a text that JSON holds, and come back."""


class ObstacleError(Exception):
    """Something that nobody could foresee is in the way of a step; the text names the path."""


class ChangedMeanwhileError(ObstacleError):
    """A path is not what it was when the change was planned."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was changed by another program at this very moment.")


@dataclass
class Transaction:
    """A planned change.

    Attributes:
        steps: in the order in which they are done.
        action, lesson, snapshot: as in `Change`.
        new_state: what is remembered once it is done.
        old_state: bytes of the state's record before; None where there was none.
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
    old_state: bytes | None = None
    may_tear: bool = False
    notes: list[str] = field(default_factory=list)
    reverted: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._staging = Staging(self.area)

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
            self._staging.close(self.area.journal)
        except BaseException:
            if os.path.lexists(self.area.journal):  # else the change counts already, and so it stays
                self.take_back()
            raise

    def take_back(self) -> None:
        """Undo the steps that were done, keeping what somebody else wrote since.

        Raises:
            OSError, DamagedError: not possible now; to be tried again.
        """
        self._staging.ensure()
        for number, step in reversed(list(enumerate(self.steps))):
            self._revert(number, step)
        self._close_folders()
        self._restore_state()
        self._staging.close(self.area.journal)

    def change(self) -> Change:
        """What the steps do, for people."""
        files = [
            step
            for step in self.steps
            if step.part == "name" or (step.part != "folder" and not is_folder(step.after))
        ]
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
        self.notes += self._staging.clear()
        for number, step in enumerate(self.steps):
            if step.part == "file" and step.after and step.after.kind is EntryKind.FILE:
                self._stage_file(self._staging.new(number), step.after)
                self.may_tear = self.may_tear or self.area.disk.may_tear(self._staging.new(number))

    def _stage_file(self, path: Path, entry: Entry) -> None:
        mode = disk.NEW_FILE if entry.mode is None else entry.mode | OWNER_WRITES
        self.area.disk.create(path, self.area.store.chunks(entry.digest), mode)
        self._adjust(path, entry)

    def _adjust(self, path: Path, entry: Entry) -> None:
        """Give a file its time and permissions, where they are known."""
        if entry.time is not None:
            self.area.disk.set_time(path, entry.time)
        if entry.mode is not None:
            self.area.disk.chmod(path, entry.mode)

    def _write_journal(self) -> None:
        self.old_state = self.area.bytes_of(self.area.state)
        data = {
            "version": 1,
            "action": self.action,
            "lesson": self.lesson,
            "snapshot": self.snapshot,
            "may_tear": self.may_tear,
            "old_state": None if self.old_state is None else self.old_state.decode(*ANY_BYTES),
            "steps": [step.to_data() for step in self.steps],
        }
        self.area.write_data(self.area.journal, data)

    def _do(self, number: int, step: Step) -> None:
        path = self.area.root / step.path
        if step.part == "name":
            self._rename(step.former, step.path)
        elif step.part == "mode":
            self._do_mode(path, step)
        elif step.part == "folder":
            self._do_folder(path, step)
        else:
            self._do_file(number, path, step)

    def _do_mode(self, path: Path, step: Step) -> None:
        if step.after and step.after.mode is not None and not self.area.disk.chmod(path, step.after.mode):
            self.notes.append(
                f"{step.path} keeps its present permissions: its disk knows none, or it is somebody else's."
            )

    def _rename(self, former: str, new: str) -> None:
        source, target = self.area.root / former, self.area.root / new
        if not (_stands_there(source) and is_same(source, target)):
            raise ChangedMeanwhileError(former)
        self.area.disk.rename(source, target)

    def _do_folder(self, path: Path, step: Step) -> None:
        if step.after:
            with _unless_taken(step.path):
                self.area.disk.mkdir(path)
        elif not self._rmdir(path) and self._plans("file", step.path):
            raise ObstacleError(f"{step.path} is a folder that holds files which the workshop leaves alone.")

    def _plans(self, part: str, path: str) -> bool:
        return any(step.part == part and step.path == path for step in self.steps)

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
            self.area.disk.move_out(path, self._staging.old(number))
        if step.after:
            with _unless_taken(step.path):
                self._put(self._staging.new(number), path, step.after)

    def _put(self, staged: Path, path: Path, entry: Entry) -> None:
        # Not everybody on Windows may make a link, but everybody may move the one that was there.
        is_moved = disk.RENAME_REFUSES and look(staged) == entry
        if entry.kind is EntryKind.LINK and not is_moved:
            leads_to_folder = (path.parent / entry.target).is_dir()
            self.area.disk.symlink(entry.target, path, is_folder=leads_to_folder)
        else:
            self.area.disk.move_in(staged, path)

    def _check_moved_out(self) -> None:
        """A program may have written to a file after it was read for the snapshot, through an open handle."""
        for number, step in enumerate(self.steps):
            if step.moves_out and not step.moves_out.holds_same(look(self._staging.old(number))):
                raise ChangedMeanwhileError(step.path)

    def _revert(self, number: int, step: Step) -> None:
        path = self.area.root / step.path
        now = look(path) if step.part != "name" else None
        if step.part == "name":
            self._revert_name(path, step)
        elif step.part == "mode":
            self._revert_mode(path, step, now)
        elif step.part == "folder":
            self._revert_folder(path, step, now)
        else:
            self._revert_file(number, path, step, now)

    def _revert_name(self, path: Path, step: Step) -> None:
        former = self.area.root / step.former
        if _stands_there(path) and is_same(path, former):
            self.area.disk.rename(path, former)
            self.reverted.append(step)

    def _revert_mode(self, path: Path, step: Step, now: Entry | None) -> None:
        if not (now and step.before and step.after) or now.kind is not step.before.kind:
            return
        if step.before.mode is not None and now.mode == step.after.mode:
            self.area.disk.chmod(path, step.before.mode)

    def _revert_folder(self, path: Path, step: Step, now: Entry | None) -> None:
        if step.after:
            if is_folder(now):
                self._rmdir(path)
        elif now is None and step.before and self._make_parents(step.path):
            self.area.disk.mkdir(path)

    def _close_folders(self) -> None:
        """Give folders that were made again their permissions, now that their files are back in them."""
        for step in self.steps:
            if step.part == "folder" and step.before and step.before.mode is not None:
                now = look(self.area.root / step.path)
                if now and is_folder(now) and now.mode != step.before.mode:
                    self.area.disk.chmod(self.area.root / step.path, step.before.mode)

    def _revert_file(self, number: int, path: Path, step: Step, now: Entry | None) -> None:
        if now and step.before and step.before.holds_same(now):
            if self.may_tear:
                self._adjust(path, step.before)
            return
        if now and self._is_ours(path, step, now):
            taken = self._staging.taken(number)
            if rescued := self._staging.free(taken, step.path):
                self.notes.append(rescued)
            self.area.disk.move_out(path, taken)
            self.reverted.append(step)
        elif is_folder(now) and not step.before and self._plans("folder", step.path):
            return  # it has not made way yet
        elif now:
            self.notes.append(f"{step.path} was changed in the meantime and is left as it is.")
            return
        if step.before:
            self._put_back(number, path, step, step.before)

    def _is_ours(self, path: Path, step: Step, now: Entry) -> bool:
        return now.holds_same(step.after) or self._is_torn(path, step, now)

    def _is_torn(self, path: Path, step: Step, now: Entry) -> bool:
        """Whether a file is what a crash left of a step, on a file system that has no better way."""
        if not self.may_tear or now.kind is not EntryKind.FILE:
            return False
        wholes = [entry for entry in (step.after, step.before) if entry and entry.size > now.size]
        return any(self.area.store.starts_with(whole.digest, path) for whole in wholes)

    def _put_back(self, number: int, path: Path, step: Step, before: Entry) -> None:
        old, fresh = self._staging.old(number), self._staging.new(number)
        if not self._make_parents(step.path):
            self.notes.append(
                f"{step.path} is not brought back: something else has its place. {self._where()}"
            )
            return
        moved = look(old)  # another program may have put something else in its place before it was moved
        if before.kind is EntryKind.FILE and moved is None:
            if not self.area.store.is_sound(before.digest):
                self.notes.append(f"{step.path} is not brought back: its content is not there any more.")
                return
            self.area.disk.discard(fresh)
            self._stage_file(fresh, before)
            old = fresh
        self._put(old, path, moved or before)
        if step not in self.reverted:
            self.reverted.append(step)

    def _make_parents(self, path: str) -> bool:
        """Make the folders above a path again; returns False where something else has the place of one."""
        for folder in ancestors(path):
            entry = look(self.area.root / folder)
            if entry is None:
                self.area.disk.mkdir(self.area.root / folder)
            elif not is_folder(entry):
                return False
        return True

    def _restore_state(self) -> None:
        if self.old_state is None:
            self.area.make_way(self.area.state)
            self.area.disk.discard(self.area.state)
        elif self.area.bytes_of(self.area.state) != self.old_state:
            self.area.write(self.area.state, self.old_state)

    def _where(self) -> str:
        return f"It is in the copy {self.snapshot}." if self.snapshot else ""


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
        return _from_data(area, data)
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedError(f"{area.journal} is damaged.") from error


def _from_data(area: Area, data: dict[str, Any]) -> Transaction:
    texts = [data[key] for key in ("lesson", "snapshot", "old_state")]
    if not (is_word(data["action"]) and all(map(is_text_or_none, texts))):
        raise ValueError(data)
    lesson, snapshot, old_state = texts
    return Transaction(
        area,
        [Step.from_data(step) for step in data["steps"]],
        data["action"],
        lesson,
        snapshot,
        old_state=None if old_state is None else old_state.encode(*ANY_BYTES),
        may_tear=bool(data["may_tear"]),
    )


def _stands_there(path: Path) -> bool:
    """Whether something has this very name, to the letter."""
    try:
        return any(entry.name == path.name for entry in os.scandir(path.parent))
    except OSError:
        return False


@contextmanager
def _unless_taken(path: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise ChangedMeanwhileError(path) from error


def _paths(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(sorted({step.path for step in steps}))
