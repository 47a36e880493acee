"""Another way of writing a case changes no verdict."""

import tempfile
from pathlib import Path

import pytest

from checks.conventions import load, slugs
from checks.source import parse
from checks.tests.conventions.corpora import cases, spots_of, write
from checks.tests.conventions.variations import NOT_THE_SAME, VARIATIONS

STRIDE = 2
"""Each variation takes every second case, one half of them the even ones, to save time."""


@pytest.mark.parametrize("variation", sorted(VARIATIONS))
@pytest.mark.parametrize("slug", slugs())
def test_variation(slug: str, variation: str) -> None:
    if slug in NOT_THE_SAME.get(variation, ()):
        return
    different = []
    first = sorted(VARIATIONS).index(variation) % STRIDE
    for case in cases(slug)[first::STRIDE]:
        varied = VARIATIONS[variation](case.files)
        if varied is None:
            continue
        expected = tuple(sorted({(*varied.moved(file, line), level) for file, line, level in case.spots}))
        with tempfile.TemporaryDirectory() as folder:
            write(varied.files, Path(folder))
            found = spots_of(load(slug).check(parse(Path(folder))))
        if found != expected:
            different.append(f"{case.kind} {case.name}: expected {expected}, found {found}")
    assert not different, "\n".join(different)
