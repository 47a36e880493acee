"""Whether the project's files can be read: asked by the judging process before anything of them runs."""

import ast
from collections.abc import Iterable
from pathlib import Path

from checks.finding import Place
from checks.report import Kind, Problem


def unreadable(root: Path, project: Path, files: Iterable[str]) -> Problem | None:
    """The first thing that keeps the project's files from being read, or None.

    A file may be missing, a folder, empty, closed to us, not UTF-8, or no valid Python.

    Args:
        root: the clone's root, to which reported places are relative.
        project: the learner's folder.
        files: what the lessons up to now have made, relative to the project.
    """
    wanted = {file: project / file for file in files if file.endswith(".py")}
    found = {path.relative_to(project).as_posix(): path for path in sorted((project / "app").rglob("*.py"))}
    for file, path in (wanted | found).items():
        shown = path.relative_to(root).as_posix()
        source = _read(shown, path)
        if isinstance(source, Problem):
            return source
        may_be_empty = file not in wanted or path.name == "__init__.py"
        problem = _empty(shown, source, may_be_empty=may_be_empty) or _unparsable(shown, source)
        if problem is not None:
            return problem
    return None


def _empty(shown: str, source: str, *, may_be_empty: bool) -> Problem | None:
    if may_be_empty or source.strip():
        return None
    return _file_problem(
        shown,
        "the code that the lesson asks for",
        "is empty",
        "Write it, or get the starter back with `workshop reset`",
    )


def _unparsable(shown: str, source: str) -> Problem | None:
    try:
        ast.parse(source, filename=shown)
    except SyntaxError as error:
        null = source.partition("\0")[0].count("\n") + 1
        return syntax_problem(shown, error, null)
    except (ValueError, RecursionError, MemoryError) as error:
        return _source_problem(Place(shown, 1), str(error))
    return None


def _read(shown: str, path: Path) -> str | Problem:
    if path.is_dir():
        return _file_problem(
            shown, "a file", "is a folder", "Rename the folder; then `workshop reset` brings the file back"
        )
    if not path.exists():
        return _file_problem(
            shown,
            "a file of this lesson",
            "is missing",
            "`pytest` with the lesson's name puts missing files back",
        )
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _file_problem(
            shown,
            "text in UTF-8",
            f"is not UTF-8 (byte {error.start})",
            "Save it again with the encoding UTF-8 in your editor",
        )
    except OSError as error:
        return _file_problem(
            shown,
            "a file that can be read",
            f"cannot be opened: {error.strerror or error}",
            "Look at its permissions",
        )


def syntax_problem(file: str, error: SyntaxError, line: int = 1) -> Problem:
    """A file that Python cannot parse.

    Args:
        file: relative to the clone's root.
        error: what the parser said.
        line: where to point if the parser does not say.
    """
    line, column, end = error.lineno or line, error.offset or 1, error.end_offset or 0
    end = end if error.end_lineno == line and end > column else column + 1
    return _source_problem(Place(file, line, column, line, end), error.msg)


def _source_problem(place: Place, message: str) -> Problem:
    """Source text that Python refuses, and where."""
    return Problem(
        kind=Kind.SYNTAX,
        title=f"{place.file} cannot be read by Python",
        expected="a file without syntax errors",
        found=message,
        why="Until Python can parse the file, nothing in it exists and no check can run.",
        next="Look at the marked place and at the line above it: the cause is often one line earlier",
        place=place,
        cause=f"syntax {place.file}",
    )


def _file_problem(file: str, expected: str, found: str, action: str) -> Problem:
    """A file of the project that is not there, or is no readable text.

    Args:
        file: relative to the clone's root.
        expected: what should be there, a phrase.
        found: what there is, a phrase that goes on from the file's name.
        action: what to do.
    """
    return Problem(
        kind=Kind.FILE,
        title=f"{file}: {found}",
        expected=expected,
        found=f"{file} {found}",
        why="The checks of this lesson import it.",
        next=action,
        place=Place(file, 0),
        cause=f"file {file}",
    )
