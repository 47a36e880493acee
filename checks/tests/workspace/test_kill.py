"""A process that is killed for real, in the middle of what it does."""

import random
import subprocess
import sys
import time
from pathlib import Path

from checks.lesson import Course
from checks.tests.workspace.world import make_course, picture, put, quick_folder
from checks.workspace import Workspace

KILLS = 12
COMMANDS_WITHOUT_END = """
import sys
from pathlib import Path
from checks.lesson import Course
from checks.workspace import Workspace

workspace = Workspace(Course(Path(sys.argv[1])))
lesson = workspace.course.all_lessons[1]
print("ready", flush=True)
while True:
    workspace.undo()
"""


def test_kill_at_any_moment() -> None:
    chance = random.Random(20261123)
    with quick_folder() as folder:
        course = make_course(folder / "clone")
        workspace = Workspace(course)
        workspace.place(course.all_lessons[2])
        for number in range(30):
            put(course.project / f"app/own/file{number}.py", f"mine {number}\n" * 50)
        mine = picture(course.project)
        workspace.catchup(course.all_lessons[1])
        (course.project / "app/own/file7.py").write_text("changed")
        for number in range(10, 25):
            (course.project / f"app/own/file{number}.py").unlink()
        states = [picture(course.project), mine]
        interruptions = 0
        for _ in range(KILLS):
            kill_after(course, chance.uniform(0.0, 0.01))
            interruptions += (course.project / ".workshop/change.json").exists()
            workspace.recover()
            assert picture(course.project) in states
        assert interruptions > 0


def kill_after(course: Course, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMANDS_WITHOUT_END, str(course.root)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        wait_for(course.project / ".workshop/change.json")
        time.sleep(seconds)
        process.kill()
        process.stdout.read()  # ends when the process itself has, not only a launcher of it


def wait_for(path: Path) -> None:
    """Until a change is under way; on a busy machine that takes its time."""
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        pass
