"""Run the checks that the subject is told to, one by one, and tell what became of each."""

import inspect
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

import pytest

from checks.expect import described
from checks.fixtures import environment, forget_application
from checks.lesson import NEEDS, Course
from checks.report import Kind, Problem, workshop_fault
from checks.subject import channel
from checks.subject.contract import BrokenContractError, require_names
from checks.subject.diagnosis import NEVER_AWAITED, Check, Diagnosis
from checks.subject.own import Folder
from checks.subject.registered import registering
from checks.subject.threads import left_running
from checks.subject.watchdog import Watchdog, Where

Message = dict[str, Any]
SENTINEL = Path(__file__).with_name("sentinel.py")
UNUSED = ("legacypath", "junitxml", "pastebin", "setuponly", "setupplan", "stepwise")
"""Plugins of pytest that nothing in the subject asks for: they would take time to start."""
DRIVERS_THREAD = r"Exception in thread .*\(_connection_worker_thread\)"
"""How pytest tells of an exception in a thread of aiosqlite."""


class Diagnosing:
    """Puts what a check raised into words, while the exception is still at hand.

    A report that failed gets the attribute ``problem``; one that its author skipped, ``skip_reason``.

    Args:
        diagnosis: knows whose line is to blame.
    """

    def __init__(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the words to pytest's own report."""
        # Taken first: pytest puts a skip of its own in the place of unittest's.
        error = call.excinfo.value if call.excinfo else None
        report = yield
        if error is None:
            return report
        if report.skipped and not self.diagnosis.blames_learner(error):
            report.skip_reason = str(error)  # type: ignore[attr-defined]
        else:
            report.problem = self.diagnosis.diagnose(error, check_of(item))  # type: ignore[attr-defined]
        return report


def check_of(item: pytest.Item) -> Check:
    """What a check says of itself in its docstring."""
    return Check.of(getattr(item, "function", None), item.name)


class Session:
    """The subject's side of the conversation.

    Args:
        course: the clone whose project is looked at.
        commands: yields what the judging process says, until it falls silent.
        answers: where to write.
    """

    def __init__(self, course: Course, commands: Iterator[Message], answers: IO[bytes]) -> None:
        self.course = course
        self._commands = commands
        self._answers = answers
        self._lock = threading.Lock()
        self._leave = os._exit
        self._current = ""
        self._check = Check("")
        self._own = Folder(course.project)
        self._reports: list[pytest.TestReport] = []
        self.diagnosis = Diagnosis(course.root, course.project, course.makers)
        self._watchdog = Watchdog(course.project, self._tell_stuck)

    def tell(self, **message: Any) -> None:
        """Send one answer; any thread may."""
        with self._lock:
            channel.send(self._answers, message)

    # -- hooks -----------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Speak through the channel only: nobody reads a terminal here."""
        config.pluginmanager.unregister(name="terminalreporter")
        config.addinivalue_line("markers", NEEDS)

    @pytest.hookimpl
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport | None:
        """Spare pytest the traceback of a failure: nobody reads it here."""
        if call.excinfo is None:
            return None
        skipped = isinstance(call.excinfo.value, pytest.skip.Exception)
        return pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="skipped" if skipped else "failed",
            longrepr=described(call.excinfo.value),
            when=call.when,  # type: ignore[arg-type]
            duration=call.duration,
            start=call.start,
            stop=call.stop,
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what pytest says of the check that runs."""
        self._reports.append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve commands until there are no more."""
        os._exit = self._tell_exit
        items = {item.nodeid: item for item in session.items if item.path != SENTINEL}
        self._sentinel = next(item for item in session.items if item.path == SENTINEL)
        self.tell(event="ready")
        for command in self._commands:
            match command["do"]:
                case "load":
                    self._load(command)
                case "run":
                    self._run(items, command)
        return True

    # -- commands --------------------------------------------------------------------------------------

    def _load(self, command: Message) -> None:
        lesson = self.course.find(command["lesson"])
        self._begin(command, Check("The application can be imported"), lesson.name)
        started = time.perf_counter()
        contract: dict[str, list[str]] = {}
        for other in self.course.until(lesson):
            for module, names in other.contract.items():
                contract.setdefault(module, []).extend(names)
        problem = None
        with pytest.MonkeyPatch.context() as monkeypatch, registering() as registered:
            for name, value in environment(Path.cwd()).items():
                monkeypatch.setenv(name, value)
            try:
                require_names(contract, self.diagnosis)
            except BrokenContractError as error:
                problem = error.problem
            forget_application()
        evidence = {} if problem else registered.evidence(self.diagnosis)
        self._end(problem, started, evidence={slug: one.as_dict() for slug, one in evidence.items()})

    def _run(self, items: dict[str, pytest.Item], command: Message) -> None:
        item, following = items.get(command["id"]), items.get(command["next"] or "")
        if item is None:
            self.tell(event="failed", text=f"the subject did not collect {command['id']}")
            return
        self._begin(command, check_of(item), item.path.parent.name)
        threads = set(threading.enumerate())
        started = time.perf_counter()
        problem, skipped, gone = None, "", False
        try:
            with _warnings() as warned:
                reports = self._reports_of(item, following)
            problem, skipped = _told_by(reports, self._check)
            problem = self.diagnosis.not_awaited(warned, problem) if problem else self._unsound()
            gone = problem is not None and problem.kind is Kind.ENDED
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt, pytest.exit: the learner's code raised it
            # The event loop may be in pieces: the next check gets a process of its own.
            problem, gone = self.diagnosis.diagnose(error, self._check), True
        self._end(problem or left_running(threads, self.diagnosis), started, skipped, gone=gone)

    def _reports_of(self, item: pytest.Item, following: pytest.Item | None) -> list[pytest.TestReport]:
        """Let pytest run one check: its set-up, its call, its teardown."""
        self._reports = []
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return self._reports

    def _unsound(self) -> Problem | None:
        """A problem if a check that must fail no longer does: then a pass means nothing."""
        reports = self._reports_of(self._sentinel, None)
        if any(getattr(report, "problem", None) is not None for report in reports):
            return None
        return Problem(
            kind=Kind.ENDED,
            title="The application changed what judges it",
            expected="checks that fail when they should",
            found="a check that must fail has passed: something replaced a part of pytest or of checks",
            why="After that, a green check says nothing about the application.",
            next="Take out the code that changes pytest, unittest or the package checks",
            cause="unsound",
        )

    def _begin(self, command: Message, check: Check, lesson: str) -> None:
        self._current, self._check = command["id"], check
        self.diagnosis.brief = f"lessons/{lesson}/README.md"
        known = frozenset((str(file), str(function)) for file, function in command.get("stuck", ()))
        self._watchdog.start(command["limit"], known)

    def _end(
        self,
        problem: Problem | None,
        started: float,
        skipped: str = "",
        *,
        gone: bool = False,
        evidence: Message | None = None,
    ) -> None:
        self._watchdog.stop()
        _end_output()
        self.tell(
            event="verdict",
            id=self._current,
            problem=problem.as_dict() if problem else None,
            skipped=skipped,
            seconds=time.perf_counter() - started,
            gone=gone,
            evidence=evidence or {},
        )

    # -- what code can do besides answering ------------------------------------------------------------

    def _tell_stuck(self, where: Where | None) -> None:
        place = self.diagnosis.place_of((where.file, where.line)) if where else None
        if where and where.waiting:
            found = f"it still waits at {place}"
            why = "An await that nothing ever answers keeps the request open for ever."
        elif place:
            found = f"it still runs at {place}"
            why = "Code that does not return blocks the event loop: no other request is served."
        else:
            found = "it had not ended, and none of your lines was running"
            why = "A check that does not end shows nothing."
        problem = Problem(
            kind=Kind.TIMEOUT,
            title=f"{self._check.title}: no answer in time",
            expected="an end within the time limit (`--time-limit`, in seconds)",
            found=found,
            why=why,
            next="Look for a loop without an end, or for something awaited that never happens",
            place=place,
            cause=f"stuck {place}",
        )
        known = (where.file, where.function) if where else None
        self.tell(event="stuck", id=self._current, problem=problem.as_dict(), where=known)

    def _tell_exit(self, status: int) -> NoReturn:
        frame = inspect.currentframe()
        place = self.diagnosis.place_of(self._learners_line(frame))
        problem = Problem(
            kind=Kind.ENDED,
            title="The application ended its own process",
            expected="an answer, or an exception that the application handles",
            found=f"os._exit({status})" + (f" at {place}" if place else ""),
            why="A server that leaves the process takes every other request with it.",
            next="Take that line out, or raise an exception of the application's own",
            place=place,
            cause=f"exit {place}",
        )
        self.tell(
            event="verdict", id=self._current, problem=problem.as_dict(), seconds=0.0, skipped="", gone=True
        )
        self._leave(status)

    def _learners_line(self, frame: FrameType | None) -> tuple[str, int] | None:
        while frame is not None:
            if self._own.holds(frame.f_code.co_filename):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None


def _end_output() -> None:
    """Bring what was printed on its way, whatever the learner's code made of the streams."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    with suppress(OSError):
        os.write(1, channel.END)


@contextmanager
def _warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Remember what Python warns of while the block runs, and show it as ever."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.filterwarnings("always", NEVER_AWAITED.pattern, RuntimeWarning)
        # aiosqlite's thread may hear only after a check that its connection and its event loop are gone.
        warnings.filterwarnings("ignore", DRIVERS_THREAD, pytest.PytestUnhandledThreadExceptionWarning)
        yield warned
    for warning in warned:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)


def _told_by(reports: list[pytest.TestReport], check: Check) -> tuple[Problem | None, str]:
    """The first problem that the reports of one check tell, and why its author skipped it, if so.

    A check counts as passed only if pytest says so of its call: silence is a fault of ours.
    """
    problems = [report.problem for report in reports if hasattr(report, "problem")]
    reasons = [report.skip_reason for report in reports if hasattr(report, "skip_reason")]
    ran = any(report.when == "call" and report.passed for report in reports)
    if not problems and not reasons and not (ran and all(report.passed for report in reports)):
        untold = "; ".join(report.longreprtext for report in reports if not report.passed)
        problems.append(
            workshop_fault(
                "a check ended without a verdict",
                expected=check.title,
                found=untold.strip().split("\n")[-1] or "no report of its call",
                why="A check that says nothing has shown nothing.",
                detail=untold,
            )
        )
    return (problems[0] if problems else None), (reasons[0] if reasons else "")


def serve(course: Course, files: list[str], commands: Iterator[Message], answers: IO[bytes]) -> None:
    """Collect the lessons' checks and run those that are asked for.

    Args:
        course: the clone.
        files: the test modules to collect, absolute.
        commands: what the judging process says.
        answers: where to write the verdicts.
    """
    session = Session(course, commands, answers)
    own = Path(__file__).parent / "pytest.ini"
    arguments = [
        "-c",
        str(own),
        "--rootdir",
        str(course.root),
        "-s",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
        "-p",
        "no:warnings",  # `_warnings` records them
        *(word for plugin in UNUSED for word in ("-p", f"no:{plugin}")),
    ]
    code = pytest.main(
        [*arguments, "-p", "anyio.pytest_plugin", "-p", "checks.fixtures", *files, str(SENTINEL)],
        plugins=[session, Diagnosing(session.diagnosis)],
    )
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        session.tell(event="failed", text=f"pytest in the subject ended with {code!r}")


def failure_text(error: BaseException) -> str:
    """A fault of the subject itself, for the judging process to show."""
    return described(error) + "\n" + "".join(traceback.format_exception(error))
