"""The copy of an application that seems to stand elsewhere, and what stands beside it there."""

from pathlib import Path

import pytest

from checks.apart import move_apart
from checks.tests.plugin.course import write

MADE_AGAIN = (
    *("venv/lib/library.py", "env-3.13/lib/library.py", "node_modules/library/index.js", "__pycache__/x.pyc"),
    *("tools/node_modules/library/index.js", "tools/other/lib/library.py", ".venv/lib/library.py"),
)


@pytest.fixture(params=["links", "copies"])
def moved(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of an application, on a system that allows links, and on one that does not."""
    project, folder = tmp_path / "project", tmp_path / "elsewhere"
    environments = ("venv", "env-3.13", "tools/other")
    write(project, {"app/main.py": "x = 1\n", "data/words.txt": "a\n", "tools/make.py": "y = 1\n"})
    write(project, {f"{name}/pyvenv.cfg": "" for name in environments} | dict.fromkeys(MADE_AGAIN, ""))
    folder.mkdir()
    if request.param == "copies":
        monkeypatch.setattr(Path, "symlink_to", _refuse)
    move_apart(project, folder, monkeypatch)
    return folder


def _refuse(path: Path, *_: object, **__: object) -> None:
    raise OSError(1314, "A required privilege is not held by the client", str(path))


def test_an_application_finds_its_files_beside_itself(moved: Path) -> None:
    assert (moved / "data" / "words.txt").read_text(encoding="utf-8") == "a\n"
    assert (moved / "tools" / "make.py").is_file()


def test_what_programs_make_again_stays_where_it_is(moved: Path) -> None:
    copied = {path for path in moved.rglob("*") if not path.is_symlink()}
    assert not copied.intersection(moved / name for name in MADE_AGAIN)
    assert not (moved / "venv").exists()
    assert not (moved / "node_modules").exists()
