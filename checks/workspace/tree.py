"""What stands in a project: its files, folders and links, as plain values that can be compared."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from checks.patience import patiently
from checks.workspace.model import HOME
from checks.workspace.shape import is_entry

UNTOUCHED = frozenset(
    {
        *(".git", ".hg", ".svn", ".jj"),
        *(".venv", "node_modules", "__pycache__", ".ipynb_checkpoints"),
        *(".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"),
    }
)
"""Names that no command looks into, copies, changes or removes: histories, and what programs make again."""
CHUNK = 1 << 20
ATTEMPTS = 5


class EntryKind(StrEnum):
    """What a path is, itself: links are not followed."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """Cannot be copied: a socket, a pipe, or something that may not be read. No command touches it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a project.

    Attributes:
        digest: SHA-256 of a file's bytes, in hexadecimal.
        size: number of bytes of a file.
        mode: permission bits of a file or folder; None stands for what the system gives to new ones.
        time: of the last change of a file, in nanoseconds; None stands for now.
        target: where a link leads, as written in it.
    """

    kind: EntryKind
    digest: str = ""
    size: int = 0
    mode: int | None = None
    time: int | None = None
    target: str = ""

    def holds_same(self, other: "Entry | None") -> bool:
        """Whether the content is equal, whatever the permissions."""
        return other is not None and (self.kind, self.digest, self.target) == (
            other.kind,
            other.digest,
            other.target,
        )

    def to_data(self) -> dict[str, Any]:
        """As plain values, without those left at their default."""
        data = {"kind": self.kind.value, "digest": self.digest, "size": self.size, "target": self.target}
        optional = {"mode": self.mode, "time": self.time}
        return {key: value for key, value in data.items() if value} | {
            key: value for key, value in optional.items() if value is not None
        }

    @classmethod
    def from_data(cls, data: Any) -> "Entry":
        """The reverse of `to_data`; keys of a later version are passed over.

        Raises:
            ValueError: these are not such values.
        """
        if not is_entry(data):
            raise ValueError(data)
        known = {key: data[key] for key in ("digest", "size", "mode", "time", "target") if key in data}
        return cls(EntryKind(data["kind"]), **known)


type Tree = dict[str, Entry]
"""Path relative to the project, with forward slashes, to what stands there."""

FOLDER = Entry(EntryKind.FOLDER)
OTHER = Entry(EntryKind.OTHER)


def scan(root: Path) -> Tree:
    """Everything in a project but what no command touches.

    Raises:
        OSError: the project itself cannot be read.
    """
    tree: Tree = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            names = sorted(entry.name for entry in os.scandir(root / folder))
        except OSError:
            if not folder:
                raise
            tree[folder] = OTHER
            continue
        for path in (f"{folder}/{name}" if folder else name for name in names if _is_ours(folder, name)):
            if entry := look(root / path):
                tree[path] = entry
                if entry.kind is EntryKind.FOLDER:
                    waiting.append(path)
    return tree


def look(path: Path) -> Entry | None:
    """What a path is; None where nothing is. A file is read to the end."""
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode) and not is_junction(path):
            return Entry(EntryKind.FOLDER, mode=stat.S_IMODE(status.st_mode))
        if stat.S_ISLNK(status.st_mode):
            return Entry(EntryKind.LINK, target=str(path.readlink()))
        if stat.S_ISREG(status.st_mode):
            return patiently(lambda: _look_into(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return OTHER
    return OTHER


def is_junction(path: Path) -> bool:
    """Whether a folder is a Windows junction, which leads elsewhere as a link does."""
    return os.name == "nt" and path.is_junction()


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def ancestors(path: str) -> Iterator[str]:
    """The folders that a path stands in, outermost first, without the project itself."""
    for index, letter in enumerate(path):
        if letter == "/":
            yield path[:index]


def with_folders(tree: Tree, files: Tree) -> Tree:
    """A copy of the tree with these files in it, and the folders that they need."""
    needed = {folder: FOLDER for path in files for folder in ancestors(path)}
    return needed | tree | files


def sparing(now: Tree, wanted: Tree) -> Tree:
    """The wanted tree, except that whatever cannot be copied stays as it is now."""
    spared = {path for tree in (now, wanted) for path, entry in tree.items() if entry.kind is EntryKind.OTHER}
    if not spared:
        return wanted

    def is_spared(path: str) -> bool:
        return path in spared or any(folder in spared for folder in ancestors(path))

    kept = {path: entry for path, entry in now.items() if is_spared(path)}
    return with_folders({path: entry for path, entry in wanted.items() if not is_spared(path)}, kept)


def _is_ours(folder: str, name: str) -> bool:
    return name not in UNTOUCHED and (bool(folder) or name != HOME)


def _look_into(path: Path) -> Entry:
    for _ in range(ATTEMPTS):
        before = path.stat()
        digest = digest_of(path)
        after = path.stat()
        entry = Entry(EntryKind.FILE, digest, after.st_size, stat.S_IMODE(after.st_mode), after.st_mtime_ns)
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            break
    return entry
