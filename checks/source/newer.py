"""Reads grammar that is newer than the Python that runs this.

Each new form gives way to an old one of the same length, so that the tree has the lines and columns of the
file. Known are lists of exceptions without parentheses and template strings (both Python 3.14), and defaults
of type parameters (3.13): the audit says the same under every Python.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from tokenize import NAME, STRING, TokenInfo
from typing import Final

_Edit = tuple[tuple[int, int], str]
"""Where characters give way, as row from 1 and column from 0, and what stands there instead."""

_CLASS: Final = r"(?:\w+ (?:\. \w+ )*\. \w+|[A-Z]\w*)"
_EXCEPTIONS: Final = re.compile(rf"(?:\* )?{_CLASS}(?: , {_CLASS})+")
"""Names of classes, joined by blanks; in Python 2, ``except Error, error:`` meant something else."""
_OPENERS: Final = frozenset({"class", "def", "type"})


def parse_newer(content: bytes) -> ast.Module | None:
    """The tree of a source that newer grammar keeps from being parsed; None where it is something else."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding).removeprefix("\ufeff")
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        lists = list(_exceptions(tokens))
        edits = [*_templates(tokens), *_defaults(tokens), *lists]
        tree = ast.parse(_written_over(text, edits)) if edits else None
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError, tokenize.TokenError):
        return None
    if tree is not None and lists:
        _make_tuples(tree, {row for (row, _), _ in lists})
    return tree


def _templates(tokens: list[TokenInfo]) -> Iterator[_Edit]:
    """The prefix of each template string, as that of a formatted one."""
    for prefix, literal in pairwise(tokens):
        is_prefix = prefix.type == NAME and prefix.string.lower() in {"t", "rt", "tr"}
        if is_prefix and literal.type == STRING and literal.start == prefix.end:
            yield prefix.start, prefix.string.lower().replace("t", "f")


def _exceptions(tokens: list[TokenInfo]) -> Iterator[_Edit]:
    """The commas between exceptions without parentheses, as ``|``."""
    for number, token in enumerate(tokens):
        if token.string != "except" or token.type != NAME:
            continue
        end = next((n for n in range(number, len(tokens)) if tokens[n].string == ":"), number)
        listed = tokens[number + 1 : end]
        if _EXCEPTIONS.fullmatch(" ".join(part.string for part in listed)):
            yield from ((part.start, "|") for part in listed if part.string == ",")


def _make_tuples(tree: ast.Module, rows: set[int]) -> None:
    for handler in ast.walk(tree):
        of = handler.type if isinstance(handler, ast.ExceptHandler) else None
        if isinstance(handler, ast.ExceptHandler) and isinstance(of, ast.BinOp) and of.lineno in rows:
            handler.type = ast.copy_location(ast.Tuple(_parts(of), ast.Load()), of)


def _parts(node: ast.expr) -> list[ast.expr]:
    return [*_parts(node.left), node.right] if isinstance(node, ast.BinOp) else [node]


def _defaults(tokens: list[TokenInfo]) -> Iterator[_Edit]:
    """The defaults of type parameters, as blanks."""
    for number, token in enumerate(tokens[2:], start=2):
        if token.string == "[" and tokens[number - 2].string in _OPENERS and tokens[number - 1].type == NAME:
            yield from _blanks(tokens[number:])


def _blanks(tokens: list[TokenInfo]) -> Iterator[_Edit]:
    depth, in_default = 0, False
    for token in tokens:
        depth += (token.string in {"[", "(", "{"}) - (token.string in {"]", ")", "}"})
        if depth == 0:
            return
        if depth == 1 and token.string in {"=", ","}:
            in_default = token.string == "="
        if in_default and token.start[0] == token.end[0]:
            yield token.start, " " * len(token.string)


def _written_over(text: str, edits: list[_Edit]) -> str:
    lines = io.StringIO(text).readlines()
    for (row, column), new in edits:
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new + line[column + len(new) :]
    return "".join(lines)
