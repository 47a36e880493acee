"""How a failure reads: the one place that decides, whoever shows it.

A `Problem` is what went wrong, as data; it travels between processes as JSON. `lines` lays it out, and
the terminal, JUnit files and notebooks all show those lines.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from checks.finding import Finding, Place

WIDTH = 80
BODY_LINES = 12
HEADLINE = 100
LABEL = 11
DETAIL_LINES = 24
"""Lines of detail that are kept, the newest ones."""

REPORT_IT = "Please report it"


class Kind(StrEnum):
    """What sort of thing went wrong; it decides the mark before the headline."""

    CONVENTION = "convention"
    UNMET = "unmet"
    STUB = "stub"
    FILE = "file"
    SYNTAX = "syntax"
    IMPORT = "import"
    NAME = "name"
    RAISED = "raised"
    TIMEOUT = "timeout"
    ENDED = "ended"
    SKIPPED = "skipped"
    THREAD = "thread"
    SETUP = "setup"
    WORKSHOP = "workshop"


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed check, in words for the person who will mend it.

    Attributes:
        kind: what sort of failure.
        title: the headline without its mark.
        expected, found, why, next: the four answers that every failure gives; found may be long, it is cut.
        place: where in the learner's code, relative to the clone's root; None where no line is to blame.
        slug: the convention, if one is broken.
        detail: more text, shown below the body (a traceback of the workshop's own fault, say).
        cause: what tells two failures apart; checks that fail for the same cause are told once.
    """

    kind: Kind
    title: str
    expected: str
    found: str
    why: str
    next: str
    place: Place | None = None
    slug: str = ""
    detail: str = ""
    cause: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The problem as plain data for JSON."""
        return asdict(self) | {"kind": self.kind.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Problem":
        """The problem that `as_dict` wrote down."""
        place = data["place"]
        return cls(**{**data, "kind": Kind(data["kind"]), "place": Place(**place) if place else None})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check.

    Attributes:
        problem: what is wrong, if something is and this check tells it.
        waits: why the check says nothing, if it does not.
        reference: whether it holds, but by the reference's files: shown as skipped, not as done.
        seconds: how long it ran.
        output: the end of what the learner's code printed meanwhile.
    """

    problem: Problem | None = None
    waits: str = ""
    reference: bool = False
    seconds: float = 0.0
    output: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain data: it may come from another process."""
        return asdict(self) | {"problem": self.problem.as_dict() if self.problem else None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Outcome":
        """The outcome that `as_dict` wrote down."""
        problem = data["problem"]
        return cls(**{**data, "problem": Problem.from_dict(problem) if problem else None})

    @property
    def holds(self) -> bool:
        """Whether the check ran and found nothing wrong."""
        return self.problem is None and not self.waits


class Style(StrEnum):
    """What a piece of text is, so that a terminal can colour it."""

    PLAIN = "plain"
    FAILURE = "failure"
    FAULT = "fault"
    PLACE = "place"
    QUIET = "quiet"
    LABEL = "label"


Line = tuple[tuple[str, Style], ...]
"""One line of a failure: pieces of text, each with its style."""


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The marks that a console can show."""

    cross: str
    fault: str
    arrow: str
    bar: str
    dot: str
    ellipsis: str


UNICODE = Glyphs("✗", "⚠", "→", "│", "·", "…")
ASCII = Glyphs("x", "!", ">", "|", "-", "...")


def glyphs_for(encoding: str | None) -> Glyphs:
    """The Unicode marks where the encoding can write them, the ASCII ones elsewhere."""
    try:
        f"{UNICODE.cross}{UNICODE.fault}{UNICODE.arrow}{UNICODE.bar}".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def from_finding(finding: Finding, title: str, *, prefix: str = "project/") -> Problem:
    """A convention's finding as a problem.

    Args:
        finding: what the convention found.
        title: the convention in a few words.
        prefix: what stands between the clone's root and the parsed project.
    """
    place = finding.place
    shown = Place(prefix + place.file, place.line, place.column, place.end_line, place.end_column)
    return Problem(
        kind=Kind.CONVENTION,
        title=title,
        slug=finding.convention,
        place=shown,
        expected=finding.expected,
        found=finding.found,
        why=finding.why,
        next=finding.next,
        cause=f"{finding.convention} {shown}",
    )


def workshop_fault(title: str, *, expected: str, found: str, why: str, detail: str) -> Problem:
    """Something that is ours to mend, not the learner's: it looks different from a failed check.

    Args:
        title: what could not be done.
        expected: what should have come, a phrase.
        found: what came instead.
        why: how one can tell that it is ours.
        detail: what we need to see; the last lines are kept.
    """
    kept = detail.strip().splitlines()[-DETAIL_LINES:]
    return Problem(
        kind=Kind.WORKSHOP,
        title=title,
        expected=expected,
        found=found,
        why=why,
        next=f"{REPORT_IT} with the lines below" if kept else REPORT_IT,
        detail="\n".join(kept),
        cause=f"workshop {found}",
    )


def text(problem: Problem, root: Path, glyphs: Glyphs = UNICODE) -> str:
    """The problem as plain text; see `lines`."""
    return "\n".join("".join(piece for piece, _ in line) for line in lines(problem, root, glyphs))


def lines(
    problem: Problem, root: Path, glyphs: Glyphs = UNICODE, source: Sequence[str] | None = None
) -> Iterator[Line]:
    """The problem laid out: headline, place, the source line, then the four answers.

    The headline has at most 100 characters, the body at most 12 lines of 80 columns; only a source line
    that is longer itself is wider, because it is shown verbatim.

    Args:
        problem: what went wrong.
        root: the folder to which the problem's place is relative.
        glyphs: the marks that the console can show.
        source: the lines of the problem's file, where they are at hand; read from the file when left out.
    """
    yield _headline(problem, glyphs)
    place = list(_place(problem, root, glyphs, source))
    yield from place
    yield from _answers(problem, BODY_LINES - len(place), glyphs)
    for line in problem.detail.splitlines():
        yield ((f"  {line}", Style.QUIET),)


def _headline(problem: Problem, glyphs: Glyphs) -> Line:
    if problem.kind is Kind.SETUP:
        mark, style, title = glyphs.fault, Style.FAULT, f"Set-up: {problem.title}"
    elif problem.kind is Kind.WORKSHOP:
        mark, style, title = glyphs.fault, Style.FAULT, f"A fault of the workshop: {problem.title}"
    else:
        mark, style, title = glyphs.cross, Style.FAILURE, problem.title
    slug = f"{problem.slug}   " if problem.slug else ""
    return ((f"{mark} {_cut(slug + title, HEADLINE - len(mark) - 1, glyphs)}", style),)


def _place(problem: Problem, root: Path, glyphs: Glyphs, source: Sequence[str] | None) -> Iterator[Line]:
    place = problem.place
    if place is None:
        return
    source = read_lines(root / place.file) if source is None else source
    if not 1 <= place.line <= len(source):
        yield (("  ", Style.PLAIN), (place.file, Style.PLACE))
        return
    yield (("  ", Style.PLAIN), (str(place), Style.PLACE))
    gutter = max(4, len(str(place.line)) + 2)
    before = source[place.line - 2] if place.line > 1 else ""
    if before.strip():
        yield ((f"{place.line - 1:>{gutter + 2}} {glyphs.bar} {before}", Style.QUIET),)
    line = source[place.line - 1]
    arrow = f"  {glyphs.arrow}"
    yield (
        (f"{arrow}{place.line:>{gutter + 2 - len(arrow)}} {glyphs.bar} ", Style.QUIET),
        (line, Style.PLAIN),
    )
    if underline := _underline(place, line):
        yield ((f"{'':>{gutter + 2}} {glyphs.bar} ", Style.QUIET), (underline, Style.FAILURE))


def _underline(place: Place, line: str) -> str:
    start = place.column - 1
    end = place.end_column - 1 if place.end_line == place.line else len(line.rstrip())
    if not 0 <= start < end <= len(line) or not place.end_line:
        return ""
    pad = "".join("\t" if letter == "\t" else " " for letter in line[:start])
    return pad + "^" * (end - start)


def _answers(problem: Problem, room: int, glyphs: Glyphs) -> Iterator[Line]:
    answers = {
        "Expected": problem.expected,
        "Found": problem.found,
        "Why": problem.why,
        "Next": problem.next.replace(" · ", f" {glyphs.dot} "),
    }
    wrapped = {label: _wrap(answer) for label, answer in answers.items() if answer.strip()}
    allowed = {label: min(2, len(parts)) for label, parts in wrapped.items()}
    spare = room - sum(allowed.values())
    for label in ("Found", "Next", "Expected", "Why"):
        wanted = len(wrapped.get(label, ())) - allowed.get(label, 0)
        given = max(0, min(wanted, spare))
        if given:
            allowed[label] += given
            spare -= given
    for label, parts in wrapped.items():
        shown = parts[: allowed[label]]
        if len(shown) < len(parts):
            shown[-1] = _cut(shown[-1] + " " + parts[len(shown)], WIDTH - LABEL - 2, glyphs)
        for number, part in enumerate(shown):
            name = label if number == 0 else ""
            yield ((f"  {name:<{LABEL}}", Style.LABEL), (part, Style.PLAIN))


def _wrap(answer: str) -> list[str]:
    return textwrap.wrap(" ".join(answer.split()), WIDTH - LABEL - 2, break_on_hyphens=False)


def _cut(line: str, width: int, glyphs: Glyphs) -> str:
    line = " ".join(line.split()) if "\n" in line else line
    return line if len(line) <= width else line[: width - len(glyphs.ellipsis)].rstrip() + glyphs.ellipsis


def read_lines(path: Path) -> list[str]:
    """The lines of a source file as an editor counts them; none where it cannot be read."""
    try:
        content = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return []
    return content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
