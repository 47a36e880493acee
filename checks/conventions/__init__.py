"""The conventions: one module each, whose docstring is its documentation and whose examples are run.

A module of this package whose name does not start with an underscore is a convention; its slug is the
module's name with hyphens. It has two functions: ``check`` gives the findings in a parsed project and
``subjects`` counts what there was to judge.
"""

import importlib
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

from checks.conventions._document import Document, Example, read
from checks.finding import Finding, Level, Place
from checks.source import Project

NAMED_CASES = {"async-http": "no-blocking-calls", "async-files": "no-blocking-calls"}
"""Names under which a part of a convention is taught, to the convention's slug."""

__all__ = ["Convention", "Example", "UnknownConventionError", "load", "slugs"]


class UnknownConventionError(LookupError):
    """No convention has the given slug.

    Attributes:
        slug: what was asked for.
        nearest: slugs that come closest, best first.
    """

    def __init__(self, slug: str) -> None:
        import difflib

        self.slug = slug
        word = slug.strip().lower().replace("_", "-")
        self.nearest = difflib.get_close_matches(word, slugs(), n=3, cutoff=0.5)
        self.nearest += [other for other in slugs() if word in other and other not in self.nearest]
        hint = f" The nearest is {self.nearest[0]}." if self.nearest else ""
        super().__init__(f"There is no convention {slug!r}.{hint}")


class Convention:
    """One rule of the guideline.

    Args:
        slug: its stable name.
        module: the module that defines it.
    """

    def __init__(self, slug: str, module: ModuleType) -> None:
        self.slug = slug
        self._module = module

    @cached_property
    def document(self) -> Document:
        """The documentation, taken apart."""
        return read(self._module.__doc__ or "")

    @cached_property
    def title(self) -> str:
        """The rule in at most 60 characters."""
        return (self._module.__doc__ or "").partition("\n")[0].rstrip(".")

    @property
    def rule(self) -> str:
        """What the convention asks for, as Markdown."""
        return self.document.rule

    @property
    def why(self) -> str:
        """Why it matters, as Markdown."""
        return self.document.why

    @property
    def bad(self) -> tuple[Example, ...]:
        """Examples that break it."""
        return self.document.bad

    @property
    def good(self) -> tuple[Example, ...]:
        """Examples that follow it."""
        return self.document.good

    def check(self, project: Project) -> list[Finding]:
        """The findings of this convention in a project, sorted by place; no place is told the same twice."""
        told: dict[tuple[Place, str], Finding] = {}
        for finding in self._module.check(project):
            first = told.setdefault((finding.place, finding.found), finding)
            if first.level is not Level.VIOLATION:
                told[finding.place, finding.found] = finding
        return sorted(told.values(), key=lambda finding: finding.place)

    def subjects(self, project: Project) -> int:
        """How many things in the project this convention has to judge; 0 means that it looked at nothing."""
        return int(self._module.subjects(project))

    def violation_in(self, place: Place, found: str) -> Finding:
        """The finding for a broken place that was seen elsewhere than in the source.

        Args:
            place: where it is broken.
            found: what was seen there, a phrase without a full stop.
        """
        violation: Finding = self._module.RULE.violation_in(place, found)
        return violation

    def __repr__(self) -> str:
        return f"Convention({self.slug!r})"


@cache
def slugs() -> tuple[str, ...]:
    """The slugs of all conventions, sorted, without importing their modules."""
    names = (entry.stem for folder in __path__ for entry in Path(folder).glob("*.py"))
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))


@cache
def load(slug: str) -> Convention:
    """The convention with this slug; imports its module alone.

    Raises:
        UnknownConventionError: there is none; carries the nearest slugs.
    """
    slug = NAMED_CASES.get(slug, slug)
    if slug not in slugs():
        raise UnknownConventionError(slug)
    return Convention(slug, importlib.import_module(f"{__name__}.{slug.replace('-', '_')}"))
