"""The reference passes its own lessons, and every starter says what is still to be written."""

import subprocess
import sys
from pathlib import Path

import pytest

from checks.lesson import LOAD
from checks.report import Kind
from checks.tests.lessons.judging import (
    REAL,
    Bench,
    checks_of,
    copy_course,
    lesson_of,
    problems,
    state,
    told,
    versions_of,
    with_starter,
    write,
)
from checks.tests.plugin.course import learners_environment

NUMBERS = [lesson.number for lesson in REAL.lessons]


@pytest.mark.parametrize(
    ("number", "until"), [(n, until) for until in NUMBERS for n in NUMBERS if n <= until]
)
def test_state_passes_its_lesson_and_all_before(bench: Bench, number: int, until: int) -> None:
    outcomes = bench.judge(number, state(until))

    assert not {name: told(problem) for name, problem in problems(outcomes).items()}
    assert all(outcome.holds for outcome in outcomes.values())


@pytest.mark.parametrize("number", NUMBERS)
def test_starter_says_what_is_still_to_be_written(bench: Bench, number: int) -> None:
    outcomes = bench.judge(number, with_starter(number))
    failed = problems(outcomes)

    assert [problem.kind for problem in failed.values()] == [Kind.STUB], {
        n: told(p) for n, p in failed.items()
    }
    (problem,) = failed.values()
    file, name = versions_of(lesson_of(number)).FIRST_STUB
    assert problem.place is not None
    assert problem.place.file == f"project/{file}"
    assert name in problem.title
    assert f"lessons/{lesson_of(number).name}/README.md" in problem.next
    assert not any(outcomes[check.name].holds for check in checks_of(lesson_of(number)))


@pytest.mark.parametrize("number", NUMBERS[1:])
def test_starter_leaves_earlier_lessons_green(bench: Bench, number: int) -> None:
    outcomes = bench.judge(number - 1, with_starter(number))

    assert outcomes[LOAD].holds
    assert not {name: told(problem) for name, problem in problems(outcomes).items()}


@pytest.mark.parametrize("number", NUMBERS)
def test_pytest_itself_comes_to_the_same_end(tmp_path: Path, number: int) -> None:
    """One run of the real command for each lesson; everything above goes past pytest."""
    course = copy_course(tmp_path)
    write(course.project, state(number))

    reference = run_pytest(tmp_path, number)
    assert reference.returncode == 0, reference.stdout
    assert " failed" not in reference.stdout

    write(course.project, state(number - 1) if number > 1 else {})
    starter = run_pytest(tmp_path, number)
    assert starter.returncode == 1, starter.stdout
    assert f"Not written yet: {versions_of(lesson_of(number)).FIRST_STUB[1]}" in starter.stdout
    assert "INTERNALERROR" not in starter.stdout


def run_pytest(root: Path, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", f"lessons/{number}", "-p", "no:cacheprovider"]
    return subprocess.run(
        command,
        cwd=root,
        env=learners_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
