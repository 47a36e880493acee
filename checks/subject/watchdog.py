"""A time limit from inside the subject: it knows which line of the learner's code is running.

The judging process holds a limit of its own, which needs nothing of this process; this one comes first and
says more. It is a thread, so it also fires while the main thread loops without end.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from checks.subject.own import Folder

STEP = 0.25
"""Seconds between two looks at the running code."""

EARLY = 1.0
"""Seconds after which a function that an earlier check was stuck in counts as stuck again."""


@dataclass(frozen=True, slots=True)
class Where:
    """The innermost line of the learner's code that a check is in.

    Attributes:
        file, line, function: which.
        waiting: whether it waits there in an ``await``, and does not run.
    """

    file: str
    line: int
    function: str
    waiting: bool

    @classmethod
    def of(cls, frame: FrameType, *, waiting: bool) -> "Where":
        """The place that a frame is at."""
        return cls(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname, waiting)


class Watchdog:
    """Watches one check at a time and reports the line that it is stuck on.

    Args:
        project: the folder of the learner's code.
        on_stuck: called, from the watching thread, with the place; with None where no line of the learner's
            code is running.
    """

    def __init__(self, project: Path, on_stuck: Callable[[Where | None], None]) -> None:
        self._project = Folder(project)
        self._on_stuck = on_stuck
        self._main = threading.main_thread().ident or 0
        self._deadline: float | None = None
        self._started = 0.0
        self._known: frozenset[tuple[str, str]] = frozenset()
        self._wake = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def start(self, limit: float, known: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Begin to watch: the code that runs from now on has `limit` seconds.

        Args:
            limit: seconds.
            known: files and functions that were stuck before; a check that is stuck in one is stopped early.
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
            if now >= deadline or (now - self._started > EARLY and self._is_in_known()):
                self._deadline = None
                self._wake.clear()
                self._on_stuck(self.where())

    def _is_in_known(self) -> bool:
        where = self.where()
        return where is not None and (where.file, where.function) in self._known

    def where(self) -> Where | None:
        """What the main thread is in, of the learner's code."""
        frame = sys._current_frames().get(self._main)  # noqa: SLF001 - the documented way to see other threads
        for inner in _outwards(frame):
            if self._project.holds(inner.f_code.co_filename):
                return Where.of(inner, waiting=False)
        return next((Where.of(inner, waiting=True) for inner in self._awaiting()), None)

    def _awaiting(self) -> Iterator[FrameType]:
        for task in self._tasks():
            awaited: object = task.get_coro()
            inside: list[FrameType] = []
            while awaited is not None:
                frame = _frame_of(awaited)
                if frame is not None and self._project.holds(frame.f_code.co_filename):
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
