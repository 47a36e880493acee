"""Whose code is running: the learner's project is told from its neighbours."""

import os
from pathlib import Path

import pytest

from checks.subject.own import Folder
from checks.subject.watchdog import Watchdog, Where

PROJECT = Path(os.path.abspath(os.sep), "clone", "project")  # noqa: PTH100 - a drive's letter on Windows


@pytest.mark.parametrize(
    ("file", "held"),
    [
        ("project/app/main.py", True),
        ("project/main.py", True),
        ("project_old/app/main.py", False),
        ("project.py", False),
        ("other/project/app/main.py", False),
    ],
)
def test_a_neighbour_whose_name_begins_alike_is_another_folder(file: str, held: bool) -> None:
    assert Folder(PROJECT).holds(str(PROJECT.parent / file)) is held


@pytest.mark.parametrize(("folder", "line"), [("project", 2), ("project_old", None)])
def test_the_watchdog_names_lines_of_the_project_only(folder: str, line: int | None) -> None:
    seen: list[Where | None] = []
    watchdog = Watchdog(PROJECT, seen.append)
    code = compile("\nlook()", str(PROJECT.parent / folder / "a.py"), "exec")
    exec(code, {"look": lambda: seen.append(watchdog.where())})
    assert [where.line if where else None for where in seen] == [line]
