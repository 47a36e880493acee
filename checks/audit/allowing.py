"""Findings that a comment in the source allows: ``# audit: allow thin-routers (the reason)``.

The comment stands on a line of the finding, or alone on the line before it. A comment that allows nothing,
names no convention or gives no reason is itself reported.
"""

import io
import re
import tokenize
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from checks.conventions import NAMED_CASES, slugs
from checks.finding import Finding, Level, Place
from checks.source import Module, Project

SLUG: Final = "allow-comments"
MARK: Final = re.compile(r"#\s*audit:\s*allow\b(?P<rest>.*)")
FORM: Final = re.compile(r"\s+(?P<slugs>[\w-]+(?:\s*,\s*[\w-]+)*)\s*(?:\((?P<reason>.*)\))?\s*")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One comment.

    Attributes:
        place: where the comment stands.
        lines: the lines whose findings it allows.
        slugs: the conventions it names.
        reason: why.
    """

    place: Place
    lines: range
    slugs: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """A finding that is not shown, and the reason that the source gives for it."""

    finding: Finding
    reason: str


def sort_out(
    findings: Sequence[Finding], project: Project, ran: Sequence[str]
) -> tuple[list[Finding], list[Allowed]]:
    """Parts what is allowed from what is not.

    Args:
        findings: all findings of the conventions.
        project: where the comments are.
        ran: the conventions that ran; a comment for another one is not called useless.

    Returns:
        The findings to show, those about the comments themselves included; and the allowed ones.
    """
    allowances = [a for module in project.modules if b"audit:" in module.content for a in _of(module)]
    of_file: dict[str, list[Allowance]] = {}
    for allowance in allowances:
        of_file.setdefault(allowance.place.file, []).append(allowance)
    shown: list[Finding] = []
    allowed: list[Allowed] = []
    used: set[tuple[Allowance, str]] = set()
    for finding in findings:
        found = _covering(finding, of_file.get(finding.place.file, []))
        if found is None:
            shown.append(finding)
        else:
            used.add((found, finding.convention))
            allowed.append(Allowed(finding, found.reason))
    shown += [f for allowance in allowances for f in _complaints(allowance, used, ran)]
    return shown, allowed


def _covering(finding: Finding, allowances: list[Allowance]) -> Allowance | None:
    """The first of a file's allowances, which are in the order of its lines, that is for the finding."""
    place = finding.place
    last = max(place.line, place.end_line)
    nearest = bisect_left(allowances, place.line - 1, key=lambda allowance: allowance.lines.start)
    for allowance in islice(allowances, nearest, None):
        if allowance.lines.start > last:
            return None
        if place.line < allowance.lines.stop and allowance.reason and finding.convention in allowance.slugs:
            return allowance
    return None


def _complaints(
    allowance: Allowance, used: set[tuple[Allowance, str]], ran: Sequence[str]
) -> Iterator[Finding]:
    if not allowance.reason:
        yield _complaint(allowance, "a comment that allows something without a reason")
        return
    for slug in allowance.slugs:
        if slug not in slugs():
            yield _complaint(allowance, f"a comment that allows {slug!r}, which is no convention")
        elif slug in ran and (allowance, slug) not in used:
            yield _complaint(allowance, f"a comment that allows {slug}, of which there is nothing here")


def _complaint(allowance: Allowance, found: str) -> Finding:
    return Finding(
        convention=SLUG,
        level=Level.NOTE,
        place=allowance.place,
        expected="`# audit: allow <convention> (<reason>)` where something is to be allowed",
        found=found,
        why="A comment that allows nothing hides the next real finding on its line.",
        next="Remove the comment, or say what it allows and why",
    )


def _of(module: Module) -> Iterator[Allowance]:
    for line, column, text in _comments(module):
        match = MARK.match(text)
        if match is None:
            continue
        form = FORM.fullmatch(match["rest"])
        words = re.split(r"\s*,\s*", form["slugs"]) if form else ()
        alone = not module.lines[line - 1][:column].strip()
        yield Allowance(
            place=Place(module.file, line, column + 1, line, column + 1 + len(text)),
            lines=range(line, line + 2) if alone else range(line, line + 1),
            slugs=tuple(NAMED_CASES.get(word, word) for word in words),
            reason=(form["reason"] or "").strip() if form else "",
        )


def _comments(module: Module) -> Iterator[tuple[int, int, str]]:
    """Every comment as (line, column from 0, text)."""
    text = "\n".join(module.lines)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return
