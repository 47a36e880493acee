"""Another way of writing a case changes no verdict."""

from pathlib import Path

import pytest

from checks.conventions import load, slugs
from checks.source import Project, parse
from checks.tests.conventions.corpora import cases, in_memory, spots_of, write
from checks.tests.conventions.variations import NOT_THE_SAME, VARIATIONS

STRIDE = 2
"""Each variation takes every second case, one half of them the even ones, to save time."""


@pytest.mark.parametrize("variation", sorted(VARIATIONS))
@pytest.mark.parametrize("slug", slugs())
def test_variation(slug: str, variation: str, tmp_path: Path) -> None:
    if slug in NOT_THE_SAME.get(variation, ()):
        return
    different = []
    first = sorted(VARIATIONS).index(variation) % STRIDE
    for number, case in enumerate(cases(slug)[first::STRIDE]):
        varied = VARIATIONS[variation](case.files)
        if varied is None:
            continue
        expected = tuple(sorted({(*varied.moved(file, line), level) for file, line, level in case.spots}))
        found = spots_of(load(slug).check(_project(slug, varied.files, tmp_path / str(number))))
        if found != expected:
            different.append(f"{case.kind} {case.name}: expected {expected}, found {found}")
    assert not different, "\n".join(different)


def _project(slug: str, files: dict[str, str], folder: Path) -> Project:
    """The files as a project; on a disk where the convention looks at more than Python."""
    if slug not in {"stack", "migrations"}:
        return in_memory(files)
    write(files, folder)
    return parse(folder)
