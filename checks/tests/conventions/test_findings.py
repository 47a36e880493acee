"""What becomes of the findings of one convention: doubles merge, faults in other words stay."""

from types import ModuleType

import pytest

from checks.conventions import Convention
from checks.finding import Finding, Level, Place
from checks.tests.conventions.corpora import in_memory

PLACE = Place("app/main.py", 1)


def finding(found: str, level: Level = Level.VIOLATION, place: Place = PLACE) -> Finding:
    return Finding("stack", level, place, "a lock", found, "why", "next")


def told(*findings: Finding) -> list[tuple[str, Level]]:
    module = ModuleType("stack")
    module.check = lambda _: iter(findings)  # type: ignore[attr-defined]
    return [(f.found, f.level) for f in Convention("stack", module).check(in_memory({}))]


def test_faults_in_other_words_at_one_place_all_stay() -> None:
    assert told(finding("no lock"), finding("no ruff")) == [
        ("no lock", Level.VIOLATION),
        ("no ruff", Level.VIOLATION),
    ]


def test_the_same_words_at_one_place_are_told_once() -> None:
    assert told(finding("no lock"), finding("no lock")) == [("no lock", Level.VIOLATION)]


@pytest.mark.parametrize("levels", [(Level.NOTE, Level.VIOLATION), (Level.VIOLATION, Level.NOTE)])
def test_a_violation_goes_before_a_note_in_the_same_words(levels: tuple[Level, Level]) -> None:
    assert told(*(finding("no lock", level) for level in levels)) == [("no lock", Level.VIOLATION)]


def test_findings_are_sorted_by_place() -> None:
    later = finding("no lock", place=Place("app/main.py", 2))
    assert told(later, finding("no ruff")) == [("no ruff", Level.VIOLATION), ("no lock", Level.VIOLATION)]


@pytest.mark.parametrize(
    ("found", "start"),
    [
        ("no lock file", "No lock file;"),
        ("tables, and no migration", "Tables, and"),
        ("response_model=None with a body", "response_model=None with"),
        ("dict(), of a Pydantic model", "dict(), of"),
        ("NoBook, which no handler knows", "NoBook, which"),
        ("target_metadata unset", "target_metadata unset"),
    ],
)
def test_a_message_starts_with_a_capital_but_for_names_of_the_code(found: str, start: str) -> None:
    assert finding(found).message.startswith(start)
