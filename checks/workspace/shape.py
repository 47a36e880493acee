"""The shape of what the records hold, checked as it is read: a record may be damaged in any way.

What passes here can be used without another look: no path leads out of the project, and the system takes
every name and number.
"""

import os
from typing import Any

from checks.workspace.model import HOME

DIGITS = "0123456789abcdef"
LARGEST = (1 << 63) - 1
LAST_MOMENT = (1 << 62) * 1_000_000_000
"""In nanoseconds, and within what every system takes: file systems know years past 2262."""
NOT_IN_A_NAME = "\0\\:" if os.name == "nt" else "\0"
PARTICULAR = {"file": "digest", "link": "target"}
"""What an entry of this kind cannot be without."""


def is_entry(data: Any, kinds: tuple[str, ...] = ("file", "folder", "link", "other")) -> bool:
    """Whether these are the plain values of an `Entry` of one of these kinds."""
    return (
        isinstance(data, dict)
        and data.get("kind") in kinds
        and PARTICULAR.get(data["kind"], "kind") in data
        and _is_text(data.get("target", "-"))
        and ("digest" not in data or _is_digest(data["digest"]))
        and all(_is_number(data.get(key, 0), most) for key, most in (("size", LARGEST), ("mode", 0o7777)))
        and _is_number(data.get("time", 0), LAST_MOMENT, -LAST_MOMENT)
    )


def is_path(path: Any) -> bool:
    """Whether this is the path of something in a project, and not of the workspace's own."""
    if not _is_text(path) or any(sign in path for sign in NOT_IN_A_NAME):
        return False
    parts = path.split("/")
    return parts[0] != HOME and not {"", ".", ".."}.intersection(parts)


def is_word(value: Any) -> bool:
    """Whether this can be the name of a command."""
    return isinstance(value, str) and value.isascii() and value.isalpha() and value.islower()


def is_text_or_none(value: Any) -> bool:
    """Whether this is a text, or left out."""
    return value is None or isinstance(value, str)


def is_count(value: Any) -> bool:
    """Whether this can be a number of things."""
    return _is_number(value, LARGEST)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not value.strip(DIGITS)


def _is_text(value: Any) -> bool:
    """Whether the system takes this for a path: some text, with no half of a letter in it."""
    if not isinstance(value, str) or not value or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any, most: int, least: int = 0) -> bool:
    return isinstance(value, int) and least <= value <= most
