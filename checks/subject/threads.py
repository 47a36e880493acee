"""Threads that the learner's code started and did not end."""

import threading
from collections.abc import Collection

from checks.report import Kind, Problem
from checks.subject.diagnosis import Diagnosis

GRACE = 0.2
"""Seconds that a thread may need to end after the check that started it."""


def left_running(before: Collection[threading.Thread], diagnosis: Diagnosis) -> Problem | None:
    """The first thread of the learner's that a check has left behind; None if there is none.

    Args:
        before: the threads that ran before the check.
        diagnosis: knows whose function a thread runs.
    """
    for thread in set(threading.enumerate()).difference(before):
        target = getattr(thread, "_target", None)
        place = diagnosis.place_of(target or type(thread).run)
        if thread.daemon or place is None:
            continue
        thread.join(GRACE)
        if thread.is_alive():
            return Problem(
                kind=Kind.THREAD,
                title="A thread was left running",
                expected="every thread that the application starts to end with it",
                found=f"the thread {thread.name!r} still runs {getattr(target, '__name__', 'run')}",
                why="Python waits for such a thread before it ends: the server would never stop.",
                next="End it where the application shuts down",
                place=place,
                cause=f"thread {place}",
            )
    return None
