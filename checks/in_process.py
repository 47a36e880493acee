"""Checks that run in pytest's own process, because somebody wants to step through them.

With ``--pdb``, ``--trace`` or under a debugger the learner's code has to be where the debugger is. Nothing
then guards the run against code that hangs or leaves; the messages stay the same.
"""

import sys
from collections.abc import Callable, Generator

import pytest

from checks.report import Outcome
from checks.run import LessonRun
from checks.subject.diagnosis import Diagnosis
from checks.subject.session import Diagnosing


class InProcess:
    """Takes the subject's place.

    Args:
        run: this run of lessons.
        is_behaviour: tells the checks that run the learner's code from all other items.
        finish: makes pytest's report show an outcome.
    """

    def __init__(
        self,
        run: LessonRun,
        is_behaviour: Callable[[pytest.Item], bool],
        finish: Callable[[pytest.TestReport, Outcome], None],
    ) -> None:
        self._diagnosing = Diagnosing(Diagnosis(run.course.root, run.course.project, run.course.makers))
        self._is_behaviour = is_behaviour
        self._finish = finish
        sys.path.insert(0, str(run.course.project))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show a failed check as the subject would have."""
        if not self._is_behaviour(item):
            return (yield)
        report = yield from self._diagnosing.pytest_runtest_makereport(item, call)
        problem = getattr(report, "problem", None)
        if problem is not None or (report.when == "call" and report.passed):
            self._finish(report, Outcome(problem, seconds=report.duration))
        return report
