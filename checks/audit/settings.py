"""The audited project's own settings: the table ``[tool.workshop.audit]`` of its pyproject.toml.

::

    [tool.workshop.audit]
    select = ["async-handlers", "response-model"]   # all conventions when left out
    ignore = ["module-layout"]
    exclude = ["app/legacy/*"]                       # files whose findings are not shown
    baseline = "audit-baseline.json"                 # findings that are known already

All paths are relative to the folder of that pyproject.toml, whichever part of the project is audited.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from checks.conventions import NAMED_CASES, UnknownConventionError, slugs

MANIFEST: Final = "pyproject.toml"
REPOSITORY: Final = ".git"
TABLE: Final = "[tool.workshop.audit]"
KEYS: Final = ("select", "ignore", "exclude", "baseline")


class AuditError(Exception):
    """The audit cannot be done as it was asked for; the text is written for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an audit heeds.

    Attributes:
        folder: the folder to which `exclude` and the files in the baseline are relative, without links.
        select: slugs to run; all when empty.
        ignore: slugs to leave out.
        exclude: patterns of files whose findings are not shown.
        baseline: the file with known findings.
    """

    folder: Path
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    baseline: Path | None = None

    @property
    def slugs(self) -> tuple[str, ...]:
        """The conventions to run, sorted."""
        wanted = set(self.select or slugs()) - set(self.ignore)
        return tuple(sorted(wanted))

    def excludes(self, name: str) -> bool:
        """Whether the findings of a file, named from the settings' folder, are not to be shown."""
        patterns = (pattern.removeprefix("./").rstrip("/") for pattern in self.exclude)
        return any(fnmatch(name, pattern) or fnmatch(name, f"{pattern}/*") for pattern in patterns)

    def overruled(self, *, select: Sequence[str], ignore: Sequence[str], baseline: Path | None) -> "Settings":
        """These settings with what the command line gives in their place.

        A convention that the command line selects runs, even where the settings ignore it.

        Raises:
            AuditError: a slug is unknown, or no convention is left to run.
        """
        chosen, left_out = _known(select, "--select"), _known(ignore, "--ignore")
        settings = replace(
            self,
            select=chosen or self.select,
            ignore=left_out or (() if chosen else self.ignore),
            baseline=baseline or self.baseline,
        )
        if not settings.slugs:
            raise AuditError(
                f"No convention is left to run: {', '.join(settings.select) or 'all'} selected,"
                f" {', '.join(settings.ignore)} ignored. Expected at least one that is selected and not"
                " ignored, or the audit would pass with nothing judged: change --select and --ignore, or"
                f" the keys of these names in {TABLE}."
            )
        return settings


def read_settings(path: Path) -> Settings:
    """The settings that hold for a folder or file: those of the nearest pyproject.toml that has the table.

    It is looked for upwards, as far as the top of the repository.

    Raises:
        AuditError: the table holds something that is not understood.
    """
    for folder in _upwards(path):
        manifest = folder / MANIFEST
        if manifest.is_file() and (table := _table(manifest)) is not None:
            return _from_table(table, manifest)
    return no_settings(path)


def no_settings(path: Path) -> Settings:
    """The settings of a folder or file that has none, or whose own are not to be heeded.

    They stand at the top of the repository, so that a baseline fits whichever part of it is audited;
    without a repository at the nearest pyproject.toml, without one at the audited folder itself.
    """
    folders = list(_upwards(path))
    marked = (f for f in folders if (f / REPOSITORY).exists())
    declared = (f for f in folders if (f / MANIFEST).is_file())
    return Settings(next(marked, None) or next(declared, None) or folders[0])


def _upwards(path: Path) -> Iterator[Path]:
    """The folder of the audited path and those above it, as far as the top of the repository."""
    start = path.resolve() if path.is_dir() else path.resolve().parent
    for folder in (start, *start.parents):
        yield folder
        if (folder / REPOSITORY).exists():
            return


def _table(manifest: Path) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise AuditError(f"{manifest} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AuditError(
            f"{manifest} is no TOML: {error}. The audit looks there for its settings; mend that place,"
            " then run it again."
        ) from error
    for key in ("tool", "workshop", "audit"):
        value = table.get(key)
        if value is None:
            if key == "audit":
                _complain_of_near_names(table, manifest)
            return None
        if not isinstance(value, dict):
            raise AuditError(f"{manifest}: expected the table {TABLE}, found {key} = {value!r}.")
        table = value
    return table


def _complain_of_near_names(table: dict[str, Any], manifest: Path) -> None:
    """Settings that stand beside the audit's table, where nothing would heed them."""
    from difflib import get_close_matches

    for key in table:
        if key in KEYS or get_close_matches(key, ["audit"]):
            raise AuditError(
                f"{manifest}: [tool.workshop] has no {key!r}. The settings of the audit stand in {TABLE}."
            )


def _from_table(table: dict[str, Any], manifest: Path) -> Settings:
    for key in table:
        if key not in KEYS:
            raise AuditError(f"{manifest}: {TABLE} knows {', '.join(KEYS)}, but not {key!r}.")
    baseline = table.get("baseline", "")
    if not isinstance(baseline, str):
        raise AuditError(f"{manifest}: baseline in {TABLE} should be a string, the name of a file.")
    return Settings(
        folder=manifest.parent,
        select=_known(_words(table, "select", manifest), f"{manifest}: select"),
        ignore=_known(_words(table, "ignore", manifest), f"{manifest}: ignore"),
        exclude=_words(table, "exclude", manifest),
        baseline=manifest.parent / baseline if baseline else None,
    )


def _words(table: dict[str, Any], key: str, manifest: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise AuditError(f'{manifest}: {key} in {TABLE} should be a list of strings, such as ["..."].')
    return tuple(value)


def _known(words: Sequence[str], where: str) -> tuple[str, ...]:
    for word in words:
        if NAMED_CASES.get(word, word) not in slugs():
            raise AuditError(
                f"{where}: {UnknownConventionError(word)} `workshop explain` without a name lists them all."
            )
    return tuple(NAMED_CASES.get(word, word) for word in words)
