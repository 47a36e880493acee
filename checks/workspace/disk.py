"""Every write of the workspace goes through here, one system call at a time.

Nothing here overwrites: a file is created where none is, or moved. The only exception is `replace`,
for the workspace's own records.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from checks.patience import patiently

RENAME_REFUSES = sys.platform == "win32"
"""Whether a rename fails where something has the new name; elsewhere it overwrites without a word."""

NEW_FILE = 0o666
"""The permissions that are asked for a new file: the system takes away what its umask says."""

NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EACCES}
)
"""What file systems answer when they have no hard links, or not for this file."""

NO_PERMISSIONS = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What file systems answer when they keep no permissions; also the answer about what somebody else owns."""


class Disk:
    """The writing half of the file system. Tests put faults in by overriding `step` and `write`."""

    def step(self, action: str, path: Path) -> None:
        """Is called right before each system call that writes."""

    def create(self, path: Path, chunks: Iterable[bytes], mode: int = NEW_FILE) -> None:
        """Make a new file, durable when this returns.

        Args:
            path: where nothing is.
            chunks: its content.
            mode: its permissions from the first moment on, less what the system takes from new files.

        Raises:
            FileExistsError: something has that name already.
        """
        self.step("create", path)
        with patiently(lambda: open(path, "xb", opener=partial(os.open, mode=mode))) as file:
            for chunk in chunks:
                self.step("write", path)
                self.write(file.fileno(), chunk)
            self.step("fsync", path)
            self.flush(file.fileno())

    def write(self, descriptor: int, chunk: bytes) -> None:
        """Write all of a chunk."""
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]

    def flush(self, descriptor: int) -> None:
        """Bring what was written to the medium."""
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over whatever has the target's name."""
        self.step("replace", target)
        patiently(lambda: source.replace(target))
        self._settle(target.parent)

    def move_out(self, source: Path, target: Path) -> None:
        """Take a file or a link out of its place; the target's name is known to be free."""
        self.step("move out", source)
        patiently(lambda: source.rename(target))

    def rename(self, source: Path, target: Path) -> None:
        """Change the letters of a name; both are known to be the same thing's."""
        self.step("rename", target)
        patiently(lambda: source.rename(target))

    def move_in(self, source: Path, target: Path) -> None:
        """Give a file its place, unless the place is taken.

        Raises:
            FileExistsError: something has that name already.
        """
        self.step("move in", target)
        if RENAME_REFUSES or source.is_dir():
            patiently(lambda: source.rename(target))
            return
        try:
            self.link(source, target)
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            self._copy_in(source, target)
        self.step("unlink", source)
        source.unlink()

    def may_tear(self, source: Path) -> bool:
        """Whether a crash in the middle of `move_in` could leave half of this new file in its place."""
        if RENAME_REFUSES:
            return False
        second = source.with_suffix(".link")
        try:
            self.link(source, second)
        except OSError:
            return True
        self.discard(second)
        return False

    def link(self, source: Path, target: Path) -> None:
        """Give a file, or a link itself, a second name."""
        os.link(source, target, follow_symlinks=False)

    def symlink(self, target: str, path: Path, *, is_folder: bool) -> None:
        """Make a symbolic link where nothing is."""
        self.step("symlink", path)
        path.symlink_to(target, target_is_directory=is_folder)

    def mkdir(self, path: Path) -> None:
        """Make a folder where nothing is."""
        self.step("mkdir", path)
        path.mkdir()

    def rmdir(self, path: Path) -> None:
        """Remove an empty folder."""
        self.step("rmdir", path)
        patiently(path.rmdir)

    def chmod(self, path: Path, mode: int) -> bool:
        """Set the permissions; returns whether this file system keeps any, and lets us set these."""
        self.step("chmod", path)
        try:
            path.chmod(mode)
        except OSError as error:
            if error.errno not in NO_PERMISSIONS:
                raise
            return False
        return True

    def set_time(self, path: Path, nanoseconds: int) -> None:
        """Set the time of the last change."""
        self.step("utime", path)
        os.utime(path, ns=(nanoseconds, nanoseconds))

    def discard(self, path: Path) -> None:
        """Remove one of the workspace's own files, also where it is read-only."""
        self.step("unlink", path)
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
            patiently(lambda: path.unlink(missing_ok=True))

    def _copy_in(self, source: Path, target: Path) -> None:
        with source.open("rb") as file:
            status = source.stat()
            mode = stat.S_IMODE(status.st_mode)
            self.create(target, iter(lambda: file.read(1 << 20), b""), mode)
        self.chmod(target, mode)
        self.set_time(target, status.st_mtime_ns)

    def _settle(self, folder: Path) -> None:
        """Make the names in a folder durable, where the system can: Windows opens no folder for that."""
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                self.flush(descriptor)
            finally:
                os.close(descriptor)
