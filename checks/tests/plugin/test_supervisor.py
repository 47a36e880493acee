"""How a subject ends, whatever it has started, and wherever it really runs."""

import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.lesson import Course
from checks.report import Kind, workshop_fault
from checks.supervisor import GLANCE, LAST_MOMENTS, Supervisor
from checks.tests.plugin.course import HELLO, Clone, write

ANSWERS = "lessons/01_hello/test_hello.py::test_hello_answers"
LIMIT = 2.0
CHILD = """\
    import subprocess, sys
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    while True: pass
"""
LAUNCHER = """\
#!{python}
import subprocess, sys

sys.exit(subprocess.Popen([{python!r}, *sys.argv[1:]], start_new_session=True).wait())
"""


@pytest.fixture
def supervisor(clone: Clone) -> Iterator[Supervisor]:
    clone.solve()
    course = Course(clone.root)
    supervisor = Supervisor(course, ["fastapi", "httpx"], 30.0)
    supervisor.files = [str(path) for path in course.find("1").test_files]
    yield supervisor
    supervisor.close()


def test_a_child_that_is_left_behind_holds_nobody_up(clone: Clone, supervisor: Supervisor) -> None:
    main = HELLO.replace('    return {"text"', f'{CHILD}    return {{"text"')
    write(clone.project, {"app/main.py": main})
    assert supervisor.load(supervisor.course.find("1")).holds
    supervisor.limit = LIMIT
    started = time.monotonic()
    outcome = supervisor.run(ANSWERS, None)
    assert outcome.problem
    assert outcome.problem.kind is Kind.TIMEOUT
    assert time.monotonic() - started < LIMIT + 3 * LAST_MOMENTS


@pytest.mark.skipif(sys.platform == "win32", reason="there, a launcher is what every other test runs with")
def test_a_subject_behind_a_launcher_is_gone_before_its_folder(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a virtual environment on Windows; here the launcher's end does not end its child."""
    launcher = tmp_path / "python"
    launcher.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(launcher))
    assert supervisor.run(ANSWERS, None).holds
    folder = Path(supervisor._scratch.name)
    supervisor.close()
    assert not any(reader.is_alive() for reader in supervisor._readers)
    assert not folder.exists()


def test_no_wait_is_so_long_that_windows_keeps_a_ctrl_c_back(supervisor: Supervisor) -> None:
    waits = []

    class Messages(queue.SimpleQueue[None]):
        def get(self, block: bool = True, timeout: float | None = None) -> None:
            waits.append(timeout)
            return super().get(block, timeout)

    supervisor._messages = Messages()  # type: ignore[assignment]
    started = time.monotonic()
    assert supervisor._answer(0.5) == {"event": "silent"}
    assert time.monotonic() - started >= 0.5
    assert all(wait is not None and wait <= GLANCE for wait in waits)


def test_a_question_that_nobody_reads_any_more_is_no_error(supervisor: Supervisor) -> None:
    assert supervisor.run(ANSWERS, None).holds
    assert supervisor._process
    supervisor._process.kill()
    supervisor._process.wait()
    outcome = supervisor.run(ANSWERS, None)
    assert outcome.problem
    assert outcome.problem.kind is Kind.ENDED
    assert supervisor.run(ANSWERS, None).holds


def test_a_subject_that_cannot_start_is_a_fault_of_ours(clone: Clone) -> None:
    supervisor = Supervisor(Course(clone.root), [], 30.0)
    supervisor.files = [str(clone.root / "no_such_module.py")]
    outcome = supervisor.load(supervisor.course.find("1"))
    supervisor.close()
    assert outcome.problem
    assert outcome.problem.kind is Kind.WORKSHOP
    assert "`uv sync`" in outcome.problem.next
    assert "please report it" in outcome.problem.next
    assert ("lines below" in outcome.problem.next) is bool(outcome.problem.detail)


@pytest.mark.parametrize(("detail", "said"), [("line\n", "with the lines below"), (" ", "Please report it")])
def test_a_report_has_lines_below_only_where_there_are_some(detail: str, said: str) -> None:
    problem = workshop_fault(
        "nothing came", expected="something", found="nothing", why="Ours.", detail=detail
    )
    assert problem.next.endswith(said)
