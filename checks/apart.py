"""The learner's application as if its folder stood somewhere else.

An application may look for files beside itself: ``Path(__file__).parent / ".env"``. Imported from the project
itself, it would find the learner's real ones, and a check could neither take them away nor put others there.
Imported from a copy, it finds what the check wrote; its tracebacks still name the learner's own files.
"""

import importlib.machinery
import inspect
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest


def move_apart(project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``app`` be imported from a copy of its code in another folder, with the files beside it.

    Args:
        project: the learner's folder.
        folder: where the copy is made, and where the application believes that it stands.
        monkeypatch: undoes it after the check.
    """
    shutil.copytree(project / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for entry in project.iterdir():
        if _stands_beside(entry) and not (folder / entry.name).exists():
            _link(entry, folder / entry.name)

    class OriginalNames(importlib.machinery.SourceFileLoader):
        def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]
            return super().source_to_code(data, str(original(path, folder, project)), **options)

    def finder(entry: str) -> importlib.machinery.FileFinder:
        if not Path(entry).is_relative_to(folder):
            raise ImportError(entry)
        return importlib.machinery.FileFinder(entry, (OriginalNames, [".py"]))

    monkeypatch.setattr(sys, "path_hooks", [finder, *sys.path_hooks])
    monkeypatch.syspath_prepend(folder)


def _stands_beside(entry: Path) -> bool:
    """Whether the application may find an entry of the project beside itself: no settings and no data."""
    is_private = entry.name.startswith(".") or entry.name in {"app", "secrets"}
    is_data = ".db" in entry.name or ".sqlite" in entry.name
    return not (is_private or is_data or _is_made_again(entry))


def _is_made_again(entry: Path) -> bool:
    """Whether a program made an entry and can make it again: caches, installed libraries.

    They are many files that no application reads as its own, and a copy of them would cost seconds.
    """
    from checks.workspace.tree import UNTOUCHED

    return entry.name in UNTOUCHED or (entry / "pyvenv.cfg").is_file()


def _link(entry: Path, target: Path) -> None:
    try:
        target.symlink_to(entry, target_is_directory=entry.is_dir())
    except OSError:  # Windows allows links only to some
        if entry.is_dir():
            shutil.copytree(entry, target, ignore=_made_again)
        else:
            shutil.copy2(entry, target)


def _made_again(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if _is_made_again(Path(folder, name))}


def original(path: str | Path, folder: Path, project: Path) -> Path:
    """The learner's file that a file of the copy was made from; any other path as it is."""
    copied = Path(path)
    return project / copied.relative_to(folder) if copied.is_relative_to(folder) else copied


def blame(thing: Any, folder: Path) -> object:
    """What `checks.expect.Unmet.at` needs to find a class or function that was imported from a copy.

    Args:
        thing: the class or function.
        folder: where the copy stands.
    """
    try:
        file, line = Path(inspect.getfile(thing)), inspect.getsourcelines(thing)[1]
    except (TypeError, OSError):
        return thing
    return (file.relative_to(folder).as_posix(), line) if file.is_relative_to(folder) else thing
