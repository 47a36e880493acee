"""What every convention's module builds its findings with."""

import ast
from dataclasses import dataclass

from checks.finding import Finding, Level, Place
from checks.source import Module


@dataclass(frozen=True, slots=True)
class Rule:
    """The words that all findings of one convention share.

    Attributes:
        name: the module's ``__name__``.
        expected: what the convention asks for.
        why: why it matters.
        next: what to do now.
    """

    name: str
    expected: str
    why: str
    next: str

    @property
    def slug(self) -> str:
        """The convention's stable name."""
        return self.name.rpartition(".")[2].replace("_", "-")

    def violation(self, module: Module, node: ast.AST, found: str, **words: str) -> Finding:
        """A finding that fails the check; ``words`` replace expected, why or next."""
        return self._finding(Level.VIOLATION, module.place(node), found, words)

    def note(self, module: Module, node: ast.AST, found: str, **words: str) -> Finding:
        """A finding that is shown and fails nothing."""
        return self._finding(Level.NOTE, module.place(node), found, words)

    def violation_in(self, place: Place, found: str, **words: str) -> Finding:
        """A finding that fails the check, at a place that is no syntax node."""
        return self._finding(Level.VIOLATION, place, found, words)

    def note_in(self, place: Place, found: str, **words: str) -> Finding:
        """A finding that fails nothing, at a place that is no syntax node."""
        return self._finding(Level.NOTE, place, found, words)

    def _finding(self, level: Level, place: Place, found: str, words: dict[str, str]) -> Finding:
        return Finding(
            convention=self.slug,
            level=level,
            place=place,
            expected=words.get("expected", self.expected),
            found=found,
            why=words.get("why", self.why),
            next=words.get("next", self.next),
        )
