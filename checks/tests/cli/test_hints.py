"""How `hints.md` is read."""

from pathlib import Path

import pytest

from checks.guide import GuideError, parse_hints, read_hints
from checks.lesson import Course
from checks.tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("## Hint 1", ""),
        ("## hint 1:", ""),
        ("## Hint 1: Look at the factory", "Look at the factory"),
        ("## Hint 1 - Look at the factory", "Look at the factory"),
        ("## Look at the factory", "Look at the factory"),
        ("## Hinting", "Hinting"),
        ("##   Hint 1  ", ""),
    ],
)
def test_titles(heading: str, title: str) -> None:
    assert [hint.title for hint in parse_hints(f"{heading}\n\ntext\n")] == [title]


def test_text_is_kept_as_it_stands() -> None:
    [first, second] = parse_hints("# Hints\n\nAbout them.\n\n## One\n\na\n\n### more\n\nb\n\n## Two\nc\n")

    assert (first.number, first.text) == (1, "a\n\n### more\n\nb")
    assert (second.number, second.text) == (2, "c")


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_headings_inside_code_are_code(fence: str) -> None:
    [hint] = parse_hints(f"## One\n\n{fence}python\n## Two\n{fence}\n")

    assert "## Two" in hint.text


def test_line_ends_of_windows() -> None:
    assert [hint.text for hint in parse_hints("## One\r\n\r\na\r\n## Two\r\n\r\nb\r\n")] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "# Hints\n", "no heading\n"])
def test_a_file_without_hints(clone: Path, text: str) -> None:
    (clone / "lessons/01_greeting/hints.md").write_text(text, encoding="utf-8")
    with pytest.raises(GuideError, match="has no hints"):
        read_hints(Course(clone).find("1"))


def test_hints_that_became_fewer(run: Run, clone: Path) -> None:
    run("start", "1")
    for _ in range(3):
        run("hint")
    (clone / "lessons/01_greeting/hints.md").write_text("## One\n\na\n", encoding="utf-8")

    assert "You have seen all 1 hints" in run("hint").output
    assert "hint 1 of 1" in run("hint", "--again").output
