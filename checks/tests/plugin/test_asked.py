"""What a command line asks for: information, a time limit, a summary; and when the subject starts for it."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from checks.tests.plugin.course import HELLO, Clone, learners_environment, write

PROCESSES = Path("/proc")
SPY = """\
import sys

import pytest

from checks.supervisor import Supervisor

start = Supervisor.start


def spied(supervisor):
    if supervisor._process is None:
        print("started by", sys._getframe(1).f_code.co_name, file=sys.__stderr__)
    start(supervisor)


Supervisor.start = spied
pytest.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--fixtures", "lessons/1"],
        ["--fixtures-per-test", "lessons/1"],
        ["--setup-plan", "lessons/1"],
        ["--collect-only", "lessons/1"],
        ["--markers", "lessons/1"],
        ["--cache-show"],
        ["--cache-show", "--cache-clear", "lessons/1"],
        ["--setup-plan"],
        ["--fixtures"],
    ],
    ids=" ".join,
)
def test_to_ask_is_not_to_run(clone: Clone, words: list[str]) -> None:
    ran = clone.pytest(*words)
    assert ran.code == 0, ran.output
    assert not clone.project.exists()
    assert "Lesson 01" not in ran.output


def test_a_plan_runs_no_code(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": f"open({str(clone.root / 'ran')!r}, 'w')\n{HELLO}"})
    ran = clone.pytest("--setup-plan", "lessons/1")
    assert ran.code == 0, ran.output
    assert "SETUP    F client" in ran.output
    assert not (clone.root / "ran").exists()
    assert clone.done() == []


@pytest.mark.parametrize("limit", ["abc", "0", "-5", "nan", "inf", ""])
@pytest.mark.parametrize("option", ["--time-limit={}", "-otime_limit={}"])
def test_a_time_limit_is_a_number_of_seconds(clone: Clone, option: str, limit: str) -> None:
    ran = clone.pytest("lessons/1", option.format(limit))
    assert ran.code == 4, ran.output
    assert f"expected a number of seconds above 0, such as 10 or 0.5; found '{limit}'" in ran.output
    assert "INTERNALERROR" not in ran.output
    assert "Traceback" not in ran.output
    assert not clone.project.exists()


def test_a_time_limit_of_the_ini_file_holds(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace("    return {", "    while True: pass\n    return {")})
    ran = clone.pytest("lessons/1", "-o", "time_limit=1.5")
    assert ran.code == 1
    assert "1 failed" in ran.output
    assert "no answer in time" in ran.output


@pytest.mark.parametrize(("options", "shown"), [([], False), (["-rfE"], True), (["-rs"], True)])
def test_the_short_summary_is_for_who_asks(clone: Clone, options: list[str], shown: bool) -> None:
    ran = clone.pytest("lessons/1", *options)
    assert ran.code == 1
    assert ("short test summary info" in ran.output) is shown


def test_the_short_summary_of_other_tests_stays(clone: Clone) -> None:
    write(clone.root, {"other/test_other.py": "def test_x():\n    assert 1 == 2\n"})
    assert "short test summary info" in clone.pytest("other").output


@pytest.mark.parametrize(
    ("words", "options", "starters"),
    [
        (["lessons/1"], "", ["warm_up"]),
        (["lessons/1/test_hello.py::test_hello_greets", "-k", "greets"], "-q", ["warm_up"]),
        (["lessons/1", "-n2"], "", []),
        (["lessons/1"], "-n2", []),
        (["lessons/1", "--numprocesses", "2"], "", []),
        (["lessons/1", "--fixtures"], "", []),
        (["lessons/1"], "--setup-plan", []),
        (["lessons/1"], "--collect-only", []),
        (["lessons/9"], "", []),
        (["--version", "lessons/1"], "", []),
        (["other"], "", []),
    ],
)
def test_a_subject_starts_early_and_only_for_a_run(
    clone: Clone, words: list[str], options: str, starters: list[str]
) -> None:
    write(clone.root, {"other/test_other.py": "def test_x():\n    pass\n"})
    clone.solve()
    ran = subprocess.run(
        [sys.executable, "-c", SPY, *words],
        cwd=clone.root,
        env=learners_environment() | {"PYTEST_ADDOPTS": f"-p no:hypothesispytest {options}"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    started = [line for line in ran.stderr.splitlines() if line.startswith("started by")]
    assert started == [f"started by {name}" for name in starters], ran.stdout + ran.stderr


@pytest.mark.skipif(not PROCESSES.is_dir(), reason="no list of processes to read")
def test_a_subject_that_was_started_in_vain_is_ended(clone: Clone) -> None:
    assert clone.pytest("lessons/1", "--no-such-option").code == 4
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            assert os.fsencode(clone.root) not in (process / "cmdline").read_bytes()
