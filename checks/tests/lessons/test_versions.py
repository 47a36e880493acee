"""Wrong answers fail on the right check, at the right line; right answers do not fail at all."""

import pytest

from checks.report import Kind
from checks.tests.lessons.judging import REAL, Bench, Right, Wrong, edited, problems, state, told, versions_of

VERSIONS = {lesson.number: versions_of(lesson) for lesson in REAL.lessons}

WRONG = [pytest.param(n, v, id=f"{n:02}: {v.name}") for n, of in VERSIONS.items() for v in of.WRONG]
RIGHT = [pytest.param(n, v, id=f"{n:02}: {v.name}") for n, of in VERSIONS.items() for v in of.RIGHT]


@pytest.mark.parametrize(("number", "version"), WRONG)
def test_wrong_answer_fails_where_it_should(bench: Bench, number: int, version: Wrong) -> None:
    files = edited(state(number), version.edits)
    failed = problems(bench.judge(number, files))

    assert version.fails in failed, {name: told(problem) for name, problem in failed.items()}
    problem = failed[version.fails]
    usual = Kind.UNMET if version.fails.startswith("test_") else Kind.CONVENTION
    assert problem.kind == (version.kind or usual), told(problem)
    if version.at is not None:
        assert problem.place is not None, told(problem)
        line = files[version.at.file].splitlines()[problem.place.line - 1]
        assert (problem.place.file, version.at.words in line) == (f"project/{version.at.file}", True), told(
            problem
        )
    assert Kind.WORKSHOP not in {other.kind for other in failed.values()}, {
        n: told(p) for n, p in failed.items()
    }


@pytest.mark.parametrize(("number", "version"), RIGHT)
def test_right_answer_passes_however_it_is_written(bench: Bench, number: int, version: Right) -> None:
    outcomes = bench.judge(number, edited(state(number), version.edits))

    assert not {name: told(problem) for name, problem in problems(outcomes).items()}
    assert all(outcome.holds for outcome in outcomes.values())


@pytest.mark.parametrize("number", VERSIONS)
def test_there_are_enough_versions(number: int) -> None:
    assert len(VERSIONS[number].WRONG) >= 12
    assert len(VERSIONS[number].RIGHT) >= 4
