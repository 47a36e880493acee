"""Anything at all in the place of any record: no command ends in a fault, and nothing is lost."""

import json
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.tests.workspace.test_every_step import Stage
from checks.tests.workspace.test_odd_projects import ordinary_user
from checks.tests.workspace.world import Fault, FaultyDisk, contents, put, quick_folder
from checks.workspace import Workspace, WorkspaceError

RECORDS = ["state.json", "change.json", "lock", "spare", "staging/done.json", "staging/0.old", ".gitignore"]
FOLDERS = ["snapshots", "objects", "staging", "set-aside"]
ODD: list[Any] = [
    *(None, True, -1, 3, 1 << 70, 0.5, float("nan"), float("inf")),
    *(
        "",
        "moon",
        "{x}",
        "\0",
        "a\0b",
        "\ud800",
        "\udcff",
        "../out",
        "/tmp/out",
        "app/../../out",
        ".",
        "a//b",
    ),
    *(".workshop/state.json", [], {}, [[]], {"kind": "file"}, {"kind": []}),
]


class Wreck:
    """A project whose `solve` was interrupted half-way, to be damaged again and again."""

    def __init__(self, root: Path) -> None:
        self.stage = Stage(root)
        self.course = self.stage.course
        self.home = self.stage.project / ".workshop"
        _, steps = self.stage.outcome("solve")
        moves = [number for number, (action, _) in enumerate(steps) if action == "move in"]
        self.stage.interrupt("solve", FaultyDisk(Fault("crash", moves[1])))
        self.saved = root / "wreck"
        shutil.copytree(self.stage.project, self.saved, symlinks=True)
        self.written = {b"main, mine", b"main, mine again", b"leaf, mine", b"leaf, mine again", b"a note"}

    def restore(self, *, is_interrupted: bool) -> None:
        """Bring it back, with the journal or with the change taken back."""
        shutil.rmtree(self.stage.project)
        shutil.copytree(self.saved, self.stage.project, symlinks=True)
        if not is_interrupted:
            self.workspace().recover()

    def workspace(self) -> Workspace:
        return self.stage.workspace()

    def snapshots(self) -> list[Path]:
        return sorted((self.home / "snapshots").glob("*.json"))

    def kept(self) -> set[bytes]:
        """All contents in the project and in the workspace, in a readable snapshot or not."""
        files = [path for path in self.stage.project.rglob("*") if path.is_file()]
        return {
            zlib.decompress(path.read_bytes()) if "objects" in path.parts else path.read_bytes()
            for path in files
        }

    def try_everything(self) -> list[str]:
        """Whatever a person may do next; returns what was refused and why."""
        refusals = []
        last = self.course.all_lessons[1]
        for command, *arguments in (
            ("reached",),
            ("snapshots",),
            ("hints_shown", last),
            ("origin", "app/main.py"),
            ("recover",),
            ("place", last),
            ("show_hint", last),
            ("mark_green", last.name, True),
            ("reset", last),
            ("solve", last),
            ("undo",),
            ("undo",),
        ):
            try:
                getattr(self.workspace(), command)(*arguments)
            except WorkspaceError as error:
                refusals.append(f"{command}: {error}")
        return refusals


@pytest.fixture(scope="module")
def wreck() -> Iterator[Wreck]:
    with quick_folder() as folder:
        yield Wreck(folder)


def nodes(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values in a value."""
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from nodes(inner, (*way, key))


def with_odd(value: Any, way: tuple[Any, ...], odd: Any, *, at_key: bool) -> Any:
    """A copy of a value in which another one, or another key, stands at the end of the way."""
    if not way:
        return odd
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in way[:-1]:
        holder = holder[key]
    if at_key and isinstance(holder, dict) and isinstance(odd, str):
        holder[odd] = holder.pop(way[-1])
    else:
        holder[way[-1]] = odd
    return copy


@given(st.data())
@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_in_a_record(wreck, data):
    wreck.restore(is_interrupted=data.draw(st.booleans()))
    found = [wreck.home / "state.json", wreck.home / "change.json", wreck.home / "staging/done.json"]
    path = data.draw(st.sampled_from([*(p for p in found if p.exists()), *wreck.snapshots()]))
    content = json.loads(path.read_text())
    way = data.draw(st.sampled_from(list(nodes(content))))
    odd = data.draw(st.sampled_from(ODD))
    path.write_text(json.dumps(with_odd(content, way, odd, at_key=data.draw(st.booleans()))))
    outside = picture_of_all(wreck.course.root)
    wreck.try_everything()
    assert wreck.written <= wreck.kept()
    assert picture_of_all(wreck.course.root) == outside


def picture_of_all(root: Path) -> set[Path]:
    """All paths of a clone and beside it, but those of the project."""
    return {path for path in root.rglob("*") if not path.is_relative_to(root / "project")} | set(
        root.parent.iterdir()
    )


@pytest.mark.parametrize("is_interrupted", [True, False], ids=["interrupted", "quiet"])
@pytest.mark.parametrize("record", RECORDS)
def test_a_folder_in_the_place_of_a_record(wreck, record, is_interrupted):
    wreck.restore(is_interrupted=is_interrupted)
    path = wreck.home / record
    with suppress(FileNotFoundError):
        path.unlink()
    put(path / "inner", b"something of mine")
    wreck.try_everything()
    if record not in {
        "lock",
        "staging/0.old",
    }:  # a folder there has to be moved by hand, and the message says so
        assert not wreck.try_everything()
    assert wreck.written | {b"something of mine"} <= wreck.kept()


@pytest.mark.parametrize("is_interrupted", [True, False], ids=["interrupted", "quiet"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_in_the_place_of_a_folder_of_records(wreck, folder, is_interrupted):
    wreck.restore(is_interrupted=is_interrupted)
    shutil.rmtree(wreck.home / folder, ignore_errors=True)
    put(wreck.home / folder, b"something of mine")
    before = set(contents(wreck.stage.project).values())
    wreck.try_everything()
    assert not [line for line in wreck.try_everything() if "undo" not in line]
    assert before - {b"main 2\n", b"leaf 2\n"} | {b"something of mine"} <= wreck.kept()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
@pytest.mark.parametrize("is_interrupted", [True, False], ids=["interrupted", "quiet"])
@pytest.mark.parametrize("name", ["", *RECORDS, *FOLDERS])
@pytest.mark.parametrize("mode", [0o000, 0o555])
def test_a_record_that_may_not_be_read_or_written(wreck, name, mode, is_interrupted):
    wreck.restore(is_interrupted=is_interrupted)
    path = wreck.home / name
    if not path.exists():
        path.touch() if name in RECORDS else path.mkdir()
    usual = path.stat().st_mode
    before = set(contents(wreck.stage.project).values())
    with ordinary_user(wreck.course.root):
        path.chmod(mode)
        wreck.try_everything()
        if path.exists():
            path.chmod(usual)
        assert name == "staging/0.old" or not wreck.try_everything()
    assert before - {b"main 2\n", b"leaf 2\n"} <= wreck.kept()
