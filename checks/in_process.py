"""Checks that run in pytest's own process, because somebody wants to step through them.

With ``--pdb``, ``--trace`` or under a debugger the learner's code has to be where the debugger is. Nothing
then guards the run against code that hangs or leaves the process; what is asked of the code, what waits for
what, and how often a cause is told stay the same.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from checks.items import is_behaviour
from checks.lesson import Lesson
from checks.report import Outcome
from checks.run import LessonRun
from checks.subject.diagnosis import Diagnosis
from checks.subject.session import Diagnosing
from checks.subject.threads import left_running
from checks.verdict import carry, show

NOTE = "The checks ran in pytest's own process, where a debugger reaches them, and without a time limit."


class InProcess:
    """Takes the subject's place.

    Args:
        run: this run of lessons.
        lesson_of: the lesson of a test module; None where it is no lesson's.
    """

    def __init__(self, run: LessonRun, lesson_of: Callable[[Path], Lesson | None]) -> None:
        self._run = run
        self._lesson_of = lesson_of
        self._diagnosis = Diagnosis(run.course.root, run.course.project, run.course.makers)
        self._diagnosing = Diagnosing(self._diagnosis)
        self._threads: set[threading.Thread] = set()
        self._verdict: Outcome | None = None
        sys.path.insert(0, str(run.course.project))
        for name in run.supervisor.settings():
            os.environ.pop(name, None)
        run.supervisor.is_debugged = True
        run.notes.append(NOTE)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Note which threads run before a check."""
        self._threads = set(threading.enumerate())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show a check as the subject would have."""
        lesson = self._lesson_of(item.path)
        if lesson is None or not is_behaviour(item):
            return (yield)
        report = yield from self._diagnosing.pytest_runtest_makereport(item, call)
        self._judge(lesson, report)
        return report

    def _judge(self, lesson: Lesson, report: pytest.TestReport) -> None:
        """Of the reports of a check, one brings its outcome: the first that tells a problem, or the last."""
        if report.when == "setup":
            self._verdict = None
        problem = getattr(report, "problem", None)
        if problem is None and report.when == "teardown":
            problem = left_running(self._threads, self._diagnosis)
        told = Outcome(
            problem=problem,
            waits=getattr(report, "skip_reason", ""),
            seconds=report.duration,
        )
        if self._verdict is not None and not self._verdict.holds:
            show(report, Outcome(), self._run.course.root)  # what follows from what was told
        elif not told.holds:
            self._verdict = self._run.record(lesson, report.nodeid, told)
            show(report, self._verdict, self._run.course.root)
            carry(report, self._verdict)
        elif report.when == "call":
            self._verdict = self._run.record(lesson, report.nodeid, told)
            show(report, self._verdict, self._run.course.root)
        elif report.when == "teardown" and self._verdict is not None:
            carry(report, self._verdict)
