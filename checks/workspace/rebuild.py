"""The state made anew, when its record is damaged: from the newest snapshot, and from the project's files."""

from pathlib import Path

from checks.lesson import Course
from checks.workspace import snapshots
from checks.workspace.area import Area
from checks.workspace.model import PLACE, Origin, WorkspaceError
from checks.workspace.state import State
from checks.workspace.tree import EntryKind, look


def rebuilt(area: Area, course: Course) -> State:
    """What can be known without the record: nothing is written."""
    known = _from_newest_snapshot(area)
    for lesson in course.all_lessons:
        before = course.state(course.before(lesson))
        made = lesson.solution_files.keys() - before.keys()
        if any(_is_there(area.root / path) for path in made):
            known.lesson(lesson.name)["reached"] = True
        for origin, files in (
            (Origin.REFERENCE, lesson.solution_files),
            (Origin.STARTER, lesson.starter_files),
        ):
            for path, source in files.items():
                entry = look(area.root / path)
                if entry and entry.kind is EntryKind.FILE and entry.holds_same(look(source)):
                    known.place(path, entry, origin)
    return known


def _is_there(path: Path) -> bool:
    entry = look(path)
    return entry is not None and entry.kind is not EntryKind.OTHER


def _from_newest_snapshot(area: Area) -> State:
    for snapshot in reversed(list(snapshots.listed(area))):
        try:
            known = snapshots.read(area, snapshot.name).state
        except WorkspaceError:
            continue
        if known is None:
            continue
        if snapshot.action != PLACE:
            known.last = snapshot.name
        return known
    return State()
