"""The checks that stand in a lesson's ``lesson.toml``: that the application loads, and each convention."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks.lesson import LOAD, Course, Lesson


class LessonFile(pytest.File):
    """The collector of a ``lesson.toml``."""

    def __init__(self, *, lesson: Lesson, course: Course, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lesson = lesson
        self.course = course

    def collect(self) -> Iterator[pytest.Item]:
        """One item for loading, then one for every convention that was met up to this lesson."""
        yield LoadItem.from_parent(self, name=LOAD)
        for slug in self.course.conventions_until(self.lesson):
            yield ConventionItem.from_parent(self, name=slug)


class _TomlItem(pytest.Item):
    """A check without a function of its own; `checks.plugin` judges it."""

    parent: LessonFile

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where an editor jumps to, and the title above a failure."""
        return self.path, 0, self.name

    def runtest(self) -> None:
        """Never called: the plugin judges these items itself, whatever pytest's options are."""
        raise NotImplementedError(self.nodeid)


class LoadItem(_TomlItem):
    """The project's files can be read and imported, and have the names that later layers rely on."""


class ConventionItem(_TomlItem):
    """The project follows one convention; the item's name is the slug."""


def is_behaviour(item: pytest.Item) -> bool:
    """Whether a check of a lesson runs the learner's code: it is a function in a test module."""
    return isinstance(item, pytest.Function) and item.path.name != "lesson.toml"
