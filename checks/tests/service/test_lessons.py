"""What the lessons say about themselves agrees with the files of their solutions."""

import pytest

from checks import conventions
from checks.lesson import Lesson
from checks.tests.service.conftest import State
from checks.tests.service.states import COURSE, LAST, run

ids = [lesson.name for lesson in COURSE.all_lessons]
each_lesson = pytest.mark.parametrize("lesson", COURSE.all_lessons, ids=ids)


def test_there_are_fourteen_lessons() -> None:
    assert [lesson.number for lesson in COURSE.all_lessons] == list(range(1, 15))


@each_lesson
def test_made_and_changed_are_the_files_of_the_solution(lesson: Lesson) -> None:
    before = COURSE.before(lesson)
    earlier = set(COURSE.state(before)) if before else set()
    files = set(lesson.solution_files)

    assert set(lesson.made) == files - earlier
    assert set(lesson.changed) == files & earlier


@each_lesson
def test_each_changed_file_differs(lesson: Lesson) -> None:
    before = COURSE.before(lesson)
    earlier = COURSE.state(before) if before else {}

    for file in lesson.changed:
        assert lesson.solution_files[file].read_bytes() != earlier[file].read_bytes(), file


@each_lesson
def test_a_lesson_says_what_it_is(lesson: Lesson) -> None:
    assert lesson.title
    assert lesson.summary.endswith(".")
    assert 15 <= lesson.minutes <= 120


def test_every_convention_is_first_met_in_one_lesson() -> None:
    met = [slug for lesson in COURSE.all_lessons for slug in lesson.conventions]

    assert sorted(met) == sorted(set(met))
    assert set(met) <= set(conventions.slugs())


def test_the_promised_names_are_there(state: State) -> None:
    contracts = [lesson.contract for lesson in COURSE.all_lessons]
    questions = [
        f"import {module} as module; {expression(stub)}"
        for contract in contracts
        for module, stubs in contract.items()
        for stub in stubs
    ]

    found = run(state(LAST), "-c", "\n".join(["import inspect, typing", *questions]))

    assert len(questions) > 50
    assert found.returncode == 0, found.stdout


def expression(stub: str) -> str:
    """Python that fails if the module has not what the stub line promises: the name, and its parameters."""
    kind, name, parameters = split(stub)
    owner, _, attribute = name.rpartition(".")
    if kind == "class":
        return f"assert inspect.isclass(module.{name.partition('[')[0]})"
    if kind == "value" and owner:
        return (
            f"assert hasattr(module.{owner}, {attribute!r})"
            f" or {attribute!r} in typing.get_type_hints(module.{owner})"
        )
    if kind == "value":
        return f"module.{name}"
    names = [part.partition(":")[0].strip() for part in parameters]
    wanted = [name for name in names if name != "*"]
    return (
        f"assert [*inspect.signature(module.{name}).parameters] == {wanted!r}, {stub!r};"
        f" assert inspect.iscoroutinefunction(module.{name}) or inspect.isasyncgenfunction(module.{name})"
        f" or {not stub.startswith('async')}"
    )


def split(stub: str) -> tuple[str, str, list[str]]:
    """Kind, name and parameters of a stub line."""
    if stub.startswith("class "):
        return "class", stub.removeprefix("class ").partition("(")[0], []
    head, arrow, _ = stub.rpartition(" -> ")
    if not arrow:
        return "value", stub.partition(":")[0], []
    name, _, rest = head.removeprefix("async ").removeprefix("def ").partition("(")
    depth, parts = 0, [""]
    for letter in rest.removesuffix(")"):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return "function", name, [part.strip().lstrip("*") or "*" for part in parts if part.strip()]
