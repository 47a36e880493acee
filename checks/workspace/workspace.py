"""The learner's project as the other rooms see it: questions are answered here, commands are handed on.

Asking is on the path of every run, so all that only a command needs is imported when there is one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from checks.lesson import Course, Lesson
from checks.workspace.area import Area
from checks.workspace.disk import Disk
from checks.workspace.model import PLACE, Change, DamagedError, Origin, Snapshot, WorkspaceError
from checks.workspace.state import State, load

if TYPE_CHECKING:
    from checks.workspace.commands import Commands

LOCK_WAIT = 5.0


class Workspace:
    """The learner's project, and the only hand of the workshop in it.

    Methods that change something first take back a command that was interrupted. Methods that only
    tell something never write.

    Args:
        course: the lessons.
        project: the folder of the project; the course's own when left out. It need not exist yet.
        disk: what writes.
        lock_wait: how long to wait for another command, in seconds.
    """

    def __init__(
        self,
        course: Course,
        project: Path | None = None,
        *,
        disk: Disk | None = None,
        lock_wait: float = LOCK_WAIT,
    ) -> None:
        self.course = course
        self.project = project or course.project
        self._area = Area(Path(os.path.realpath(self.project)), disk or Disk())
        self._lock_wait = lock_wait
        self._last_read: tuple[tuple[int, int, int] | None, State] | None = None
        self._solutions: dict[str, frozenset[str]] = {}

    def recover(self) -> Change | None:
        """Take back a command that was interrupted, and mend damaged records.

        Returns:
            What was done; None when there was nothing to do, and then nothing is written.

        Raises:
            WorkspaceError: it is not possible now.
        """
        if self._is_quiet():
            return None
        return self._commands.recover()

    def place(self, lesson: Lesson) -> Change:
        """Add the files that are missing for a lesson: references of earlier ones, and its own starter.

        Never changes or removes anything, so a plain `undo` goes past it to the last command. The lesson and
        those before it count as reached.

        Raises:
            WorkspaceError: a file cannot be added; then none is.
        """
        if self._is_in_place(lesson):
            return Change(PLACE, lesson.name)
        return self._commands.place(PLACE, lesson)

    def start(self, lesson: Lesson) -> Change:
        """Place a lesson; when it was reached before, also put its starter files back as they were.

        Raises:
            WorkspaceError: it is not possible; the project is as it was.
        """
        if lesson.name not in self.reached():
            return self._commands.place("start", lesson)
        return self._commands.start(lesson)

    def reset(self, lesson: Lesson) -> Change:
        """Put the files of a lesson back to its start.

        Starter files become the starter again. Files of earlier lessons that this one changes become what
        they were when it was first placed, or else the reference. Files that it makes without a starter go.

        Raises:
            WorkspaceError: the lesson was not reached, or it is not possible; the project is as it was.
        """
        if lesson.name not in self.reached():
            raise WorkspaceError(
                f"Lesson {lesson.name} is not started, so there is nothing to reset. "
                f"`workshop start {lesson.number}` starts it."
            )
        return self._commands.reset(lesson)

    def solve(self, lesson: Lesson) -> Change:
        """Put the reference version of all files that a lesson makes or changes; add what earlier ones miss.

        Raises:
            WorkspaceError: it is not possible; the project is as it was.
        """
        return self._commands.solve(lesson)

    def catchup(self, lesson: Lesson) -> Change:
        """Bring the project to the start of a lesson: the reference up to there, then its starter.

        Files that no lesson up to this one has stay as they are.

        Raises:
            WorkspaceError: it is not possible; the project is as it was.
        """
        return self._commands.catchup(lesson)

    def undo(self, name: str | None = None) -> Change:
        """Bring back the whole project as it was before the last command that changed it, an undo included.

        Args:
            name: of the snapshot to bring back instead, or its number.

        Raises:
            UnknownSnapshotError: there is no such snapshot; nothing is written.
            WorkspaceError: there is nothing to undo, or it is not possible; the project is as it was.
        """
        if name is None:
            return self._commands.undo(None)
        from checks.workspace.snapshots import find

        with _readable():
            snapshot = find(self._area, name)
        return self._commands.undo(snapshot)

    def reached(self) -> list[str]:
        """Names of the lessons that were placed or passed over so far, in order."""
        known = self._load()
        return [lesson.name for lesson in self.course.all_lessons if known.seen(lesson.name).get("reached")]

    def origin(self, path: str) -> Origin | None:
        """Whether a file is the starter or the reference as it was placed; None for the learner's own."""
        return self._load().origin_of(path, self._area.root)

    def lesson_is_own_work(self, lesson: Lesson) -> bool:
        """Whether any file of a lesson is something else than the reference as it was placed.

        Files that a later lesson changes speak for that one, as long as the lesson has any others.
        """
        mine = self._solution_paths(lesson)
        reached = set(self.reached())
        later = [
            self._solution_paths(other)
            for other in self.course.all_lessons
            if other.number > lesson.number and other.name in reached
        ]
        return any(self.origin(path) is not Origin.REFERENCE for path in mine.difference(*later) or mine)

    def mark_green(self, lesson_name: str, green: bool) -> None:
        """Remember the verdict of the last full run of a lesson.

        Raises:
            WorkspaceError: it cannot be written.
        """
        if self.is_green(lesson_name) != green:
            self._commands.remember(lambda known: known.lesson(lesson_name).update(green=green))

    def is_green(self, lesson_name: str) -> bool:
        """The verdict of the last full run, unless a command has replaced files of the lesson since.

        An edit does not take it away: later lessons change files of earlier ones.
        """
        return bool(self._load().seen(lesson_name).get("green", False))

    def hints_shown(self, lesson: Lesson) -> int:
        """How many hints of a lesson were shown so far."""
        return int(self._load().seen(lesson.name).get("hints", 0))

    def show_hint(self, lesson: Lesson) -> int:
        """Count one more hint as shown; returns how many that makes.

        Raises:
            WorkspaceError: it cannot be written.
        """

        def count(known: State) -> None:
            record = known.lesson(lesson.name)
            record["hints"] = int(record.get("hints", 0)) + 1

        self._commands.remember(count)
        return self.hints_shown(lesson)

    def snapshots(self) -> list[Snapshot]:
        """All copies of the project, the oldest first. None is ever removed."""
        from checks.workspace.snapshots import listed

        with _readable():
            return list(listed(self._area))

    def _is_in_place(self, lesson: Lesson) -> bool:
        if not self._is_quiet() or lesson.name not in self.reached():
            return False
        wanted = self.course.state(self.course.before(lesson)) | lesson.starter_files
        return all(_is_file(self._area.root / path) for path in wanted)

    def _is_quiet(self) -> bool:
        """Whether nothing is interrupted and no record is damaged."""
        return not os.path.lexists(self._area.journal) and self._recorded() is not None

    @cached_property
    def _commands(self) -> "Commands":
        from checks.workspace.commands import Commands

        return Commands(self.course, self.project, self._area, self._lock_wait)

    def _load(self) -> State:
        known = self._recorded()
        if known is None:
            from checks.workspace.rebuild import rebuilt

            return rebuilt(self._area, self.course)
        return known

    def _recorded(self) -> State | None:
        """The record of the state, read again only when it is another file; None when it is damaged."""
        try:
            stamp = _stamp(self._area.state)
            if self._last_read is None or stamp is None or self._last_read[0] != stamp:
                with _readable():
                    self._last_read = (stamp, load(self._area))
        except DamagedError:
            return None
        return self._last_read[1]

    def _solution_paths(self, lesson: Lesson) -> frozenset[str]:
        if lesson.name not in self._solutions:
            self._solutions[lesson.name] = frozenset(lesson.solution_files)
        return self._solutions[lesson.name]


@contextmanager
def _readable() -> Iterator[None]:
    """Say what to do when the system does not let us read a record."""
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"{error.filename}: {error.strerror}. The workshop keeps there how far you are, and copies of "
            "your project. Make it readable for you, then run this again."
        ) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs whenever a record was written anew; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
