"""What the workspace remembers about the learner's way: lessons reached, verdicts, hints, origins of files.

Keys that this version does not know are kept as they are.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.workspace.area import Area, read_data
from checks.workspace.model import DamagedError, Origin
from checks.workspace.shape import is_count, is_entry, is_text_or_none

if TYPE_CHECKING:
    from checks.workspace.tree import Entry


class State:
    """A view of the remembered values.

    Args:
        data: the values of `state.json`.

    Raises:
        DamagedError: these are not such values.
    """

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        self.data: dict[str, Any] = {"version": 1} if data is None else data
        self.lessons: dict[str, dict[str, Any]] = self.data.setdefault("lessons", {})
        self.placed: dict[str, dict[str, Any]] = self.data.setdefault("placed", {})
        self._check()

    @property
    def last(self) -> str | None:
        """Name of the snapshot from before the last command; placing by a run of pytest is none."""
        return self.data.get("last")

    @last.setter
    def last(self, name: str) -> None:
        self.data["last"] = name

    def lesson(self, name: str) -> dict[str, Any]:
        """The record of a lesson, made if missing. A lesson that gets another number keeps its record."""
        return self.lessons.setdefault(key_of(name), {})

    def seen(self, name: str) -> dict[str, Any]:
        """The record of a lesson, empty if missing, for reading."""
        return self.lessons.get(key_of(name), {})

    def forget_verdict(self, name: str) -> None:
        """Take a lesson for not checked."""
        self.seen(name).pop("green", None)

    def placed_as(self, path: str, entry: "Entry | None") -> Origin | None:
        """The origin of a file with this content, if that is what was placed there."""
        record = self.placed.get(path)
        if record is None or entry is None or record["digest"] != entry.digest:
            return None
        return Origin(record["origin"])

    def origin_of(self, path: str, root: Path) -> Origin | None:
        """The origin of a file of the project at a root, as it is now."""
        if path not in self.placed:
            return None
        from checks.workspace.tree import look

        return self.placed_as(path, look(root / path))

    def place(self, path: str, entry: "Entry", origin: Origin | None) -> None:
        """Remember what was placed; with no origin, that the file is the learner's own."""
        if origin is None:
            self.placed.pop(path, None)
        else:
            self.placed.setdefault(path, {}).update(origin=origin.value, digest=entry.digest)

    def copy(self) -> "State":
        """A view of a copy of the values."""
        return State(copy.deepcopy(self.data))

    def brought_back(self, former: "State | None") -> "State":
        """This state with files and lessons as they were, if known; hints that were read stay read."""
        if former is None:
            return self.copy()
        then = former.copy()
        for key, record in self.lessons.items():
            if hints := record.get("hints"):
                then.lessons.setdefault(key, {})["hints"] = hints
        now = copy.deepcopy(self.data)
        return State(now | {"lessons": then.lessons, "placed": then.placed})

    def _check(self) -> None:
        last = self.data.get("last")
        if not (isinstance(self.lessons, dict) and isinstance(self.placed, dict)):
            raise DamagedError("lessons or placed")
        if not is_text_or_none(last):
            raise DamagedError("last")
        for record in self.lessons.values():
            _check_lesson(record)
        for record in self.placed.values():
            _check_placed(record)


def key_of(lesson_name: str) -> str:
    """The part of a lesson's name that stays when its number changes."""
    return lesson_name.partition("_")[2] or lesson_name


def load(area: Area) -> State:
    """The remembered state; empty where nothing is remembered yet.

    Raises:
        DamagedError: the record is not what it should be.
        OSError: it cannot be read.
    """
    try:
        return State(read_data(area.state))
    except (FileNotFoundError, NotADirectoryError):
        return State()


def is_sound(area: Area) -> bool:
    """Whether the record of the state can be used; one that cannot be read at all is another matter."""
    try:
        load(area)
    except DamagedError:
        return False
    except OSError:
        return True
    return True


def _check_lesson(record: Any) -> None:
    if not isinstance(record, dict):
        raise DamagedError("lesson")
    if not all(isinstance(record.get(key, False), bool) for key in ("reached", "green")):
        raise DamagedError("reached or green")
    if not is_count(record.get("hints", 0)):
        raise DamagedError("hints")
    start = record.get("start", {})
    if not (isinstance(start, dict) and all(map(_is_start, start.values()))):
        raise DamagedError("start")


def _is_start(entry: Any) -> bool:
    return is_entry(entry, ("file",)) and entry.get("origin", Origin.STARTER) in list(Origin)


def _check_placed(record: Any) -> None:
    if not (isinstance(record, dict) and isinstance(record.get("digest"), str)):
        raise DamagedError("placed")
    if record.get("origin") not in list(Origin):
        raise DamagedError("placed")
