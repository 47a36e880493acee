"""One run of some lessons' checks: what is checked, what it waits for, and what became of it.

pytest's side of this is `checks.plugin`; here nothing knows a hook.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from checks.finding import Evidence
from checks.lesson import LOAD, Course, Lesson
from checks.report import Kind, Outcome, Problem, from_finding
from checks.workspace import Change, Workspace

if TYPE_CHECKING:
    from checks.source import Project
    from checks.supervisor import Supervisor

CHECK = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
"""Where a behaviour check begins in a lesson's test module."""


FOLDERS = frozenset({"app", "migrations", "tests"})
"""What the lessons make in the project: conventions judge that, and what it imports."""


@dataclass(slots=True)
class Tally:
    """The results of one lesson in this run: names of checks by outcome."""

    green: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    failed: dict[str, Problem] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome) -> None:
        """Count one check's outcome, under its node id."""
        if outcome.problem is not None:
            self.failed[name] = outcome.problem
        elif outcome.waits:
            self.waiting[name] = outcome.waits
        else:
            (self.reference if outcome.reference else self.green).append(name)

    def broken(self) -> Iterator[str]:
        """Node ids of the checks that failed or wait for one that did."""
        yield from self.failed
        yield from self.waiting

    @property
    def total(self) -> int:
        """How many checks were looked at."""
        return sum(map(len, (self.green, self.reference, self.failed, self.waiting)))


class LessonRun:
    """The lessons of one run and what is known about them so far.

    Args:
        course: the clone.
        supervisor: runs the learner's code.

    Attributes:
        changes: what was placed.
        tallies: the results so far, by the names of the lessons.
        notes: what else the learner should know of this run, a sentence each.
    """

    def __init__(self, course: Course, supervisor: "Supervisor") -> None:
        self.course = course
        self.supervisor = supervisor
        self.workspace = Workspace(course)
        self.changes: list[Change] = []
        self.notes: list[str] = []
        self.tallies: dict[str, Tally] = {}
        self._told: dict[str, str] = {}
        self._conventions: dict[str, tuple[Problem | None, int]] = {}
        self._reference: dict[str, bool] = {}
        self._seen: dict[str, Evidence] | None = None

    def place(self, lessons: Iterable[Lesson]) -> None:
        """Add the files that the named lessons need and the project has not got.

        Raises:
            WorkspaceError: a file cannot be written; nothing is half-written.
        """
        for lesson in lessons:
            change = self.workspace.place(lesson)
            if change.touched or change.notes:
                self.changes.append(change)

    def load(self, lesson: Lesson, name: str) -> Outcome:
        """Whether the application can be read and imported, and has the promised names."""
        from checks.readable import unreadable

        self.supervisor.start()
        made = [file for other in self.course.until(lesson) for file in other.made]
        if problem := unreadable(self.course.root, self.course.project, made):
            return self.record(lesson, name, Outcome(problem))
        self.judge_conventions(self.course.conventions_until(lesson))
        return self.record(lesson, name, self._load(lesson))

    def _load(self, lesson: Lesson) -> Outcome:
        outcome = self.supervisor.load(lesson)
        self._seen = self.supervisor.evidence
        return outcome

    def behave(self, lesson: Lesson, name: str, following: str | None, needs: Iterable[str] = ()) -> Outcome:
        """Run one behaviour check, unless something that it rests on is broken.

        Args:
            lesson: whose check it is.
            name: pytest's node id.
            following: the node id of the check that comes next, if any.
            needs: node ids of checks that have to hold first.
        """
        return self.waiting(lesson, needs) or self.record(lesson, name, self.supervisor.run(name, following))

    def waiting(self, lesson: Lesson, needs: Iterable[str] = ()) -> Outcome | None:
        """That a behaviour check waits, and for what; None if all that it rests on holds so far.

        Args:
            lesson: whose check it is.
            needs: node ids of checks that have to hold first.
        """
        broken = set(self.tally(lesson).broken())
        blocker = next((other for other in (load_id(lesson), *needs) if other in broken), None)
        return Outcome(waits=f"waits for {_short(blocker)}") if blocker else None

    def follow(self, lesson: Lesson, name: str, slug: str) -> Outcome:
        """Whether the project follows one convention; not asked before there is something to judge."""
        self.judge_conventions([slug])
        problem, subjects = self._conventions[slug]
        if problem is None:
            evidence = self._evidence(slug, lesson, needed=not subjects)
            problem, subjects = _shown_by(evidence, slug), subjects or evidence.subjects
        if problem is None:
            tally = self.tally(lesson)
            if load_id(lesson) in tally.broken() and self.project.unparsed:
                return Outcome(waits=f"waits for {LOAD}")
            if not subjects:
                if broken := next(tally.broken(), None):
                    return Outcome(waits=f"nothing to judge yet; waits for {_short(broken)}")
                problem = _nothing_to_judge(slug, lesson)
        return self.record(lesson, name, Outcome(problem))

    def _evidence(self, slug: str, lesson: Lesson, *, needed: bool) -> Evidence:
        """What the application showed when it was loaded; it is loaded for this only if that is needed."""
        if needed and self._seen is None:
            self._load(lesson)
        return (self._seen or {}).get(slug, Evidence())

    def judge_conventions(self, slugs: Iterable[str]) -> None:
        """Read the project and remember what the conventions say; cheap to ask again."""
        from checks import conventions

        for slug in slugs:
            if slug in self._conventions:
                continue
            convention = conventions.load(slug)
            violations = [
                finding
                for finding in convention.check(self.project)
                if finding.level == "violation" and finding.place.file not in self._lying_about
            ]
            problem = from_finding(violations[0], convention.title) if violations else None
            if len(violations) > 1 and problem is not None:
                others = ", ".join(f"project/{finding.place}" for finding in violations[1:5])
                problem = _with_others(problem, others, len(violations) - 1)
            self._conventions[slug] = problem, convention.subjects(self.project)

    @cached_property
    def project(self) -> "Project":
        """The learner's project, parsed once for all conventions."""
        from checks import source

        return source.parse(self.course.project)

    @cached_property
    def _lying_about(self) -> set[str]:
        """Modules beside the application's folders that nothing in those imports, such as an old copy."""
        from checks.source.graph import reachable

        own = [module for module in self.project.modules if module.file.partition("/")[0] in FOLDERS]
        used = reachable(own, self.project.resolver)
        return {module.file for module in self.project.modules if module not in used}

    def tally(self, lesson: Lesson) -> Tally:
        """The results of a lesson so far."""
        return self.tallies.setdefault(lesson.name, Tally())

    def is_done(self, lesson: Lesson) -> bool:
        """Whether this run has looked at every check of a lesson, and every one holds."""
        tally = self.tally(lesson)
        green = {name.partition("[")[0] for name in tally.green}
        return tally.total == len(tally.green) and green >= checks_of(self.course, lesson)

    def is_reference(self, lesson: Lesson) -> bool:
        """Whether nothing of a lesson is the learner's own work: its files are the placed reference."""
        if lesson.name not in self._reference:
            self._reference[lesson.name] = not self.workspace.lesson_is_own_work(lesson)
        return self._reference[lesson.name]

    def record(self, lesson: Lesson, name: str, outcome: Outcome) -> Outcome:
        """What an outcome means in this run, wherever the check ran.

        Args:
            lesson: whose check it is.
            name: its node id.
            outcome: what it said by itself.

        Returns:
            The outcome to tell: a cause is told once, and what the reference's files hold is not done.
        """
        if outcome.holds and self.is_reference(lesson):
            return replace(outcome, reference=True)
        return self.told_once(name, outcome)

    def told_once(self, name: str, outcome: Outcome) -> Outcome:
        """The outcome itself; or, where another check has told its cause already, that it has that one's."""
        problem = outcome.problem
        if problem is None:
            return outcome
        teller = self._told.setdefault(problem.cause or name, name)
        if teller == name:
            return outcome
        return Outcome(waits=f"same cause as {_short(teller)}", seconds=outcome.seconds)


def load_id(lesson: Lesson) -> str:
    """The node id of a lesson's first check, on which all others rest."""
    return f"lessons/{lesson.name}/lesson.toml::{LOAD}"


def checks_of(course: Course, lesson: Lesson) -> set[str]:
    """The node ids of all checks of a lesson, without the parameters of a check that has some."""
    ids = {load_id(lesson)}
    ids |= {f"lessons/{lesson.name}/lesson.toml::{slug}" for slug in course.conventions_until(lesson)}
    for file in lesson.test_files:
        names = CHECK.findall(file.read_text(encoding="utf-8"))
        ids |= {f"lessons/{lesson.name}/{file.name}::{name}" for name in names}
    return ids


def needed_id(module: str, name: str) -> str:
    """The node id of a check that another one needs.

    Args:
        module: the node id of the test module of the check that needs it.
        name: what its marker ``needs`` says: ``test_x``, or ``test_other.py::test_x`` of the same lesson.
    """
    return f"{module.rpartition('/')[0]}/{name}" if "::" in name else f"{module}::{name}"


def _short(nodeid: str) -> str:
    return nodeid.rpartition("::")[2]


def _with_others(problem: Problem, others: str, count: int) -> Problem:
    more = f"{others} and more" if count > 4 else others
    return replace(problem, found=f"{problem.found} (also {more})")


def _shown_by(evidence: Evidence, slug: str) -> Problem | None:
    """The first broken place that the running application showed and its source did not tell."""
    from checks import conventions

    if not evidence.broken:
        return None
    place, found = evidence.broken[0]
    convention = conventions.load(slug)
    return from_finding(convention.violation_in(place, found), convention.title, prefix="")


def _nothing_to_judge(slug: str, lesson: Lesson) -> Problem:
    return Problem(
        kind=Kind.CONVENTION,
        title="there is nothing yet that this convention could judge",
        slug=slug,
        expected=f"code in project/app that {slug} applies to",
        found="none",
        why="A check that has looked at nothing has shown nothing.",
        next=f"Read lessons/{lesson.name}/README.md: which step is still to do? · workshop explain {slug}",
        cause=f"nothing {slug}",
    )
