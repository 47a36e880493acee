"""ISBNs come in many spellings and go in one."""

import pytest

from app.books.isbn import normalise_isbn


@pytest.mark.parametrize("text", ["9780306406157", "978-0-306-40615-7", "978 0 306 40615 7"])
def test_all_spellings_of_an_isbn_are_one(text: str) -> None:
    assert normalise_isbn(text) == "9780306406157"


def test_a_check_digit_can_be_zero() -> None:
    assert normalise_isbn("979-10-90636-07-1") == "9791090636071"
    assert normalise_isbn("978-3-16-148410-0") == "9783161484100"


@pytest.mark.parametrize(
    "text",
    [
        "9780306406158",  # a wrong check digit
        "9780306406175",  # two digits changed places
        "9770306406157",  # neither 978 nor 979
        "978030640615",
        "97803064061577",
        "978030640615X",
        "٩٧٨٠٣٠٦٤٠٦١٥٧",  # digits, but not those of an ISBN
        "",
    ],
)
def test_what_is_no_isbn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISBN"):
        normalise_isbn(text)
