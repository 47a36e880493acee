"""Links, permissions, names, things in each other's place: it works, or it says why and touches nothing."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.tests.workspace.world import FaultyDisk, contents, link, make_course, picture, put
from checks.workspace import Disk, Origin, Workspace, WorkspaceError, snapshots
from checks.workspace.area import Area
from checks.workspace.plan import Plan
from checks.workspace.state import State

NO_SUCH_THING = "Windows has no such thing"
posix = pytest.mark.skipif(sys.platform == "win32", reason=NO_SUCH_THING)


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Permissions mean nothing to root, so the block runs as somebody who owns the folder and is not root."""
    if sys.platform == "win32":
        pytest.skip(NO_SUCH_THING)
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    opened = [parent for parent in folder.parents if parent.stat().st_mode & 0o001 == 0]
    for parent in opened:
        parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def placed(workspace, course):
    workspace.place(course.all_lessons[1])
    return workspace


def refused(command, *arguments, project: Path) -> str:
    """The message of a command that is refused and leaves the project as it was."""
    before = picture(project)
    with pytest.raises(WorkspaceError) as info:
        command(*arguments)
    assert picture(project) == before
    return str(info.value)


class TestLinks:
    def test_a_link_to_a_file_is_a_file_for_place(self, workspace, course, project, tmp_path):
        elsewhere = put(tmp_path / "elsewhere.py", "mine")
        (project / "app").mkdir(parents=True)
        link(project / "app/main.py", elsewhere)
        assert workspace.place(course.all_lessons[0]).added == ("app/root.py",)
        assert (project / "app/main.py").is_symlink()

    def test_what_a_link_leads_to_is_not_changed(self, placed, course, project, tmp_path):
        elsewhere = put(tmp_path / "elsewhere.py", "mine")
        (project / "app/leaf/leaf.py").unlink()
        link(project / "app/leaf/leaf.py", elsewhere)
        before = picture(project)
        placed.solve(course.all_lessons[1])
        assert not (project / "app/leaf/leaf.py").is_symlink()
        assert elsewhere.read_text() == "mine"
        placed.undo()
        assert picture(project) == before

    def test_a_dangling_link_in_the_place_of_a_file(self, workspace, course, project):
        (project / "app").mkdir(parents=True)
        link(project / "app/main.py", "nowhere")
        message = refused(workspace.place, course.all_lessons[0], project=project)
        assert "main.py is a link" in message

    def test_a_folder_behind_a_link_is_read_but_not_written(self, workspace, course, project, tmp_path):
        other = tmp_path / "other"
        put(other / "main.py", "mine")
        project.mkdir()
        link(project / "app", other, is_folder=True)
        message = refused(workspace.place, course.all_lessons[0], project=project)
        assert "app is a link" in message
        assert [path.name for path in other.iterdir()] == ["main.py"]
        put(other / "root.py", "mine too")
        assert not workspace.place(course.all_lessons[0]).touched
        refused(workspace.solve, course.all_lessons[0], project=project)
        assert (other / "main.py").read_text() == "mine"

    def test_undo_brings_back_a_folder_that_became_a_link(self, placed, course, project, tmp_path):
        put(project / "own/deep.py", "mine")
        before = picture(project)
        placed.catchup(course.all_lessons[2])
        (project / "own").rename(tmp_path / "own")
        link(project / "own", tmp_path / "own", is_folder=True)
        placed.undo()
        assert picture(project) == before
        assert (tmp_path / "own/deep.py").read_text() == "mine"

    def test_links_in_a_ring(self, placed, course, project):
        link(project / "ring", "ring")
        link(project / "app/up", "..", is_folder=True)
        before = picture(project)
        placed.solve(course.all_lessons[1])
        placed.undo()
        assert picture(project) == before

    def test_the_project_may_be_a_link(self, course, project, tmp_path):
        (tmp_path / "real").mkdir()
        link(project, tmp_path / "real", is_folder=True)
        workspace = Workspace(course)
        workspace.place(course.all_lessons[0])
        workspace.solve(course.all_lessons[0])
        workspace.undo()
        assert project.is_symlink()
        assert contents(tmp_path / "real")["app/main.py"] == b"main: to write\n"

    def test_the_project_may_not_be_a_link_to_nothing(self, course, project, tmp_path):
        link(project, tmp_path / "nothing", is_folder=True)
        workspace = Workspace(course)
        assert workspace.reached() == []
        with pytest.raises(WorkspaceError, match=r"is a link to .*nothing, which is not there"):
            workspace.place(course.all_lessons[0])
        assert not (tmp_path / "nothing").exists()


class TestThingsInEachOthersPlace:
    def test_the_project_is_a_file(self, workspace, course, project):
        put(project, "mine")
        assert workspace.reached() == []
        assert workspace.snapshots() == []
        with pytest.raises(WorkspaceError, match="is not a folder"):
            workspace.place(course.all_lessons[0])
        assert project.read_text() == "mine"

    def test_a_folder_where_a_file_should_be(self, workspace, course, project):
        put(project / "app/main.py/inner.py", "mine")
        message = refused(workspace.place, course.all_lessons[0], project=project)
        assert "main.py is a folder" in message

    @pytest.mark.parametrize("command", ["start", "reset", "solve", "catchup"])
    def test_a_folder_where_a_file_was(self, placed, course, project, command):
        (project / "app/leaf/leaf.py").unlink()
        put(project / "app/leaf/leaf.py/inner.py", "mine")
        message = refused(getattr(placed, command), course.all_lessons[1], project=project)
        assert "leaf.py is a folder" in message

    def test_a_file_where_a_folder_should_be(self, workspace, course, project):
        put(project / "app", "mine")
        message = refused(workspace.place, course.all_lessons[0], project=project)
        assert "app is a file" in message

    @pytest.mark.parametrize("what", ["file", "link"])
    def test_something_in_the_place_of_the_workspaces_folder(self, workspace, course, project, what):
        put(project / "app/main.py", "mine")
        if what == "file":
            put(project / ".workshop", "mine")
        else:
            link(project / ".workshop", "nowhere")
        with pytest.raises(WorkspaceError, match=r"\.workshop"):
            workspace.place(course.all_lessons[0])
        assert contents(project)["app/main.py"] == b"mine"

    def test_undo_where_a_folder_holds_what_is_left_alone(self, placed, course, project):
        put(project / "notes", "mine")
        placed.catchup(course.all_lessons[2])
        (project / "notes").unlink()
        put(project / "notes/.git/config", "history")
        message = refused(placed.undo, project=project)
        assert "holds files which the workshop leaves alone" in message


class TestPermissions:
    @posix
    def test_a_read_only_file_is_replaced_and_comes_back_read_only(self, placed, course, project):
        put(project / "app/leaf/leaf.py", "mine").chmod(0o444)
        before = picture(project)
        with ordinary_user(course.root):
            placed.solve(course.all_lessons[1])
            placed.undo()
        assert picture(project) == before

    @posix
    def test_what_is_kept_is_kept_for_its_owner_alone(self, placed, course, project):
        put(project / ".env", "KEY=secret").chmod(0o600)
        (project / ".workshop").chmod(0o755)  # as a former version left it
        placed.solve(course.all_lessons[1])
        assert (project / ".workshop").stat().st_mode & 0o777 == 0o700
        (project / ".workshop").chmod(0o555)
        with ordinary_user(course.root), pytest.raises(WorkspaceError, match="permission was denied"):
            placed.reset(course.all_lessons[1])
        assert (project / ".workshop").stat().st_mode & 0o777 == 0o500
        shutil.rmtree(project / ".workshop")
        placed.place(course.all_lessons[1])
        placed.solve(course.all_lessons[0])
        assert (project / ".workshop").stat().st_mode & 0o777 == 0o700

    @posix
    @pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
    def test_a_private_file_is_never_open_to_others(self, placed, course, project, links):
        """Neither while it is moved nor when it comes back, on file systems without hard links, too."""
        path = put(project / ".env", "KEY=secret")
        path.chmod(0o600)
        placed.solve(course.all_lessons[1])
        path.unlink()
        seen: set[int] = set()

        class Watched(FaultyDisk):
            def step(self, action: str, path: Path) -> None:
                super().step(action, path)
                files = [project / ".env", *(project / ".workshop/staging").glob("*.new")]
                seen.update(
                    file.stat().st_mode & 0o077
                    for file in files
                    if file.is_file() and b"secret" in file.read_bytes()
                )

        Workspace(course, disk=Watched(links=links)).undo()
        assert path.read_text() == "KEY=secret"
        assert path.stat().st_mode & 0o777 == 0o600
        assert seen == {0}

    @posix
    def test_a_folder_of_somebody_else_is_used_as_it_is(self, placed, course, project):
        """An instructor may prepare it: only the owner of a folder may close it."""

        class NotOurs(Disk):
            def chmod(self, path: Path, mode: int) -> bool:
                return path.name != ".workshop" and super().chmod(path, mode)

        (project / ".workshop").chmod(0o777)
        assert Workspace(course, disk=NotOurs()).solve(course.all_lessons[1]).touched

    @posix
    @pytest.mark.parametrize("command", ["start", "reset", "solve", "catchup"])
    def test_a_read_only_folder(self, placed, course, project, command):
        placed.solve(course.all_lessons[1])
        put(project / "app/leaf/leaf.py", "mine")
        (project / "app/leaf").chmod(0o555)
        with ordinary_user(course.root):
            message = refused(getattr(placed, command), course.all_lessons[1], project=project)
        assert "leaf.py: permission was denied" in message
        assert "Nothing was changed" in message

    @posix
    def test_undo_opens_a_folder_that_was_made_read_only_since(self, placed, course, project):
        put(project / "app/leaf/leaf.py", "mine")
        before = picture(project)
        placed.solve(course.all_lessons[1])
        (project / "app/leaf").chmod(0o555)
        with ordinary_user(course.root):
            placed.undo()
            assert picture(project) == before
            placed.undo()
        assert picture(project)["app/leaf"] == ("folder", None, 0o555)

    @posix
    def test_a_file_system_without_permissions(self, placed, course, project):
        """Such as that of a memory stick, to which somebody moved the project."""

        class Stick(Disk):
            def chmod(self, path: Path, mode: int) -> bool:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(os, "chmod", refuse)
                    return super().chmod(path, mode)

        def refuse(path: Path, *_: object, **__: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

        put(project / "run.sh", "mine").chmod(0o755)
        put(project / "secret/key", "mine")
        (project / "secret").chmod(0o700)
        placed.solve(course.all_lessons[1])
        (project / "run.sh").unlink()
        (project / "secret").chmod(0o755)
        (project / ".workshop").chmod(0o755)
        change = Workspace(course, disk=Stick()).undo()
        assert contents(project)["run.sh"] == b"mine"
        assert [note.split(" keeps")[0] for note in change.notes] == ["secret"]

    @posix
    def test_a_read_only_folder_with_nothing_to_change_is_no_hindrance(self, placed, course, project):
        put(project / "own/deep.py", "mine")
        (project / "own").chmod(0o555)
        before = picture(project)
        with ordinary_user(course.root):
            placed.solve(course.all_lessons[1])
            placed.undo()
            assert picture(project) == before

    @posix
    def test_what_may_not_be_read_stays_as_it_is(self, placed, course, project):
        put(project / "secret/key", "mine")
        put(project / "own.txt", "mine").chmod(0)
        (project / "secret").chmod(0)
        with ordinary_user(course.root):
            placed.solve(course.all_lessons[1])
            assert placed.undo().notes == ()
        (project / "own.txt").chmod(0o600)
        (project / "secret").chmod(0o700)
        assert [note.split(" is left")[0] for note in placed.undo().notes] == ["own.txt", "secret"]
        assert (project / "own.txt").read_text() == "mine"
        assert (project / "secret/key").read_text() == "mine"

    @posix
    def test_asking_about_what_may_not_be_read(self, placed, course, project):
        (project / "app").chmod(0)
        with ordinary_user(course.root):
            assert placed.origin("app/main.py") is None
            assert placed.lesson_is_own_work(course.all_lessons[1])
            with pytest.raises(WorkspaceError, match="permission was denied"):
                placed.place(course.all_lessons[1])
        put(project / ".workshop/state.json", "{")
        with ordinary_user(course.root):
            assert Workspace(course).reached() == []

    @posix
    def test_a_file_of_the_lesson_that_may_not_be_read(self, placed, course, project):
        path = put(project / "app/leaf/leaf.py", "mine")
        path.chmod(0)
        with ordinary_user(course.root), pytest.raises(WorkspaceError, match="cannot be read"):
            placed.solve(course.all_lessons[1])
        assert path.read_text() == "mine"

    @posix
    def test_a_project_that_may_not_be_written(self, course, project):
        put(project / "app/main.py", "mine")
        project.chmod(0o555)
        with ordinary_user(course.root):
            message = refused(Workspace(course).place, course.all_lessons[0], project=project)
        assert "permission was denied" in message

    def test_a_file_that_another_program_holds(self, placed, course, project):
        class Held(Disk):
            """As on Windows, where a file that is open cannot be moved."""

            def move_out(self, source: Path, target: Path) -> None:
                if source.name == "leaf.py":
                    raise PermissionError(errno.EACCES, "The process cannot access the file", str(source))
                super().move_out(source, target)

        put(project / "app/leaf/leaf.py", "mine")
        put(project / "app/main.py", "mine")
        workspace = Workspace(course, disk=Held())
        message = refused(workspace.solve, course.all_lessons[1], project=project)
        assert "leaf.py: permission was denied. Close programs that have it open" in message


class TestNames:
    def test_spaces_and_letters_of_the_world_in_the_path(self, tmp_path):
        course = make_course(tmp_path / "Mes cours d'été" / "プロジェクト 1")
        workspace = Workspace(course)
        workspace.place(course.all_lessons[0])
        put(course.project / "Ünïcödé/ñ ß.py", "mine")
        before = picture(course.project)
        workspace.solve(course.all_lessons[0])
        (course.project / "Ünïcödé/ñ ß.py").unlink()
        workspace.undo()
        assert picture(course.project) == before

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, file names are text")
    def test_names_that_are_not_text(self, placed, course, project):
        odd = put(project / os.fsdecode(b"caf\xe9 \xff.txt"), "mine")
        put(project / "new\nline.txt", "mine")
        before = picture(project)
        placed.solve(course.all_lessons[1])
        odd.unlink()
        placed.undo()
        assert picture(project) == before

    def test_a_name_that_differs_in_case_only(self, project, tmp_path, monkeypatch):
        """Where the system sees `Main.py` and `main.py` as one; here it only says so."""
        put(project / "app/Main.py", "mine")
        area = Area(project, Disk())
        area.prepare()
        plan = Plan(area, snapshots.take(area), State())
        monkeypatch.setattr("os.path.lexists", lambda _: True)
        plan.put("app/main.py", put(tmp_path / "source.py", "theirs"), Origin.REFERENCE)
        assert plan.after.keys() == plan.before.keys()
        assert plan.after["app/Main.py"] != plan.before["app/Main.py"]

    @posix
    def test_a_long_name_of_a_file_that_is_set_aside(self, placed, course, project):
        path = put(project / ("n" * 251 + ".txt"), "mine")
        placed.solve(course.all_lessons[1])
        path.unlink()
        placed.undo()
        with path.open("ab", buffering=0) as handle:
            placed.undo()
            handle.write(b" and more")
        change = placed.catchup(course.all_lessons[2])
        assert [note for note in change.notes if "is kept in" in note]
        assert [path.read_text() for path in (project / ".workshop/set-aside").iterdir()] == ["mine and more"]

    @posix
    def test_long_names_and_deep_folders(self, placed, course, project):
        put(project / ("n" * 255), "mine")
        put(project.joinpath(*["deep"] * 150, "end.txt"), "mine")
        before = picture(project)
        placed.solve(course.all_lessons[1])
        (project / ("n" * 255)).unlink()
        project.joinpath(*["deep"] * 150, "end.txt").unlink()
        placed.undo()
        assert picture(project) == before

    @posix
    def test_paths_longer_than_the_system_takes_stay_as_they_are(self, placed, course, project):
        here = Path.cwd()
        put(project / "deep/start.txt", "mine")
        os.chdir(project / "deep")
        try:
            for _ in range(25):
                Path("d" * 250).mkdir()
                os.chdir("d" * 250)
            put(Path("end.txt"), "mine")
            placed.solve(course.all_lessons[1])
            (project / "deep/start.txt").unlink()
            placed.undo()
            assert Path("end.txt").read_text() == "mine"
        finally:
            os.chdir(here)
        assert (project / "deep/start.txt").read_text() == "mine"


class TestContents:
    @pytest.mark.parametrize(
        "content",
        [b"", b"a\r\nb\r\n", b"\xef\xbb\xbfa", b"a\rb", b"\x00\xff" * 9, b"no newline", b"\n" * (1 << 21)],
        ids=["empty", "CRLF", "BOM", "CR", "binary", "no newline", "large"],
    )
    def test_every_byte_comes_back(self, placed, course, project, content):
        path = put(project / "app/main.py", content)
        placed.solve(course.all_lessons[1])
        assert path.read_bytes() == b"main 2\n"
        placed.undo()
        assert path.read_bytes() == content

    def test_a_file_larger_than_what_is_read_at_a_time(self, placed, course, project):
        content = os.urandom((1 << 22) + 5)
        put(project / "upload.bin", content)
        placed.solve(course.all_lessons[1])
        (project / "upload.bin").unlink()
        placed.undo()
        assert (project / "upload.bin").read_bytes() == content

    @posix
    def test_pipes_and_sockets_stay_as_they_are(self, placed, course, project):
        if sys.platform == "win32":
            pytest.skip(NO_SUCH_THING)
        os.mkfifo(project / "pipe")
        here = Path.cwd()
        os.chdir(project)
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind("socket")
        finally:
            os.chdir(here)
        placed.solve(course.all_lessons[1])
        placed.undo()
        assert (project / "pipe").is_fifo()
        assert (project / "socket").is_socket()
