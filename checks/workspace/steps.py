"""The steps of a change, and an order in which each of them is possible."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checks.workspace.letters import renamed
from checks.workspace.shape import is_path
from checks.workspace.tree import Entry, EntryKind, Tree

OWNER_WRITES = 0o200

KINDS = {
    "name": set(EntryKind),
    "file": {EntryKind.FILE, EntryKind.LINK},
    "folder": {EntryKind.FOLDER},
    "mode": {EntryKind.FILE, EntryKind.FOLDER},
}
"""What a step of each part can be about."""


@dataclass(frozen=True)
class Step:
    """One step of a change; each can be taken back by itself.

    Attributes:
        part: ``name`` (the letters of a name change), ``file`` (a file or link moves out, in, or both),
            ``folder`` or ``mode``.
        before, after: what stands at the path; None for nothing.
        former: the path before, of a name.
    """

    part: str
    path: str
    before: Entry | None
    after: Entry | None
    former: str = ""

    @property
    def moves_out(self) -> Entry | None:
        """The file or link that this step takes out of its place."""
        return self.before if self.part == "file" else None

    def to_data(self) -> list[Any]:
        """As plain values."""
        before, after = (entry and entry.to_data() for entry in (self.before, self.after))
        return [self.part, self.path, before, after, *([self.former] if self.former else [])]

    @classmethod
    def from_data(cls, data: Any) -> "Step":
        """The reverse of `to_data`.

        Raises:
            ValueError, TypeError, LookupError: these are not such values.
        """
        part, path, *entries = data[:4]
        former = data[4] if part == "name" else ""
        if not (part in KINDS and is_path(path) and (not former or is_path(former))):
            raise ValueError(data)
        before, after = (None if entry is None else Entry.from_data(entry) for entry in entries)
        if not {entry.kind for entry in (before, after) if entry} <= KINDS[part]:
            raise ValueError(data)
        return cls(part, path, before, after, former)


def steps_between(before: Tree, after: Tree, names: dict[str, str]) -> list[Step]:
    """The steps from one tree to another, in an order in which each is possible.

    Args:
        before: what stands there.
        after: what is wanted.
        names: what only changes the letters of its name, as `other_letters` gives it.
    """
    before = renamed(before, names)
    steps = [Step("name", new, before[new], before[new], former) for former, new in names.items()]
    steps += [
        step
        for path in before.keys() | after.keys()
        for step in _steps_at(path, before.get(path), after.get(path))
    ]
    return sorted(steps, key=_order)


def _steps_at(path: str, before: Entry | None, after: Entry | None) -> Iterator[Step]:
    folder_before, folder_after = is_folder(before), is_folder(after)
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


def is_folder(entry: Entry | None) -> bool:
    """Whether an entry is there and is a folder."""
    return entry is not None and entry.kind is EntryKind.FOLDER


def _order(step: Step) -> tuple[int, int, str]:
    depth = step.path.count("/")
    if step.part == "mode":
        opens = (
            is_folder(step.before) and bool((step.after.mode or 0) & OWNER_WRITES) if step.after else False
        )
        return (0, depth, step.path) if opens else (6, -depth, step.path)
    if step.part == "name":
        return (1, depth, step.path)
    if step.part == "folder":
        return (4, depth, step.path) if step.after else (3, -depth, step.path)
    return (5, depth, step.path) if step.after else (2, depth, step.path)
