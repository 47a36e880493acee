"""Lessons in the workers of pytest-xdist: the same verdicts as in one process.

The checks of a lesson rest on each other, so one worker gets all of them, whatever ``--dist`` says. What two
lessons have in common, two workers may find: the controller, which sees every report, tells it once.
"""

from collections.abc import Callable
from typing import Any

import pytest

from checks.lesson import Lesson


class Workers:
    """The hooks of pytest-xdist, on the side that hands the checks out.

    Args:
        lesson_of: the lesson of a node id; None where it is no lesson's.
    """

    def __init__(self, lesson_of: Callable[[str], Lesson | None]) -> None:
        self._lesson_of = lesson_of

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any | None:
        """Keep lessons together; leave ``--dist each`` alone, which runs everything everywhere."""
        if config.option.dist == "each":
            return None
        from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

        lesson_of = self._lesson_of

        class ByLesson(LoadScopeScheduling):  # type: ignore[misc]
            def _split_scope(self, nodeid: str) -> str:
                lesson = lesson_of(nodeid)
                return lesson.name if lesson is not None else str(super()._split_scope(nodeid))

        return ByLesson(config, log)
