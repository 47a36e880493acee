"""One command at a time: a lock that the operating system drops when its holder ends, however it ends."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checks.workspace.model import WorkspaceError

RETRY_EVERY = 0.05
"""Seconds between two attempts to get the lock."""

FAR_OUT = 1 << 30
"""Where the locked byte lies on Windows: past the text, which others may then read."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, FAR_OUT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, FAR_OUT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def held(path: Path, wait: float) -> Iterator[None]:
    """Hold the lock while the block runs.

    Args:
        path: the lock's file; made if missing, never removed.
        wait: how long to wait for another holder, in seconds.

    Raises:
        WorkspaceError: another process held it for longer than that.
        OSError: the file cannot be made, or this file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        _acquire(descriptor, path, wait)
        try:
            _sign(descriptor)
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            _try_lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            if time.monotonic() >= deadline:
                raise WorkspaceError(
                    f"Another command of the workshop is working in {path.parent.parent}{_holder(path)}. "
                    "Nothing was changed. Wait until it ends, then run this again."
                ) from error
            time.sleep(RETRY_EVERY)
        else:
            return


def _sign(descriptor: int) -> None:
    """Say who holds the lock: a courtesy that a full disk may take away."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, str(os.getpid()).encode())


def _holder(path: Path) -> str:
    try:
        number = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (process {number})" if number.isdecimal() else ""
