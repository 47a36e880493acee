"""Names that differ in case only, on a disk that sees them as one."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from checks.lesson import Course
from checks.tests.workspace.blind import CaseBlind
from checks.tests.workspace.world import (
    CrashError,
    Fault,
    FaultyDisk,
    Picture,
    contents,
    kept_anywhere,
    link,
    make_course,
    picture,
    put,
    quick_folder,
)
from checks.workspace import Workspace, WorkspaceError


def rename(root: Path, former: str, new: str) -> None:
    (root / former).rename(root / new)


def a_folder(root: Path) -> None:
    rename(root, "app/books", "app/Books")


def a_folder_that_holds_what_is_left_alone(root: Path) -> None:
    put(root / "app/books/__pycache__/router.pyc", "compiled")
    rename(root, "app/books", "app/Books")


def a_folder_and_one_in_it(root: Path) -> None:
    rename(root, "app/books", "app/BOOKS")
    rename(root, "app/BOOKS/covers", "app/BOOKS/Covers")
    put(root / "app/BOOKS/Covers/__pycache__/x.pyc", "compiled")


def a_file(root: Path) -> None:
    rename(root, "app/books/router.py", "app/books/Router.py")


def a_file_that_is_edited_too(root: Path) -> None:
    rename(root, "app/books/router.py", "app/books/Router.py")
    put(root / "app/books/Router.py", "edited")


def a_folder_and_an_edited_file(root: Path) -> None:
    rename(root, "app/books", "app/Books")
    rename(root, "app/Books/router.py", "app/Books/Router.py")
    put(root / "app/Books/Router.py", "edited")
    put(root / "app/Books/new.py", "new")


def a_file_in_the_place_of_a_folder(root: Path) -> None:
    shutil.rmtree(root / "app/books")
    put(root / "app/Books", "a file now")


def a_folder_in_the_place_of_a_file(root: Path) -> None:
    (root / "notes.txt").unlink()
    put(root / "Notes.txt/inner.txt", "a folder now")


def a_link_in_the_place_of_a_folder(root: Path) -> None:
    rename(root, "app/books", "elsewhere")
    link(root / "app/Books", "../elsewhere", is_folder=True)


def an_accent_that_is_written_apart(root: Path) -> None:
    rename(root, "\u00e9t\u00e9.txt", "e\u0301te\u0301.txt")


def two_names_in_turn(root: Path) -> None:
    rename(root, "notes.txt", "away")
    rename(root, "app/books/router.py", "NOTES.txt")


EDITS: list[Callable[[Path], None]] = [
    a_folder,
    a_folder_that_holds_what_is_left_alone,
    a_folder_and_one_in_it,
    a_file,
    a_file_that_is_edited_too,
    a_folder_and_an_edited_file,
    a_file_in_the_place_of_a_folder,
    a_folder_in_the_place_of_a_file,
    a_link_in_the_place_of_a_folder,
    an_accent_that_is_written_apart,
    two_names_in_turn,
]


class Stage:
    """A project that is in a copy, and the one that an edit made of it since."""

    def __init__(self, root: Path, edit: Callable[[Path], None]) -> None:
        self.course = make_course(root / "clone")
        self.project = self.course.project
        self._saved = root / "saved"
        self.workspace().place(self.course.all_lessons[0])
        put(self.project / "app/books/router.py", "mine")
        put(self.project / "app/books/covers/store.py", "mine too")
        put(self.project / "notes.txt", "a note").chmod(0o600)
        put(self.project / "\u00e9t\u00e9.txt", "summer")
        self.copied = picture(self.project)
        self.workspace().catchup(self.course.all_lessons[1])
        edit(self.project)
        shutil.copytree(self.project, self._saved, symlinks=True)
        self.edited = picture(self.project)

    def workspace(self, disk: FaultyDisk | None = None) -> Workspace:
        return Workspace(self.course, disk=disk or FaultyDisk(), lock_wait=0.2)

    def restore(self) -> None:
        # Not with this library's own removal, which names files in folders that it holds open.
        for path in sorted(self.project.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self._saved, self.project, symlinks=True, dirs_exist_ok=True)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with quick_folder() as folder, monkeypatch.context() as patch:
        CaseBlind(patch, folder)
        yield folder


@pytest.fixture(params=EDITS, ids=lambda edit: edit.__name__)
def stage(root: Path, request: pytest.FixtureRequest) -> Stage:
    return Stage(root, request.param)


def apart_from_what_is_left_alone(seen: Picture) -> Picture:
    return {path: value for path, value in seen.items() if "__pycache__" not in path}


def steps_of_undo(stage: Stage) -> range:
    """From the journal on: before that, nothing in the project changes."""
    disk = FaultyDisk()
    stage.workspace(disk).undo()
    journal = next(number for number, (_, path) in enumerate(disk.steps) if path.name == "change.json")
    return range(journal, len(disk.steps))


def test_the_disk_is_as_it_should_be(root):
    put(root / "Books/Router.py", "mine")
    assert (root / "books/ROUTER.PY").read_text() == "mine"
    with pytest.raises(FileExistsError):
        (root / "books").mkdir()
    with pytest.raises(FileExistsError):
        (root / "books/router.py").open("x")
    rename(root, "books", "books")
    assert [path.name for path in root.iterdir()] == ["books"]


def test_undo_brings_the_letters_back(stage):
    change = stage.workspace().undo()
    assert change.touched
    assert change.notes == ()
    assert apart_from_what_is_left_alone(picture(stage.project)) == stage.copied
    stage.workspace().undo()
    assert picture(stage.project) == stage.edited


def test_a_crash_at_every_step(stage):
    for at in steps_of_undo(stage):
        stage.restore()
        with suppress(CrashError):
            stage.workspace(FaultyDisk(Fault("crash", at))).undo()
        change = stage.workspace().recover()
        assert picture(stage.project) == stage.edited, at
        assert change is None or len(change.notes) == 1, at


def test_a_save_at_every_step(stage):
    for at in steps_of_undo(stage)[::3]:
        for path in ("app/BOOKS/router.PY", "NOTES.TXT"):
            stage.restore()
            before = set(contents(stage.project).values())
            saved: list[Path] = []

            def save(path: str = path, saved: list[Path] = saved) -> None:
                with suppress(OSError):
                    saved.append(put(stage.project / path, "a late edit"))

            with suppress(WorkspaceError):
                stage.workspace(FaultyDisk(Fault("none", at), intruder=save)).undo()
            found = kept_anywhere(stage.project)
            assert not saved or b"a late edit" in found, at
            assert before - {b"edited"} <= found | {b"mine", b"a note", b"a file now"}, at


def test_a_copy_with_two_names_that_are_one_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    course = make_course(tmp_path / "clone")
    project = course.project
    Workspace(course).place(course.all_lessons[0])
    put(project / "app/books/router.py", "mine")
    try:
        (project / "app/Books").mkdir()
    except FileExistsError:
        pytest.skip("this disk has no such copies")
    put(project / "app/Books/other.py", "mine too")
    Workspace(course).catchup(course.all_lessons[1])
    shutil.rmtree(project / "app/Books")
    before = picture(project)
    CaseBlind(monkeypatch, tmp_path)
    with pytest.raises(WorkspaceError, match="app/Books and app/books, which are one name on this disk"):
        Workspace(course).undo()
    assert picture(project) == before


def test_names_that_differ_in_case_are_two_where_the_disk_has_two(course: Course, project: Path):
    put(project / "app/books.py", "mine")
    Workspace(course).catchup(course.all_lessons[0])
    (project / "app/books.py").unlink()
    put(project / "app/Books.py", "other")
    before = picture(project)
    Workspace(course).undo()
    assert contents(project) == {"app/books.py": b"mine"}
    Workspace(course).undo()
    assert picture(project) == before
