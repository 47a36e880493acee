"""A disk that sees `Books` and `books` as one name, as macOS and Windows do, played on any system."""

import io
import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ON_ONE_PATH = (
    *(
        "stat",
        "lstat",
        "mkdir",
        "chmod",
        "unlink",
        "rmdir",
        "scandir",
        "listdir",
        "readlink",
        "utime",
        "open",
    ),
    "access",
)


def _letters(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class CaseBlind:
    """Below a folder, a path finds what differs from it in case, or in how accents are written.

    A name keeps the letters that it was made with, until it is renamed.

    Args:
        monkeypatch: puts it in, and takes it out after the test.
        root: the folder.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self._root = os.fspath(root)
        self._lstat = os.lstat
        self._listdir, self._rename = os.listdir, os.rename
        for name in ON_ONE_PATH:
            monkeypatch.setattr(os, name, self._seeing(getattr(os, name)))
        monkeypatch.setattr(io, "open", self._seeing(io.open))
        monkeypatch.setattr(os, "link", self._seeing(os.link, at=(0, 1)))
        monkeypatch.setattr(os, "symlink", self._seeing(os.symlink, at=(1,)))
        for name in ("rename", "replace"):
            monkeypatch.setattr(os, name, self._renaming(getattr(os, name)))

    def real(self, path: str) -> str:
        """A path in the letters of what stands there."""
        if not path.startswith(f"{self._root}/"):
            return path
        with suppress(OSError):
            self._lstat(path)
            return path
        real = self._root
        for name in path[len(self._root) + 1 :].split("/"):
            try:
                there = self._listdir(real)
            except OSError:
                there = []
            same = [other for other in there if _letters(other) == _letters(name)]
            assert len(same) < 2, f"{same} cannot stand beside each other in {real}"
            real = f"{real}/{same[0] if same else name}"
        return real

    def _seeing(self, function: Callable[..., Any], at: tuple[int, ...] = (0,)) -> Callable[..., Any]:
        def seeing(*args: Any, **options: Any) -> Any:
            seen = [
                self.real(os.fspath(arg)) if number in at and isinstance(arg, (str, Path)) else arg
                for number, arg in enumerate(args)
            ]
            return function(*seen, **options)

        return seeing

    def _renaming(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def renaming(source: Any, target: Any) -> Any:
            wanted = os.fspath(target)
            found, real = self.real(os.fspath(source)), self.real(wanted)
            if found == real:  # the same thing under the same name: it takes the letters that are asked for
                return self._rename(found, Path(real).with_name(Path(wanted).name))
            return function(found, real)

        return renaming
