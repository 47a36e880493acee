"""The examples of the conventions' documentation are true."""

from pathlib import Path

import pytest

from checks.conventions import Convention, Example, load, slugs
from checks.finding import Level
from checks.source import parse

CASES = [
    pytest.param(slug, kind, number, id=f"{slug}-{kind}-{number}")
    for slug in slugs()
    for kind in ("bad", "good")
    for number in range(len(getattr(load(slug), kind)))
]


def run(convention: Convention, example: Example, folder: Path) -> list[tuple[str, int]]:
    for name, content in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    project = parse(folder)
    assert not project.unparsed
    findings = convention.check(project)
    return [(f.place.file, f.place.line) for f in findings if f.level is Level.VIOLATION]


@pytest.mark.parametrize(("slug", "kind", "number"), CASES)
def test_example(slug: str, kind: str, number: int, tmp_path: Path) -> None:
    convention = load(slug)
    example = getattr(convention, kind)[number]
    assert run(convention, example, tmp_path) == sorted(example.marked)


@pytest.mark.parametrize("slug", slugs())
def test_documentation_is_complete(slug: str) -> None:
    convention = load(slug)
    assert convention.title
    assert len(convention.title) <= 60
    assert convention.rule
    assert convention.why
    assert convention.bad
    assert convention.good
    assert all(example.marked for example in convention.bad)
    assert not any(example.marked for example in convention.good)
