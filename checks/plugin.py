"""The pytest plugin: lessons by short names, the learner's code in a process of its own, failures that teach.

It is loaded on every run in this repository and does nothing unless lessons are asked for.
"""

import sys
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks.asked import TIME_LIMIT, Asked, full_path, is_debugged, is_inquiry, seconds, time_limit
from checks.items import ConventionItem, LessonFile, LoadItem, is_behaviour
from checks.lesson import LOAD, NEEDS, Course, Lesson, LessonError
from checks.verdict import carried, carry, reports, show
from checks.warm_up import supervisor, warm_up

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from checks.report import Outcome
    from checks.run import LessonRun

RUN = pytest.StashKey["LessonPlugin"]()
UNMEASURED = (
    "--cov saw nothing of your application: its checks run in a process of their own.",
    "It measures your own tests: cd project && uv run pytest --cov=app",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """One option of our own: how long a check may take.

    This is the first moment at which a plugin is called, so the subject is warmed up here.
    """
    group = parser.getgroup("lessons")
    group.addoption(
        "--time-limit",
        type=seconds,
        metavar="SECONDS",
        help=f"how long one check of a lesson may take (default: ini time_limit, or {TIME_LIMIT:g})",
    )
    parser.addini("time_limit", "seconds that one check of a lesson may take", default=str(TIME_LIMIT))
    config = pluginmanager.get_plugin("pytestconfig")
    if config is not None:
        warm_up(config)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Turn ``lessons/3`` into the folder that it means, and leave pytest's short summary to who asks for it.

    Raises:
        pytest.UsageError: a lesson that does not exist.
    """
    course, here = Course(early_config.rootpath), early_config.invocation_params.dir
    if not (course.root / "lessons").is_dir():
        return
    for word in early_config.known_args_namespace.file_or_dir:
        args[args.index(word)] = full_path(course, here, word)
    if Asked.early(course, early_config) is not None:
        args.insert(0, "-rN")  # before all that was typed, so that an -r of somebody's own wins


def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run if it asks for lessons."""
    config.addinivalue_line("markers", NEEDS)
    course = Course(config.rootpath)
    asked = Asked.by(course, config.invocation_params.dir, config.args)
    if asked is None:
        return
    plugin = LessonPlugin(config, course, asked)
    config.stash[RUN] = plugin
    config.pluginmanager.register(plugin, "lessons")
    config.pluginmanager.import_plugin("checks.fixtures")
    if plugin.is_controller:
        from checks.workers import Workers

        config.pluginmanager.register(Workers(plugin.lesson_of_id), "lesson_workers")
    if plugin.in_process:
        from checks.in_process import InProcess

        config.pluginmanager.register(InProcess(plugin.run, plugin.lesson_of), "in_process")


class LessonPlugin:
    """The hooks of pytest for a run that looks at lessons.

    Args:
        config: the run's.
        course: the clone.
        asked: what was asked for.

    Raises:
        pytest.UsageError: the time limit is none.
    """

    def __init__(self, config: pytest.Config, course: Course, asked: Asked) -> None:
        self.config = config
        self.course = course
        self.asked = asked
        self.is_inquiry = is_inquiry(config.option)
        self.is_worker = hasattr(config, "workerinput")
        self.is_controller = not self.is_worker and getattr(config.option, "dist", "no") != "no"
        self.in_process = is_debugged(config) and not self.is_inquiry
        self.expected: dict[str, set[str]] = {}
        self._by_name = {lesson.name: lesson for lesson in course.all_lessons}
        self._run: LessonRun | None = None
        self._time_limit = time_limit(config)
        # A worker of xdist learns later whether there is anything for it to do.
        if not (self.is_inquiry or self.is_controller or self.is_worker):
            self.run.supervisor.start()

    @property
    def run(self) -> "LessonRun":
        """What is known of this run; made at the first use, because an inquiry needs none of it."""
        if self._run is None:
            from checks.run import LessonRun

            last = self.asked.named[-1] if self.asked.named else self.course.lessons[-1]
            self._run = LessonRun(self.course, supervisor(self.config, self.course, last))
            self._run.supervisor.limit = self._time_limit
        return self._run

    # -- what is collected -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Place the named lessons' files, before anybody collects.

        Raises:
            pytest.UsageError: a file cannot be placed, or no lesson has been started yet.
        """
        if self.is_inquiry or self.is_worker:
            return
        from checks.workspace import WorkspaceError

        try:
            self.run.place(self.asked.named)
            reached = self.asked.named or self.run.workspace.reached()
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
        if lesson in self.asked.named:
            return None
        return None if self.is_inquiry or lesson.name in self._reached else True

    @property
    def _reached(self) -> list[str]:
        return self.run.workspace.reached() if self.asked.everything else []

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "LessonFile | None":
        """A lesson's ``lesson.toml`` holds checks too: that the application loads, and the conventions."""
        lesson = self.lesson_of(file_path)
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

        lessons = [item for item in items if self.lesson_of(item.path)]
        others = [item for item in items if not self.lesson_of(item.path)]
        items[:] = others + sorted(lessons, key=rank)

    def lesson_of(self, path: Path) -> Lesson | None:
        """The lesson in whose folder a file stands, if it stands in one."""
        lesson = self._by_name.get(path.parent.name)
        return lesson if lesson is not None and lesson.folder == path.parent else None

    def lesson_of_id(self, nodeid: str) -> Lesson | None:
        """The lesson whose check has a node id, if one has."""
        return self.lesson_of(self.course.root / nodeid.partition("::")[0])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what this run owes an answer to, and tell the subject which modules it will run."""
        for item in session.items:
            self._expect(item.nodeid)
        if not self.is_inquiry and not self.is_controller:
            behaviour = (item for item in session.items if is_behaviour(item))
            self.run.supervisor.files = sorted({str(i.path) for i in behaviour if self.lesson_of(i.path)})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """With xdist, the workers collect; the controller learns here what they will run."""
        for nodeid in ids:
            self._expect(nodeid)

    def _expect(self, nodeid: str) -> None:
        if lesson := self.lesson_of_id(nodeid):
            self.expected.setdefault(lesson.name, set()).add(nodeid)

    # -- what is judged --------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Judge a lesson's check, in the subject if it runs the learner's code."""
        lesson = self.lesson_of(item.path)
        if lesson is None or self.is_inquiry:
            return None
        if self.in_process and is_behaviour(item):
            return self._run_here(lesson, item, nextitem)
        started = time.time()
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._report(item, self._outcome(lesson, item, nextitem), started)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run_here(self, lesson: Lesson, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Let pytest run a check, unless that waits; `checks.in_process` puts the verdict into words.

        pytest is told of no next check: what comes next may be judged elsewhere, and nothing of this one
        would be torn down.
        """
        if waits := self.run.waiting(lesson, _needs(item)):
            self._report(item, waits, time.time())
            return True
        if nextitem is None:
            return None
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return True

    def _report(self, item: pytest.Item, outcome: "Outcome", started: float) -> None:
        if outcome.output and self.config.option.capture == "no":
            sys.stdout.write(outcome.output)
        for report in reports(item, outcome, started, self.course.root):
            item.ihook.pytest_runtest_logreport(report=report)

    def _outcome(self, lesson: Lesson, item: pytest.Item, nextitem: pytest.Item | None) -> "Outcome":
        try:
            return self._judge(lesson, item, nextitem)
        except pytest.fail.Exception as error:
            return self._stopped(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours is told like any other failure
            return _our_fault(error)

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
        following = nextitem.nodeid if nextitem is not None and is_behaviour(nextitem) else None
        return self.run.behave(lesson, item.nodeid, following, _needs(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Count, before pytest does, wherever the check ran: here, or in a worker of xdist."""
        outcome, lesson = carried(report), self.lesson_of_id(report.nodeid)
        if outcome is not None and lesson is not None:
            if self.is_controller:
                outcome = self._told_once(report, outcome)
            self.run.tally(lesson).add(report.nodeid, outcome)
        return (yield)

    def _told_once(self, report: pytest.TestReport, outcome: "Outcome") -> "Outcome":
        """What a worker's report says once the controller has heard the other workers."""
        told = self.run.told_once(report.nodeid, outcome)
        if told is not outcome:
            show(report, told, self.course.root)
            carry(report, told)
            report.sections.clear()
        return told

    # -- what is told ----------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Remember which lessons are done; a check without an answer is a failure."""
        if self._run is None or self.is_worker or self.is_inquiry:
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
            self.run.notes.append(f"The result of lesson {lesson.name[:2]} was not remembered: {error}")

    def pytest_terminal_summary(self, terminalreporter: "TerminalReporter") -> None:
        """Under pytest's own report: what was placed, how far each lesson is, and the next step."""
        if self._run is None or self.is_inquiry:
            return
        from checks.summary import summary

        if not self.in_process and _measures(self.config):
            self._run.notes.extend(UNMEASURED)
        for line, markup in summary(self._run):
            terminalreporter.write_line(line, **markup)


def _needs(item: pytest.Item) -> Iterator[str]:
    from checks.run import needed_id

    module = item.nodeid.partition("::")[0]
    for marker in item.iter_markers("needs"):
        yield from (needed_id(module, name) for name in marker.args)


def _measures(config: pytest.Config) -> bool:
    """Whether pytest-cov is there and asked to measure."""
    option = config.option
    return bool(getattr(option, "cov_source", None)) and not getattr(option, "no_cov", False)


def _our_fault(error: Exception) -> "Outcome":
    from checks.report import Outcome, workshop_fault

    problem = workshop_fault(
        "a check could not be made",
        expected="a verdict about your code",
        found=f"{type(error).__name__}: {error}",
        why="The error is in the workshop's own code, not in yours.",
        detail="".join(traceback.format_exception(error)),
    )
    return Outcome(problem)
