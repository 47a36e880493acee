"""Small cases for the conventions, read from the text files of ``corpus/``.

A file has cases, each headed by ``--- wrong: name`` or ``--- right: name``. ``--- given`` holds files that
all cases after it have; a case may write its own version of one. A header ``--- each name: a | b`` before a
case makes one case per value, with ``$name`` replaced. ``# <-- here`` marks the line of a violation, ``#
<-- note`` that of a note; nothing else may be found.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from checks.conventions import load
from checks.finding import Finding, Level
from checks.source import Module, Project, Resolver, Unparsed, parse

FOLDER: Final = Path(__file__).with_name("corpus")
HEADER: Final = re.compile(r"^--- (wrong|right|given|each)(?::? ?(.*))?$", re.MULTILINE)
PATH: Final = re.compile(r"# ((?:[\w.-]+/)*(?:[\w-]+\.\w+|\.env|Pipfile))")
MARKS: Final = {"# <-- here": Level.VIOLATION, "# <-- note": Level.NOTE}
Spot = tuple[str, int, Level]


@dataclass(frozen=True, slots=True)
class Case:
    """One small project and what is to be found in it."""

    slug: str
    kind: str
    name: str
    files: dict[str, str]
    spots: tuple[Spot, ...]

    def found(self, folder: Path) -> tuple[Spot, ...]:
        """What the convention finds in the case, written to a folder."""
        write(self.files, folder)
        return spots_of(load(self.slug).check(parse(folder)))


def in_memory(files: dict[str, str]) -> Project:
    """The project of these files, without a disk: for conventions that look at Python alone."""
    modules, unparsed = [], []
    for name, text in sorted(files.items()):
        if name.endswith(".py"):
            content = text.encode()
            try:
                modules.append(Module(name, content, ast.parse(content)))
            except SyntaxError as error:
                unparsed.append(Unparsed(name, error.lineno or 1, str(error)))
    resolver = Resolver({module.parts: module for module in modules}, ())
    return Project(Path("nowhere"), tuple(files), tuple(unparsed), tuple(modules), resolver)


def spots_of(findings: list[Finding]) -> tuple[Spot, ...]:
    """Findings as sorted (file, line, level)."""
    return tuple(sorted({(f.place.file, f.place.line, f.level) for f in findings}))


def write(files: dict[str, str], folder: Path) -> None:
    """Writes the files of a case."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")


def cases(slug: str) -> list[Case]:
    """All cases of one convention."""
    text = (FOLDER / f"{slug}.txt").read_text(encoding="utf-8")
    return list(_cases(slug, text))


def _cases(slug: str, text: str) -> Iterator[Case]:
    given: dict[str, str] = {}
    each: dict[str, list[str]] = {}
    parts = HEADER.split(text)[1:]
    for kind, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if kind == "given":
            given = _files(body)
        elif kind == "each":
            name, _, values = title.partition(":")
            each[name.strip()] = [value.strip() for value in values.split(" | ")]
        else:
            for values in product(*each.values()):
                chosen = dict(zip(each, values, strict=True))
                yield _case(slug, kind, _fill(title, chosen), given, _files(_fill(body, chosen)))
            each = {}


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    return text


def _files(body: str) -> dict[str, str]:
    files: dict[str, list[str]] = {}
    path = "app/main.py"
    for line in body.strip("\n").split("\n"):
        if match := PATH.fullmatch(line):
            path = match[1]
            files[path] = []
        else:
            files.setdefault(path, []).append(line)
    return {
        name: "\n".join(lines).strip("\n") + "\n"
        for name, lines in files.items()
        if any(lines) or name in files
    }


def _case(slug: str, kind: str, name: str, given: dict[str, str], own: dict[str, str]) -> Case:
    files, spots = {}, []
    for path, content in (given | own).items():
        lines = []
        for number, line in enumerate(content.split("\n"), start=1):
            clean = line
            for mark, level in MARKS.items():
                if mark in line:
                    spots.append((path, number, level))
                    clean = clean.replace(mark, "").rstrip()
            lines.append(clean)
        files[path] = "\n".join(lines)
    return Case(slug, kind, name, files, tuple(sorted(spots)))
