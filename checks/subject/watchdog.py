"""A time limit from inside the subject: it knows which line of the learner's code is running.

The judging process holds a limit of its own, which needs nothing of this process; this one comes first and
says more. It is a thread, so it also fires while the main thread loops without end.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

STEP = 0.25
"""Seconds between two looks at the running code."""

EARLY = 1.0
"""Seconds after which a line that was stuck in an earlier check counts as stuck again."""


class Watchdog:
    """Watches one check at a time and reports the line that it is stuck on.

    Args:
        project: the folder of the learner's code.
        on_stuck: called, from the watching thread, with (file, line, whether it is waiting in an ``await``),
            or with ("", 0, False) where no line of the learner's code is running.
    """

    def __init__(self, project: Path, on_stuck: Callable[[str, int, bool], None]) -> None:
        self._project = str(project)
        self._on_stuck = on_stuck
        self._main = threading.main_thread().ident or 0
        self._deadline: float | None = None
        self._started = 0.0
        self._known: frozenset[tuple[str, int]] = frozenset()
        self._wake = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def start(self, limit: float, known: frozenset[tuple[str, int]] = frozenset()) -> None:
        """Begin to watch: the code that runs from now on has `limit` seconds.

        Args:
            limit: seconds.
            known: lines that were stuck before; a check that rests on one of them is stopped early.
        """
        self._started = time.monotonic()
        self._known = known
        self._deadline = self._started + limit
        self._wake.set()

    def stop(self) -> None:
        """The check has ended in time."""
        self._deadline = None
        self._wake.clear()

    def _watch(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(STEP)
            deadline, now = self._deadline, time.monotonic()
            if deadline is None:
                continue
            if now >= deadline or (now - self._started > EARLY and self._rests_on_known()):
                self._deadline = None
                self._wake.clear()
                file, line, waiting = self.where()
                self._on_stuck(file, line, waiting)

    def _rests_on_known(self) -> bool:
        if not self._known:
            return False
        first = self.where()[:2]
        time.sleep(STEP)
        return first in self._known and self.where()[:2] == first

    def where(self) -> tuple[str, int, bool]:
        """File, line and whether it awaits, of the innermost learner's code that the main thread is in."""
        frame = sys._current_frames().get(self._main)  # noqa: SLF001 - the documented way to see other threads
        for inner in _outwards(frame):
            if inner.f_code.co_filename.startswith(self._project):
                return inner.f_code.co_filename, inner.f_lineno, False
        for inner in self._awaiting():
            return inner.f_code.co_filename, inner.f_lineno, True
        return "", 0, False

    def _awaiting(self) -> Iterator[FrameType]:
        for task in self._tasks():
            awaited: object = task.get_coro()
            inside: list[FrameType] = []
            while awaited is not None:
                frame = _frame_of(awaited)
                if frame is not None and frame.f_code.co_filename.startswith(self._project):
                    inside.append(frame)
                awaited = _first(awaited, "cr_await", "ag_await", "gi_yieldfrom")
            yield from reversed(inside)

    def _tasks(self) -> "set[asyncio.Task[object]]":
        for frame in _outwards(sys._current_frames().get(self._main)):  # noqa: SLF001
            if frame.f_code.co_name == "run_forever":
                return asyncio.all_tasks(frame.f_locals["self"])
        return set()


def _frame_of(awaited: object) -> FrameType | None:
    frame = _first(awaited, "cr_frame", "ag_frame", "gi_frame")
    return frame if isinstance(frame, FrameType) else None


def _first(thing: object, *names: str) -> object:
    return next((value for name in names if (value := getattr(thing, name, None)) is not None), None)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
