"""A check that must fail. If it passes, the learner's code has changed what judges it."""

import pytest

from checks.expect import expect


@pytest.fixture(autouse=True)
def surroundings() -> None:
    """None of its own: this check runs after each other one, and asks nothing of the application."""


def test_sentinel() -> None:
    """A check that fails is told as failed."""
    expect(False, expected="the truth", found="a lie")
