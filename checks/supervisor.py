"""The judging side: starts the subject, asks it for answers, and never waits longer than it said."""

import ast
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from checks.finding import Evidence
from checks.lesson import Course, Lesson
from checks.report import Kind, Outcome, Problem, workshop_fault
from checks.subject import channel

START_LIMIT = 120.0
"""Seconds for the subject to import the libraries; a cold laptop without bytecode needs many."""

PATIENCE = 3.0
"""Seconds beyond the time limit in which the subject itself may say where it is stuck."""

GLANCE = 0.2
"""Seconds of one wait for an answer. Windows delivers Ctrl-C only between two waits, never in one."""

LAST_MOMENTS = 2.0
"""Seconds in which an ended subject's streams should end too."""

LAST_WORDS = 0.1
"""Seconds in which what a check printed should have arrived, once its verdict has."""

MOST_EXIT_CODE = 255
"""The largest exit code that a program itself is wont to give."""

OUTPUT_KEPT = 2_048
"""Bytes of the learner's output that are kept, the newest ones."""


# Ctrl-C at the terminal is for the judging process alone.
_APART: dict[str, Any]
if sys.platform == "win32":
    _APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _APART = {"start_new_session": True}


@dataclass(slots=True)
class _Output:
    """The end of a stream, however long the stream."""

    chunks: deque[bytes] = field(default_factory=deque)
    size: int = 0
    total: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def add(self, chunk: bytes) -> None:
        if chunk.endswith(channel.END):
            chunk = chunk.removesuffix(channel.END)
            self.ended.set()
        with self.lock:
            self.chunks.append(chunk)
            self.size += len(chunk)
            self.total += len(chunk)
            while self.size - len(self.chunks[0]) >= OUTPUT_KEPT:
                self.size -= len(self.chunks.popleft())

    def take(self) -> str:
        with self.lock:
            kept, total = b"".join(self.chunks)[-OUTPUT_KEPT:], self.total
            self.chunks.clear()
            self.size = self.total = 0
            self.ended.clear()
        text = kept.decode("utf-8", errors="replace")
        return f"({total:,} bytes printed; these are the last)\n{text}" if total > OUTPUT_KEPT else text


class Supervisor:
    """Runs checks in a subject and starts a new one whenever the old one is lost.

    Args:
        course: the clone.
        preload: modules that the subject may import before it is asked anything.
        limit: seconds that one check may take.

    Attributes:
        files: the test modules whose checks may be asked for, absolute.
        is_debugged: whether checks run elsewhere, under a debugger: then nothing stops at a breakpoint here.
        evidence: what the application that was loaded last showed, by the slug of a convention.
    """

    def __init__(self, course: Course, preload: Iterable[str], limit: float) -> None:
        self.course = course
        self.limit = limit
        self.files: list[str] = []
        self.is_debugged = False
        self.evidence: dict[str, Evidence] = {}
        self._preload = list(preload)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._stuck: list[tuple[str, str]] = []

    def start(self) -> None:
        """Start the subject, if none is running; it imports libraries while we go on."""
        if self._process is not None:
            return
        self._ready = False
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._output = _Output()
        # Ours, not the subject's: it is gone even if the subject had to be ended.
        self._scratch = tempfile.TemporaryDirectory(prefix="layer-", ignore_cleanup_errors=True)
        command = [sys.executable, "-c", "from checks.subject.process import main; main()"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(self.course.root), *self._preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.course.root,
            **_APART,
        )
        self._readers = [
            threading.Thread(target=reader, args=(stream, self._messages, self._output), daemon=True)
            for stream, reader in (
                (self._process.stderr, self._read_messages),
                (self._process.stdout, self._read_output),
            )
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read_messages(stream: IO[bytes], messages: "queue.SimpleQueue[Any]", output: _Output) -> None:
        with stream:
            for line in stream:
                message = channel.parse(line)
                if message is None:
                    output.add(line)
                else:
                    messages.put(message)
        messages.put(None)

    @staticmethod
    def _read_output(stream: IO[bytes], _messages: object, output: _Output) -> None:
        with stream:
            while chunk := stream.read1(65_536):  # type: ignore[attr-defined]
                output.add(chunk)

    def load(self, lesson: Lesson) -> Outcome:
        """Import the application as the lesson knows it."""
        self.evidence = {}
        return self._ask({"do": "load", "id": f"load {lesson.name}", "lesson": lesson.name})

    def run(self, nodeid: str, following: str | None) -> Outcome:
        """Run one check.

        Args:
            nodeid: pytest's name for it.
            following: the check that comes next, so that shared fixtures stay; None if there is none.
        """
        return self._ask({"do": "run", "id": nodeid, "next": following})

    def close(self) -> None:
        """End the subject; nothing that it still does matters."""
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        process.wait()
        if process.stdin is not None:
            with suppress(OSError):  # it may hold a question that nobody reads any more
                process.stdin.close()
        # In a virtual environment on Windows, what was started is a launcher. Its end ends the subject, but a
        # moment later, and until then nobody can remove the subject's folder. Its streams tell when it has.
        # Where it has left a child of its own behind, they stay open: for that, nobody waits.
        for reader in self._readers:
            reader.join(LAST_MOMENTS)
        self._scratch.cleanup()

    def _ask(self, question: dict[str, Any]) -> Outcome:
        self.start()
        try:
            if not self._ready:
                self._send(
                    {
                        "do": "collect",
                        "files": self.files,
                        "scratch": self._scratch.name,
                        "unset": sorted(self.settings()),
                        "debugged": self.is_debugged,
                    }
                )
                answer = self._answer(START_LIMIT)
                if answer.get("event") != "ready":
                    return self._lost(answer, "the checks could not be set up")
                self._ready = True
            self._output.take()
            self._send({**question, "limit": self.limit, "stuck": self._stuck})
            return self._outcome(question["id"])
        except OSError:
            return self._lost({}, "the process that runs your code has ended")

    def _outcome(self, identity: str) -> Outcome:
        answer = self._answer(self.limit + PATIENCE)
        while answer.get("id", identity) != identity:
            answer = self._answer(self.limit + PATIENCE)
        match answer.get("event"):
            case "verdict":
                self._output.ended.wait(LAST_WORDS)
                outcome = Outcome(
                    problem=Problem.from_dict(answer["problem"]) if answer["problem"] else None,
                    waits=answer["skipped"],
                    seconds=answer["seconds"],
                    output=self._output.take(),
                )
                if answer.get("evidence"):
                    self.evidence = {s: Evidence.from_dict(one) for s, one in answer["evidence"].items()}
                if answer.get("gone"):
                    self.close()
                return outcome
            case "stuck":
                if answer["where"]:
                    self._stuck.append(answer["where"])
                output = self._output.take()
                self.close()
                return Outcome(Problem.from_dict(answer["problem"]), seconds=self.limit, output=output)
            case _:
                return self._lost(answer, "the process that runs your code has ended")

    def _answer(self, seconds: float) -> dict[str, Any]:
        """The next message; ``{}`` when the subject is gone, ``{"event": "silent"}`` when it says nothing."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                return self._messages.get(timeout=max(0.0, min(left, GLANCE))) or {}
            except queue.Empty:
                if left <= GLANCE:
                    return {"event": "silent"}

    def _lost(self, answer: dict[str, Any], title: str) -> Outcome:
        """What to say when there is no verdict; the next check gets a subject of its own."""
        code = self._exit_code() if not answer else None
        output, ready = self._output.take(), self._ready
        self.close()
        match answer.get("event"):
            case "failed":
                return Outcome(_no_subject(answer["text"], title), output=output)
            case "silent" if ready:
                return Outcome(_silent(self.limit), seconds=self.limit, output=output)
            case _ if ready:
                return Outcome(_ended(code), output=output)
            case _:
                return Outcome(_no_subject(output or f"exit code {code}", title))

    def _exit_code(self) -> int | None:
        try:
            return self._process.wait(timeout=1) if self._process else None
        except subprocess.TimeoutExpired:
            return None

    def settings(self) -> set[str]:
        """Names of the application's settings: the learner's shell must not decide a check."""
        names = set()
        for file, source in self.course.state(self.course.all_lessons[-1]).items():
            if file == ".env.example":
                for line in source.read_text(encoding="utf-8").splitlines():
                    name, equals, _ = line.lstrip("# ").partition("=")
                    if equals and name.isidentifier():
                        names.add(name)
        return names

    def _send(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            raise BrokenPipeError
        channel.send(self._process.stdin, message)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a subject and, where processes have groups, all that it started."""
    if sys.platform != "win32":
        with suppress(OSError):  # nobody is left in the group
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def imported_by(files: Iterable[Path]) -> list[str]:
    """The libraries that some modules import at their top, in order of appearance, without ``app`` itself."""
    names: dict[str, None] = {}
    for file in files:
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.Import):
                names.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names[node.module] = None
    return [name for name in names if name.split(".")[0] not in {"app", "__future__"}]


def _no_subject(text: str, title: str) -> Problem:
    problem = workshop_fault(
        title,
        expected="a process that imports the libraries and waits for checks",
        found=text.strip().splitlines()[0] if text.strip() else "silence",
        why="Nothing of yours has run yet, so this is ours to look at.",
        detail=text,
    )
    first = "Run `uv sync` in the workshop's folder and try again"
    return replace(problem, next=f"{first}. If it stays: {problem.next.lower()}")


def _silent(limit: float) -> Problem:
    return Problem(
        kind=Kind.TIMEOUT,
        title="No answer in time",
        expected=f"an end within {limit:g} seconds (`--time-limit` changes it)",
        found="it had not ended, and did not say where it was",
        why="One long computation can keep a whole process busy: no other request is served.",
        next="Look for a computation that has no end",
        cause="silent",
    )


def _ended(code: int | None) -> Problem:
    if code is not None and code < 0:
        how = f"signal {-code}"
    elif code is not None and code > MOST_EXIT_CODE:
        how = f"exit code {code:#x}"  # how Windows writes its own: 0xc0000005 is a violation of memory
    else:
        how = f"exit code {code}"
    return Problem(
        kind=Kind.ENDED,
        title="The process that ran your code ended",
        expected="an answer, or an exception that the application handles",
        found=f"the process was gone ({how})",
        why="A server that leaves the process takes every other request with it.",
        next="Look for code that ends the process, or that takes all of the memory",
        cause=f"gone {how}",
    )
