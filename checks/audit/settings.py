"""The audited project's own settings: the table ``[tool.workshop.audit]`` of its pyproject.toml.

::

    [tool.workshop.audit]
    select = ["async-handlers", "response-model"]   # all conventions when left out
    ignore = ["module-layout"]
    exclude = ["app/legacy/**"]                      # files whose findings are not shown
    baseline = "audit-baseline.json"                 # findings that are known already
"""

import tomllib
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from checks.conventions import NAMED_CASES, UnknownConventionError, slugs

MANIFEST: Final = "pyproject.toml"
TABLE: Final = "[tool.workshop.audit]"
KEYS: Final = {"select": list, "ignore": list, "exclude": list, "baseline": str}


class AuditError(Exception):
    """The audit cannot be done as it was asked for; the text is written for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an audit heeds.

    Attributes:
        select: slugs to run; all when empty.
        ignore: slugs to leave out.
        exclude: patterns of files whose findings are not shown.
        baseline: the file with known findings.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None

    @property
    def slugs(self) -> tuple[str, ...]:
        """The conventions to run, sorted."""
        wanted = set(self.select or slugs()) - set(self.ignore)
        return tuple(sorted(wanted))

    def excludes(self, file: str) -> bool:
        """Whether the findings of a file are not to be shown."""
        return any(fnmatch(file, pattern) for pattern in self.exclude)

    def overruled(
        self, *, select: tuple[str, ...], ignore: tuple[str, ...], baseline: Path | None
    ) -> "Settings":
        """These settings with what the command line gives in their place.

        Raises:
            AuditError: a slug is unknown.
        """
        return replace(
            self,
            select=_known(select, "--select") or self.select,
            ignore=_known(ignore, "--ignore") or self.ignore,
            baseline=baseline or self.baseline,
        )


def read_settings(path: Path) -> Settings:
    """The settings in the nearest pyproject.toml, in the audited folder or above it.

    Raises:
        AuditError: the table holds something that is not understood.
    """
    start = path.resolve() if path.is_dir() else path.resolve().parent
    for folder in (start, *start.parents):
        manifest = folder / MANIFEST
        if manifest.is_file():
            return _from_table(_table(manifest), manifest)
    return Settings()


def _table(manifest: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AuditError(f"{manifest} cannot be read: {error}") from error
    tool = data.get("tool", {})
    workshop = tool.get("workshop", {}) if isinstance(tool, dict) else {}
    table = workshop.get("audit", {}) if isinstance(workshop, dict) else {}
    return table if isinstance(table, dict) else {}


def _from_table(table: dict[str, Any], manifest: Path) -> Settings:
    for key, value in table.items():
        if key not in KEYS:
            raise AuditError(f"{manifest}: {TABLE} knows {', '.join(KEYS)}, but not {key!r}.")
        if not isinstance(value, KEYS[key]):
            raise AuditError(f"{manifest}: {key} in {TABLE} should be a {KEYS[key].__name__}.")
    baseline = table.get("baseline")
    return Settings(
        select=_known(table.get("select", ()), f"{manifest}: select"),
        ignore=_known(table.get("ignore", ()), f"{manifest}: ignore"),
        exclude=tuple(map(str, table.get("exclude", ()))),
        baseline=manifest.parent / baseline if baseline else None,
    )


def _known(words: tuple[str, ...] | list[str], where: str) -> tuple[str, ...]:
    for word in words:
        if NAMED_CASES.get(word, word) not in slugs():
            raise AuditError(f"{where}: {UnknownConventionError(str(word))}")
    return tuple(NAMED_CASES.get(word, word) for word in words)
