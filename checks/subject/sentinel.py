"""A check that must fail. If it passes, the learner's code has changed what judges it."""

from checks.expect import expect


def test_sentinel() -> None:
    """A check that fails is told as failed."""
    expect(False, expected="the truth", found="a lie")
