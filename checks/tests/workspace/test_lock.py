"""Two commands at a time."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from checks.tests.workspace.world import picture
from checks.workspace import Workspace, WorkspaceError
from checks.workspace.lock import held

HOLDER = """
import os, sys, time
from pathlib import Path
from checks.workspace.lock import held
with held(Path(sys.argv[1]), 1):
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(workspace, course, project):
    workspace.place(course.all_lessons[0])
    arguments = [sys.executable, "-c", HOLDER, str(project / ".workshop/lock")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number = process.stdout.readline().strip()  # not of a launcher, which Windows may put in between
        assert number.isdecimal()
        yield process, number
        process.kill()


def test_another_process_holds_it(workspace, course, project, holder):
    _, number = holder
    before = picture(project)
    with pytest.raises(WorkspaceError, match=rf"Another command.*process {number}.*Nothing was changed"):
        workspace.solve(course.all_lessons[0])
    assert picture(project) == before


def test_asking_does_not_wait(workspace, course, holder):
    assert workspace.reached() == ["01_root"]
    assert workspace.recover() is None
    assert not workspace.place(course.all_lessons[0]).touched


def test_the_lock_of_a_killed_process_is_free(workspace, course, holder):
    process, _ = holder
    process.kill()
    process.stdout.read()  # ends when the process itself has, not only a launcher of it
    assert workspace.solve(course.all_lessons[0]).touched


def test_a_short_hold_is_waited_for(course, project):
    Workspace(course).place(course.all_lessons[0])
    go_on = threading.Event()

    def hold() -> None:
        with held(project / ".workshop/lock", 1):
            go_on.set()
            threading.Event().wait(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    go_on.wait()
    assert Workspace(course, lock_wait=5).solve(course.all_lessons[0]).touched
    thread.join()


def test_many_at_once(course, project):
    def work(_: int) -> None:
        for lesson in course.all_lessons:
            Workspace(course, lock_wait=30).place(lesson)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len(Workspace(course).snapshots()) == 3
