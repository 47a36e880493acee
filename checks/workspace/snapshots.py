"""Copies of a whole project: a list of its paths each, their contents in the store."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from checks.workspace.area import Area, read_data
from checks.workspace.model import DamagedError, Snapshot, UnknownSnapshotError, WorkspaceError
from checks.workspace.shape import is_path, is_text_or_none, is_word
from checks.workspace.state import State
from checks.workspace.tree import ATTEMPTS, OTHER, Entry, EntryKind, Tree, look, scan

NAME = re.compile(r"(?P<number>\d{4,})_[0-9_-]+_[a-z]+")
OTHERS = "`workshop undo --list` shows the copies that can be brought back."
UNREADABLE = (DamagedError, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError)
"""What reading a damaged snapshot can end in."""


@dataclass(frozen=True)
class Record:
    """All that a snapshot holds, as read back.

    Attributes:
        about: what people are told of it.
        tree: what stood in the project; the contents are in the store.
        state: what the workspace remembered at that moment; None where that is damaged.
    """

    about: Snapshot
    tree: Tree
    state: State | None


def take(area: Area) -> Tree:
    """Everything in the project; the contents of all files are in the store when this returns."""
    tree = scan(area.root)
    for path, entry in tree.items():
        if entry.kind is EntryKind.FILE:
            tree[path] = _kept(area, area.root / path, entry)
    return tree


def record(area: Area, action: str, lesson: str | None, tree: Tree, state: dict[str, Any]) -> str:
    """Write a snapshot down; returns its name."""
    names = _names(area)
    number = 1 + max((int(name.partition("_")[0]) for name in names), default=0)
    name = f"{number:04}_{time.strftime('%Y-%m-%d_%H-%M-%S')}_{action}"
    data = {
        "version": 1,
        "time": time.time(),
        "action": action,
        "lesson": lesson,
        "state": state,
        "tree": {path: entry.to_data() for path, entry in tree.items()},
    }
    area.write_data(_path(area, name), data)
    return name


def find(area: Area, word: str) -> str:
    """The name of the snapshot that a name or a number means.

    Raises:
        UnknownSnapshotError: there is none.
    """
    names = {name.partition("_")[0].lstrip("0"): name for name in _names(area)}
    if word in names.values():
        return word
    if name := names.get(word.lstrip("0")):
        return name
    nearest = get_close_matches(word, [*names, *names.values()], n=1)
    raise UnknownSnapshotError(
        f"There is no copy of the project named {word!r}. "
        + "".join(f"The nearest is {name}. " for name in nearest)
        + "`workshop undo --list` shows all copies."
    )


def read(area: Area, name: str) -> Record:
    """Read a snapshot back.

    Raises:
        WorkspaceError: there is none of that name, or it is damaged.
    """
    unknown = WorkspaceError(
        f"There is no copy of the project named {name!r} any more. Nothing was changed. {OTHERS}"
    )
    if not NAME.fullmatch(name):
        raise unknown
    try:
        data = read_data(_path(area, name))
        tree = {path: Entry.from_data(entry) for path, entry in data["tree"].items()}
        if not all(map(is_path, tree)):
            raise DamagedError(name)
        return Record(_about(name, data), tree, _state_in(data))
    except FileNotFoundError as error:
        raise unknown from error
    except UNREADABLE as error:
        raise WorkspaceError(
            f"The copy {_path(area, name)} cannot be read. Nothing was changed. {OTHERS}"
        ) from error


def listed(area: Area) -> Iterator[Snapshot]:
    """All readable snapshots, the oldest first."""
    for name in _names(area):
        try:
            yield _about(name, read_data(_path(area, name)))
        except UNREADABLE:
            continue


def _state_in(data: dict[str, Any]) -> State | None:
    """The files are worth bringing back without it."""
    try:
        return State(data["state"])
    except (DamagedError, KeyError, TypeError, AttributeError):
        return None


def _about(name: str, data: dict[str, Any]) -> Snapshot:
    when = datetime.fromtimestamp(data["time"]).astimezone()
    files = sum(entry["kind"] in {EntryKind.FILE, EntryKind.LINK} for entry in data["tree"].values())
    if not (is_word(data["action"]) and is_text_or_none(data["lesson"])):
        raise DamagedError(name)
    return Snapshot(name, when, data["action"], data["lesson"], files)


def _names(area: Area) -> list[str]:
    try:
        files = list(area.snapshots.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    names = [file.stem for file in files if file.suffix == ".json" and NAME.fullmatch(file.stem)]
    return sorted(names, key=lambda name: int(name.partition("_")[0]))


def _path(area: Area, name: str) -> Path:
    return area.snapshots / f"{name}.json"


def _kept(area: Area, path: Path, entry: Entry) -> Entry:
    """The entry of a file whose content is in the store, even while something writes to the file."""
    for _ in range(ATTEMPTS):
        if area.store.keep(path, entry.digest):
            return entry
        now = look(path)
        if now is None or now.kind is not EntryKind.FILE:
            break
        entry = now
    return OTHER
