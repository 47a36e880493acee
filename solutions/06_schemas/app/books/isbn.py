"""International Standard Book Numbers."""

import re

_THIRTEEN_DIGITS = re.compile(r"97[89][0-9]{10}")


def normalise_isbn(text: str) -> str:
    """Give the 13 digits of an ISBN-13 that may be written with hyphens or spaces.

    Raises:
        ValueError: it is no ISBN-13, or its check digit is wrong.
    """
    digits = text.replace("-", "").replace(" ", "")
    if not _THIRTEEN_DIGITS.fullmatch(digits):
        raise ValueError("An ISBN-13 has 13 digits and starts with 978 or 979.")
    if digits[-1] != check_digit(digits[:-1]):
        raise ValueError("The last digit of the ISBN does not fit the others.")
    return digits


def check_digit(first_twelve: str) -> str:
    """Work out the last digit of an ISBN-13, as ISO 2108 has it.

    The digits weigh 1 and 3 in turn; with the last one, their sum is a multiple of 10.
    """
    weighted = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(first_twelve))
    return str(-weighted % 10)
