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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from checks.conventions._rule import Rule
from checks.conventions.migrations import has_tables
from checks.finding import Finding, Place
from checks.source import Layer, Project

MANIFEST: Final = "pyproject.toml"
LOCKS: Final = ("uv.lock", "poetry.lock")
RUFF: Final = ("ruff.toml", ".ruff.toml")
OLD: Final = (
    "requirements.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
    "requirements/prod.txt",
    "setup.py",
    "setup.cfg",
    "Pipfile",
)
OTHER_ORMS: Final = ("tortoise-orm", "peewee", "pony", "piccolo", "gino")
LOWEST: Final = {"fastapi": (0, 115, 0), "sqlalchemy": (2, 0, 0), "pydantic": (2, 0, 0)}
WANTED: Final = {"fastapi": "fastapi>=0.115", "sqlalchemy": "sqlalchemy>=2.0", "pydantic": "pydantic>=2"}
BRING_GREENLET: Final = frozenset(
    ["greenlet", "gevent", "playwright", "advanced-alchemy", "fastapi-users-db-sqlalchemy"]
)
EXTRAS_WITH_GREENLET: Final = frozenset(
    ["asyncio", "aiomysql", "aioodbc", "aiosqlite", "asyncmy", "postgresql-asyncpg"]
)
REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*\(?([^;@)#\\]*)")
LOWER: Final = re.compile(r"(>=|==|~=|\^|>|===|~)?\s*v?(\d+(?:\.\d+)*)(-?(?:a|alpha|b|beta|rc|dev)\.?\d*)?")
UPPER: Final = re.compile(r"(<=?)\s*v?(\d+(?:\.\d+)*)")
RULE = Rule(
    __name__,
    expected="the stack declared in pyproject.toml",
    why="What is not declared is whatever the machine happens to have.",
    next="Declare it, and let uv or poetry write the lock again",
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that is asked for.

    Attributes:
        extras: its extras, normalised.
        version: its version specifier, as it is written.
        place: where it is written; None for the manifest itself.
    """

    extras: frozenset[str]
    version: str
    place: Place | None = None


@dataclass(frozen=True)
class Manifest:
    """What a project declares of itself.

    Attributes:
        file: where it stands, relative to the project's root.
        text: its source.
        data: its tables.
        listed: the requirements of the files beside it that list them.
    """

    file: str
    text: str
    data: dict[str, Any]
    listed: dict[str, Requirement] = field(default_factory=dict)

    def line(self, pattern: str) -> int:
        """The first line that a pattern matches at its start; 1 when there is none."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if re.match(pattern, line):
                return number
        return 1

    def violation(self, line: int, found: str, **words: str) -> Finding:
        """A finding at one of its lines."""
        return RULE.violation_in(Place(self.file, line), found, **words)

    @property
    def is_dynamic(self) -> bool:
        """Whether the dependencies are listed elsewhere."""
        return "dependencies" in self._project.get("dynamic", [])

    @property
    def lists(self) -> list[str]:
        """The files that a dynamic list of dependencies is read from, as setuptools or hatch name them."""
        dynamic = _at(self.data, "tool", "setuptools", "dynamic", "dependencies").get("file", [])
        hooked = _at(self.data, "tool", "hatch", "metadata", "hooks", "requirements_txt").get("files", [])
        named = [dynamic] if isinstance(dynamic, str) else [*dynamic, *hooked]
        return [name for name in named if isinstance(name, str)]

    @property
    def declares(self) -> bool:
        """Whether it describes a project, and not only settings of tools."""
        return "project" in self.data or bool(self._poetry)

    @property
    def configures_ruff(self) -> bool:
        """Whether it has settings for ruff."""
        return "ruff" in self.data.get("tool", {})

    @property
    def leans_on_others(self) -> bool:
        """Whether it requires a package that stands in the same repository, with requirements of its own."""
        sources = _at(self.data, "tool", "uv", "sources").values()
        tables = [value for value in (*sources, *self._poetry_tables().values()) if isinstance(value, dict)]
        return any(value.get("workspace") or "path" in value for value in tables)

    def members(self) -> tuple[list[str], list[str]]:
        """The folders of its uv workspace, and those that it leaves out, as patterns."""
        workspace = _at(self.data, "tool", "uv", "workspace")
        return workspace.get("members", []), workspace.get("exclude", [])

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        """Package name to what is asked for of it, groups and extras of the project included."""
        found: dict[str, Requirement] = {}
        groups = [self._project.get("dependencies", [])]
        groups += _at(self.data, "project", "optional-dependencies").values()
        groups += _at(self.data, "dependency-groups").values()
        groups += [_at(self.data, "tool", "uv").get("dev-dependencies", [])]
        texts = (text for group in groups if isinstance(group, list) for text in group)
        for text in texts:
            if isinstance(text, str) and (match := REQUIREMENT.match(text)):
                found.setdefault(_normal(match[1]), _requirement(match))
        for name, value in self._poetry_tables().items():
            found.setdefault(_normal(name), _of_table(value))
        return found | {name: value for name, value in self.listed.items() if name not in found}

    def _poetry_tables(self) -> dict[str, Any]:
        groups = [group.get("dependencies", {}) for group in self._poetry.get("group", {}).values()]
        found: dict[str, Any] = {}
        for group in (
            self._poetry.get("dependencies", {}),
            *groups,
            self._poetry.get("dev-dependencies", {}),
        ):
            found |= {name: value for name, value in group.items() if name not in found}
        return found

    def place(self, name: str) -> Place:
        """Where a requirement is written."""
        own = self.requirements[name].place
        if own is not None:
            return own
        pattern = re.compile(rf"""^\s*["']?{name}["']?\s*=|["']{name}\s*["'\[=><~!,;(^]""", re.IGNORECASE)
        lines = enumerate(self.text.splitlines(), start=1)
        return Place(self.file, next((number for number, line in lines if pattern.search(line)), 1))

    @property
    def _project(self) -> dict[str, Any]:
        return _at(self.data, "project")

    @property
    def _poetry(self) -> dict[str, Any]:
        return _at(self.data, "tool", "poetry")

    @property
    def python(self) -> str:
        """The specifier of the Python version."""
        declared = self._project.get("requires-python")
        return str(declared or self._poetry.get("dependencies", {}).get("python", ""))


def _at(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """The table at a path of names; empty where there is none."""
    for name in names:
        inner = data.get(name)
        data = inner if isinstance(inner, dict) else {}
    return data


def _requirement(match: re.Match[str], place: Place | None = None) -> Requirement:
    extras = frozenset(_normal(extra.strip()) for extra in (match[2] or "").split(","))
    version = re.split(r"\s--", match[3])[0]
    return Requirement(extras, version.strip(), place)


def _of_table(value: object, place: Place | None = None) -> Requirement:
    """A requirement as poetry and Pipenv write it: a version, a table, or a list of tables."""
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        extras = frozenset(_normal(str(extra)) for extra in first.get("extras", []))
        return Requirement(extras, str(first.get("version", "")).replace("*", ""), place)
    return Requirement(frozenset(), str(first).replace("*", ""), place)


def check(project: Project) -> Iterator[Finding]:
    """Finds what the project's declaration lacks."""
    if not _uses(project, b"fastapi"):
        return
    manifest = find_manifest(project)
    if manifest is None or not manifest.declares:
        old, listed = _old_list(project)
        if old:
            lacks = "no pyproject.toml" if manifest is None else "no project in pyproject.toml"
            yield RULE.violation_in(Place(old, 1), f"{old} and {lacks}")
        if manifest is None:
            yield from _old_versions(Manifest(old, "", {}, listed))
            return
        manifest = replace(manifest, listed=listed)
    elif manifest.is_dynamic:
        folder = (project.root / manifest.file).parent
        listed = {}
        for name in reversed(manifest.lists):
            listed |= _read_list(folder / name, project.root)
        manifest = replace(manifest, listed=listed)
    yield from _versions(manifest, project)
    yield from _tools(manifest, project)


def subjects(project: Project) -> int:
    """Counts the declarations: 1 for a pyproject.toml, 0 without."""
    return int(find_manifest(project) is not None)


def find_manifest(project: Project) -> Manifest | None:
    """The pyproject.toml that declares the application.

    It is looked for in the folders from the root down to the application; the first that asks for FastAPI
    is taken, else the first that declares a project at all, else the first.
    """
    folders = _folders(project)
    found = [manifest for where in folders if (manifest := _read(where, project.root)) is not None]
    declaring = [manifest for manifest in found if manifest.declares]
    asking = [manifest for manifest in declaring if "fastapi" in manifest.requirements]
    return next(iter(asking or declaring or found), None)


def _folders(project: Project) -> list[Path]:
    """The folders from the root down to that of the application."""
    mains = [
        m.folder for m in project.application if project.layer(m) is Layer.MAIN and b"FastAPI" in m.content
    ]
    folder = min(mains, key=len, default=())
    return [project.root.joinpath(*folder[:length]) for length in range(len(folder) + 1)]


def _read(folder: Path, root: Path) -> Manifest | None:
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
        file = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        return Manifest(file, text, tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None


def _old_list(project: Project) -> tuple[str, dict[str, Requirement]]:
    """The older kind of declaration nearest to the root, and what it asks for."""
    for folder in _folders(project):
        for name in OLD:
            path = folder / name
            if path.is_file():
                return path.relative_to(project.root).as_posix(), _read_list(path, project.root)
    return "", {}


def _read_list(path: Path, root: Path, depth: int = 0) -> dict[str, Requirement]:
    """The requirements of a requirements file, and of those that it includes, or of a Pipfile."""
    try:
        text = path.read_text(encoding="utf-8")
        file = path.relative_to(root).as_posix()
    except (OSError, UnicodeDecodeError, ValueError):
        return {}
    if path.name == "Pipfile":
        return _read_pipfile(file, text)
    found: dict[str, Requirement] = {}
    for number, line in enumerate(text.splitlines() if path.suffix in {".txt", ".in"} else (), start=1):
        included = re.match(r"\s*(?:-r|--requirement)[\s=]+(\S+)", line)
        if included and depth < 3:
            for name, requirement in _read_list(path.parent / included[1], root, depth + 1).items():
                found.setdefault(name, requirement)
        elif match := REQUIREMENT.match(line):
            found.setdefault(_normal(match[1]), _requirement(match, Place(file, number)))
    return found


def _read_pipfile(file: str, text: str) -> dict[str, Requirement]:
    try:
        packages = _at(tomllib.loads(text), "packages")
    except tomllib.TOMLDecodeError:
        return {}
    lines = Manifest(file, text, {})
    return {
        _normal(name): _of_table(value, Place(file, lines.line(rf"""["']?{re.escape(name)}["']?\s*=""")))
        for name, value in packages.items()
    }


def _uses(project: Project, name: bytes) -> bool:
    return any(name in m.content for m in project.application if "{{" not in m.file)


def _tools(manifest: Manifest, project: Project) -> Iterator[Finding]:
    """What has to stand beside the manifest, in a folder above it or at the root of its workspace."""
    own = (project.root / manifest.file).parent
    folders = [folder for folder in (own, *own.parents) if folder.is_relative_to(project.root)]
    folders += [folder for folder in [_workspace(own)] if folder is not None]
    if not _has_one_of(LOCKS, folders):
        yield manifest.violation(1, "no lock file", expected="uv.lock or poetry.lock beside it")
    if manifest.configures_ruff or _has_one_of(RUFF, folders):
        return
    above = (_read(folder, project.root) for folder in folders[1:])
    if not any(other is not None and other.configures_ruff for other in above):
        yield manifest.violation(1, "no settings for ruff", expected="ruff configured")


def _has_one_of(names: Iterable[str], folders: list[Path]) -> bool:
    return any((folder / name).is_file() for folder in folders for name in names)


def _workspace(member: Path) -> Path | None:
    """The root of the uv workspace that a folder belongs to; its lock and its settings are the member's."""
    member = member.resolve()
    for folder in (member, *member.parents):
        if (folder / MANIFEST).is_file() and (manifest := _read(folder, folder)) is not None:
            name = member.relative_to(folder).as_posix()
            inside, outside = manifest.members()
            if _matches(name, inside) and not _matches(name, outside):
                return folder
        if (folder / ".git").exists():
            break
    return None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern.removeprefix("./").rstrip("/")) for pattern in patterns)


def _old_versions(manifest: Manifest) -> Iterator[Finding]:
    for name, minimum in LOWEST.items():
        if name in manifest.requirements:
            yield from _version(name, minimum, manifest)


def _versions(manifest: Manifest, project: Project) -> Iterator[Finding]:
    there = "" if manifest.declares else f", in a {MANIFEST} that declares no project"
    lowest = _lower_bound(manifest.python)
    if lowest is None or lowest < (3, 12):
        line = manifest.line(r"\s*(?:requires-)?python\s*=")
        found = f"Python {manifest.python or 'of any version'}{there}"
        yield manifest.violation(line, found, expected="requires-python >= 3.12")
    if manifest.is_dynamic and not manifest.listed:
        return
    yield from _old_versions(manifest)
    absent = RULE.note_in if manifest.leans_on_others else RULE.violation_in
    beside = Place(manifest.file, manifest.line(r"\s*(?:dependencies\s*=|\[.*\bdependencies\])"))
    if "fastapi" not in manifest.requirements:
        yield absent(beside, f"no requirement of FastAPI{there}", expected="fastapi>=0.115")
    if _lacks_greenlet(manifest) and _uses(project, b"sqlalchemy.ext.asyncio"):
        place = manifest.place("sqlalchemy")
        yield RULE.violation_in(place, "sqlalchemy without its extra", expected="sqlalchemy[asyncio]")
    named = "alembic" in manifest.requirements or "alembic" in manifest.text
    if not named and has_tables(project):
        yield absent(beside, "tables, and no requirement of Alembic", expected="alembic")
    other = next((name for name in OTHER_ORMS if name in manifest.requirements), None)
    if other is not None and "sqlalchemy" not in manifest.requirements:
        found = f"{other} in the place of SQLAlchemy and Alembic"
        yield RULE.note_in(manifest.place(other), found, expected="sqlalchemy[asyncio]>=2.0 and alembic")


def _version(name: str, minimum: tuple[int, ...], manifest: Manifest) -> Iterator[Finding]:
    version = manifest.requirements[name].version
    lower = _lower_bound(version)
    if lower is None and _stays_below(version, minimum):
        yield RULE.violation_in(manifest.place(name), f"{name} {version}", expected=WANTED[name])
    elif lower is None:
        if name != "pydantic":
            yield RULE.note_in(manifest.place(name), f"{name} of any version", expected=WANTED[name])
    elif lower < minimum:
        yield RULE.violation_in(manifest.place(name), f"{name} {version}", expected=WANTED[name])


def _lacks_greenlet(manifest: Manifest) -> bool:
    """Whether SQLAlchemy is asked for in a way that may come without greenlet."""
    wanted = manifest.requirements.get("sqlalchemy")
    if (
        wanted is None
        or wanted.extras & EXTRAS_WITH_GREENLET
        or BRING_GREENLET & manifest.requirements.keys()
    ):
        return False
    lower = _lower_bound(wanted.version)
    return not _is_capped(wanted.version) and (lower is None or lower >= LOWEST["sqlalchemy"])


def _lower_bound(specifier: str) -> tuple[int, ...] | None:
    """The lowest version that a specifier admits, three numbers or more; None where it names none."""
    bounds = []
    for part in specifier.split(","):
        match = LOWER.fullmatch(part.strip().rstrip(".*"))
        if match and match[1] != "<":
            numbers = [int(number) for number in match[2].split(".")]
            bounds.append(tuple([*numbers, 0, 0][: max(3, len(numbers))]))
            if match[3] and match[1] in {"==", "===", None}:
                bounds[-1] = _just_below(bounds[-1])
    return max(bounds) if bounds else None


def _stays_below(specifier: str, minimum: tuple[int, ...]) -> bool:
    """Whether an upper bound keeps out the lowest version that is wanted, and so all later ones."""
    for part in specifier.split(","):
        if match := UPPER.match(part.strip()):
            numbers = tuple([*map(int, match[2].split(".")), 0, 0][:3])
            if numbers < minimum or (numbers == minimum and match[1] == "<"):
                return True
    return False


def _just_below(version: tuple[int, ...]) -> tuple[int, ...]:
    """Where a pre-release stands: before the version that it leads to."""
    return (*version[:-1], version[-1] - 1)


def _is_capped(specifier: str) -> bool:
    """Whether a specifier stays below SQLAlchemy 2.1."""
    return bool(re.search(r"<\s*=?\s*2\.(?:0|1)\b|==\s*2\.0|~=\s*2\.0\.\d|~\s*2\.0|\^\s*1", specifier))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
