"""Every fault put into the finished service is found, by its convention and at its line."""

import ast
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.conventions import load, slugs
from checks.finding import Level
from checks.lesson import find_course
from checks.source import Module, Project, Resolver, parse
from checks.tests.conventions.mutants import OPERATORS, Mutant, mutants


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished service: the last lesson's state."""
    course = find_course(Path(__file__).parent)
    folder = tmp_path_factory.mktemp("service")
    for name, path in course.state(course.all_lessons[-1]).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    return folder


@pytest.fixture(scope="module")
def project(service: Path) -> Project:
    return parse(service)


def test_the_service_itself_has_no_finding(project: Project) -> None:
    findings = [str(f.place) + " " + f.message for slug in slugs() for f in load(slug).check(project)]
    assert findings == []


@pytest.mark.parametrize("slug", slugs())
def test_there_is_something_to_judge(project: Project, slug: str) -> None:
    assert load(slug).subjects(project) > 0


def test_every_mutant_is_found(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    made: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    survivors = []
    slug_of = {}
    for mutant in mutants(project):
        made[mutant.operator] += 1
        slug_of[mutant.operator] = mutant.slug
        found = _found(mutant, project)
        if (mutant.file, mutant.line) in found:
            killed[mutant.operator] += 1
        else:
            survivors.append(f"{mutant.operator}: {mutant.file}:{mutant.line}, found {sorted(found)}")
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *_table(made, killed, slug_of), ""]))
    assert not survivors, "\n".join(survivors)
    assert set(OPERATORS) <= set(made), "an operator that applies nowhere"
    assert set(slug_of.values()) == set(slugs()), "a convention without an operator"


def _table(made: Counter[str], killed: Counter[str], slug_of: dict[str, str]) -> Iterator[str]:
    """The operators with how many of their mutants were found."""
    for operator, count in made.items():
        yield f"  {slug_of[operator]:<24}{operator:<40}{killed[operator]:>4} of {count}"
    yield f"  {'all':<64}{killed.total():>4} of {made.total()}"


def _found(mutant: Mutant, project: Project) -> set[tuple[str, int]]:
    """Where the mutant's convention finds violations in the mutated service."""
    others = {name: text for name, text in mutant.changes.items() if not name.endswith(".py")}
    before = {project.root / name: (project.root / name).read_bytes() for name in others}
    for name, text in others.items():
        if text is None:
            (project.root / name).unlink()
        else:
            (project.root / name).write_text(text, encoding="utf-8")
    try:
        findings = load(mutant.slug).check(_mutated(mutant, project))
    finally:
        for path, content in before.items():
            path.write_bytes(content)
    return {(f.place.file, f.place.line) for f in findings if f.level is Level.VIOLATION}


def _mutated(mutant: Mutant, project: Project) -> Project:
    """The project with the mutant's modules in the place of its own, the others parsed once and for all."""
    modules = []
    for module in project.modules:
        module.traits.clear()
        text = mutant.changes.get(module.file, "")
        if module.file not in mutant.changes:
            modules.append(module)
        elif text is not None:
            content = text.encode()
            modules.append(Module(module.file, content, ast.parse(content)))
    resolver = Resolver({module.parts: module for module in modules}, ())
    files = tuple(module.file for module in modules)
    return Project(project.root, files, (), tuple(modules), resolver)
