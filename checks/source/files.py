"""Find and read the Python files of a folder, without ever stumbling over one of them."""

import ast
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", "__pypackages__"})


@dataclass(frozen=True, slots=True, order=True)
class Unparsed:
    """A file that no convention could look into.

    Attributes:
        file: path relative to the project's root, with forward slashes.
        line: where the parser gave up, counted from 1.
        message: why, in one phrase.
        importers: how many other files import it, and so are judged without what it holds.
    """

    file: str
    line: int
    message: str
    importers: int = 0


def find(root: Path, unreadable: list[Unparsed]) -> Iterator[tuple[str, str]]:
    """Every Python file below a folder: (relative path with forward slashes, path to open).

    Hidden folders, virtual environments and caches are left out. Links to folders are followed, each
    real folder once, so that a loop of links ends.

    Args:
        root: the folder to look through, or one Python file.
        unreadable: receives the folders that cannot be listed.
    """
    if root.is_file():
        yield root.name, str(root)
        return
    seen: set[str] = set()
    pending = [(str(root), "")]
    while pending:
        folder, prefix = pending.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            unreadable.append(Unparsed(prefix.rstrip("/") or ".", 1, f"cannot be listed: {error.strerror}"))
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in reversed(entries):
            name = entry.name
            if _is_folder(entry):
                if not name.startswith(".") and name not in SKIPPED_FOLDERS:
                    pending.append((entry.path, f"{prefix}{name}/"))
            elif name.endswith(".py"):
                yield prefix + name, entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_tree(path: str, file: str) -> tuple[bytes, ast.Module] | Unparsed:
    """The bytes and the syntax tree of one file, or why there is none."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - thousands of files; this is the quick way
            content = stream.read()
    except OSError as error:
        return Unparsed(file, 1, f"cannot be read: {error.strerror or error}")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        return Unparsed(file, line, "holds a NUL byte, which Python source cannot")
    try:
        return content, ast.parse(content)
    except SyntaxError as error:
        tree = _newer(content)
        fault = Unparsed(file, max(1, error.lineno or 1), f"{type(error).__name__}: {error.msg}")
        return fault if tree is None else (content, tree)
    except (RecursionError, MemoryError):
        return Unparsed(file, 1, "is nested too deeply for Python's parser")
    except ValueError as error:
        return Unparsed(file, 1, str(error))


def _newer(content: bytes) -> ast.Module | None:
    from checks.source.newer import parse_newer

    return parse_newer(content)


def decode(content: bytes) -> str:
    """Source text from the bytes of a file that parses: its coding line and byte order mark are heeded."""
    if not content.startswith(b"\xef\xbb\xbf") and b"coding" not in content[:400]:
        return content.decode("utf-8", errors="replace")
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return content.decode("utf-8", errors="replace")


def quiet() -> AbstractContextManager[object]:
    """A context in which the parser's warnings about the audited code are not printed."""
    return warnings.catch_warnings(action="ignore")
