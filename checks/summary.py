"""What stands under pytest's report: what was placed, how far each lesson is, and the one next step."""

from collections.abc import Iterator

from checks.lesson import Lesson
from checks.report import Kind, Problem
from checks.run import LessonRun, checks_of
from checks.workspace import Change

Markup = dict[str, bool]
GREEN: Markup = {"green": True, "bold": True}
RED: Markup = {"red": True, "bold": True}
CALM: Markup = {}
QUIET: Markup = {"light": True}


def summary(run: LessonRun) -> Iterator[tuple[str, Markup]]:
    """Lines for the end of a run, each with pytest's markup for it.

    Args:
        run: what became of the checks.
    """
    if not run.tallies and not run.changes:
        return
    yield "", CALM
    for change in run.changes:
        yield from _placed(change)
    for note in run.notes:
        yield note, CALM
    lessons = [lesson for lesson in run.course.lessons if lesson.name in run.tallies]
    for lesson in lessons:
        yield _score(run, lesson)
    yield from _next(run, lessons)


def _placed(change: Change) -> Iterator[tuple[str, Markup]]:
    for note in change.notes:
        yield note, CALM
    for what, files in (
        ("the reference files of earlier lessons", change.added_reference),
        ("the starter files", change.added_starter),
    ):
        if files:
            yield f"Placed {what} in project/: {', '.join(files)}", QUIET


def _score(run: LessonRun, lesson: Lesson) -> tuple[str, Markup]:
    tally = run.tallies[lesson.name]
    total = max(tally.total, len(checks_of(run.course, lesson)))
    parts = [f"{len(tally.green)} of {total} green"]
    if tally.failed:
        parts.append(f"{len(tally.failed)} to mend")
    if tally.waiting:
        them = {0: "", 1: " for it"}.get(len(tally.failed), " for them")
        parts.append(f"{len(tally.waiting)} waiting{them}")
    if tally.reference:
        parts.append(f"{len(tally.reference)} skipped: the files are the reference's")
    markup = RED if tally.failed else GREEN if run.is_done(lesson) else CALM
    return f"Lesson {lesson.name[:2]} {lesson.title}: {', '.join(parts)}", markup


def _next(run: LessonRun, lessons: list[Lesson]) -> Iterator[tuple[str, Markup]]:
    for lesson in lessons:
        tally = run.tallies[lesson.name]
        if tally.failed:
            first = next(iter(tally.failed.values()))
            if len(tally.failed) > 1:
                yield f"First  {first.title}" + (f" ({first.place})" if first.place else ""), CALM
            yield from _mend(run, lesson, first)
            return
    if not lessons:
        return
    last = lessons[-1]
    tally = run.tallies[last.name]
    if run.is_done(last):
        following = run.course.after(last)
        yield (
            f"Lesson {last.name[:2]} is done. Beside the reference: uv run workshop diff {last.number}",
            GREEN,
        )
        if following is not None:
            yield f"Next   uv run pytest lessons/{following.name[:2]}", CALM
        else:
            yield "That was the last lesson on offer.", CALM
    elif tally.reference:
        yield f"Next   uv run workshop reset {last.number}: brings the starter back, to do it yourself", CALM
    else:
        yield f"Next   run the whole lesson: uv run pytest lessons/{last.name[:2]}", CALM


def _mend(run: LessonRun, lesson: Lesson, problem: Problem) -> Iterator[tuple[str, Markup]]:
    """Where to read on after a failure; code of an earlier lesson has its own brief, and a way past it."""
    file = problem.place.file.removeprefix("project/") if problem.place else ""
    maker = run.course.makers.get(file, lesson.name)
    if problem.kind is Kind.STUB and maker > lesson.name:
        yield f"Brief  lessons/{maker}/README.md: this part belongs to lesson {maker[:2]}", CALM
        yield f"Next   write it, then: uv run pytest lessons/{maker[:2]}", CALM
    elif problem.kind is Kind.STUB and maker < lesson.name:
        yield f"Brief  lessons/{maker}/README.md: this part belongs to lesson {maker[:2]}", CALM
        yield (
            f"Next   write it, or begin at lesson {lesson.name[:2]}: uv run workshop catchup {lesson.number}",
            CALM,
        )
    else:
        yield f"Brief  lessons/{lesson.name}/README.md", CALM
        yield f"Next   mend the first failure above, then: uv run pytest lessons/{lesson.name[:2]}", CALM
