"""The pytest plugin: lessons by short names, the learner's code in a process of its own, failures that teach.

It is loaded on every run in this repository and does nothing unless lessons are asked for.
"""

import atexit
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.items import ConventionItem, LessonFile, LoadItem
from checks.lesson import LOAD, NEEDS, Course, Lesson, LessonError, find_course

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter
    from _pytest.terminal import TerminalReporter

    from checks.report import Outcome, Problem
    from checks.run import LessonRun
    from checks.supervisor import Supervisor

RUN = pytest.StashKey["LessonPlugin"]()
TIME_LIMIT = 10.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option of our own: how long a check may take."""
    group = parser.getgroup("lessons")
    group.addoption(
        "--time-limit",
        type=float,
        metavar="SECONDS",
        help=f"how long one check of a lesson may take (default: ini time_limit, or {TIME_LIMIT:g})",
    )
    parser.addini("time_limit", "seconds that one check of a lesson may take", default=str(TIME_LIMIT))
    _warm_up(sys.argv[1:])


NOT_RUNNING = {"--collect-only", "--co", "--help", "-h", "--version", "-V", "-n"}
_warm: "Supervisor | None" = None


def _warm_up(words: list[str]) -> None:
    """Start the subject before pytest has read its options, if the command line looks like a run of lessons.

    This is the first moment at which a plugin is called. If the guess is wrong, the process is ended unused.
    """
    global _warm  # noqa: PLW0603 - pytest has no place for state before it has a configuration
    course, here = find_course(), Path.cwd()
    lessons = course.root / "lessons"
    paths = [Path(os.path.normpath(here / word.partition("::")[0])) for word in words if word[:1] != "-"]
    named = [path.relative_to(lessons).parts[0] for path in paths if lessons in path.parents]
    if not named or NOT_RUNNING.intersection(words) or "PYTEST_XDIST_WORKER" in os.environ:
        return
    try:
        lesson = max((course.find(word) for word in named), key=lambda lesson: lesson.number)
    except LessonError:
        return
    _warm = _supervisor_for(course, lesson)
    _warm.start()
    atexit.register(_warm.close)


def _supervisor_for(course: Course, lesson: Lesson) -> "Supervisor":
    from checks.supervisor import Supervisor, imported_by

    sources = [path for path in course.state(lesson).values() if path.suffix == ".py" and "app" in path.parts]
    return Supervisor(course, imported_by(sources), TIME_LIMIT)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Turn ``lessons/3`` into the folder that it means, and warm the subject up while pytest starts.

    Raises:
        pytest.UsageError: a lesson that does not exist.
    """
    course = Course(early_config.rootpath)
    if not (course.root / "lessons").is_dir():
        return
    asked = early_config.known_args_namespace.file_or_dir
    try:
        for word in asked:
            args[args.index(word)] = _full_path(course, early_config.invocation_params.dir, word)
    except LessonError as error:
        first, last = course.lessons[0], course.lessons[-1]
        offered = f"On offer are {first.name} to {last.name}."
        raise pytest.UsageError(f"{error} {offered}") from None


def _full_path(course: Course, here: Path, word: str) -> str:
    """The path that ``lessons/3`` or ``lessons/03::node`` means; any other comes back as it is."""
    path, separator, node = word.partition("::")
    if (here / path).exists():
        return word
    lessons = course.root / "lessons"
    for folder, meant in (
        (lessons, os.path.normpath(here / path)),
        # By way of a link, like /tmp on macOS, or by a short name of Windows.
        (lessons.resolve(), os.path.realpath(here / path)),
        # Below project/, say, where the application was run a moment ago.
        (lessons, os.path.normpath(course.root / path)),
    ):
        if folder in Path(meant).parents:
            first, *rest = Path(meant).relative_to(folder).parts
            found = course.find(first).folder.joinpath(*rest)
            return f"{found}{separator}{node}"
    _complain_if_a_lesson_is_meant(course, path)
    return word


def _complain_if_a_lesson_is_meant(course: Course, path: str) -> None:
    """Say how a lesson is named, to who wrote ``3`` or ``lesson/3``.

    Raises:
        pytest.UsageError: the last part of a path that does not exist is a lesson's name.
    """
    try:
        lesson = course.find(Path(path).name)
    except LessonError:
        return
    raise pytest.UsageError(f"There is no {path} here. The lesson: uv run pytest lessons/{lesson.name[:2]}")


def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run if it asks for lessons."""
    config.addinivalue_line("markers", NEEDS)
    course = Course(config.rootpath)
    wanted = _Wanted.of(config, course)
    if wanted is not None:
        plugin = LessonPlugin(config, course, wanted)
        config.stash[RUN] = plugin
        config.pluginmanager.register(plugin, "lessons")
        config.pluginmanager.import_plugin("checks.fixtures")
        plugin.step_through_if_asked()


class _Wanted:
    """Which lessons a run is about.

    Attributes:
        named: those that stand on the command line.
        everything: whether the folder of all lessons stands there.
    """

    def __init__(self, named: tuple[Lesson, ...], everything: bool) -> None:
        self.named = named
        self.everything = everything

    @classmethod
    def of(cls, config: pytest.Config, course: Course) -> "_Wanted | None":
        lessons = course.root / "lessons"
        if not lessons.is_dir():
            return None
        by_folder = {lesson.folder: lesson for lesson in course.all_lessons}
        named: dict[Lesson, None] = {}
        everything = False
        for argument in config.args:
            path = Path(os.path.normpath(config.invocation_params.dir / argument.partition("::")[0]))
            lesson = next(
                (by_folder[folder] for folder in (path, *path.parents) if folder in by_folder), None
            )
            if lesson is not None:
                named[lesson] = None
            elif path == lessons or path in lessons.parents:
                everything = True
        if not named and not everything:
            return None
        return cls(tuple(sorted(named, key=lambda lesson: lesson.number)), everything)


class LessonPlugin:
    """The hooks of pytest for a run that looks at lessons.

    Args:
        config: the run's.
        course: the clone.
        wanted: what was asked for.
    """

    def __init__(self, config: pytest.Config, course: Course, wanted: _Wanted) -> None:
        self.config = config
        self.course = course
        self.wanted = wanted
        self.collecting_only = bool(config.option.collectonly)
        self.is_worker = hasattr(config, "workerinput")
        self.is_controller = not self.is_worker and getattr(config.option, "dist", "no") != "no"
        self.expected: dict[str, set[str]] = {}
        self.remarks: list[str] = []
        self._by_name = {lesson.name: lesson for lesson in course.all_lessons}
        self._run: LessonRun | None = None
        if not self.collecting_only and not self.is_controller:
            self.run.supervisor.start()
        if not config.option.reportchars or config.option.reportchars == "fE":
            config.option.reportchars = "N"

    def step_through_if_asked(self) -> None:
        """Let checks run in this process where a debugger is at work."""
        self.in_process = _is_debugged(self.config) and not self.collecting_only
        if self.in_process:
            from checks.in_process import InProcess

            self.config.pluginmanager.register(InProcess(self.run, _is_behaviour, self._show), "in_process")

    def _show(self, report: pytest.TestReport, outcome: "Outcome") -> None:
        report.outcome_data = outcome.as_dict()  # type: ignore[attr-defined]
        if outcome.problem is not None:
            report.outcome = "failed"
            report.longrepr = ProblemText(outcome.problem, self.course.root)  # type: ignore[assignment]

    @property
    def run(self) -> "LessonRun":
        """What is known of this run; made at the first use, because collecting needs none of it."""
        if self._run is None:
            from checks.run import LessonRun

            self._run = LessonRun(self.course, self._supervisor())
            self.config.add_cleanup(self._run.supervisor.close)
        return self._run

    def _supervisor(self) -> "Supervisor":
        last = self.wanted.named[-1] if self.wanted.named else self.course.lessons[-1]
        warm = _warm if _warm is not None and _warm.course.root == self.course.root else None
        supervisor = warm or _supervisor_for(self.course, last)
        supervisor.limit = self.config.option.time_limit or float(self.config.getini("time_limit"))
        return supervisor

    # -- what is collected -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Place the named lessons' files, before anybody collects.

        Raises:
            pytest.UsageError: a file cannot be placed, or no lesson has been started yet.
        """
        if self.collecting_only or self.is_worker:
            return
        from checks.workspace import WorkspaceError

        try:
            self.run.place(self.wanted.named)
            reached = self.wanted.named or self.run.workspace.reached()
        except (LessonError, WorkspaceError) as error:
            raise pytest.UsageError(str(error)) from None
        if not reached:
            first = self.course.lessons[0]
            raise pytest.UsageError(
                "No lesson has been started yet, so there is nothing to check. "
                f"Begin with: uv run pytest lessons/{first.name[:2]}"
            )

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out the lessons that nobody named and the learner has not reached, and every starter."""
        if collection_path.name == "starter" and collection_path.parent.name in self._by_name:
            return True
        lesson = self._by_name.get(collection_path.name)
        if lesson is None or collection_path.parent.name != "lessons":
            return None
        if not lesson.is_offered:
            return True
        if lesson in self.wanted.named:
            return None
        return None if self.collecting_only or lesson.name in self._reached else True

    @property
    def _reached(self) -> list[str]:
        return self.run.workspace.reached() if self.wanted.everything else []

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "LessonFile | None":
        """A lesson's ``lesson.toml`` holds checks too: that the application loads, and the conventions."""
        lesson = self._lesson_of(file_path)
        if lesson is None or file_path.name != "lesson.toml":
            return None
        collector: LessonFile = LessonFile.from_parent(
            parent, path=file_path, lesson=lesson, course=self.course
        )
        return collector

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """In each lesson: first whether the application loads, then what it does, then the conventions."""

        def rank(item: pytest.Item) -> tuple[str, int]:
            return item.path.parent.name, (
                0 if item.name == LOAD else 2
            ) if item.path.name == "lesson.toml" else 1

        lessons = [item for item in items if self._lesson_of(item.path)]
        others = [item for item in items if not self._lesson_of(item.path)]
        items[:] = others + sorted(lessons, key=rank)

    def _lesson_of(self, path: Path) -> Lesson | None:
        lesson = self._by_name.get(path.parent.name)
        return lesson if lesson is not None and lesson.folder == path.parent else None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what this run owes an answer to, and tell the subject which modules it will run."""
        for item in session.items:
            self._expect(item.nodeid)
        if not self.collecting_only and not self.is_controller:
            self.run.supervisor.files = sorted({str(i.path) for i in session.items if _is_behaviour(i)})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """With xdist, the workers collect; the controller learns here what they will run."""
        for nodeid in ids:
            self._expect(nodeid)

    def _expect(self, nodeid: str) -> None:
        if lesson := self._lesson_of_id(nodeid):
            self.expected.setdefault(lesson.name, set()).add(nodeid)

    def _lesson_of_id(self, nodeid: str) -> Lesson | None:
        return self._lesson_of(self.course.root / nodeid.partition("::")[0])

    # -- what is judged --------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Judge a lesson's check, in the subject if it runs the learner's code."""
        lesson = self._lesson_of(item.path)
        if lesson is None or (self.in_process and _is_behaviour(item)):
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        started = time.time()
        try:
            outcome = self._judge(lesson, item, nextitem)
        except pytest.fail.Exception as error:
            outcome = self._stopped(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours is told like any other failure
            outcome = _our_fault(error)
        if outcome.output and self.config.option.capture == "no":
            sys.stdout.write(outcome.output)
        for report in _reports(item, outcome, started, self.run):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _stopped(self, reason: str) -> "Outcome":
        """Another plugin's limit, such as ``--timeout`` of pytest-timeout, came before ours."""
        from checks.report import Kind, Outcome, Problem

        self.run.supervisor.close()
        problem = Problem(
            kind=Kind.TIMEOUT,
            title="No answer in time",
            expected="an end within the limit that this run was given",
            found=reason,
            why="The limit came from another pytest plugin, and holds for the start of the libraries too.",
            next="Give it more time, or leave it to `--time-limit`",
            cause="stopped",
        )
        return Outcome(problem)

    def _judge(self, lesson: Lesson, item: pytest.Item, nextitem: pytest.Item | None) -> "Outcome":
        match item:
            case LoadItem():
                return self.run.load(lesson, item.nodeid)
            case ConventionItem():
                return self.run.follow(lesson, item.nodeid, item.name)
        following = nextitem.nodeid if nextitem is not None and _is_behaviour(nextitem) else None
        return self.run.behave(lesson, item.nodeid, following, list(_needs(item)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count, wherever the check ran: here, or in a worker of xdist."""
        data = getattr(report, "outcome_data", None)
        lesson = self._lesson_of_id(report.nodeid)
        if data is None or lesson is None:
            return
        from checks.report import Outcome

        self.run.tally(lesson).add(report.nodeid, Outcome.from_dict(data))

    # -- what is told ----------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Remember which lessons are done; a check without an answer is a failure."""
        if self._run is None or self.is_worker or self.collecting_only:
            return
        for name, expected in self.expected.items():
            tally = self._run.tallies.get(name)
            if tally is not None and tally.total == len(expected):
                self._remember(self._by_name[name])
            elif exitstatus == pytest.ExitCode.OK and not session.shouldstop:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _remember(self, lesson: Lesson) -> None:
        """Keep whether a lesson is done; where only a part of it was looked at, that stays as it was."""
        from checks.workspace import WorkspaceError

        tally, is_done = self.run.tally(lesson), self.run.is_done(lesson)
        if not is_done and tally.total == len(tally.green):
            return
        try:
            self.run.workspace.mark_green(lesson.name, is_done)
        except (WorkspaceError, OSError) as error:
            self.remarks.append(f"The result of lesson {lesson.name[:2]} was not remembered: {error}")

    def pytest_terminal_summary(self, terminalreporter: "TerminalReporter") -> None:
        """Under pytest's own report: what was placed, how far each lesson is, and the next step."""
        if self._run is None or self.collecting_only:
            return
        from checks.summary import summary

        for line, markup in summary(self._run):
            terminalreporter.write_line(line, **markup)
        for remark in self.remarks:
            terminalreporter.write_line(remark)


def _is_behaviour(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.path.name != "lesson.toml"


def _needs(item: pytest.Item) -> Iterator[str]:
    from checks.run import needed_id

    module = item.nodeid.partition("::")[0]
    for marker in item.iter_markers("needs"):
        yield from (needed_id(module, name) for name in marker.args)


def _is_debugged(config: pytest.Config) -> bool:
    """Whether somebody wants to step through a check: then it has to run in this very process."""
    monitoring = getattr(sys, "monitoring", None)
    watched = monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
    return config.option.usepdb or config.option.trace or sys.gettrace() is not None or watched


def _our_fault(error: Exception) -> "Outcome":
    import traceback

    from checks.report import Kind, Outcome, Problem

    problem = Problem(
        kind=Kind.WORKSHOP,
        title="a check could not be made",
        expected="a verdict about your code",
        found=f"{type(error).__name__}: {error}",
        why="The error is in the workshop's own code, not in yours.",
        next="Please report it with the lines below",
        detail="".join(traceback.format_exception(error)[-8:]),
        cause=f"workshop {error}",
    )
    return Outcome(problem)


class ProblemText:
    """A failure as pytest shows it: coloured in a terminal, plain in JUnit files and elsewhere.

    Args:
        problem: what went wrong.
        root: the clone's root.
    """

    def __init__(self, problem: "Problem", root: Path) -> None:
        self.problem = problem
        self.root = root

    def toterminal(self, tw: "TerminalWriter") -> None:
        """Write the failure line by line, each piece in its style."""
        from checks.report import glyphs_for, lines

        for line in lines(self.problem, self.root, glyphs_for(_encoding())):
            for piece, style in line:
                tw.write(piece, **MARKUP[style])
            tw.line()

    def __str__(self) -> str:
        from checks.report import glyphs_for, text

        return text(self.problem, self.root, glyphs_for(_encoding()))


MARKUP: dict[str, dict[str, bool]] = {
    "plain": {},
    "failure": {"red": True, "bold": True},
    "fault": {"yellow": True, "bold": True},
    "place": {"cyan": True},
    "quiet": {"light": True},
    "label": {"bold": True},
}


def _encoding() -> str:
    # pytest may have put its own stream in the place of sys.stdout; people read the original one.
    return getattr(sys.__stdout__, "encoding", None) or "ascii"


def _reports(
    item: pytest.Item, outcome: "Outcome", started: float, run: "LessonRun"
) -> Iterator[pytest.TestReport]:
    """The reports of pytest for one check: set-up, call, teardown, as its other plugins expect them."""
    skipped = bool(outcome.waits) or outcome.reference
    phases = ("setup", "teardown") if skipped else ("setup", "call", "teardown")
    for phase in phases:
        told = phase == phases[-2] if len(phases) == 3 else phase == "setup"
        verdict: Any = "passed"
        longrepr: Any = None
        if told and skipped:
            verdict = "skipped"
            longrepr = (str(item.path), 1, f"Skipped: {outcome.waits or REFERENCE}")
        elif told and outcome.problem is not None:
            verdict, longrepr = "failed", ProblemText(outcome.problem, run.course.root)
        seconds = outcome.seconds if told else 0.0
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords=dict.fromkeys(item.listextrakeywords(), 1),
            outcome=verdict,
            longrepr=longrepr,
            when=phase,  # type: ignore[arg-type]
            sections=[("Printed by the application", outcome.output)] if told and outcome.output else [],
            duration=seconds,
            start=started,
            stop=started + seconds,
        )
        if told:
            report.outcome_data = outcome.as_dict()  # type: ignore[attr-defined]
        yield report


REFERENCE = "holds, but with the reference's files: `workshop reset` brings the starter back"
