"""The subject starts while pytest still loads its plugins, so that a run waits less for the libraries."""

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from checks.asked import TIME_LIMIT, Asked, is_inquiry
from checks.lesson import Course, Lesson

if TYPE_CHECKING:
    from checks.supervisor import Supervisor

WARM = pytest.StashKey["Supervisor"]()
DISTRIBUTING = ("-n", "--numprocesses", "--tx")
"""How the options begin with which pytest-xdist takes the checks elsewhere."""


def warm_up(config: pytest.Config) -> None:
    """Start a subject if this will be a run of named lessons; `supervisor` hands it out.

    pytest has read the command line, the ini file and PYTEST_ADDOPTS by now, except for the options of
    plugins that it loads later. A subject that was started in vain is ended with the run.

    Args:
        config: the run's, on its way to be.
    """
    course = Course(config.rootpath)
    if is_inquiry(config.known_args_namespace) or _is_distributed(config):
        return
    try:
        asked = Asked.early(course, config)
    except pytest.UsageError:
        return  # told a moment later, by who may end the run
    if asked is None or not asked.named:
        return
    config.stash[WARM] = _supervisor_for(course, asked.named[-1])
    config.add_cleanup(config.stash[WARM].close)
    config.stash[WARM].start()


def _is_distributed(config: pytest.Config) -> bool:
    given = shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), config.getini("addopts")
    words = (word for words in (*given, config.invocation_params.args) for word in words)
    return "PYTEST_XDIST_WORKER" in os.environ or any(str(word).startswith(DISTRIBUTING) for word in words)


def supervisor(config: pytest.Config, course: Course, lesson: Lesson) -> "Supervisor":
    """The supervisor of this run: that of the subject which is warm, or a new one.

    Args:
        config: the run's.
        course: the clone.
        lesson: the last one that is asked for.
    """
    if WARM not in config.stash:
        config.stash[WARM] = _supervisor_for(course, lesson)
        config.add_cleanup(config.stash[WARM].close)
    return config.stash[WARM]


def _supervisor_for(course: Course, lesson: Lesson) -> "Supervisor":
    from checks.supervisor import Supervisor, imported_by

    sources = [path for path in course.state(lesson).values() if path.suffix == ".py" and "app" in path.parts]
    return Supervisor(course, imported_by(sources), TIME_LIMIT)
