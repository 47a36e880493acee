"""Lessons in the workers of pytest-xdist: what comes out is what comes out without it."""

import re

import pytest

from checks.tests.plugin.course import HELLO, STARTER, Clone, Ran, write


def counts(ran: Ran) -> list[str]:
    last = ran.output.strip().splitlines()[-1]
    return re.findall(r"\d+ (?:failed|passed|skipped|errors?)", last)


def scores(ran: Ran) -> list[str]:
    """How far each lesson is, whichever of two lessons tells what both have in common."""
    lines = [line for line in ran.output.splitlines() if line.startswith("Lesson ")]
    return sorted(re.sub(r", .*", "", line) for line in lines)


def test_one_cause_is_one_message_in_two_workers(clone: Clone) -> None:
    ran = clone.pytest("lessons/1", "-n2")
    assert ran.output.count("✗ Not written yet: create_app") == 1, ran.output
    assert "1 failed, 4 skipped" in ran.output
    assert "0 of 5 green, 1 to mend, 4 waiting for it" in ran.output


@pytest.mark.parametrize("dist", ["load", "loadfile", "worksteal"])
@pytest.mark.parametrize(
    "main",
    [STARTER, HELLO, HELLO.replace('"/hello"', '"/hullo"'), HELLO.replace("async def", "def"), "x = ("],
    ids=["starter", "right", "path", "sync", "syntax"],
)
def test_workers_change_no_verdict(clone: Clone, main: str, dist: str) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": main})
    plain = clone.pytest("lessons/1", "lessons/2")
    spread = clone.pytest("lessons/1", "lessons/2", "-n2", "--dist", dist)
    assert counts(spread) == counts(plain), spread.output
    assert spread.output.count("✗") == plain.output.count("✗")
    assert scores(spread) == scores(plain)
    assert spread.code == plain.code
    assert len(clone.done()) == (2 if main == HELLO else clone.done().count("count"))


def test_other_tests_are_spread_as_ever(clone: Clone) -> None:
    clone.solve()
    write(clone.root, {"other/test_other.py": "def test_x():\n    pass\n\n\ndef test_y():\n    pass\n"})
    ran = clone.pytest("lessons/1", "other", "-n2")
    assert ran.code == 0, ran.output
    assert "7 passed" in ran.output
