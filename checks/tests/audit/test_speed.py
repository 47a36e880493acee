"""An audit's time grows with the lines and no faster; processor time, which a busy machine does not spoil."""

import shutil
import time
from pathlib import Path

from checks.audit import audit
from checks.lesson import find_course


def copies(folder: Path, number: int) -> Path:
    """So many copies of the finished service, each a package with a name of its own."""
    course = find_course(Path(__file__).parent)
    state = course.state(course.all_lessons[-1])
    for copy in range(number):
        for name, path in state.items():
            if name.startswith("app/") and name.endswith(".py"):
                target = folder / name.replace("app/", f"service{copy}/", 1)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8").replace("from app.", f"from service{copy}.")
                target.write_text(text, encoding="utf-8")
    return folder


def seconds(folder: Path) -> float:
    """The processor time of the quicker of two audits."""
    times = []
    for _ in range(2):
        before = time.process_time()
        audit(folder)
        times.append(time.process_time() - before)
    return min(times)


def test_time_is_linear_in_lines(tmp_path: Path) -> None:
    few = copies(tmp_path / "few", 4)
    many = copies(tmp_path / "many", 16)
    audit(few)
    ratio = seconds(many) / seconds(few)
    shutil.rmtree(many)
    assert ratio < 4 * 1.6
