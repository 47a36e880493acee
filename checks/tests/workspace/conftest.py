from pathlib import Path

import pytest

from checks.lesson import Course
from checks.tests.workspace.world import make_course
from checks.workspace import Workspace


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "clone")


@pytest.fixture
def workspace(course: Course) -> Workspace:
    return Workspace(course, lock_wait=0.2)


@pytest.fixture
def project(course: Course) -> Path:
    return course.project
