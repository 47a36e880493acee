"""What the README says is what happens."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.lesson import find_course
from checks.tests.plugin.course import Clone

ROOT = find_course(Path(__file__)).root
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ").partition("#")[0].strip() for line in README.splitlines() if line.startswith("$ ")
]


@pytest.fixture
def real_clone(tmp_path: Path) -> Clone:
    """The real lessons in a folder of their own, without a project."""
    clone = Clone(tmp_path / "clone")
    for name in ("lessons", "solutions"):
        shutil.rmtree(clone.root / name)
        shutil.copytree(ROOT / name, clone.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return clone


def test_the_first_run_ends_as_the_readme_shows(real_clone: Clone) -> None:
    shown = README.partition("```text\n")[2].partition("\n```")[0]
    ran = real_clone.pytest("lessons/01")
    assert ran.code == 1
    assert _comparable(shown) == _comparable(ran.output)


def _comparable(output: str) -> list[str]:
    """The lines of a run without those that differ between machines."""
    without_seconds = re.sub(r" in [\d.]+s =+", "", output).replace(os.sep, "/")
    lines = (line.rstrip() for line in without_seconds.splitlines())
    return [line for line in lines if line and not re.match(r"platform|rootdir|configfile|plugins", line)]


def test_every_lesson_on_offer_is_in_the_readme_with_its_minutes() -> None:
    for lesson in find_course(Path(__file__)).lessons:
        row = f"| [{lesson.name[:2]} {lesson.title.lower()}](lessons/{lesson.name}/README.md) |"
        line = next((line for line in README.splitlines() if line.startswith(row)), "")
        assert line.endswith(f"| {lesson.minutes} |"), row


@pytest.mark.parametrize("command", sorted({c for c in COMMANDS if c.startswith("uv run workshop")}))
def test_every_workshop_command_of_the_readme_exists(command: str) -> None:
    words = command.removeprefix("uv run workshop").split()[:1]
    run = subprocess.run(
        [sys.executable, "-c", "from checks.cli import main; main()", *words, "--help"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_ci_runs_the_test_command_of_the_readme() -> None:
    tested = [command for command in COMMANDS if "pytest checks" in command]
    assert len(tested) == 1
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert tested[0].removeprefix("pip install uv && ") in script.splitlines()


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.search(r"^\s+run: \.ci/run$", workflow, re.MULTILINE)


def test_ci_leaves_a_project_that_is_there_alone(tmp_path: Path) -> None:
    if (bash := shutil.which("bash")) is None:
        pytest.skip("the script is for bash")
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "project").mkdir()
    run = subprocess.run(
        [bash, ".ci/run"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert run.returncode == 2, run.stderr
    assert "clean checkout" in run.stderr
    assert (tmp_path / "project").is_dir()


def test_every_link_of_the_pages_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("lessons/*/*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page}: {target}"
