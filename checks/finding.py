"""What a convention says about one place of a project: the word that all rooms of this house share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How sure the convention is, and so what the finding does to a run."""

    VIOLATION = "violation"
    """The convention is broken: the check fails, the audit exits with 1."""
    NOTE = "note"
    """Questionable, or a matter on which experts differ: shown, never fails."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of source text.

    Attributes:
        file: path relative to the parsed project's root, with forward slashes.
        line, column: where it starts, both counted from 1 (columns in characters, not bytes).
        end_line, end_column: where it ends; the end column is the first one after the stretch.
    """

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a convention is broken or questionable.

    Attributes:
        convention: the stable slug, such as ``async-session``.
        level: violation or note.
        place: where.
        expected: what the convention asks for at this place, a phrase without a full stop.
        found: what stands there instead, a phrase without a full stop.
        why: why it matters, one or two sentences.
        next: what to do now, one sentence that does not give the solution away.
    """

    convention: str
    level: Level
    place: Place
    expected: str
    found: str
    why: str
    next: str

    @property
    def message(self) -> str:
        """The finding in one sentence, for reports of one line; a name of the code keeps its letters."""
        first = self.found.partition(" ")[0].rstrip(",;:")
        found = f"{first[:1].upper()}{self.found[1:]}" if first.isalpha() else self.found
        return f"{found}; expected {self.expected}."


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a convention can learn from the running application, where its source does not tell.

    Attributes:
        subjects: how many things it could judge there.
        broken: places where it is broken, each with what was found there, a phrase without a full stop.
    """

    subjects: int = 0
    broken: tuple[tuple[Place, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The evidence as plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Evidence":
        """The evidence that `as_dict` wrote down."""
        return cls(data["subjects"], tuple((Place(**place), found) for place, found in data["broken"]))
