"""What a command line of pytest asks for: which lessons, whether anything is to run, and for how long.

`lessons/3`, `lessons/03` and `lessons/03_lifespan::test_x` all name one lesson; pytest itself knows only the
last form.
"""

import argparse
import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from checks.lesson import Course, Lesson, LessonError

TIME_LIMIT = 10.0
"""Seconds that one check may take, where nobody says otherwise."""

INQUIRIES = (
    *("collectonly", "showfixtures", "show_fixtures_per_test"),
    *("setupplan", "cacheshow", "markers", "help", "version"),
)
"""Options of pytest with which a run tells something and runs nothing, by their names in its namespace."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lessons a run is about.

    Attributes:
        named: those that stand on the command line, in order.
        everything: whether the folder of all lessons stands there.
    """

    named: tuple[Lesson, ...]
    everything: bool

    @classmethod
    def by(cls, course: Course, here: Path, words: Iterable[str]) -> Self | None:
        """What some words ask for; None if they are about no lesson.

        Args:
            course: the clone.
            here: the folder in which they were typed.
            words: paths and node ids as pytest knows them; see `full_path`.
        """
        lessons = course.root / "lessons"
        if not lessons.is_dir():
            return None
        by_folder = {lesson.folder: lesson for lesson in course.all_lessons}
        named: set[Lesson] = set()
        everything = False
        for word in words:
            path = Path(os.path.normpath(here / word.partition("::")[0]))
            lesson = next((by_folder[one] for one in (path, *path.parents) if one in by_folder), None)
            if lesson is not None:
                named.add(lesson)
            elif path == lessons or path in lessons.parents:
                everything = True
        if not named and not everything:
            return None
        return cls(tuple(sorted(named, key=lambda lesson: lesson.number)), everything)

    @classmethod
    def early(cls, course: Course, config: pytest.Config) -> Self | None:
        """What a run will ask for, before pytest has decided where to collect.

        Raises:
            pytest.UsageError: a lesson that does not exist.
        """
        here = config.invocation_params.dir
        typed = config.known_args_namespace.file_or_dir
        if not typed and here == config.rootpath:
            typed = config.getini("testpaths")
        return cls.by(course, here, [full_path(course, here, word) for word in typed or ["."]])


def is_inquiry(options: argparse.Namespace) -> bool:
    """Whether pytest is asked for information only: then nothing is placed, started or judged."""
    return any(getattr(options, name, False) for name in INQUIRIES)


def seconds(text: str) -> float:
    """A time limit as somebody wrote it.

    Raises:
        argparse.ArgumentTypeError: it is no number, or none that a check could take.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"expected a number of seconds above 0, such as 10 or 0.5; found {text!r}. "
            "A check that takes longer counts as stuck."
        )
    return value


def time_limit(config: pytest.Config) -> float:
    """Seconds that one check of this run may take.

    Raises:
        pytest.UsageError: the ini file says something that is no number of seconds.
    """
    typed: float | None = config.option.time_limit
    if typed is not None:
        return typed
    try:
        return seconds(str(config.getini("time_limit")))
    except argparse.ArgumentTypeError as error:
        raise pytest.UsageError(f"ini option time_limit: {error}") from None


def is_debugged(config: pytest.Config) -> bool:
    """Whether somebody wants to step through a check: then it has to run in this very process."""
    monitoring = getattr(sys, "monitoring", None)
    watched = monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
    return config.option.usepdb or config.option.trace or watched or _is_traced()


def _is_traced() -> bool:
    """Whether a debugger of the older kind is at work; coverage.py traces too, and nobody steps with it."""
    tracer = sys.gettrace()
    owner = getattr(tracer, "__self__", tracer)
    return tracer is not None and type(owner).__module__.partition(".")[0] != "coverage"


def full_path(course: Course, here: Path, word: str) -> str:
    """The path that ``lessons/3`` or ``lessons/03::node`` means; any other comes back as it is.

    Raises:
        pytest.UsageError: a lesson that does not exist.
    """
    path, separator, node = word.partition("::")
    if (here / path).exists():
        return word
    lessons = course.root / "lessons"
    for folder, meant in (
        (lessons, os.path.normpath(here / path)),
        # By way of a link, like /tmp on macOS, or by a short name of Windows.
        (lessons.resolve(), os.path.realpath(here / path)),
        # Below project/, say, where the application was run a moment ago.
        (lessons, os.path.normpath(course.root / path)),
    ):
        if folder in Path(meant).parents:
            first, *rest = Path(meant).relative_to(folder).parts
            return f"{_find(course, first).folder.joinpath(*rest)}{separator}{node}"
    _complain_if_a_lesson_is_meant(course, path)
    return word


def _find(course: Course, word: str) -> Lesson:
    try:
        return course.find(word)
    except LessonError as error:
        first, last = course.lessons[0], course.lessons[-1]
        offered = f"On offer are {first.name} to {last.name}."
        raise pytest.UsageError(f"{error} {offered}") from None


def _complain_if_a_lesson_is_meant(course: Course, path: str) -> None:
    """Say how a lesson is named, to who wrote ``3`` or ``lesson/3``.

    Raises:
        pytest.UsageError: the last part of a path that does not exist is a lesson's name.
    """
    try:
        lesson = course.find(Path(path).name)
    except LessonError:
        return
    raise pytest.UsageError(f"There is no {path} here. The lesson: uv run pytest lessons/{lesson.name[:2]}")
