"""What one run of the audit looks at, and how the settings and the baseline name it.

The findings name a file relative to the folder that is parsed. `exclude` and the baseline name it relative
to the folder of the settings, so that they mean the same files whichever part of the project is audited.
"""

import os
import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from checks.audit.allowing import SLUG as ALLOWING
from checks.audit.settings import Settings
from checks.conventions import NAMED_CASES, slugs
from checks.source import Project


@dataclass(frozen=True, slots=True)
class Reach:
    """Which conventions a run judges in which files.

    Attributes:
        settings: what is left out, and from which folder it is named.
        prefix: the way from the settings' folder to the parsed one.
        only: the one file asked for, relative to the parsed folder; None for all.
    """

    settings: Settings
    prefix: str
    only: str | None

    @classmethod
    def of(cls, root: Path, only: str | None, settings: Settings) -> "Reach":
        """The reach of a run over a folder, or over one file of it."""
        return cls(settings, Path(os.path.relpath(root.resolve(), settings.folder)).as_posix(), only)

    def name(self, file: str) -> str:
        """A file of the parsed folder as the settings and the baseline name it."""
        return file if self.prefix == "." else posixpath.normpath(f"{self.prefix}/{file}")

    def has(self, file: str) -> bool:
        """Whether a file of the parsed folder is asked for, and not excluded."""
        return self.only in {None, file} and not self.settings.excludes(self.name(file))

    def covers(self, convention: str, name: str, line: str, project: Project) -> bool:
        """Whether this run would show a finding that a baseline has.

        Args:
            convention: its slug, perhaps of a convention that is no more.
            name: its file, as `name` gives it, perhaps of a file that is no more.
            line: the text of its line.
            project: what was parsed; it says which files could not be.
        """
        if not _are_judged(convention, line, self.settings.slugs):
            return False
        file = posixpath.relpath(name, self.prefix)
        if file == ".." or file.startswith("../"):
            return False
        return self.has(file) and not any(_holds(u.file, file) for u in project.unparsed)


def _are_judged(convention: str, line: str, ran: Collection[str]) -> bool:
    """Whether the conventions ran that a finding is about."""
    if convention == ALLOWING:
        words = {NAMED_CASES.get(word, word) for word in re.findall(r"[\w-]+", line)}
        return all(slug in ran for slug in words.intersection(slugs()))
    return convention in ran or convention not in slugs()


def _holds(unread: str, file: str) -> bool:
    """Whether a file or folder that could not be looked into is, or holds, the given file."""
    return unread in {".", file} or file.startswith(f"{unread}/")
