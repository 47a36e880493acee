"""A small course, a way to see a project that shares no code with the workspace, and faulty disks."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from checks.lesson import Course
from checks.workspace import Disk, Workspace

STARTERS = {
    "01_root": {"app/main.py": "main: to write\n", "app/root.py": "root: to write\n"},
    "02_leaf": {"app/leaf/__init__.py": "", "app/leaf/leaf.py": "leaf: to write\n"},
    "03_late": {"app/late.py": "late: to write\n"},
}
SOLUTIONS = {
    "01_root": {"app/main.py": "main 1\n", "app/root.py": "root 1\n"},
    "02_leaf": {"app/leaf/__init__.py": "", "app/leaf/leaf.py": "leaf 2\n", "app/main.py": "main 2\n"},
    "03_late": {"app/late.py": "late 3\n", "app/main.py": "main 3\n", "app/made.txt": "made 3\n"},
}
NAMES = tuple(SOLUTIONS)

Seen = tuple[str, Any, int]
Picture = dict[str, Seen]


def make_course(root: Path) -> Course:
    """A clone with three lessons.

    The second and the third change `main.py`, and the third makes a file that has no starter.
    """
    for number, name in enumerate(NAMES, start=1):
        folder = root / "lessons" / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text(f"# {name}\n")
        (folder / "test_it.py").write_text("")
        made = [path for path in SOLUTIONS[name] if path in STARTERS[name] or path == "app/made.txt"]
        (folder / "lesson.toml").write_text(f'title = "{number}"\nmade = {made}\n')
        for path, text in STARTERS[name].items():
            put(folder / "starter" / path, text)
        for path, text in SOLUTIONS[name].items():
            put(root / "solutions" / name / path, text)
    return Course(root)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for tests that do thousands of small writes: in memory, where the machine offers that."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def put(path: Path, content: str | bytes) -> Path:
    """Write a file as an editor does that writes in place; returns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def link(path: Path, target: str | Path, *, is_folder: bool = False) -> None:
    """Make a symbolic link; the test is skipped where the system lets us make none."""
    try:
        path.symlink_to(target, target_is_directory=is_folder)
    except OSError as error:
        pytest.skip(f"this system makes no symbolic link for us: {error}")


def picture(root: Path) -> Picture:
    """Path to kind, content and permissions of all in a project but the workspace's own folder."""
    seen: Picture = {}
    for folder, folders, files in os.walk(root):
        if Path(folder) == root and ".workshop" in folders:
            folders.remove(".workshop")
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                seen[key] = ("link", str(path.readlink()), 0)
            elif path.is_dir():
                seen[key] = ("folder", None, stat.S_IMODE(status.st_mode))
            else:
                seen[key] = ("file", path.read_bytes(), stat.S_IMODE(status.st_mode))
    return seen


def contents(root: Path) -> dict[str, bytes]:
    """Path to bytes of the files of a project."""
    return {path: content for path, (kind, content, _) in picture(root).items() if kind == "file"}


class CrashError(BaseException):
    """The process ends here: nothing after it has any effect on the disk."""


@dataclass
class Fault:
    """What goes wrong at the step of that number, counted from 0.

    Attributes:
        kind: ``crash``, ``torn`` (a crash in the middle of a write), ``interrupt`` (Ctrl-C, once), or the
            name of an error number, which then stays: ``ENOSPC`` for all that needs room, ``EACCES`` for
            the same path.
    """

    kind: str
    at: int


NEEDS_ROOM = frozenset({"create", "write", "mkdir", "symlink"})


class FaultyDisk(Disk):
    """A disk with one fault.

    Args:
        fault: what goes wrong; None for nothing.
        links: whether the file system has hard links.
        intruder: is called right before the step at which the fault would be, and nothing else goes wrong.
    """

    def __init__(
        self, fault: Fault | None = None, *, links: bool = True, intruder: Callable[[], object] | None = None
    ) -> None:
        self.fault = fault
        self.links = links
        self.intruder = intruder
        self.steps: list[tuple[str, Path]] = []
        self.is_dead = False
        self.cursed: Path | None = None

    @property
    def is_struck(self) -> bool:
        """Whether the fault has happened."""
        return self.fault is not None and len(self.steps) > self.fault.at

    def step(self, action: str, path: Path) -> None:
        if self.is_dead:
            raise CrashError
        self.steps.append((action, path))
        if self.fault is None or not self.is_struck:
            return
        is_now = len(self.steps) == self.fault.at + 1
        if self.intruder:
            if is_now:
                self.intruder()
        elif self.fault.kind == "crash" or (self.fault.kind == "torn" and is_now and action != "write"):
            self.is_dead = True
            raise CrashError
        elif self.fault.kind == "interrupt" and is_now:
            raise KeyboardInterrupt
        elif self.fault.kind == "EACCES":
            self.cursed = path if is_now else self.cursed
            if path == self.cursed:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
        elif self.fault.kind == "ENOSPC" and action in NEEDS_ROOM:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    def write(self, descriptor: int, chunk: bytes) -> None:
        if self.fault and self.fault.kind == "torn" and len(self.steps) == self.fault.at + 1:
            os.write(descriptor, chunk[: len(chunk) // 2])
            self.is_dead = True
            raise CrashError
        super().write(descriptor, chunk)

    def flush(self, descriptor: int) -> None:
        """A crash of the process does not lose what the system has: no need to wait for the medium."""

    def link(self, source: Path, target: Path) -> None:
        if not self.links:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(source))
        super().link(source, target)


def run(workspace: Workspace, command: str, *arguments: object) -> object:
    """Run a command whose process may end in the middle; returns its answer, or None then."""
    with suppress(CrashError):
        return getattr(workspace, command)(*arguments)
    return None


def kept_anywhere(root: Path) -> set[bytes]:
    """All contents that a person can get back: in the project, in a readable snapshot, or set aside."""
    from checks.workspace import snapshots
    from checks.workspace.area import Area

    area = Area(root, Disk())
    wanted: Iterable[str] = (
        entry.digest
        for snapshot in snapshots.listed(area)
        for entry in snapshots.read(area, snapshot.name).tree.values()
        if entry.digest
    )
    found = {b"".join(area.store.chunks(digest)) for digest in set(wanted)}
    found.update(path.read_bytes() for path in area.aside.rglob("*") if path.is_file())
    found.update(contents(root).values())
    return found
