"""Markdown and signs as they come out on a terminal."""

import io

import pytest

from checks.terminal import Screen


def shown(markdown: str, encoding: str = "utf-8") -> str:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding)
    Screen(stream).markdown(markdown, indent="")
    stream.flush()
    return written.getvalue().decode(encoding)


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")


def test_paragraphs_are_wrapped_again() -> None:
    assert shown("One two three four\nfive six seven eight nine ten.\n\nEleven.") == (
        "One two three four five six seven eight\nnine ten.\n\nEleven.\n"
    )


def test_lists_hang() -> None:
    assert shown("- first, a long item that needs more than a line\n- second\n  goes on\n\n10. tenth") == (
        "- first, a long item that needs more\n  than a line\n- second goes on\n\n10. tenth\n"
    )


def test_code_is_verbatim() -> None:
    code = (
        "```python\nif  x:\n\n    return 'a very long line that is by no means broken into two'\n```\nafter"
    )
    assert shown(code) == (
        "  if  x:\n\n      return 'a very long line that is by no means broken into two'\n\nafter\n"
    )


def test_code_that_never_ends() -> None:
    assert shown("text\n```\na\nb") == "text\n\n  a\n  b\n"


def test_headings_and_strong_words() -> None:
    assert shown("### Why\nIt **waits**, `[so]` it *is*.") == "Why\n\nIt waits, `[so]` it *is*.\n"


def test_a_word_that_is_longer_than_the_line() -> None:
    assert shown("see " + "x" * 60) == "see\n" + "x" * 60 + "\n"


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("a → b", "a > b"),
        ("naïve café", "naive cafe"),
        ("…", "..."),
        ("“so”", '"so"'),
        ("日本", "??"),
        ("\udc80", "?"),
    ],
)
def test_signs_that_a_console_does_not_have(text: str, ascii_text: str) -> None:
    assert shown(text, "ascii") == ascii_text + "\n"


def test_short_code_is_not_broken() -> None:
    assert shown("A word or more, and then `uv run pytest` now.") == (
        "A word or more, and then `uv run pytest`\nnow.\n"
    )


def test_a_pipe_on_windows_is_no_old_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console.detect_legacy_windows", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    Screen(stream).line("x" * 40, "red")
    assert Screen(stream)._width == 40
    assert stream.getvalue().startswith("\x1b[31m")


def test_nothing() -> None:
    assert shown("") == ""
