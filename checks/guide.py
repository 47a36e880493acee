"""What the `workshop` command knows: where the learner is, the next step, hints, explanations, differences.

Every question about a clone is a method of `Guide`; conventions are explained without one. The answer is a
frozen record of plain values, which `cli.py` prints and `--json` writes as it stands.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from checks.lesson import Course, Lesson, LessonError, UnknownLessonError, find_course
from checks.workspace import Change, Origin, Snapshot, Workspace

BEGINNING = frozenset({"start", "reset", "catchup"})
"""The commands after which the learner is at the start of their lesson."""


class GuideError(Exception):
    """What was asked cannot be answered now; the text is written for the person at the terminal."""


class UnknownWordError(GuideError):
    """A word of the command line names nothing that exists."""


class Standing(StrEnum):
    """How far a lesson is."""

    AHEAD = "ahead"
    """Not reached."""
    OPEN = "open"
    """Reached, not green."""
    DONE = "done"
    """Green: the pytest side says so of a learner's own work alone."""
    SKIPPED = "skipped"
    """Its files are the reference's."""

    @property
    def is_settled(self) -> bool:
        """Whether the learner can go on to the next lesson."""
        return self in {Standing.DONE, Standing.SKIPPED}


class NextStep(NamedTuple):
    """The one thing to do next.

    Attributes:
        command: what to type.
        purpose: what it does, a phrase.
    """

    command: str
    purpose: str


class LessonView(NamedTuple):
    """One lesson as the learner sees it; minutes are the time that it needs."""

    name: str
    number: int
    title: str
    summary: str
    minutes: int
    optional: bool
    standing: Standing
    hints_seen: int
    hints: int


class Position(NamedTuple):
    """Where the learner is.

    Attributes:
        lesson: the lesson in hand, or the next one where that is settled; None when all are.
        brief: its README, as seen from the current folder.
        files: the files of the project that are to be written or changed, as seen from the current folder.
        done, passed_over, total: how many lessons were done by the learner, were reached and left, and exist.
        next: the one next step.
    """

    lesson: LessonView | None
    brief: str | None
    files: tuple[str, ...]
    done: int
    passed_over: int
    total: int
    next: NextStep


class Status(NamedTuple):
    """All lessons on offer, in order, and the one next step."""

    lessons: tuple[LessonView, ...]
    next: NextStep


class Hint(NamedTuple):
    """One section of a lesson's `hints.md`: the text is Markdown, the title is often empty."""

    number: int
    title: str
    text: str


class Hints(NamedTuple):
    """The hints to show now, of how many, and whether all had been seen before."""

    lesson: str
    shown: tuple[Hint, ...]
    total: int
    exhausted: bool


class Explanation(NamedTuple):
    """A convention's own documentation.

    Attributes:
        slug, title: its name, and the rule in a few words.
        lesson: where it is first met, or None.
        rule, why: Markdown.
        bad, good: Python code of examples that break and follow it.
    """

    slug: str
    title: str
    lesson: str | None
    rule: str
    why: str
    bad: tuple[str, ...]
    good: tuple[str, ...]


class Likeness(StrEnum):
    """How a file of the project compares to the reference."""

    SAME = "same"
    DIFFERENT = "different"
    MISSING = "missing"
    NOT_TEXT = "not text"


class FileDifference(NamedTuple):
    """One file of a lesson; lines are those of a unified diff from the learner's to the reference."""

    path: str
    likeness: Likeness
    lines: tuple[str, ...]


class Comparison(NamedTuple):
    """The files of one lesson, the learner's against the reference."""

    lesson: str
    files: tuple[FileDifference, ...]


class SnapshotView(NamedTuple):
    """A copy of the whole project from right before a command.

    Attributes:
        number, name: each can be used to bring it back.
        when: local time with its offset, as ISO 8601 has it.
        action, lesson: the command; `place` stands for a run of pytest that added files.
        files: how many there are in it.
    """

    number: int
    name: str
    when: str
    action: str
    lesson: str | None
    files: int


class SnapshotList(NamedTuple):
    """All copies of the project, the newest first."""

    copies: tuple[SnapshotView, ...]


class CommandResult(NamedTuple):
    """What a command did in the project.

    Attributes:
        action: the command.
        lesson: the lesson that it was about, or None.
        added, changed, removed: files, as seen from the current folder.
        reference: those of them that hold the reference version now.
        saved: name of the copy of the project as it was before; None where nothing was replaced.
        undone: the copy that an undo brought back; None for other commands.
        notes: sentences about anything out of the ordinary.
        brief: the README of that lesson, while it is in hand.
        next: the one next step.
    """

    action: str
    lesson: str | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    reference: tuple[str, ...]
    saved: str | None
    undone: SnapshotView | None
    notes: tuple[str, ...]
    brief: str | None
    next: NextStep

    @property
    def touched(self) -> bool:
        """Whether any file is different now."""
        return bool(self.added or self.changed or self.removed)


class Guide:
    """Answers for one clone of the workshop and the learner's project in it.

    Args:
        course: the lessons.
        workspace: the learner's project.
        here: the current folder, from which paths are shown.
    """

    def __init__(self, course: Course, workspace: Workspace, here: Path) -> None:
        self.course = course
        self.workspace = workspace
        self.here = here

    def position(self) -> Position:
        """Where the learner is, and the next step."""
        reached = self._reached()
        lesson = self._in_hand(reached)
        behind = [other for other in reached if other != lesson]
        done = sum(self.workspace.is_green(other.name) for other in behind)
        return Position(
            lesson=self._view(lesson, reached) if lesson else None,
            brief=self._brief(lesson),
            files=tuple(self._shown(self.course.project / path) for path in _files_to_write(lesson)),
            done=done,
            passed_over=len(behind) - done,
            total=len(self.course.lessons),
            next=self._next(lesson, reached),
        )

    def status(self) -> Status:
        """Every lesson on offer with its standing."""
        reached = self._reached()
        views = tuple(self._view(lesson, reached) for lesson in self.course.lessons)
        return Status(views, self._next(self._in_hand(reached), reached))

    def hint(self, word: str | None, *, again: bool = False) -> Hints:
        """The next hint of a lesson, remembered as seen; or with `again` those seen so far.

        Raises:
            GuideError: the lesson needs none any more, or is not started yet.
        """
        lesson = self._meant(word)
        if word is not None and lesson not in self._reached():
            raise GuideError(
                f"Lesson {lesson.name} is not started yet: its hints would tell too early."
                f" `workshop start {lesson.number}` starts it;"
                " `workshop hint` shows one hint after the other."
            )
        if word is None and not again and self._standing(lesson, self._reached()).is_settled:
            raise GuideError(
                f"Lesson {lesson.name} needs no hint any more. `workshop` names the next step;"
                f" `workshop hint {lesson.number:02}` shows its hints all the same."
            )
        hints = read_hints(lesson)
        seen = min(self.workspace.hints_shown(lesson), len(hints))
        if again:
            return Hints(lesson.name, tuple(hints[:seen]), len(hints), exhausted=seen == len(hints))
        if seen == len(hints):
            return Hints(lesson.name, (), len(hints), exhausted=True)
        self.workspace.show_hint(lesson)
        return Hints(lesson.name, (hints[seen],), len(hints), exhausted=False)

    def diff(self, word: str | None, *, spoil: bool = False) -> Comparison:
        """The learner's files of a lesson against the reference.

        Raises:
            GuideError: the lesson is not green, and `spoil` was not asked for.
        """
        lesson = self._meant(word)
        if not (spoil or self._standing(lesson, self._reached()).is_settled):
            raise GuideError(
                f"Lesson {lesson.name} is not green yet, and this would show the solution."
                f" `workshop hint {lesson.number:02}` tells a little more;"
                f" `workshop diff {lesson.number:02} --spoil` shows the solution now."
            )
        return Comparison(lesson.name, tuple(self._differences(lesson)))

    def start(self, word: str) -> CommandResult:
        """Place a lesson's files; once they are there, put its starter files back."""
        return self._carry_out(self.workspace.start, word)

    def reset(self, word: str) -> CommandResult:
        """Put a lesson's files back to its start."""
        return self._carry_out(self.workspace.reset, word)

    def solve(self, word: str) -> CommandResult:
        """Put the reference files of a lesson in the project."""
        return self._carry_out(self.workspace.solve, word)

    def catchup(self, word: str) -> CommandResult:
        """Bring the project to the start of a lesson."""
        return self._carry_out(self.workspace.catchup, word)

    def undo(self, word: str | None = None) -> CommandResult:
        """Bring back the project from before the last command, an undo included, or from a copy."""
        return self._result(self.workspace.undo(word))

    def copies(self) -> SnapshotList:
        """All that `undo` can bring back."""
        return SnapshotList(
            tuple(_snapshot_view(snapshot) for snapshot in reversed(self.workspace.snapshots()))
        )

    def recovered(self) -> CommandResult | None:
        """What was done about a command that had been interrupted; None in the ordinary case."""
        change = self.workspace.recover()
        return self._result(change) if change else None

    def _carry_out(self, action: Callable[[Lesson], Change], word: str) -> CommandResult:
        return self._result(action(self._find(word)))

    def _result(self, change: Change) -> CommandResult:
        def shown(paths: Iterable[str]) -> tuple[str, ...]:
            return tuple(self._shown(self.course.project / path) for path in paths)

        reached = self._reached()
        in_hand = self._in_hand(reached)
        begun = next((lesson for lesson in reached if lesson.name == change.lesson), None)
        if begun and change.action in BEGINNING and not self._standing(begun, reached).is_settled:
            in_hand = begun  # also where a later one was reached before
        return CommandResult(
            action=change.action,
            lesson=change.lesson,
            added=shown(change.added),
            changed=shown(change.changed),
            removed=shown(change.removed),
            reference=shown(path for path, origin in change.origins.items() if origin is Origin.REFERENCE),
            saved=change.snapshot,
            undone=_snapshot_view(change.undone) if change.undone else None,
            notes=change.notes,
            brief=self._brief(in_hand) if in_hand and in_hand.name == change.lesson else None,
            next=self._next(in_hand, reached),
        )

    def _find(self, word: str) -> Lesson:
        try:
            return self.course.find(word)
        except UnknownLessonError as error:
            if error.nearest or error.later or not self.course.lessons:
                raise
            first, last = self.course.lessons[0], self.course.lessons[-1]
            raise UnknownWordError(
                f"There is no lesson {word!r}. They go from {first.name} to {last.name}."
            ) from error

    def _meant(self, word: str | None) -> Lesson:
        """The lesson of that name, or without one the furthest that was reached."""
        if word is not None:
            return self._find(word)
        reached = self._reached()
        if not reached:
            raise GuideError("No lesson is started yet. `workshop` says how to begin.")
        return reached[-1]

    def _reached(self) -> list[Lesson]:
        names = set(self.workspace.reached())
        return [lesson for lesson in self.course.lessons if lesson.name in names]

    def _standing(self, lesson: Lesson, reached: Sequence[Lesson]) -> Standing:
        if lesson not in reached:
            return Standing.AHEAD
        if self.workspace.is_green(lesson.name):
            return Standing.DONE
        return Standing.OPEN if self.workspace.lesson_is_own_work(lesson) else Standing.SKIPPED

    def _in_hand(self, reached: Sequence[Lesson]) -> Lesson | None:
        """The furthest lesson that was reached, or the one after it where that is settled."""
        if not reached:
            return self.course.lessons[0] if self.course.lessons else None
        furthest = reached[-1]
        return self.course.after(furthest) if self._standing(furthest, reached).is_settled else furthest

    def _next(self, lesson: Lesson | None, reached: Sequence[Lesson]) -> NextStep:
        if lesson is None:
            return NextStep(
                f"uv run pytest {self._shown(self.course.root / 'lessons')}", "checks all of it once more"
            )
        command = f"uv run pytest {self._lesson_path(lesson)}"
        if lesson not in reached:
            return NextStep(command, "adds the files of this lesson and says what there is to write")
        return NextStep(command, "checks what you wrote and says what is left")

    def _brief(self, lesson: Lesson | None) -> str | None:
        return self._shown(lesson.folder / "README.md") if lesson else None

    def _lesson_path(self, lesson: Lesson) -> str:
        at_root = self.here == self.course.root
        return f"lessons/{lesson.number:02}" if at_root else self._shown(lesson.folder)

    def _view(self, lesson: Lesson, reached: Sequence[Lesson]) -> LessonView:
        return LessonView(
            name=lesson.name,
            number=lesson.number,
            title=lesson.title,
            summary=lesson.summary,
            minutes=lesson.minutes,
            optional=lesson.optional,
            standing=self._standing(lesson, reached),
            hints_seen=self.workspace.hints_shown(lesson),
            hints=_count_hints(lesson),
        )

    def _shown(self, path: Path) -> str:
        if not self.here.is_relative_to(self.course.root):
            return str(path)
        return path.relative_to(self.here, walk_up=True).as_posix()

    def _differences(self, lesson: Lesson) -> Iterator[FileDifference]:
        for path, reference in lesson.solution_files.items():
            if Path(path).name == ".env":  # everybody has their own, with a key that no screen should show
                continue
            mine = self.course.project / path
            yield _difference(mine, reference, self._shown(mine), self._shown(reference))


def open_guide() -> Guide:
    """The guide for the clone that holds the current folder, or that the command was installed from.

    Raises:
        GuideError: there is neither.
    """
    course = find_course()
    if not (course.root / "lessons").is_dir():
        raise GuideError(
            f"There are no lessons here: neither {Path.cwd()} nor a folder above it is a clone of the"
            " workshop, and this command is not installed from one. Go into your clone and run it there with"
            " `uv run workshop`. Without a clone, `workshop audit PATH` and `workshop explain SLUG` work."
        )
    return Guide(course, Workspace(course), Path.cwd().resolve())


def explain(slug: str | None) -> Explanation:
    """What a convention asks for and why, with its examples; it takes no clone of the workshop.

    Raises:
        UnknownWordError: there is no such convention, or none was named.
    """
    from checks import conventions

    if slug is None:
        raise UnknownWordError(f"Which convention? One of: {', '.join(conventions.slugs())}.")
    try:
        convention = conventions.load(slug)
    except conventions.UnknownConventionError as error:
        raise UnknownWordError(str(error)) from error
    return Explanation(
        slug=slug,
        title=convention.title,
        lesson=_first_met(slug),
        rule=convention.rule,
        why=convention.why,
        bad=tuple(example.source for example in convention.bad),
        good=tuple(example.source for example in convention.good),
    )


def _first_met(slug: str) -> str | None:
    """The lesson of a convention; None where no lesson has it, or there are none that can be read."""
    try:
        lessons = find_course().all_lessons
        return next((lesson.name for lesson in lessons if slug in lesson.conventions), None)
    except LessonError:
        return None


def read_hints(lesson: Lesson) -> list[Hint]:
    """The hints of a lesson, in order: one for each heading of the second level in `hints.md`.

    Raises:
        GuideError: the lesson has no such file, or it cannot be read, or it holds no hint.
    """
    path = lesson.folder / "hints.md"
    try:
        hints = parse_hints(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hints = []
    except (OSError, UnicodeDecodeError) as error:
        raise GuideError(f"{path} cannot be read: {error}") from error
    if not hints:
        raise GuideError(f"Lesson {lesson.name} has no hints. Its brief is {lesson.folder / 'README.md'}.")
    return hints


def parse_hints(markdown: str) -> list[Hint]:
    """Split the text of a `hints.md`; what stands before the first heading is no hint."""
    sections: list[tuple[str, list[str]]] = []
    in_code = False
    for line in markdown.splitlines():
        in_code ^= line.lstrip().startswith(("```", "~~~"))
        if line.startswith("## ") and not in_code:
            sections.append((_hint_title(line.removeprefix("## ")), []))
        elif sections:
            sections[-1][1].append(line)
    return [
        Hint(number, title, "\n".join(lines).strip())
        for number, (title, lines) in enumerate(sections, start=1)
    ]


def _hint_title(heading: str) -> str:
    """What a heading says besides `Hint 2`."""
    word, _, rest = heading.strip().partition(" ")
    number, _, title = rest.partition(" ")
    is_numbered = word.lower() == "hint" and number.rstrip(":.").isdecimal()
    return title.lstrip(":.- ") if is_numbered else heading.strip()


def _count_hints(lesson: Lesson) -> int:
    try:
        return len(read_hints(lesson))
    except GuideError:
        return 0


def _snapshot_view(snapshot: Snapshot) -> SnapshotView:
    return SnapshotView(
        number=snapshot.number,
        name=snapshot.name,
        when=snapshot.when.isoformat(timespec="seconds"),
        action=snapshot.action,
        lesson=snapshot.lesson,
        files=snapshot.files,
    )


def _files_to_write(lesson: Lesson | None) -> Iterator[str]:
    """The files that a lesson makes or changes, without those that its starter brings in their final form."""
    if lesson is None:
        return
    starter, solution = lesson.starter_files, lesson.solution_files
    for path in (*lesson.made, *lesson.changed):
        is_final = path in starter and path in solution
        if not (is_final and starter[path].read_bytes() == solution[path].read_bytes()):
            yield path


def _difference(mine: Path, reference: Path, my_name: str, reference_name: str) -> FileDifference:
    try:
        written = mine.read_text(encoding="utf-8-sig").splitlines() if mine.is_file() else []
        wanted = reference.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return FileDifference(my_name, Likeness.NOT_TEXT, ())
    lines = tuple(difflib.unified_diff(written, wanted, my_name, reference_name, lineterm=""))
    if not mine.is_file():
        return FileDifference(my_name, Likeness.MISSING, lines)
    return FileDifference(my_name, Likeness.DIFFERENT if lines else Likeness.SAME, lines)
