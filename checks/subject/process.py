"""The subject's main program; its arguments are the clone's root and the modules to import ahead.

Standard input carries commands, standard error the answers, standard output what the learner's code prints.
"""

import contextlib
import gc
import importlib
import io
import os
import queue
import sys
import threading
from collections.abc import Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import IO, Any

from checks.lesson import Course
from checks.subject import channel


def main() -> None:
    """Serve one judging process until it closes our standard input."""
    root, *modules = sys.argv[1:]
    answers, commands = _take_over_streams()
    try:
        _preload(modules)
        _serve(Course(Path(root)), commands, answers)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the judging process tells it
        from checks.subject.session import failure_text

        channel.send(answers, {"event": "failed", "text": failure_text(error)})
    finally:
        # Threads that the learner's code left behind must not keep the process.
        sys.stdout.flush()
        os._exit(0)


def _take_over_streams() -> tuple[IO[bytes], Iterator[dict[str, Any]]]:
    """Move the channel out of the way of print, input and logging."""
    answers = os.fdopen(os.dup(2), "wb")
    source = os.fdopen(os.dup(0), "rb")
    os.dup2(1, 2)
    for stream in (sys.stdout, sys.stderr):
        # What a console can show must not fail here: Python gives a pipe on Windows an old code page.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    received: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    leave = os._exit

    def listen() -> None:
        for line in source:
            if (message := channel.parse(line)) is not None:
                received.put(message)
        received.put(None)
        # The judging process is gone or has seen enough; a check that still runs must not outlive it.
        threading.Event().wait(1)
        leave(0)

    threading.Thread(target=listen, name="commands", daemon=True).start()
    return answers, iter(received.get, None)


def _preload(modules: list[str]) -> None:
    """Import what the application will import, while the judging process is busy elsewhere.

    Two things make it quicker: no garbage is looked for in what stays for good, and httpx does without its
    command line (with rich and click), as where those are not installed.
    """
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    gc.disable()
    for module in ["pytest", "anyio.pytest_plugin", "checks.subject.session", "checks.fixtures", *modules]:
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    gc.freeze()
    gc.enable()


def _serve(course: Course, commands: Iterator[dict[str, Any]], answers: IO[bytes]) -> None:
    from checks.subject.session import serve

    collect = next(commands, None)
    if collect is None:
        return
    for name in collect["unset"]:
        os.environ.pop(name, None)
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        # They are for the learner's pytest, which has heeded them already.
        os.environ.pop(name, None)
    if collect["debugged"]:
        os.environ["PYTHONBREAKPOINT"] = "0"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    _compile_once()
    # A folder that holds the application, not a package: uvicorn, which runs in it, cannot import it either.
    sys.modules["project"] = None  # type: ignore[assignment]
    sys.path[:] = [str(course.project), *(entry for entry in sys.path if entry)]
    os.chdir(collect["scratch"])
    os.environ["PYTEST_DEBUG_TEMPROOT"] = collect["scratch"]
    serve(course, collect["files"], commands, answers)


def _compile_once() -> None:
    """Keep what a source text was compiled to: each check imports the application anew."""
    compiled = cache(SourceFileLoader.source_to_code)

    def source_to_code(loader: SourceFileLoader, data: Any, path: Any, **options: Any) -> Any:
        return compiled(loader, bytes(data), str(path), **options)

    SourceFileLoader.source_to_code = source_to_code  # type: ignore[method-assign, assignment]
