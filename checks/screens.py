"""How the answers of the `workshop` command read on a terminal."""

from collections.abc import Iterable
from datetime import datetime

from checks.guide import (
    CommandResult,
    Comparison,
    Explanation,
    FileDifference,
    Hints,
    LessonView,
    Likeness,
    NextStep,
    Position,
    SnapshotList,
    SnapshotView,
    Standing,
    Status,
)
from checks.terminal import Screen

COURSE = "FastAPI, layer by layer"
MARKS = {Standing.DONE: "✓", Standing.SKIPPED: "·", Standing.OPEN: "→", Standing.AHEAD: " "}
HEADLINES = {
    "start": "Lesson {lesson} is ready.",
    "start again": "Again: the starter of lesson {lesson} is back; your version is saved.",
    "reset": "Lesson {lesson} is back at its start.",
    "solve": "The reference of lesson {lesson} is in your project.",
    "catchup": "Your project is at the start of lesson {lesson}.",
    "undo": "Undone: {undone}, with all changes since.",
    "undo again": "Done again: the undo of {undone} is taken back, with all changes since.",
}
DEEDS = {"place": "pytest on lesson {lesson}", "undo": "an undo"}
LIKENESS = {
    Likeness.MISSING: "not in your project",
    Likeness.NOT_TEXT: "not UTF-8 text: not compared",
}


def show_position(screen: Screen, position: Position) -> None:
    """Where the learner is and the one next step."""
    lesson = position.lesson
    screen.line(f"{COURSE}: {_progress(position)}", "bold")
    screen.line()
    if lesson is None:
        screen.paragraph("Every lesson is behind you.", indent="  ")
        screen.line()
    else:
        screen.paragraph(f"**Lesson {lesson.number:02}, {lesson.title}.** {lesson.summary}", indent="  ")
        screen.line()
        if lesson.standing is Standing.OPEN:
            screen.entry("Brief", [position.brief or ""])
            screen.entry("Your files", position.files)
            screen.entry("Hints", [_hints_seen(lesson)] if lesson.hints else [])
            screen.line()
    show_step(screen, position.next)


def show_status(screen: Screen, status: Status) -> None:
    """All lessons with how far they are."""
    screen.line(COURSE, "bold")
    screen.line()
    width = max((len(lesson.title) for lesson in status.lessons), default=0)
    for lesson in status.lessons:
        row = f"  {MARKS[lesson.standing]} {lesson.number:02}  {lesson.title:<{width}}  {_standing(lesson)}"
        screen.line(row.rstrip(), "" if lesson.standing is not Standing.AHEAD else "dim")
    screen.line()
    show_step(screen, status.next)


def show_hints(screen: Screen, hints: Hints) -> None:
    """The next hint, or those seen so far."""
    for hint in hints.shown:
        title = f": {hint.title}" if hint.title else ""
        if hint is not hints.shown[0]:
            screen.line()
        screen.line(f"Lesson {hints.lesson}, hint {hint.number} of {hints.total}{title}", "bold")
        screen.line()
        screen.markdown(hint.text)
    if hints.shown:
        return
    number = hints.lesson[:2]
    if hints.exhausted:
        screen.line(f"You have seen all {hints.total} hints of lesson {hints.lesson}.")
        step = NextStep(f"uv run workshop hint {number} --again", "shows them again")
    else:
        screen.line(f"You have not seen a hint of lesson {hints.lesson} yet; it has {hints.total}.")
        step = NextStep(f"uv run workshop hint {number}", "shows the first")
    screen.line()
    show_step(screen, step)


def show_explanation(screen: Screen, explanation: Explanation) -> None:
    """A convention's documentation."""
    screen.line(f"{explanation.slug}   {explanation.title}", "bold")
    if explanation.lesson:
        screen.line(f"first met in lesson {explanation.lesson}", "dim")
    screen.line()
    screen.markdown(explanation.rule)
    _show_section(screen, "Why")
    screen.markdown(explanation.why)
    for title, style, examples in (("Bad", "red", explanation.bad), ("Good", "green", explanation.good)):
        for example in examples:
            _show_section(screen, title, style)
            screen.code(example)


def show_comparison(screen: Screen, comparison: Comparison) -> None:
    """The learner's files of a lesson against the reference."""
    screen.line(f"Lesson {comparison.lesson}: lines with - are yours, lines with + the reference's.", "bold")
    for file in comparison.files:
        if file.likeness is not Likeness.SAME:
            screen.line()
            _show_difference(screen, file)
    if same := [file.path for file in comparison.files if file.likeness is Likeness.SAME]:
        screen.line()
        screen.entry("The same", same)


def show_result(screen: Screen, result: CommandResult) -> None:
    """What a command did in the project, and how to get the former state back."""
    screen.paragraph(_headline(result), "bold")
    if result.touched or result.brief:
        screen.line()
    _show_files(screen, result)
    for note in result.notes:
        screen.paragraph(note, indent="  ")
    if result.saved:
        screen.entry("Saved", ["your project as it was before this: `workshop undo` brings it back"])
    if result.brief:
        screen.entry("Brief", [result.brief])
    screen.line()
    show_step(screen, result.next)


def show_copies(screen: Screen, copies: SnapshotList) -> None:
    """The copies of the project that can be brought back."""
    if not copies.copies:
        screen.line("There is no copy of your project yet: no command has changed it.")
        return
    screen.line("Copies of your project, the newest first", "bold")
    screen.line()
    width = len(str(copies.copies[0].number))
    for copy in copies.copies:
        when = datetime.fromisoformat(copy.when)
        files = f"{copy.files} file{'s' if copy.files != 1 else ''}"
        screen.line(f"  {copy.number:>{width}}  {when:%Y-%m-%d %H:%M}  {files:<9} before {_deed(copy)}")
    screen.line()
    show_step(
        screen,
        NextStep("uv run workshop undo --to N", "brings back copy number N; your project is saved first"),
    )


def show_recovery(screen: Screen, result: CommandResult) -> None:
    """What was put in order before the command itself."""
    for note in result.notes:
        screen.paragraph(note)
    _show_files(screen, result)
    screen.line()


def show_step(screen: Screen, step: NextStep) -> None:
    """The one next step."""
    screen.entry("Next", [step.command], "bold green")
    screen.entry("", [step.purpose])


def _show_files(screen: Screen, result: CommandResult) -> None:
    placed = set(result.reference)

    def marked(paths: Iterable[str]) -> list[str]:
        return [f"{path}  (reference)" if path in placed else path for path in paths]

    screen.entry("Added", marked(result.added))
    screen.entry("Changed", marked(result.changed))
    screen.entry("Removed", result.removed)


def _show_section(screen: Screen, title: str, style: str = "") -> None:
    screen.line()
    screen.line(title, f"bold {style}")
    screen.line()


def _headline(result: CommandResult) -> str:
    if not result.touched:
        return "Nothing to change: the files are as they should be."
    copy = result.undone
    is_redone = copy is not None and copy.action == "undo"
    again = " again" if is_redone or (result.action == "start" and result.changed) else ""
    undone = copy and (_moment(copy) if is_redone else f"{_deed(copy)} ({_moment(copy)})")
    return HEADLINES[result.action + again].format(lesson=result.lesson, undone=undone)


def _deed(copy: SnapshotView) -> str:
    """The command that a copy is from right before of."""
    return DEEDS.get(copy.action, f"{copy.action} of lesson {{lesson}}").format(lesson=copy.lesson)


def _moment(copy: SnapshotView) -> str:
    when = datetime.fromisoformat(copy.when)
    is_today = when.date() == datetime.now(when.tzinfo).date()
    return f"{when:%H:%M}" if is_today else f"{when:%Y-%m-%d %H:%M}"


def _progress(position: Position) -> str:
    passed_over = f", {position.passed_over} passed over" if position.passed_over else ""
    return f"{position.done} of {position.total} lessons done{passed_over}"


def _hints_seen(lesson: LessonView) -> str:
    return f"{lesson.hints_seen} of {lesson.hints} seen"


def _standing(lesson: LessonView) -> str:
    if lesson.standing is Standing.AHEAD:
        return f"{lesson.minutes} minutes" + (", optional" if lesson.optional else "")
    if lesson.standing is Standing.OPEN:
        return "in progress" + (f", hints {_hints_seen(lesson)}" if lesson.hints else "")
    return {Standing.DONE: "done", Standing.SKIPPED: "skipped: its files are the reference's"}[
        lesson.standing
    ]


def _show_difference(screen: Screen, file: FileDifference) -> None:
    if file.likeness in LIKENESS:
        screen.line(f"{file.path}: {LIKENESS[file.likeness]}", "bold")
    for line in file.lines:
        screen.line(line, _style_of(line))


def _style_of(line: str) -> str:
    styles: dict[str, str] = {"-": "red", "+": "green", "@": "cyan"}
    return "bold" if line.startswith(("--- ", "+++ ")) else styles.get(line[:1], "")
