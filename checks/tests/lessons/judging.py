"""Judge many versions of a project by the real lessons, with one process that stays warm."""

import ast
import importlib
import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from checks.lesson import LOAD, Course, Lesson, find_course
from checks.report import Kind, Outcome, Problem
from checks.run import LessonRun, load_id, needed_id
from checks.supervisor import Supervisor

REAL = find_course(Path(__file__))

Edit = str | tuple[str, str] | list[tuple[str, str]] | None
"""What happens to one file: its new text, replacements of (old, new), or None: it is taken away."""

Edits = Mapping[str, Edit]


@dataclass(frozen=True)
class Line:
    """The first line of a project's file that holds some words: where a failure should point."""

    file: str
    words: str


@dataclass(frozen=True)
class Wrong:
    """A version of a lesson's reference that has to fail.

    Attributes:
        name: what its author did, in a few words.
        edits: how it differs from the reference.
        fails: the check, or the slug of the convention, that has to say so.
        at: where it has to point; None where no line is to blame.
        kind: what sort of failure, where it is not a broken expectation or convention.
    """

    name: str
    edits: Edits
    fails: str
    at: Line | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class Right:
    """A version that is written differently and is right: nothing may fail."""

    name: str
    edits: Edits


class Versions(Protocol):
    """The module of a lesson's versions; it has the word of the lesson as its name.

    Attributes:
        FIRST_STUB: file and name of what its starter says first that it is not written yet.
        WRONG: what a learner may write and a check has to reject.
        RIGHT: what a learner may write and no check may reject.
    """

    FIRST_STUB: tuple[str, str]
    WRONG: list[Wrong]
    RIGHT: list[Right]


def versions_of(lesson: Lesson) -> Versions:
    """The versions of a lesson's reference.

    Raises:
        LookupError: there are none, which nothing else would show.
    """
    name = f"checks.tests.lessons.{lesson.name.partition('_')[2]}"
    if importlib.util.find_spec(name) is None:
        raise LookupError(f"lesson {lesson.name} has no versions: {name.replace('.', '/')}.py is missing")
    return cast("Versions", importlib.import_module(name))


@dataclass(frozen=True)
class BehaviourCheck:
    """One function of a lesson's test modules, as its source says; what it needs is told as node ids."""

    name: str
    nodeid: str
    needs: tuple[str, ...]
    docstring: str


def checks_of(lesson: Lesson) -> list[BehaviourCheck]:
    """The behaviour checks of a lesson, in their order."""
    return [
        BehaviourCheck(
            name=function.name,
            nodeid=f"lessons/{lesson.name}/{file.name}::{function.name}",
            needs=tuple(_needed(function, f"lessons/{lesson.name}/{file.name}")),
            docstring=ast.get_docstring(function) or "",
        )
        for file in lesson.test_files
        for function in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test_")
    ]


def _needed(function: ast.FunctionDef | ast.AsyncFunctionDef, module: str) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.needs":
            yield from (needed_id(module, ast.literal_eval(name)) for name in decorator.args)


def state(number: int) -> dict[str, str]:
    """The reference project after a lesson: path to text."""
    lesson = lesson_of(number)
    return {path: file.read_text(encoding="utf-8") for path, file in REAL.state(lesson).items()}


def with_starter(number: int) -> dict[str, str]:
    """What a learner meets at the start of a lesson, with the earlier ones done as in the reference."""
    starter = lesson_of(number).starter_files
    before = state(number - 1) if number > 1 else {}
    return before | {path: file.read_text(encoding="utf-8") for path, file in starter.items()}


def lesson_of(number: int) -> Lesson:
    """The real lesson with this number."""
    return REAL.find(str(number))


def edited(files: Mapping[str, str], edits: Edits) -> dict[str, str]:
    """Some files after some edits; an edit that does not apply is a mistake of the test."""
    result = dict(files)
    for path, edit in edits.items():
        if edit is None:
            del result[path]
        elif isinstance(edit, str):
            result[path] = edit
        else:
            for old, new in [edit] if isinstance(edit, tuple) else edit:
                assert result[path].count(old) == 1, (
                    f"{path}: {old!r} stands there {result[path].count(old)} times"
                )
                result[path] = result[path].replace(old, new)
    return result


def write(project: Path, files: Mapping[str, str]) -> None:
    """Make a folder hold these files and no other; surrogates stand for bytes that are not UTF-8."""
    shutil.rmtree(project, ignore_errors=True)
    for path, text in files.items():
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")


def copy_course(root: Path) -> Course:
    """A clone in small: the lessons that are on offer and their solutions, without a project."""
    for lesson in REAL.lessons:
        ignore = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(lesson.folder, root / "lessons" / lesson.name, ignore=ignore)
        shutil.copytree(lesson.solution, root / "solutions" / lesson.name, ignore=ignore)
    (root / "checks").mkdir()
    shutil.copy(REAL.root / "pyproject.toml", root)
    return Course(root)


class Bench:
    """A small clone whose project is replaced for each version, and a subject that stays.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.course = copy_course(root)
        self._supervisor = self._fresh()

    def _fresh(self) -> Supervisor:
        supervisor = Supervisor(
            self.course, ["fastapi", "sqlalchemy.ext.asyncio", "pydantic_settings", "httpx"], 10.0
        )
        supervisor.files = [str(file) for lesson in self.course.lessons for file in lesson.test_files]
        return supervisor

    def close(self) -> None:
        """End the subject."""
        self._supervisor.close()

    def judge(self, number: int, files: Mapping[str, str]) -> dict[str, Outcome]:
        """The outcome of every check of one lesson, by its name or slug, as a run of the lesson has it."""
        write(self.course.project, files)
        lesson = self.course.find(str(number))
        run = LessonRun(self.course, self._supervisor)
        outcomes: dict[str, Outcome] = {}

        def keep(name: str, nodeid: str, outcome: Outcome) -> None:
            run.tally(lesson).add(nodeid, outcome)
            outcomes[name] = outcome

        keep(LOAD, load_id(lesson), run.load(lesson, load_id(lesson)))
        for check in checks_of(lesson):
            keep(check.name, check.nodeid, run.behave(lesson, check.nodeid, None, list(check.needs)))
        for slug in self.course.conventions_until(lesson):
            nodeid = f"lessons/{lesson.name}/lesson.toml::{slug}"
            keep(slug, nodeid, run.follow(lesson, nodeid, slug))
        if not outcomes[LOAD].holds:
            # Modules that were imported half-way stay in the subject.
            self._supervisor.close()
            self._supervisor = self._fresh()
        return outcomes


def problems(outcomes: Mapping[str, Outcome]) -> dict[str, Problem]:
    """The failed checks of a lesson and what they say."""
    return {name: outcome.problem for name, outcome in outcomes.items() if outcome.problem is not None}


def told(problem: Problem) -> str:
    """A problem in a few lines, for the message of a failed test."""
    return f"{problem.kind} at {problem.place}: {problem.title}; found {problem.found}\n{problem.detail}"
