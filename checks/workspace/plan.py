"""What a command wants the project to be, built up path by path before anything is touched."""

import os
from pathlib import Path
from typing import NoReturn

from checks.workspace.area import Area
from checks.workspace.letters import folded, one_on_disk, other_letters, renamed
from checks.workspace.model import Origin, WorkspaceError
from checks.workspace.state import State
from checks.workspace.steps import Step, steps_between
from checks.workspace.tree import Entry, EntryKind, Tree, ancestors, look, sparing, with_folders

THINGS = {
    EntryKind.FOLDER: "a folder",
    EntryKind.LINK: "a link",
    EntryKind.OTHER: "something that cannot be read or copied",
}


class Plan:
    """The wanted tree and what will be remembered about it.

    Args:
        area: the project.
        before: what stands there, all of it in the store.
        state: what is remembered; a copy is worked on.
    """

    def __init__(self, area: Area, before: Tree, state: State) -> None:
        self.before = before
        self.after: Tree = dict(before)
        self.state = state.copy()
        self.names: dict[str, str] = {}
        self.origins: dict[str, Origin] = {}
        self._area = area

    def add_missing(self, files: dict[str, Path], origin: Origin) -> None:
        """Want these files wherever nothing has their names.

        Raises:
            WorkspaceError: a name is taken by what cannot serve as a file, or a folder cannot be made.
        """
        for path, source in files.items():
            place = self._area.root / path
            if place.is_file():
                continue
            if os.path.lexists(place):
                self._refuse(path, "The lesson needs a file there.")
            self._put(path, self._kept(source), origin)

    def put(self, path: str, source: Path, origin: Origin) -> None:
        """Want a file of a lesson at a path, whatever is there.

        Raises:
            WorkspaceError: what is there is not a file or a link.
        """
        self._put(path, self._kept(source), origin)

    def put_back(self, path: str, entry: Entry, origin: Origin | None) -> None:
        """Want a file whose content is in the store already."""
        self._put(path, entry, origin)

    def remove(self, path: str) -> None:
        """Want nothing at a path.

        Raises:
            WorkspaceError: what is there is not a file or a link.
        """
        actual = self._actual(path)
        if actual not in self.before:
            return
        if self.before[actual].kind in {EntryKind.FOLDER, EntryKind.OTHER}:
            self._refuse(path, "At the start of the lesson nothing has this name.")
        del self.after[actual]
        self.state.placed.pop(path, None)

    def bring_back(self, former: Tree) -> None:
        """Want all as it is in another tree, but for what cannot be copied: that stays as it is now.

        Raises:
            WorkspaceError: this disk has no room for two names of that tree.
        """
        if pair := one_on_disk(self._area.root, former):
            raise WorkspaceError(
                f"The copy holds {pair[0]} and {pair[1]}, which are one name on this disk. "
                "Nothing was changed. Move the clone to a disk that tells them apart, then run this again."
            )
        self.names = other_letters(self._area.root, self.before, former)
        self.after = sparing(renamed(self.before, self.names), former)

    def steps(self) -> list[Step]:
        """The steps to what is wanted."""
        return steps_between(self.before, self.after, self.names)

    def _put(self, path: str, entry: Entry, origin: Origin | None) -> None:
        actual = self._actual(path)
        existing = self.before.get(actual)
        if existing and existing.kind in {EntryKind.FOLDER, EntryKind.OTHER}:
            self._refuse(path, "The lesson needs a file there.")
        for folder in ancestors(actual):
            if folder in self.before and self.before[folder].kind is not EntryKind.FOLDER:
                self._refuse(folder, "The lesson needs a folder there.")
        if not entry.holds_same(existing):
            self.after = with_folders(self.after, {actual: entry})
        self.state.place(path, entry, origin)
        if origin:
            self.origins[path] = origin

    def _actual(self, path: str) -> str:
        """A path in the letters of what stands there, where the system sees those as equal."""
        for part in (path, *reversed([*ancestors(path)])):
            if part in self.before:
                return path
            if os.path.lexists(self._area.root / part):
                same = next((name for name in self.before if folded(name) == folded(part)), part)
                return same + path[len(part) :]
        return path

    def _kept(self, source: Path) -> Entry:
        entry = look(source)
        if (
            entry is None
            or entry.kind is not EntryKind.FILE
            or not self._area.store.keep(source, entry.digest)
        ):
            raise WorkspaceError(
                f"{source} cannot be read: it belongs to this clone of the workshop. Nothing was changed. "
                "`git status` and `git restore` show and mend the clone."
            )
        return Entry(EntryKind.FILE, entry.digest, entry.size)

    def _refuse(self, path: str, need: str) -> NoReturn:
        kind = (self.before.get(path) or look(self._area.root / path) or Entry(EntryKind.OTHER)).kind
        thing = THINGS.get(kind, "a file")
        raise WorkspaceError(
            f"{self._area.root / path} is {thing}. {need} Nothing was changed. "
            "Give it another name, or move it elsewhere, then run this again."
        )
