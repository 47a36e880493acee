"""The catalogue page says what the modules say, and slugs are found."""

import pytest

from checks.conventions import NAMED_CASES, UnknownConventionError, load, slugs
from checks.conventions._catalogue import PAGE, page


def test_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m checks.conventions._catalogue"


def test_every_slug_loads_its_own_convention() -> None:
    assert len(slugs()) == 19
    assert [load(slug).slug for slug in slugs()] == list(slugs())


def test_named_cases_are_parts_of_a_convention() -> None:
    assert {load(name).slug for name in NAMED_CASES} == {"no-blocking-calls"}


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("async-sesion", "async-session"), ("response_models", "response-model"), ("lifespan ", "lifespan")],
)
def test_unknown_slug_names_the_nearest(word: str, nearest: str) -> None:
    with pytest.raises(UnknownConventionError) as caught:
        load(word)
    assert caught.value.nearest[0] == nearest
    assert nearest in str(caught.value)


def test_unknown_word_without_any_nearest() -> None:
    with pytest.raises(UnknownConventionError) as caught:
        load("xyzzy")
    assert caught.value.nearest == []
