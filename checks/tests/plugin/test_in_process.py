"""Where the learner's code runs: apart, or in pytest's process for a debugger, by the same rules."""

import re

import pytest

from checks.tests.plugin.course import HELLO, STARTER, Clone, Ran, write

NO_LIMIT = "in pytest's own process, where a debugger reaches them, and without a time limit"
DEBUGGER = "import sys\n\nsys.settrace(lambda *_: None)\n"
"""A plugin that looks like a debugger, and asks nobody anything."""


def inside(code: str) -> str:
    return HELLO.replace('    return {"text"', f'    {code}\n    return {{"text"')


def debug(clone: Clone, *arguments: str, **environment: str) -> Ran:
    write(clone.root, {"debugger.py": DEBUGGER})
    return clone.pytest(*arguments, "-p", "debugger", **environment)


def verdicts(ran: Ran) -> list[tuple[str, str]]:
    return re.findall(r"(\S+::\S+) (PASSED|FAILED|SKIPPED|ERROR)", ran.output)


def test_coverage_is_no_debugger(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": inside("while True: pass")})
    ran = clone.pytest("lessons/1", "--cov=app", "--time-limit", "2")
    assert ran.code == 1, ran.output
    assert "no answer in time" in ran.output
    assert NO_LIMIT not in ran.output


def test_coverage_makes_no_run_green_that_checked_nothing(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": inside("import os; os._exit(0)")})
    ran = clone.pytest("lessons/1", "--cov=app")
    assert ran.code == 1, ran.output
    assert "The application ended its own process" in ran.output


@pytest.mark.parametrize(("options", "shown"), [(["--cov=app"], 1), (["--cov=app", "--no-cov"], 0), ([], 0)])
def test_what_coverage_measures_is_said(clone: Clone, options: list[str], shown: int) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1", *options)
    assert ran.code == 0, ran.output
    assert ran.output.count("--cov saw nothing of your application") == shown


def test_a_run_without_a_limit_says_so(clone: Clone) -> None:
    clone.solve()
    assert NO_LIMIT in debug(clone, "lessons/1").output
    assert NO_LIMIT in clone.pytest("lessons/1", "--pdb").output
    assert NO_LIMIT not in clone.pytest("lessons/1").output


@pytest.mark.parametrize(
    "main",
    [
        STARTER,
        HELLO,
        HELLO.replace('"/hello"', '"/hullo"'),
        HELLO.replace('"text": "hello"', '"text": "hullo"'),
        HELLO.replace("async def", "def"),
        inside("raise KeyError"),
        inside("import pytest; pytest.skip('later')"),
        HELLO + "\n\ndef broken(:\n",
        "import lost_library\n" + HELLO,
    ],
    ids=["starter", "right", "path", "body", "sync", "raises", "skips", "syntax", "import"],
)
def test_a_debugger_changes_no_verdict(clone: Clone, main: str) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": main})
    plain = clone.pytest("lessons/1", "lessons/2", "-v")
    debugged = debug(clone, "lessons/1", "lessons/2", "-v")
    assert verdicts(debugged) == verdicts(plain)
    assert len(verdicts(plain)) == 8, plain.output
    assert debugged.code == plain.code
    assert [line for line in debugged.output.splitlines() if line.startswith("Lesson ")] == [
        line for line in plain.output.splitlines() if line.startswith("Lesson ")
    ]


def test_a_debugger_makes_nobodys_reference_done(clone: Clone) -> None:
    clone.pytest("lessons/2")
    ran = debug(clone, "lessons/1")
    assert "5 skipped" in ran.output
    assert "passed" not in ran.output
    assert clone.done() == []


def test_a_fault_after_a_check_is_told_once(clone: Clone) -> None:
    clone.solve()
    after = '\n\n@pytest.fixture\ndef falling():\n    yield\n    raise KeyError("after")\n'
    test = clone.root / "lessons" / "02_count" / "test_count.py"
    told = test.read_text(encoding="utf-8").replace("test_counts(load)", "test_counts(load, falling)") + after
    test.write_text(told, encoding="utf-8")
    ran = debug(clone, "lessons/2")
    assert "Lesson 02 Count: 2 of 3 green, 1 to mend" in ran.output


def test_a_debugger_lets_no_thread_run_on(clone: Clone) -> None:
    clone.solve()
    start = inside("import threading; threading.Thread(target=work, name='worker').start()")
    write(clone.project, {"app/main.py": f"{start}\n\ndef work():\n    import time\n    time.sleep(6)\n"})
    ran = debug(clone, "lessons/1")
    assert ran.code == 1, ran.output
    assert ran.output.count("✗ A thread was left running") == 1
    assert clone.done() == []


def test_a_debugger_meets_no_settings_of_the_shell(clone: Clone) -> None:
    write(clone.root, {"solutions/01_hello/.env.example": "GREETING=\n"})
    clone.solve()
    greeting = HELLO.replace('"hello"}', 'os.environ.get("GREETING", "hello")}').replace(
        '"""The application."""', "import os"
    )
    write(clone.project, {"app/main.py": greeting})
    ran = debug(clone, "lessons/1", GREETING="bye")
    assert ran.code == 0, ran.output


def test_a_breakpoint_is_for_the_process_with_the_debugger(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO + "\nbreakpoint()\n"})
    ran = clone.pytest("lessons/1", "--pdb", "-v")
    assert "application-loads PASSED" in ran.output
    assert "PDB set_trace" in ran.output


def test_tests_beside_the_lessons_are_pytests(clone: Clone) -> None:
    clone.solve()
    write(clone.root, {"other/test_other.py": "def test_x():\n    assert 1 == 2\n"})
    ran = debug(clone, "lessons/1", "other")
    assert "E       assert 1 == 2" in ran.output
