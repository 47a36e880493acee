"""Brief, starter, checks, hints and reference agree with one another."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from checks.lesson import Lesson
from checks.tests.lessons.judging import REAL, checks_of

LESSONS = [pytest.param(lesson, id=lesson.name) for lesson in REAL.lessons]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLAME = re.compile(r"\b(you forgot|just|simply|obviously|of course|easy|easily|trivial)\b", re.IGNORECASE)
STUBS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def brief(lesson: Lesson) -> str:
    return (lesson.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("lesson", LESSONS)
def test_starter_holds_what_the_lesson_makes(lesson: Lesson) -> None:
    assert sorted(lesson.starter_files) == sorted(lesson.made)
    assert sorted(lesson.solution_files) == sorted(lesson.made + lesson.changed)


@pytest.mark.parametrize("lesson", LESSONS)
def test_starter_and_solution_have_the_same_public_names(lesson: Lesson) -> None:
    for path, starter in lesson.starter_files.items():
        if path.endswith(".py"):
            solution = lesson.solution_files[path]
            assert public(starter.read_text(encoding="utf-8")) == public(
                solution.read_text(encoding="utf-8")
            ), path


def public(source: str) -> dict[str, str]:
    """Public names of a module, each with its signature, bases or value, and its docstring."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
                returns = ast.unparse(node.returns) if node.returns else ""
                signature = f"{kind} {node.name}({ast.unparse(node.args)}) -> {returns}"
                found[node.name] = f"{signature}\n{ast.get_docstring(node)}"
            case ast.ClassDef():
                found[node.name] = ", ".join(map(ast.unparse, node.bases))
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = ast.unparse(node.value)
    return {name: text for name, text in found.items() if not name.startswith("_")}


NUMBERED = "  → 88 │ "


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_stub_of_the_starter_says_what_is_missing(lesson: Lesson) -> None:
    stubs = [
        node.exc
        for path in lesson.starter_files.values()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
    ]
    assert stubs
    for stub in stubs:
        assert isinstance(stub, ast.Call)
        assert ast.unparse(stub.func) == "NotImplementedError"
        (words,) = stub.args
        assert len(ast.literal_eval(words)) > 20
        assert stub.end_col_offset is not None
        assert len(NUMBERED) + stub.end_col_offset <= 80, "a failure shows the line: it has to fit a terminal"


@pytest.mark.parametrize("lesson", LESSONS)
def test_brief_names_every_public_name(lesson: Lesson) -> None:
    text = brief(lesson)
    for path, starter in lesson.starter_files.items():
        if path.endswith(".py") and not path.endswith("__init__.py"):
            assert path in text
            for node in ast.parse(starter.read_text(encoding="utf-8")).body:
                if isinstance(node, STUBS):
                    assert node.name in text, f"{path}: {node.name}"
    for path in lesson.changed:
        assert path in text
    for names in lesson.contract.values():
        for stub in names:
            name = re.sub(r"^(class|def|async def)\s+", "", stub).partition("(")[0].partition(":")[0]
            assert name.rpartition(".")[2] in text, stub


@pytest.mark.parametrize("lesson", LESSONS)
def test_brief_has_its_parts(lesson: Lesson) -> None:
    text = brief(lesson)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] in {"The convention", "The conventions"}
    assert headings[1:] == ["What goes wrong without it", "Your task", "See it work", "Going further"]
    assert "```mermaid" in text
    assert f"About {lesson.minutes} minutes" in text
    for slug in lesson.conventions:
        assert f"`{slug}`" in text
    assert f"uv run pytest lessons/{lesson.number:02}" in text


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a text's console blocks, each with what stands below it."""
    for block in CONSOLE.findall(re.sub(r"^ {3}", "", text, flags=re.MULTILINE)):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


@pytest.mark.parametrize("lesson", LESSONS)
def test_commands_of_the_brief_exist(lesson: Lesson) -> None:
    known = {"pytest", "python", "uvicorn", "workshop", "ruff", "alembic"}
    for command, _ in commands(brief(lesson)):
        first, *rest = shlex.split(command)
        assert first in {"uv", "cd", "curl"}, command
        if first == "uv":
            assert (rest[0], rest[1] in known) == ("run", True), command
        if first == "cd":
            assert rest == ["project"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_look_at_what_goes_wrong_prints_what_the_brief_shows(lesson: Lesson) -> None:
    command = f"uv run python lessons/{lesson.name}/without.py"
    shown = dict(commands(brief(lesson)))[command]
    printed = subprocess.run(
        [sys.executable, lesson.folder / "without.py"], capture_output=True, text=True, check=True, timeout=60
    )
    assert printed.stdout == shown


@pytest.mark.parametrize("lesson", LESSONS)
def test_links_of_the_brief_lead_to_the_service(lesson: Lesson) -> None:
    paths = set(re.findall(r"http://127\.0\.0\.1:8000(/[\w/]*)", brief(lesson)))
    assert paths <= {"/docs", "/health/live", "/health/ready"}
    assert paths


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_check_teaches(lesson: Lesson) -> None:
    checks = checks_of(lesson)
    known = {check.nodeid for check in checks}
    steps = len(re.findall(r"^\d+\. ", brief(lesson).partition("## Your task")[2], re.MULTILINE))
    for check in checks:
        headline, *rest = check.docstring.split("\n\n")
        assert len(headline) <= 70, check.name
        assert not headline.endswith("."), check.name
        assert [part.partition(":")[0] for part in rest] == ["Why", "Next"], check.name
        assert not BLAME.search(check.docstring), check.name
        assert set(check.needs) <= known - {check.nodeid}, check.name
        named = [int(step) for step in re.findall(r"\b[Ss]tep (\d+)", check.docstring)]
        assert all(step <= steps for step in named), check.name
        assert named or "FastAPI" in check.docstring, check.name


@pytest.mark.parametrize("lesson", LESSONS)
def test_three_to_five_hints_that_tell_more_and_more(lesson: Lesson) -> None:
    text = (lesson.folder / "hints.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [f"Hint {number}" for number in range(1, len(headings) + 1)]
    assert 3 <= len(headings) <= 5
    assert not BLAME.search(text)


@pytest.mark.parametrize("lesson", LESSONS)
def test_instructor_has_a_page(lesson: Lesson) -> None:
    text = (lesson.folder / "instructor.md").read_text(encoding="utf-8")
    for heading in ("## Show", "## Say", "## Mistakes people make here", "## Questions to ask"):
        assert heading in text
    assert f"{lesson.minutes} minutes" in text


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_text_blames(lesson: Lesson) -> None:
    for name in ("README.md", "instructor.md"):
        found = BLAME.findall((lesson.folder / name).read_text(encoding="utf-8"))
        assert not found, f"{name}: {found}"
