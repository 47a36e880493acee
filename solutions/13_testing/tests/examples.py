"""Things to send."""

from itertools import count
from typing import Any

from app.books.isbn import check_digit

PASSWORD = "correct horse battery"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
WEBP = b"RIFF\x64\x00\x00\x00WEBP" + bytes(100)

_numbers = count(1)


def an_isbn() -> str:
    """An ISBN that no other test has."""
    first_twelve = f"979{next(_numbers):09d}"
    return first_twelve + check_digit(first_twelve)


def a_book(**values: Any) -> dict[str, Any]:
    """A book to take into the collection, with what matters to the test."""
    return {"isbn": an_isbn(), "title": "Emma", "author": "Jane Austen", "year": 1815, "copies": 2} | values
