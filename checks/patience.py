"""Patience with programs that hold a file for a moment.

Virus scanners, indexers and synchronised folders open whatever is new. On Windows, a file that somebody has
open can often be neither moved nor removed nor read; a moment later it can.
"""

import sys
import time
from collections.abc import Callable

MOMENT = 1.0 if sys.platform == "win32" else 0.0
"""Seconds for which a refusal is not believed. Elsewhere an open file hinders nobody, and a refusal stays."""

PAUSE = 0.02
"""Seconds between two attempts."""


def patiently[T](action: Callable[[], T]) -> T:
    """What an action on a file gives, tried again while another program may have the file open.

    Raises:
        PermissionError: it is still refused after `MOMENT` seconds.
    """
    deadline = time.monotonic() + MOMENT
    while True:
        try:
            return action()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(PAUSE)
