"""The project declares the stack.

## Rule

`pyproject.toml` asks for Python 3.12 or newer, FastAPI 0.115, SQLAlchemy 2.0 as `sqlalchemy[asyncio]`,
Pydantic 2 where it is named, and Alembic. uv or poetry keeps a lock file beside it, and ruff is configured.

## Why

What is not declared is whatever the machine happens to have. `sqlalchemy[asyncio]` brings greenlet, which
SQLAlchemy 2.1 no longer installs by itself: without it the first query of a fresh installation fails.

## Bad

```python
# pyproject.toml
[project]
name = "library"
version = "0.1.0"
requires-python = ">=3.9"  # <-- here
dependencies = [
    "fastapi>=0.100",  # <-- here
    "sqlalchemy>=2.0",  # <-- here
    "alembic>=1.13",
]

[tool.ruff]
line-length = 100

# uv.lock
version = 1

# app/main.py
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

app = FastAPI()
```

## Good

```python
# pyproject.toml
[project]
name = "library"
version = "0.1.0"
requires-python = ">=3.12"
dependencies = ["fastapi>=0.115", "sqlalchemy[asyncio]>=2.0.30", "alembic>=1.13"]

[tool.ruff]
line-length = 100

# uv.lock
version = 1

# app/main.py
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

app = FastAPI()
```
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from checks.conventions._rule import Rule
from checks.finding import Finding, Place
from checks.source import Layer, Project
from checks.source.kinds import is_entity

MANIFEST: Final = "pyproject.toml"
LOCKS: Final = ("uv.lock", "poetry.lock")
RUFF: Final = ("ruff.toml", ".ruff.toml")
OLD: Final = ("requirements.txt", "requirements/base.txt", "setup.py", "setup.cfg", "Pipfile")
LOWEST: Final = {"fastapi": (0, 115), "sqlalchemy": (2, 0), "pydantic": (2,)}
REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*\(?([^;@)]*)")
LOWER: Final = re.compile(r"(>=|==|~=|\^|>|===|~)?\s*v?(\d+(?:\.\d+)*)")
RULE = Rule(
    __name__,
    expected="the stack declared in pyproject.toml",
    why="What is not declared is whatever the machine happens to have.",
    next="Declare it, and let uv or poetry write the lock again",
)


@dataclass(frozen=True)
class Manifest:
    """What a project declares of itself.

    Attributes:
        file: where it stands, relative to the project's root.
        text: its source.
        data: its tables.
    """

    file: str
    text: str
    data: dict[str, Any]

    def line(self, *words: str) -> int:
        """The first line that holds one of the words; 1 when there is none."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if any(word in line for word in words):
                return number
        return 1

    def violation(self, line: int, found: str, **words: str) -> Finding:
        """A finding at one of its lines."""
        return RULE.violation_in(Place(self.file, line), found, **words)

    @property
    def is_dynamic(self) -> bool:
        """Whether the dependencies are listed elsewhere."""
        return "dependencies" in self.data.get("project", {}).get("dynamic", [])

    @property
    def declares(self) -> bool:
        """Whether it describes a project, and not only settings of tools."""
        return "project" in self.data or bool(self._poetry)

    @property
    def configures_ruff(self) -> bool:
        """Whether it has settings for ruff."""
        return "ruff" in self.data.get("tool", {})

    @cached_property
    def requirements(self) -> dict[str, tuple[str, str]]:
        """Package name to its extras and its version specifier, as they are written."""
        found: dict[str, tuple[str, str]] = {}
        groups = [self.data.get("project", {}).get("dependencies", [])]
        groups += self.data.get("project", {}).get("optional-dependencies", {}).values()
        for requirement in (r for group in groups if isinstance(group, list) for r in group):
            if isinstance(requirement, str) and (match := REQUIREMENT.match(requirement)):
                found.setdefault(_normal(match[1]), (match[2] or "", match[3].strip()))
        for name, value in self._poetry.get("dependencies", {}).items():
            extras = f"[{','.join(value.get('extras', []))}]" if isinstance(value, dict) else ""
            version = value.get("version", "") if isinstance(value, dict) else str(value)
            found.setdefault(_normal(name), (extras, version.replace("*", "")))
        return found

    @property
    def _poetry(self) -> dict[str, Any]:
        return self.data.get("tool", {}).get("poetry", {}) or {}

    @property
    def python(self) -> str:
        """The specifier of the Python version."""
        declared = self.data.get("project", {}).get("requires-python")
        return str(declared or self._poetry.get("dependencies", {}).get("python", ""))


def check(project: Project) -> Iterator[Finding]:
    """Finds what the project's declaration lacks."""
    if not _uses(project, b"fastapi"):
        return
    manifest = find_manifest(project)
    if manifest is None:
        old = next((name for name in OLD if (project.root / name).is_file()), None)
        if old is not None:
            yield RULE.violation_in(Place(old, 1), f"{old} and no pyproject.toml")
        return
    yield from _versions(manifest, project)
    folders = {project.root, (project.root / manifest.file).parent}
    if not any((folder / name).is_file() for folder in folders for name in LOCKS):
        yield manifest.violation(1, "no lock file", expected="uv.lock or poetry.lock beside it")
    if not manifest.configures_ruff and not any((f / name).is_file() for f in folders for name in RUFF):
        yield manifest.violation(1, "no settings for ruff", expected="ruff configured")


def subjects(project: Project) -> int:
    """Counts the declarations: 1 for a pyproject.toml, 0 without."""
    return int(find_manifest(project) is not None)


def find_manifest(project: Project) -> Manifest | None:
    """The nearest pyproject.toml that declares a project, in the folders from the root to the application."""
    mains = [
        m.folder for m in project.application if project.layer(m) is Layer.MAIN and b"FastAPI" in m.content
    ]
    folder = min(mains, key=len, default=())
    folders = [project.root.joinpath(*folder[:length]) for length in range(len(folder) + 1)]
    found = [manifest for where in folders if (manifest := _read(where, project.root)) is not None]
    declaring = [manifest for manifest in found if manifest.declares]
    return next(iter(declaring or found), None)


def _read(folder: Path, root: Path) -> Manifest | None:
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
        return Manifest(path.relative_to(root).as_posix(), text, tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def _uses(project: Project, name: bytes) -> bool:
    return any(name in m.content for m in project.application if "{{" not in m.file)


def _versions(manifest: Manifest, project: Project) -> Iterator[Finding]:
    lowest = _lower_bound(manifest.python)
    if lowest is None or lowest < (3, 12):
        line = manifest.line("requires-python", "python =")
        yield manifest.violation(
            line, f"Python {manifest.python or 'of any version'}", expected="requires-python >= 3.12"
        )
    if manifest.is_dynamic:
        return
    for name, minimum in LOWEST.items():
        if name in manifest.requirements:
            yield from _version(name, minimum, manifest)
        elif name == "fastapi":
            yield manifest.violation(
                manifest.line("dependencies"), "no requirement of FastAPI", expected="fastapi>=0.115"
            )
    if _lacks_greenlet(manifest) and _uses(project, b"sqlalchemy.ext.asyncio"):
        line = _line_of("sqlalchemy", manifest)
        yield manifest.violation(line, "sqlalchemy without its extra", expected="sqlalchemy[asyncio]")
    if "alembic" not in manifest.requirements and "alembic" not in manifest.text and _has_tables(project):
        yield manifest.violation(
            manifest.line("dependencies"), "tables, and no requirement of Alembic", expected="alembic"
        )


def _has_tables(project: Project) -> bool:
    return any(is_entity(cls, project.resolver) for module in project.application for cls in module.classes)


def _version(name: str, minimum: tuple[int, ...], manifest: Manifest) -> Iterator[Finding]:
    wanted = f"{name}>={'.'.join(map(str, minimum))}"
    lower = _lower_bound(manifest.requirements[name][1])
    line = _line_of(name, manifest)
    if lower is None:
        finding = RULE.note_in(Place(manifest.file, line), f"{name} of any version", expected=wanted)
        if name != "pydantic":
            yield finding
    elif lower < minimum:
        yield manifest.violation(line, f"{name} {manifest.requirements[name][1]}", expected=wanted)


def _lacks_greenlet(manifest: Manifest) -> bool:
    """Whether SQLAlchemy is asked for in a way that may come without greenlet."""
    extras, version = manifest.requirements.get("sqlalchemy", ("asyncio", ""))
    lower = _lower_bound(version)
    if "asyncio" in extras or "greenlet" in manifest.requirements or _is_capped(version):
        return False
    return lower is None or lower >= LOWEST["sqlalchemy"]


def _line_of(name: str, manifest: Manifest) -> int:
    pattern = re.compile(rf"""^\s*["']?{name}["']?\s*=|["']{name}\s*["'\[=><~!,;(^]""", re.IGNORECASE)
    for number, line in enumerate(manifest.text.splitlines(), start=1):
        if pattern.search(line):
            return number
    return 1


def _lower_bound(specifier: str) -> tuple[int, ...] | None:
    """The lowest version that a specifier admits; None where it names none."""
    bounds = []
    for part in specifier.split(","):
        match = LOWER.fullmatch(part.strip().rstrip(".*"))
        if match and match[1] != "<":
            numbers = [int(number) for number in match[2].split(".")]
            bounds.append(tuple([*numbers, 0, 0][: max(3, len(numbers))]))
    return max(bounds) if bounds else None


def _is_capped(specifier: str) -> bool:
    """Whether a specifier stays below SQLAlchemy 2.1."""
    return bool(re.search(r"<\s*=?\s*2\.(?:0|1)\b|==\s*2\.0|~=\s*2\.0\.\d|~\s*2\.0|\^\s*1", specifier))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
