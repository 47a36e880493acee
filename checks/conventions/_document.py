"""A convention's docstring taken apart: the rule, why, and its examples as files.

The docstring is Markdown: a title, then the sections Rule, Why, Bad and Good. Each fenced block of Bad
and Good is one example; a comment such as ``# app/books/router.py`` on a line of its own starts a file.
"""

import re
from dataclasses import dataclass
from typing import Final

MARKER: Final = "# <-- here"
_SECTION: Final = re.compile(r"^## (\w+)\s*$", re.MULTILINE)
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH: Final = re.compile(r"#\s+((?:[\w.-]+/)*(?:[\w-]+\.\w+|\.env(?:\.\w+)?))\s*")


@dataclass(frozen=True, slots=True)
class Example:
    """A small project that follows or breaks a convention.

    Attributes:
        source: the text as it is shown.
        files: path to content, without the markers.
        marked: the (path, line) pairs at which a finding is expected, lines counted from 1.
    """

    source: str
    files: dict[str, str]
    marked: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The sections of a convention's documentation."""

    rule: str
    why: str
    bad: tuple[Example, ...]
    good: tuple[Example, ...]


def read(docstring: str) -> Document:
    """Takes a convention's docstring apart."""
    parts = _SECTION.split(docstring)
    sections = {name.lower(): text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return Document(
        rule=sections.get("rule", ""),
        why=sections.get("why", ""),
        bad=_examples(sections.get("bad", "")),
        good=_examples(sections.get("good", "")),
    )


def _examples(section: str) -> tuple[Example, ...]:
    return tuple(example(match[2]) for match in _FENCE.finditer(section))


def example(source: str) -> Example:
    """One example from its text: split into files, with the marked lines noted and unmarked."""
    files: dict[str, list[str]] = {}
    marked: list[tuple[str, int]] = []
    path = "app/main.py"
    for line in source.splitlines():
        if match := PATH.fullmatch(line):
            path = match[1]
            files.setdefault(path, [])
            continue
        content = files.setdefault(path, [])
        if MARKER in line:
            marked.append((path, len(content) + 1))
            line = line.replace(MARKER, "").rstrip()  # noqa: PLW2901 - the line as the parser sees it
        content.append(line)
    return Example(
        source=source.replace(MARKER, "# <--"),
        files={path: "\n".join(content) + "\n" if content else "" for path, content in files.items()},
        marked=tuple(marked),
    )
