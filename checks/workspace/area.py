"""Where the workspace keeps its own things: the folder `.workshop` of a project."""

import json
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.patience import patiently
from checks.workspace.disk import Disk
from checks.workspace.model import HOME, DamagedError

if TYPE_CHECKING:
    from checks.workspace.store import Store

NOTICE = """\
The workshop's memory of this project: how far you are, and a copy of your project from before every command
that changed it, `.env` and other private files included. `workshop undo` brings a copy back. No copy is ever
removed, and nobody but you may look in here. Nothing in here is part of your application.
"""
LETTERS = 25
"""How many letters of a name are kept where a number is added: with all of them it may be too long."""

FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Area:
    """The paths of the workspace's own records, and how they are read and written.

    Args:
        root: the project, with all links resolved.
        disk: what writes.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root = root
        self.disk = disk
        self.home = root / HOME
        self.state = self.home / "state.json"
        self.journal = self.home / "change.json"
        self.lock = self.home / "lock"
        self.snapshots = self.home / "snapshots"
        self.aside = self.home / "set-aside"
        self.staging = self.home / "staging"
        self.objects = self.home / "objects"
        self._spare = self.home / "spare"

    @cached_property
    def store(self) -> "Store":
        """The contents of all files that were ever in a snapshot."""
        from checks.workspace.store import Store

        return Store(self.objects, self.disk, self._spare)

    def prepare(self) -> None:
        """Make the folder, so that it can be locked.

        Raises:
            OSError: it cannot be made.
        """
        for folder in (self.root, self.home):
            if not folder.is_dir():
                try:
                    self.disk.mkdir(folder)
                except FileExistsError:
                    if not folder.is_dir():
                        raise
        self._close_to_others()

    def clear_ways(self) -> list[str]:
        """Set aside what has the place of a folder of records, or of a new record.

        Returns:
            A sentence for each.
        """
        folders = (self.aside, self.snapshots, self.staging, self.objects)
        in_the_way = [path for path in folders if os.path.lexists(path) and not path.is_dir()]
        if self._spare.is_dir() and not self._spare.is_symlink():
            in_the_way.append(self._spare)
        return [f"{path} had the place of a record; it is now {self.set_aside(path)}." for path in in_the_way]

    def describe(self) -> None:
        """Keep version control and people from taking the folder for a part of the project."""
        for name, text in ((".gitignore", "*\n"), ("README.txt", NOTICE)):
            if not (self.home / name).exists():
                self.write(self.home / name, text.encode())

    def _close_to_others(self) -> None:
        """Let nobody else read the copies: a project may hold what is for its owner alone, such as `.env`."""
        mode = self.home.stat().st_mode
        if os.name == "posix" and mode & FOR_OTHERS:
            self.disk.chmod(self.home, mode & stat.S_IRWXU)

    def write(self, path: Path, content: bytes) -> None:
        """Put a record in its place, whole or not at all."""
        self.make_way(path)
        self.disk.discard(self._spare)
        self.disk.create(self._spare, [content])
        if not path.parent.is_dir():
            self.disk.mkdir(path.parent)
        self.disk.replace(self._spare, path)

    def write_data(self, path: Path, data: Any) -> None:
        """Put plain values in a record."""
        self.write(path, (json.dumps(data, indent=1) + "\n").encode("ascii"))

    def bytes_of(self, path: Path) -> bytes | None:
        """The bytes of a record, whatever they are; None where no file is.

        Raises:
            OSError: it cannot be read.
        """
        return patiently(path.read_bytes) if path.is_file() else None

    def make_way(self, path: Path) -> None:
        """Set a folder aside that has the place of a record: no file can replace it."""
        if path.is_dir() and not path.is_symlink():
            self.set_aside(path)

    def set_aside(self, path: Path, name: str = "") -> Path:
        """Move a record, or a folder of them, out of the way under a name that was not used before.

        Args:
            path: what to move.
            name: what to call it, with a number; its own name when left out.
        """
        if not self.aside.is_dir():
            if os.path.lexists(self.aside):
                self.disk.move_out(self.aside, _free_name(self.home, self.aside.name))
            self.disk.mkdir(self.aside)
        target = _free_name(self.aside, name or path.name)
        self.disk.move_out(path, target)
        return target


def _free_name(folder: Path, name: str) -> Path:
    number = 1
    stem, suffix = Path(name).stem[:LETTERS], Path(name).suffix[:LETTERS]
    while os.path.lexists(free := folder / f"{stem}-{number}{suffix}"):
        number += 1
    return free


def read_data(path: Path) -> dict[str, Any]:
    """The plain values of a record.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is not what it should be.
        OSError: it cannot be read.
    """
    try:
        data = json.loads(patiently(path.read_bytes))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged.") from error
    except OSError as error:
        if path.is_dir():  # Windows says no more of a folder than that it may not be read
            raise DamagedError(f"{path} is damaged.") from error
        raise
    if not isinstance(data, dict):
        raise DamagedError(f"{path} is damaged.")
    return data
