"""The commands that change a project: each plans on a full view of it, then carries the plan out."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from checks.lesson import Course, Lesson
from checks.workspace import snapshots, state
from checks.workspace.area import Area
from checks.workspace.letters import renamed
from checks.workspace.lock import held
from checks.workspace.model import PLACE, Change, DamagedError, Origin, WorkspaceError
from checks.workspace.plan import Plan
from checks.workspace.rebuild import rebuilt
from checks.workspace.state import State
from checks.workspace.transaction import ObstacleError, Transaction, interrupted
from checks.workspace.tree import OTHER, Entry, EntryKind, Tree

PLACE_ATTEMPTS = 3

DENIED = "permission was denied. Close programs that have it open, or make it and its folder writable"
REASONS = {
    errno.ENOSPC: "the disk is full. Make room",
    errno.EDQUOT: "your share of the disk is used up. Make room",
    errno.EROFS: "this file system is read-only. Move the clone to another one",
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.ENAMETOOLONG: "the path is too long. Move the clone to a folder with a shorter path",
    errno.EXDEV: "the project lies on more than one file system. Move all of it to one",
    errno.ENOLCK: "this file system has no file locks. Move the clone to a local disk",
}

MISSING_ON_WINDOWS = frozenset({2, 3, 206})
"""What Windows calls a file, a folder or a name that it does not find, or cannot find."""
MOST_LETTERS_ON_WINDOWS = 248
"""The shortest limit of a path there, that of a folder, unless the system was told to take longer ones."""


class Commands:
    """What a `Workspace` does when it has to write; the methods answer to those of the same names there.

    Args:
        course: the lessons.
        project: the folder of the project as it was given, for messages.
        area: the same folder with all links resolved.
        lock_wait: how long to wait for another command, in seconds.
    """

    def __init__(self, course: Course, project: Path, area: Area, lock_wait: float) -> None:
        self.course = course
        self.project = project
        self._area = area
        self._lock_wait = lock_wait

    def recover(self) -> Change | None:
        """Take back what was interrupted, and mend damaged records."""
        with self.working() as recovered:
            return recovered

    def place(self, action: str, lesson: Lesson) -> Change:
        """Add the files that are missing for a lesson; one that appears meanwhile is not missing."""
        for _ in range(PLACE_ATTEMPTS - 1):
            try:
                return self._change(action, lesson, lambda plan: self._plan_missing(plan, lesson))
            except WorkspaceError as error:
                if not isinstance(error.__cause__, ObstacleError):
                    raise
        return self._change(action, lesson, lambda plan: self._plan_missing(plan, lesson))

    def start(self, lesson: Lesson) -> Change:
        """Put the starter files of a lesson back; add what is missing."""

        def fill(plan: Plan) -> None:
            self._plan_missing(plan, lesson)
            for path, source in lesson.starter_files.items():
                plan.put(path, source, Origin.STARTER)
            self._forget_verdicts(plan, lesson)

        return self._change("start", lesson, fill)

    def reset(self, lesson: Lesson) -> Change:
        """Put the files of a lesson back to its start."""

        def fill(plan: Plan) -> None:
            self._plan_start(plan, lesson, keep_own=True)
            self._forget_verdicts(plan, lesson)

        return self._change("reset", lesson, fill)

    def solve(self, lesson: Lesson) -> Change:
        """Put the reference version of a lesson's files."""

        def fill(plan: Plan) -> None:
            self._plan_missing(plan, lesson)
            for path, source in lesson.solution_files.items():
                plan.put(path, source, Origin.REFERENCE)
            self._forget_verdicts(plan, lesson)

        return self._change("solve", lesson, fill)

    def catchup(self, lesson: Lesson) -> Change:
        """Bring the project to the start of a lesson."""

        def fill(plan: Plan) -> None:
            for path, source in self.course.state(self.course.before(lesson)).items():
                plan.put(path, source, Origin.REFERENCE)
            self._plan_start(plan, lesson, keep_own=False)
            plan.state.lesson(lesson.name).pop("start", None)
            self._reach(plan, lesson)
            self._forget_verdicts(plan, lesson)

        return self._change("catchup", lesson, fill)

    def undo(self, name: str | None) -> Change:
        """Bring back the whole project as it is in a snapshot, by default the one of the last command."""
        with self.working() as recovered:
            now = state.load(self._area)
            wanted = now.last if name is None else name
            if wanted is None:
                raise WorkspaceError(f"There is nothing to undo: {self._why_nothing()}")
            former = snapshots.read(self._area, wanted)
            plan = Plan(self._area, snapshots.take(self._area), now)
            plan.bring_back(former.tree)
            plan.state = now.brought_back(former.state)
            change = self._carry_out("undo", former.about.lesson, plan, now)
            left = _left_alone(renamed(plan.before, plan.names), former.tree)
            change = replace(change, undone=former.about, notes=(*change.notes, *left))
            return _with_notes(change, recovered)

    def remember(self, update: Callable[[State], None]) -> None:
        """Change what is remembered, and nothing else."""
        with self.working():
            known = state.load(self._area).copy()
            update(known)
            self._area.write_data(self._area.state, known.data)

    def _plan_missing(self, plan: Plan, lesson: Lesson) -> None:
        starter = lesson.starter_files
        earlier = self.course.state(self.course.before(lesson))
        reference = {path: source for path, source in earlier.items() if path not in starter}
        plan.add_missing(reference, Origin.REFERENCE)
        plan.add_missing(starter, Origin.STARTER)
        self._reach(plan, lesson)

    def _plan_start(self, plan: Plan, lesson: Lesson, *, keep_own: bool) -> None:
        starter = lesson.starter_files
        earlier = self.course.state(self.course.before(lesson))
        own = plan.state.lesson(lesson.name).get("start", {}) if keep_own else {}
        for path, source in starter.items():
            plan.put(path, source, Origin.STARTER)
        for path in lesson.solution_files.keys() - starter.keys():
            record = own.get(path, {})
            if record and self._area.store.is_sound(record["digest"]):
                origin = Origin(record["origin"]) if "origin" in record else None
                plan.put_back(path, Entry.from_data(record), origin)
            elif path in earlier:
                plan.put(path, earlier[path], Origin.REFERENCE)
            else:
                plan.remove(path)

    def _reach(self, plan: Plan, lesson: Lesson) -> None:
        """Remember how far the learner is, and how the lesson's files were at its start."""
        for other in self.course.until(lesson):
            plan.state.lesson(other.name)["reached"] = True
        record = plan.state.lesson(lesson.name)
        if "start" not in record:
            record["start"] = {
                path: _start_record(plan, path, plan.after[path])
                for path in sorted(lesson.solution_files)
                if path in plan.after and plan.after[path].kind is EntryKind.FILE
            }

    def _why_nothing(self) -> str:
        reason = "no command has changed the project yet."
        if any(snapshots.listed(self._area)):
            reason += " `workshop undo --list` shows the copies from before runs of pytest that added files."
        return reason

    def _forget_verdicts(self, plan: Plan, lesson: Lesson) -> None:
        """What was green at this lesson or later stood on files that are different now."""
        for other in self.course.all_lessons:
            if other.number >= lesson.number:
                plan.state.forget_verdict(other.name)

    def _change(self, action: str, lesson: Lesson, fill: Callable[[Plan], None]) -> Change:
        with self.working() as recovered:
            now = state.load(self._area)
            plan = Plan(self._area, snapshots.take(self._area), now)
            fill(plan)
            if plan.after == plan.before:
                if plan.state.data != now.data:
                    self._area.write_data(self._area.state, plan.state.data)
                return _with_notes(Change(action, lesson.name, origins=plan.origins), recovered)
            return _with_notes(self._carry_out(action, lesson.name, plan, now), recovered)

    def _carry_out(self, action: str, lesson: str | None, plan: Plan, now: State) -> Change:
        snapshot = snapshots.record(self._area, action, lesson, plan.before, now.data)
        if action != PLACE:
            plan.state.last = snapshot
        transaction = Transaction(self._area, plan.steps(), action, lesson, snapshot, plan.state.data)
        transaction.carry_out()
        return replace(transaction.change(), origins=plan.origins)

    @contextmanager
    def working(self) -> Iterator[Change | None]:
        """Hold the lock, with nothing interrupted or damaged left; gives what was done about that."""
        try:
            self._check_project()
            self._area.prepare()
            with held(self._area.lock, self._lock_wait):
                self._area.store.doubt()
                recovered = self._recover()
                self._area.describe()
                yield recovered
        except OSError as error:
            raise WorkspaceError(f"{_reason(error)} {self._aftermath()}") from error
        except DamagedError as error:
            raise WorkspaceError(f"{error} {self._aftermath()}") from error
        except ObstacleError as error:
            raise WorkspaceError(f"{error} {self._aftermath()} Run this again.") from error

    def _check_project(self) -> None:
        if self.project.is_symlink() and not self.project.exists():
            raise WorkspaceError(
                f"{self.project} is a link to {self.project.readlink()}, which is not there. "
                "Make that folder, or remove the link, then run this again."
            )
        if os.path.lexists(self.project) and not self.project.is_dir():
            raise WorkspaceError(
                f"{self.project} is not a folder, and the project needs one there. Nothing was changed. "
                "Give it another name, then run this again."
            )

    def _recover(self) -> Change | None:
        notes = self._area.clear_ways()
        taken_back = self._take_back()
        if not state.is_sound(self._area):
            notes.append(self._mend_state())
        if taken_back:
            return replace(taken_back, notes=(*taken_back.notes, *notes))
        return Change("recover", notes=tuple(notes)) if notes else None

    def _take_back(self) -> Change | None:
        try:
            transaction = interrupted(self._area)
        except DamagedError:
            return Change("recover", notes=(self._give_up_journal(),))
        if transaction is None:
            return None
        transaction.take_back()
        done = transaction.reverted
        return Change(
            "recover",
            transaction.lesson,
            added=tuple(sorted(step.path for step in done if step.after is None)),
            changed=tuple(sorted(step.path for step in done if step.before and step.after)),
            removed=tuple(sorted(step.path for step in done if step.before is None)),
            snapshot=transaction.snapshot,
            notes=(f"An interrupted `{transaction.action}` was taken back.", *transaction.notes),
        )

    def _give_up_journal(self) -> str:
        """Nothing of an unreadable journal can be taken back; nothing that it may speak of is thrown away."""
        aside = self._area.set_aside(self._area.journal)
        if self._area.staging.is_dir():
            self._area.set_aside(self._area.staging)
        newest = list(snapshots.listed(self._area))[-1:]
        copy = f" The project from before it is the copy {newest[0].name}." if newest else ""
        return f"The record of an interrupted command was damaged; it is now {aside}.{copy}"

    def _mend_state(self) -> str:
        aside = self._area.set_aside(self._area.state)
        known = rebuilt(self._area, self.course)
        self._area.write_data(self._area.state, known.data)
        return (
            f"The record of how far you are was damaged; it is now {aside}. "
            "It was made anew from the project. No file of yours was touched."
        )

    def _aftermath(self) -> str:
        if os.path.lexists(self._area.journal):
            return "The change is not complete: the next command of the workshop takes it back."
        return "Nothing was changed."


def _left_alone(now: Tree, wanted: Tree) -> tuple[str, ...]:
    """A sentence for each path that cannot be copied and is not what it was."""
    different = (path for path in sorted(now.keys() | wanted.keys()) if now.get(path) != wanted.get(path))
    return tuple(
        f"{path} is left as it is: it cannot be copied, or could not be at that time."
        for path in different
        if OTHER in {now.get(path), wanted.get(path)}
    )


def _start_record(plan: Plan, path: str, entry: Entry) -> dict[str, object]:
    origin = plan.state.placed_as(path, entry)
    return entry.to_data() | ({"origin": origin.value} if origin else {})


def _with_notes(change: Change, recovered: Change | None) -> Change:
    return replace(change, notes=(*recovered.notes, *change.notes)) if recovered else change


def _reason(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    number = errno.ENAMETOOLONG if _is_too_long(error) else error.errno
    reason = REASONS.get(number or 0, f"{error.strerror or error}. Mend this")
    return f"{where}{reason}, then run this again."


def _is_too_long(error: OSError) -> bool:
    """Whether Windows says of a path that it does not exist, and means that it is too long."""
    longest = max(len(str(name)) for name in (error.filename, error.filename2))
    return getattr(error, "winerror", None) in MISSING_ON_WINDOWS and longest >= MOST_LETTERS_ON_WINDOWS
