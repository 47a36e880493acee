"""Plain, coloured text for a terminal: signs that the console can show, width, Markdown as people read it."""

import codecs
import io
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, repeat, takewhile
from typing import TextIO

from rich.console import Console
from rich.text import Text

LABEL = 11
WIDEST = 88
# ruff: noqa: RUF001 - the table of signs holds signs that look alike
PLAIN_SIGNS = {
    "✓": "+",
    "→": ">",
    "·": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "•": "-",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "│": "|",
}
"""What stands for a sign on a console that cannot show it; other letters lose their accents."""

UNBREAKABLE = "\N{NO-BREAK SPACE}"

_CODE = re.compile(r"`[^`]{1,40}`")
_INLINE = re.compile(r"`[^`]+`|\*\*(?P<strong>[^*]+)\*\*")
_ITEM = re.compile(r"(?P<mark>[-*+]|\d+[.)])\s+")


class Screen:
    """Writes the pieces that the commands' answers are made of.

    Args:
        stream: where to write; colours only where it is a terminal, and never with NO_COLOR.
    """

    def __init__(self, stream: TextIO) -> None:
        _write_what_the_console_can(stream)
        # In a pipe, Rich takes any Windows for one with an old console: a column less, and no colour.
        is_old = None if stream.isatty() else False
        self._console = Console(
            file=stream, highlight=False, markup=False, emoji=False, legacy_windows=is_old
        )
        self._width = min(WIDEST, self._console.width)

    def line(self, text: str = "", style: str = "") -> None:
        """One line, never broken."""
        self._console.print(Text(text, style), soft_wrap=True)

    def paragraph(self, text: str, style: str = "", indent: str = "", hanging: str | None = None) -> None:
        """Text wrapped at the console's width; `code` and **strong** words stand out."""
        wrapped = textwrap.wrap(
            _CODE.sub(_unbreakable, " ".join(text.split())),
            self._width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self._console.print(_inline("\n".join(wrapped).replace(UNBREAKABLE, " "), style), soft_wrap=True)

    def entry(self, label: str, values: Iterable[str], style: str = "") -> None:
        """A label and, beside it, one value on each line; nothing where there are no values."""
        for name, value in zip(chain([label], repeat("")), values, strict=False):
            row = Text.assemble("  ", (f"{name:<{LABEL}}", "bold" if style else "dim"), (value, style))
            self._console.print(row, soft_wrap=True)

    def code(self, text: str, indent: str = "  ") -> None:
        """Lines as they stand."""
        for line in textwrap.dedent(text).splitlines():
            self.line(f"{indent}{line}" if line else "", "cyan")

    def markdown(self, text: str, indent: str = "  ") -> None:
        """Markdown in its simple forms: paragraphs, lists, headings, blocks of code."""
        for number, (kind, lines) in enumerate(_blocks(text)):
            if number:
                self.line()
            if kind == "code":
                self.code("\n".join(lines), f"{indent}  ")
            elif kind == "heading":
                self.paragraph(lines[0], "bold", indent)
            else:
                for item, first, further in _items(lines):
                    self.paragraph(item, indent=indent + first, hanging=indent + further)


def _write_what_the_console_can(stream: TextIO) -> None:
    """Let the stream put a near sign in the place of one that its encoding does not have."""
    codecs.register_error("nearest-sign", _nearest_sign)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="nearest-sign")


def _nearest_sign(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = []
    for sign in error.object[error.start : error.end]:
        bare = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode("ascii")
        signs.append(PLAIN_SIGNS.get(sign) or bare or "?")
    return "".join(signs), error.end


def _unbreakable(code: re.Match[str]) -> str:
    return code[0].replace(" ", UNBREAKABLE)


def _inline(text: str, style: str) -> Text:
    styled = Text(style=style)
    end = 0
    for match in _INLINE.finditer(text):
        styled.append(text[end : match.start()])
        strong = match["strong"]
        styled.append(strong or match[0], "bold" if strong else "cyan")
        end = match.end()
    return styled.append(text[end:])


def _blocks(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """The text's stretches with their kinds: code without its fences, heading without its mark, or text."""
    lines = iter(markdown.splitlines())
    text: list[str] = []
    for line in lines:
        is_heading = line.startswith("#")
        if line.strip() and not is_heading and not _is_fence(line):
            text.append(line)
            continue
        if text:
            yield "text", text
            text = []
        if is_heading:
            yield "heading", [line.lstrip("# ")]
        elif line.strip():
            yield "code", list(takewhile(lambda code: not _is_fence(code), lines))
    if text:
        yield "text", text


def _is_fence(line: str) -> bool:
    return line.lstrip().startswith(("```", "~~~"))


def _items(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """A text's list items, or else the text as one paragraph, each with its first and further indents."""
    words: list[str] = []
    first = further = ""
    for line in lines:
        bare = line.lstrip()
        if mark := _ITEM.match(bare):
            if words:
                yield " ".join(words), first, further
            first = line[: -len(bare)]
            further = first + " " * mark.end()
            words = [bare]
        else:
            words.append(bare)
    yield " ".join(words), first, further


def standard_output() -> Screen:
    """The screen for answers."""
    return Screen(sys.stdout or io.StringIO())  # None where the process was started without one


def standard_error() -> Screen:
    """The screen for what went wrong."""
    return Screen(sys.stderr or io.StringIO())
