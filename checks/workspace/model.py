"""The words in which the workspace speaks to the other rooms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


HOME = ".workshop"
"""The folder of a project in which the workspace keeps its own things."""

PLACE = "place"
"""The action of a run of pytest: it only adds files, and is no command that a plain undo would take back."""


class WorkspaceError(Exception):
    """The project could not be changed; the text says what, where, and a way out."""


class UnknownSnapshotError(WorkspaceError):
    """No snapshot has this name or number; the text names the nearest."""


class DamagedError(Exception):
    """A record of the workspace is missing or is not what it should be."""


class Origin(StrEnum):
    """Where the text of a file in the project comes from, when the learner has not edited it."""

    STARTER = "starter"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Change:
    """What one command did in the project; paths are relative to it, with forward slashes.

    Attributes:
        action: the command, such as ``reset``, or ``recover``.
        lesson: name of the lesson that it was about, or None.
        added, changed, removed: files and links.
        snapshot: name of the copy of the project as it was before; None when nothing was touched.
        undone: the copy that an undo brought back; None for other commands.
        origins: for each file that was added or changed from a lesson, what it is now.
        notes: sentences for the person at the terminal about anything out of the ordinary.
    """

    action: str
    lesson: str | None = None
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    snapshot: str | None = None
    undone: "Snapshot | None" = None
    origins: Mapping[str, Origin] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def touched(self) -> bool:
        """Whether any file is different now."""
        return bool(self.added or self.changed or self.removed)

    @property
    def added_starter(self) -> tuple[str, ...]:
        """The added files that hold a starter."""
        return tuple(path for path in self.added if self.origins.get(path) is Origin.STARTER)

    @property
    def added_reference(self) -> tuple[str, ...]:
        """The added files that hold a reference version."""
        return tuple(path for path in self.added if self.origins.get(path) is Origin.REFERENCE)


@dataclass(frozen=True)
class Snapshot:
    """A copy of the whole project, taken right before a command changed it.

    Attributes:
        name: the handle that `Workspace.undo` takes; it begins with the number of the copy.
        when: the moment, in the local time zone.
        action, lesson: the command, as in `Change`.
        files: number of files and links in it.
    """

    name: str
    when: "datetime"
    action: str
    lesson: str | None
    files: int

    @property
    def number(self) -> int:
        """Counts the copies of a project from 1."""
        return int(self.name.partition("_")[0])

    @property
    def why(self) -> str:
        """The command, with its lesson where there is one."""
        return " ".join(filter(None, (self.action, self.lesson)))
