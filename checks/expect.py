"""What the author of a lesson's checks says to judge an answer."""

import ast
import re
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Unmet(AssertionError):  # noqa: N818 - it is an answer about the learner's code, not an error of ours
    """An expectation that the learner's code does not meet.

    Attributes:
        expected, found: phrases in the words of the task, without a full stop.
        at: what is to blame: a function, class or module of the learner's, or ``"app/main.py"``,
            or ``("app/main.py", 14)``; None where no line is.
    """

    def __init__(self, *, expected: str, found: str, at: object = None) -> None:
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found
        self.at = at


def expect(condition: object, *, expected: str, found: str, at: object = None) -> None:
    """Fail the check unless the condition is true.

    Args:
        condition: what should be true of the learner's code.
        expected: what the task asks for, a phrase without a full stop.
        found: what there is instead.
        at: what is to blame, see `Unmet`.

    Raises:
        Unmet: the condition is false.
    """
    if not condition:
        raise Unmet(expected=expected, found=found, at=at)


def expect_answer(response: "httpx.Response", status: int, body: Any = ..., *, at: object = None) -> None:
    """Fail the check unless a response has the given status and, if given, JSON body.

    Args:
        response: what a client of `checks.serving` got; it knows which handler answered.
        status: the HTTP status code that the task asks for.
        body: the JSON value that the task asks for; left out, any body will do.
        at: what is to blame if no handler of the learner's answered, see `Unmet`.

    Raises:
        Unmet: status or body is another.
    """
    request = f"{response.request.method} {response.request.url.path}"
    at = response.extensions.get("endpoint") or at
    expect(
        response.status_code == status,
        expected=f"status {status} from {request}",
        found=told_status(response),
        at=at,
    )
    if body is ...:
        return
    try:
        found = response.json()
    except ValueError:
        raise Unmet(
            expected=f"the JSON body {body!r} from {request}", found=shorten(response.text), at=at
        ) from None
    expect(found == body, expected=f"the body {body!r} from {request}", found=f"{found!r}", at=at)


def told_status(response: "httpx.Response") -> str:
    """A status for `Unmet.found`, with where a redirect leads or else what the body says."""
    if response.is_redirect:
        return f"status {response.status_code}, a redirect to {response.headers.get('location', 'nowhere')}"
    if response.status_code == 422 and (missing := _refused(response)):
        return f"status 422: {missing}"
    return f"status {response.status_code} with the body {shorten(response.text)}"


def _refused(response: "httpx.Response") -> str:
    """What FastAPI says that it missed in a request, in the words of a 422; empty if it is not FastAPI's."""
    try:
        first = response.json()["detail"][0]
        where, *names = first["loc"]
        return f"the route asks for a {where} parameter {'.'.join(map(str, names))}; {first['msg']}"
    except (ValueError, LookupError, TypeError):
        return ""


def learners_line(error: BaseException, project: Path) -> tuple[str, int] | None:
    """What `Unmet.at` needs to point at the learner's innermost line in a traceback; None if it has none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(project)]
    return (Path(own[-1].filename).relative_to(project).as_posix(), own[-1].lineno or 1) if own else None


def described(error: BaseException | None) -> str:
    """Type and text of an exception for `Unmet.found`, without links to a library's web page."""
    lines = (line.strip() for line in str(error).splitlines())
    links = ("For further information", "(Background on this error")
    kept = " ".join(line for line in lines if line and not line.startswith(links))
    return shorten(f"{type(error).__name__}: {kept}" if kept else type(error).__name__, 240)


def line_with(file: str, project: Path, *patterns: str, within: str = "") -> str | tuple[str, int]:
    """What `Unmet.at` needs to point at a line of a learner's file, found by its text.

    Args:
        file: relative to the project.
        project: the learner's folder.
        patterns: regular expressions; the first that some line matches decides.
        within: the name of a function outside of which no line counts; left out, each line does.

    Returns:
        The file and the first such line; only the file where there is none.
    """
    return line_matching(file, project, *patterns, within=within) or file


def line_matching(file: str, project: Path, *patterns: str, within: str = "") -> tuple[str, int] | None:
    """The line that `line_with` points at; None where there is none."""
    try:
        text = _text(project / file, (project / file).stat().st_mtime_ns)
    except OSError:
        return None
    numbered = list(enumerate(text.splitlines(), 1))
    if within:
        first, last = _extent(text, within)
        numbered = numbered[first - 1 : last]
    for pattern in patterns:
        for number, line in numbered:
            if re.search(pattern, line):
                return file, number
    return None


@cache
def _text(path: Path, _changed: int) -> str:
    """What stands in a file; many checks look for their line in the same one."""
    return path.read_text(encoding="utf-8", errors="replace")


@cache
def _extent(source: str, name: str) -> tuple[int, int]:
    """The first and the last line of a function; (1, 0), which is no line, where there is none."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node.lineno, node.end_lineno or node.lineno
    return 1, 0


def shorten(content: str, limit: int = 120) -> str:
    """A text for `Unmet.found`, cut where it gets long."""
    if not content:
        return "(empty)"
    return content if len(content) <= limit else content[:limit] + "..."
