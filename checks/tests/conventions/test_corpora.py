"""Every small case is judged as it says, and there are enough of them."""

from pathlib import Path

import pytest

from checks.conventions import slugs
from checks.finding import Level
from checks.tests.conventions.corpora import Case, cases

ALL = [case for slug in slugs() for case in cases(slug)]


@pytest.mark.parametrize(
    "case", ALL, ids=lambda case: f"{case.slug}-{case.kind}-{case.name}".replace(" ", "_")
)
def test_case(case: Case, tmp_path: Path) -> None:
    violations = [spot for spot in case.spots if spot[2] is Level.VIOLATION]
    assert bool(violations) == (case.kind == "wrong"), "the case does not say what is to be found"
    assert case.found(tmp_path) == case.spots


@pytest.mark.parametrize("slug", slugs())
def test_corpus_is_large_enough(slug: str) -> None:
    kinds = [case.kind for case in cases(slug)]
    assert kinds.count("wrong") >= 25
    assert kinds.count("right") >= 15
    names = [(case.kind, case.name) for case in cases(slug)]
    assert len(set(names)) == len(names)
