"""Every kind of failure: it is told once, at the right line, in the shape that the design draws.

The texts stand in ``golden/``. ``GOLDEN=write`` in the environment writes them anew; read the difference
before you commit it.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.lesson import Course
from checks.readable import unreadable
from checks.report import ASCII, Kind, Outcome, Problem, text
from checks.run import LessonRun, load_id
from checks.supervisor import Supervisor, imported_by
from checks.tests.plugin.course import HELLO, Clone, write

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 3.0
"""Seconds for code that hangs; all other code gets ten times as many, for a busy machine."""
GREETS = "lessons/01_hello/test_hello.py::test_hello_greets"
ANSWERS = "lessons/01_hello/test_hello.py::test_hello_answers"


@dataclass(frozen=True)
class Case:
    """One way to go wrong.

    Attributes:
        name: of the golden file.
        kind: what sort of failure it is.
        main: the text of ``app/main.py``.
        line: what stands on the line that the message points to, or nothing.
        other: the text of a second module, ``app/other.py``.
    """

    name: str
    kind: Kind
    main: str
    line: str = ""
    other: str = ""


def below(code: str) -> str:
    """The working application, and some code under it."""
    return f"{HELLO}\n\n{code}\n"


def inside(code: str) -> str:
    """The working application, with some code in its handler."""
    indented = "".join(f"    {line}\n" for line in code.splitlines())
    return HELLO.replace('    return {"text"', f'{indented}    return {{"text"')


CASES = [
    Case("not_written_yet", Kind.STUB, inside("raise NotImplementedError"), "raise NotImplementedError"),
    Case("syntax_error", Kind.SYNTAX, below("def broken(:\n    pass"), "def broken(:"),
    Case("indentation", Kind.SYNTAX, below("def f():\nreturn 1"), "return 1"),
    Case("null_byte", Kind.SYNTAX, below("x = '\0'")),
    Case("unknown_library", Kind.IMPORT, below("import fastapii"), "import fastapii"),
    Case("unknown_module", Kind.NAME, below("from app.othr import x"), "from app.othr import x", "x = 1\n"),
    Case("unknown_name", Kind.NAME, below("from app.other import helpr"), "from app.other", "helper = 1\n"),
    Case(
        "circular_import",
        Kind.IMPORT,
        "from app.other import thing\n" + HELLO,
        "from app.main import app",
        "from app.main import app\n\nthing = app\n",
    ),
    Case(
        "misspelt_name",
        Kind.NAME,
        HELLO.replace("app = FastAPI()", "appl = FastAPI()").replace("@app", "@appl"),
    ),
    Case("name_error", Kind.RAISED, inside("answer = 1\nprint(anwser)"), "print(anwser)"),
    Case(
        "import_from_the_clones_root",
        Kind.IMPORT,
        below("from project.app.other import x"),
        "from project.app.other import x",
        "x = 1\n",
    ),
    Case("import_without_app", Kind.IMPORT, below("from other import x"), "from other import x", "x = 1\n"),
    Case("forgotten_import", Kind.RAISED, below("x: AsyncIterator[int]"), "x: AsyncIterator"),
    Case("function_not_called", Kind.RAISED, below("def f():\n    pass\nf.title_of_it"), "f.title_of_it"),
    Case("coroutine_not_awaited", Kind.RAISED, inside("hello().text"), "hello().text"),
    Case(
        "module_for_its_content", Kind.RAISED, below("from app import other\nother.route()"), "other.route()"
    ),
    Case(
        "await_forgotten",
        Kind.UNMET,
        inside('async def look_up() -> str:\n    return "hello"\nlook_up()\nreturn {"text": "nothing"}'),
        "look_up()",
    ),
    Case("builtin_is_not_meant", Kind.RAISED, inside("return ap"), "return ap"),
    Case("raises_at_import", Kind.RAISED, below("int('one')"), "int('one')"),
    Case("raises_in_a_handler", Kind.RAISED, inside("{}['key']"), "{}['key']"),
    Case("wrong_path", Kind.UNMET, HELLO.replace('"/hello"', '"/hullo"')),
    Case("wrong_body", Kind.UNMET, HELLO.replace('"text": "hello"', '"text": "hullo"'), '@app.get("/hello")'),
    Case("endless_loop_at_import", Kind.TIMEOUT, below("while True: pass"), "pass"),
    Case("endless_loop", Kind.TIMEOUT, inside("while True: pass"), "pass"),
    Case(
        "loop_that_catches_everything",
        Kind.TIMEOUT,
        inside("import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass"),
        "time.sleep(60)",
    ),
    Case(
        "loop_that_awaits",
        Kind.TIMEOUT,
        inside("import asyncio\nwhile True:\n    await asyncio.sleep(0)"),
        "await asyncio.sleep(0)",
    ),
    Case(
        "await_without_end",
        Kind.TIMEOUT,
        inside("import asyncio\nawait asyncio.Event().wait()"),
        "await asyncio.Event().wait()",
    ),
    Case("computation_that_holds_the_interpreter", Kind.TIMEOUT, inside("10 ** 10 ** 8 % 7")),
    Case("sys_exit_at_import", Kind.ENDED, below("raise SystemExit(0)"), "raise SystemExit(0)"),
    Case("sys_exit_in_a_handler", Kind.ENDED, inside("raise SystemExit(0)"), "raise SystemExit(0)"),
    Case("os_exit", Kind.ENDED, inside("import os\nos._exit(0)"), "os._exit(0)"),
    Case("keyboard_interrupt", Kind.ENDED, inside("raise KeyboardInterrupt"), "raise KeyboardInterrupt"),
    Case("pytest_exit", Kind.ENDED, inside("import pytest\npytest.exit('bye')"), "pytest.exit('bye')"),
    Case("pytest_skip", Kind.SKIPPED, inside("import pytest\npytest.skip('later')"), "pytest.skip('later')"),
    Case("unittest_skip", Kind.SKIPPED, inside("import unittest\nraise unittest.SkipTest"), "SkipTest"),
    Case(
        "thread_left_running",
        Kind.THREAD,
        inside("import threading\nthreading.Thread(target=work, name='worker').start()")
        + "\n\ndef work():\n    import time\n    time.sleep(60)\n",
        "def work():",
    ),
    Case("reads_input", Kind.RAISED, inside("input()"), "input()"),
    Case("recursion", Kind.RAISED, inside("def again():\n    again()\nagain()"), "again()"),
    Case("empty_file", Kind.FILE, "   \n"),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clones") / "clone")


@pytest.fixture(scope="module")
def supervisor(clone: Clone) -> Iterator[Supervisor]:
    course = Course(clone.root)
    lesson = course.find("1")
    supervisor = Supervisor(course, imported_by(course.state(lesson).values()), 10 * LIMIT)
    supervisor.files = [str(path) for path in lesson.test_files]
    yield supervisor
    supervisor.close()


Judge = Callable[[dict[str, str]], list[Outcome]]


@pytest.fixture
def judge(clone: Clone, supervisor: Supervisor) -> Judge:
    """Judge a project by lesson 01: loading it, then two of its checks."""

    def judge(files: dict[str, str]) -> list[Outcome]:
        write(clone.project, {"app/__init__.py": "", "app/other.py": "", **files})
        run = LessonRun(Course(clone.root), supervisor)
        lesson = run.course.find("1")
        outcomes = []
        for nodeid, ask in (
            (load_id(lesson), lambda: run.load(lesson, load_id(lesson))),
            (ANSWERS, lambda: run.behave(lesson, ANSWERS, None)),
            (GREETS, lambda: run.behave(lesson, GREETS, None, [ANSWERS])),
        ):
            outcome = ask()
            run.tally(lesson).add(nodeid, outcome)
            outcomes.append(outcome)
        return outcomes

    return judge


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_kind_of_failure_is_told_once_at_its_line(
    case: Case, judge: Judge, clone: Clone, supervisor: Supervisor
) -> None:
    supervisor.limit = LIMIT if case.kind is Kind.TIMEOUT else 10 * LIMIT
    outcomes = judge({"app/main.py": case.main, "app/other.py": case.other})
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    assert [problem.kind for problem in problems] == [case.kind]
    problem = problems[0]
    assert outcomes[-1].problem is problem or outcomes[-1].waits
    if case.line:
        assert problem.place is not None
        source = (clone.root / problem.place.file).read_text(encoding="utf-8").splitlines()
        assert case.line in source[problem.place.line - 1]
    compare(case.name, text(problem, clone.root))


def test_right_code_has_no_problem(judge: Judge) -> None:
    assert [outcome.problem for outcome in judge({"app/main.py": HELLO})] == [None, None, None]


def test_a_file_that_is_no_text(judge: Judge, clone: Clone) -> None:
    judge({"app/main.py": HELLO})
    (clone.project / "app" / "other.py").write_bytes(b"x = '\xff'\n")
    run = LessonRun(Course(clone.root), supervisor=None)  # type: ignore[arg-type]
    problem = _readable_problem(run)
    assert problem.place is not None
    assert problem.place.file == "project/app/other.py"
    assert "is not UTF-8" in problem.found


def test_a_file_that_is_a_folder_or_missing(judge: Judge, clone: Clone) -> None:
    judge({"app/main.py": HELLO})
    main = clone.project / "app" / "main.py"
    main.unlink()
    run = LessonRun(Course(clone.root), supervisor=None)  # type: ignore[arg-type]
    assert "is missing" in _readable_problem(run).found
    main.mkdir()
    assert "is a folder" in _readable_problem(run).found
    main.rmdir()


def _readable_problem(run: LessonRun) -> Problem:
    problem = unreadable(run.course.root, run.course.project, run.course.find("1").made)
    assert problem is not None
    return problem


def test_a_flood_of_output_is_cut(judge: Judge) -> None:
    outcomes = judge({"app/main.py": inside("print('x' * 50_000_000)\nraise KeyError")})
    output = next(outcome.output for outcome in outcomes if outcome.problem)
    assert output.startswith("(50,000,001 bytes printed; these are the last)")
    assert len(output) < 3_000


def test_a_crash_of_the_interpreter_is_a_failure(judge: Judge) -> None:
    outcomes = judge({"app/main.py": inside("import faulthandler\nfaulthandler._sigsegv()")})
    assert [o.problem.kind for o in outcomes if o.problem] == [Kind.ENDED]


def test_the_same_line_is_waited_for_once(judge: Judge, supervisor: Supervisor) -> None:
    import time

    judge({"app/main.py": HELLO})
    supervisor.limit = LIMIT
    started = time.monotonic()
    run = judge({"app/main.py": inside("while True:\n    pass")})
    assert [outcome.problem.kind for outcome in run if outcome.problem] == [Kind.TIMEOUT]
    assert time.monotonic() - started < 4 * LIMIT


def test_code_that_patches_pytest_changes_no_verdict(judge: Judge) -> None:
    patch = "import pytest\npytest.Function.runtest = lambda self: None"
    outcomes = judge({"app/main.py": below(patch).replace('"hello"}', '"hullo"}')})
    assert any(outcome.problem or outcome.waits for outcome in outcomes)


def test_messages_need_no_utf8(judge: Judge, clone: Clone) -> None:
    outcomes = judge({"app/main.py": inside("{}['key']")})
    problem = next(outcome.problem for outcome in outcomes if outcome.problem)
    assert text(problem, clone.root, ASCII).isascii()


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_messages_keep_to_the_shape(golden: Path) -> None:
    headline, *body = golden.read_text(encoding="utf-8").splitlines()
    assert len(headline) <= 100
    assert len(body) <= 12
    source = [number for number, line in enumerate(body) if "│" in line]
    assert all(len(line) <= 80 for number, line in enumerate(body) if number not in source)
    labels = [line.split()[0] for line in body if line[2:3].isalpha() and line[2:13].strip().isalpha()]
    assert [label for label in labels if label in {"Expected", "Found", "Why", "Next"}] == [
        "Expected",
        "Found",
        "Why",
        "Next",
    ]
    words = set(" ".join((headline, *body)).lower().replace(",", " ").replace(".", " ").split())
    assert not words & {"just", "simply", "obviously", "forgot", "wrong"}


def compare(name: str, message: str) -> None:
    """Compare a message with the golden one, or write that."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(message + "\n", encoding="utf-8", newline="\n")
    assert _carets_aside(message + "\n") == _carets_aside(path.read_text(encoding="utf-8"))


def _carets_aside(message: str) -> str:
    """The message with one caret for any number: how much of a line is to blame differs between versions."""
    return re.sub(r"\^+", "^", message)
