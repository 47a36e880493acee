"""What Windows refuses, played on every system: files held or read-only, links, names that differ in case."""

import errno
import os
from pathlib import Path

import pytest

from checks.tests.workspace.world import link, picture, put
from checks.workspace import Disk, Origin, Workspace, WorkspaceError, disk, snapshots
from checks.workspace.area import Area, read_data
from checks.workspace.model import DamagedError
from checks.workspace.plan import Plan
from checks.workspace.state import State


@pytest.fixture
def placed(workspace, course):
    workspace.place(course.all_lessons[1])
    return workspace


@pytest.fixture
def windows(monkeypatch):
    """Renames refuse to overwrite, and what is read-only cannot be removed."""
    rename, unlink = Path.rename, Path.unlink

    def refusing_rename(path: Path, target: Path) -> Path:
        if os.path.lexists(target):
            raise FileExistsError(
                errno.EEXIST, "Cannot create a file when that file already exists", str(path)
            )
        return rename(path, target)

    def refusing_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.is_file() and not path.is_symlink() and not path.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "rename", refusing_rename)
    monkeypatch.setattr(Path, "unlink", refusing_unlink)
    monkeypatch.setattr(disk, "RENAME_REFUSES", True)


class Holder:
    """Another program that holds a file for so many attempts to move, replace or open it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, attempts: int) -> None:
        self.name = name
        self.left = attempts
        for method in ("rename", "replace", "open"):
            monkeypatch.setattr(Path, method, self.wrapped(getattr(Path, method)))
        monkeypatch.setattr(os, "open", self.wrapped(os.open))
        monkeypatch.setattr("checks.patience.MOMENT", 0.2)

    def wrapped(self, method):
        def attempt(path, *args, **options):
            if Path(path).name == self.name and self.left > 0:
                self.left -= 1
                raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))
            return method(path, *args, **options)

        return attempt


@pytest.mark.parametrize("name", ["leaf.py", "spare", "change.json", "0.new", "0.old", "state.json"])
def test_a_file_that_is_held_for_a_moment_is_waited_for(placed, course, project, monkeypatch, name):
    put(project / "app/leaf/leaf.py", "mine")
    before = picture(project)
    holder = Holder(monkeypatch, name, attempts=2)
    placed.solve(course.all_lessons[1])
    Workspace(course).undo()
    assert picture(project) == before
    assert holder.left == 0


@pytest.mark.usefixtures("windows")
def test_a_read_only_file_comes_back_read_only(placed, course, project):
    put(project / "app/leaf/leaf.py", "mine").chmod(0o444)
    before = picture(project)
    placed.solve(course.all_lessons[1])
    placed.undo()
    assert picture(project) == before
    placed.undo()
    placed.undo()
    assert picture(project) == before


class FullAtTheEnd(Disk):
    """A disk on which the last record of a change finds no room."""

    def replace(self, source: Path, target: Path) -> None:
        if target.name == "state.json":
            raise OSError(errno.ENOSPC, "There is not enough space on the disk", str(target))
        super().replace(source, target)


@pytest.mark.usefixtures("windows")
def test_a_link_is_taken_back_without_the_right_to_make_one(placed, course, project, monkeypatch):
    (project / "app/leaf/leaf.py").unlink()
    link(project / "app/leaf/leaf.py", "__init__.py")
    before = picture(project)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EINVAL, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with pytest.raises(WorkspaceError, match=r"disk is full.*Nothing was changed"):
        Workspace(course, disk=FullAtTheEnd()).solve(course.all_lessons[1])
    assert picture(project) == before


def test_a_folder_whose_name_differs_in_case_only(project, tmp_path, monkeypatch):
    """Where the system sees `Leaf` and `leaf` as one; here it only says so."""
    put(project / "app/Leaf/own.py", "mine")
    area = Area(project, Disk())
    area.prepare()
    plan = Plan(area, snapshots.take(area), State())
    there = {str(path).casefold() for path in project.rglob("*")}
    monkeypatch.setattr("os.path.lexists", lambda path: str(path).casefold() in there)
    plan.put("app/leaf/deep/leaf.py", put(tmp_path / "source.py", "theirs"), Origin.REFERENCE)
    assert plan.after.keys() - plan.before.keys() == {"app/Leaf/deep", "app/Leaf/deep/leaf.py"}


def test_a_folder_in_the_place_of_a_record(tmp_path, monkeypatch):
    """Windows calls it a refusal to open a folder as a file."""

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DamagedError):
        read_data(tmp_path)
    with pytest.raises(PermissionError):
        read_data(tmp_path / "record.json")


class WindowsError(FileNotFoundError):
    """As Python raises it there."""

    winerror = 3


@pytest.mark.parametrize(("length", "said"), [(300, "the path is too long"), (100, "cannot find the path")])
def test_a_path_that_is_too_long_there(course, project, length, said):
    class Short(Disk):
        def replace(self, source: Path, target: Path) -> None:
            raise WindowsError(
                errno.ENOENT, "The system cannot find the path", str(source), None, "o" * length
            )

    with pytest.raises(WorkspaceError, match=rf"{said}.*Nothing was changed"):
        Workspace(course, disk=Short()).place(course.all_lessons[0])
    assert picture(project) == {}
