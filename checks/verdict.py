"""A verdict as pytest and its other plugins expect one: as reports of a check's set-up, call and teardown."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

    from checks.report import Outcome, Problem

MARKUP: dict[str, dict[str, bool]] = {
    "plain": {},
    "failure": {"red": True, "bold": True},
    "fault": {"yellow": True, "bold": True},
    "place": {"cyan": True},
    "quiet": {"light": True},
    "label": {"bold": True},
}
REFERENCE = "holds, but with the reference's files: `workshop reset` brings the starter back"


class ProblemText:
    """A failure as pytest shows it: coloured in a terminal, plain in JUnit files and elsewhere.

    Args:
        problem: what went wrong.
        root: the clone's root.
    """

    def __init__(self, problem: "Problem", root: Path) -> None:
        self.problem = problem
        self.root = root

    def toterminal(self, tw: "TerminalWriter") -> None:
        """Write the failure line by line, each piece in its style."""
        from checks.report import glyphs_for, lines

        for line in lines(self.problem, self.root, glyphs_for(_encoding())):
            for piece, style in line:
                tw.write(piece, **MARKUP[style])
            tw.line()

    def __str__(self) -> str:
        from checks.report import glyphs_for, text

        return text(self.problem, self.root, glyphs_for(_encoding()))


def _encoding() -> str:
    # pytest may have put its own stream in the place of sys.stdout; people read the original one.
    return getattr(sys.__stdout__, "encoding", None) or "ascii"


def reports(item: pytest.Item, outcome: "Outcome", started: float, root: Path) -> Iterator[pytest.TestReport]:
    """The reports of a check that pytest did not run itself.

    Args:
        item: the check.
        outcome: what became of it.
        started: when it began, in seconds since the epoch.
        root: the clone's root.
    """
    skipped = bool(outcome.waits) or outcome.reference
    phases = ("setup", "teardown") if skipped else ("setup", "call", "teardown")
    for phase in phases:
        told = phase == ("setup" if skipped else "call")
        seconds = outcome.seconds if told else 0.0
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords=dict.fromkeys(item.listextrakeywords(), 1),
            outcome="passed",
            longrepr=None,
            when=phase,  # type: ignore[arg-type]
            sections=[("Printed by the application", outcome.output)] if told and outcome.output else [],
            duration=seconds,
            start=started,
            stop=started + seconds,
        )
        if told:
            show(report, outcome, root)
            carry(report, outcome)
        yield report


def show(report: pytest.TestReport, outcome: "Outcome", root: Path) -> None:
    """Let a report say what an outcome says.

    Args:
        report: of the phase of the check that told.
        outcome: what became of it.
        root: the clone's root.
    """
    longrepr: Any = None
    if outcome.problem is not None:
        report.outcome, longrepr = "failed", ProblemText(outcome.problem, root)
    elif outcome.waits or outcome.reference:
        file = root / report.nodeid.partition("::")[0]
        report.outcome, longrepr = "skipped", (str(file), 1, f"Skipped: {outcome.waits or REFERENCE}")
    else:
        report.outcome = "passed"
    report.longrepr = longrepr


def carry(report: pytest.TestReport, outcome: "Outcome") -> None:
    """Send an outcome along with one report of its check, also from one process to another."""
    report.outcome_data = outcome.as_dict()  # type: ignore[attr-defined]


def carried(report: pytest.TestReport) -> "Outcome | None":
    """The outcome that a report brings, if it is the one of its check that does."""
    data = getattr(report, "outcome_data", None)
    if data is None:
        return None
    from checks.report import Outcome

    return Outcome.from_dict(data)
