"""Wrong words on the command line: one clear message, the nearest right word, exit code 2, no traceback."""

from pathlib import Path

import pytest

from checks.tests.cli.conftest import Run

WRONG = [
    (["hitn"], "Did you mean `workshop hint`?"),
    (["lesson", "30"], "Did you mean `workshop start`?"),
    (["help"], "Did you mean `workshop --help`?"),
    (["3"], "Did you mean `workshop start 3`?"),
    (["zzz"], "The commands are start, status, hint"),
    (["start", "30"], "They go from 01_greeting to 03_silence."),
    (["start", "farewel"], "The nearest is 02_farewell."),
    (["start", ""], "There is no lesson ''."),
    (["start", "../../etc"], "There is no lesson '../../etc'."),
    (["start", "1\x00"], "There is no lesson '1\\x00'."),
    (["start", "²"], "There is no lesson '²'."),
    (["start"], "`workshop start --help` shows how it is used."),
    (["start", "1", "2"], "`workshop start --help` shows how it is used."),
    (["reset", "-1"], "No such option: -1"),
    (["hint", "--agian"], "--again"),
    (["diff", "--spoill"], "--spoil"),
    (["hint", "fortytwo"], "There is no lesson 'fortytwo'."),
    (["explain"], "Which convention? One of: "),
    (["explain", "async-sesion"], "async-session"),
    (["explain", "../secret"], "'../secret'"),
    (["explain", "os.path"], "'os.path'"),
    (["undo", "--to", "1"], "There is no copy of the project named '1'."),
    (["undo", "--to", "../x"], "`workshop undo --list` shows all copies."),
    (["undo", "--list", "--to", "1"], "one of them at a time"),
    (["undo", "--lsit"], "--list"),
    (["--json", "status"], "--json belongs after the command"),
    (["--jsn"], "--json"),
]


@pytest.mark.parametrize(
    ("words", "said"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_words(run: Run, words: list[str], said: str) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert len(result.stderr.splitlines()) <= 5
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize("word", ["42", "0001_2026-11-23_07-32-00_stort"])
def test_a_wrong_copy_names_the_nearest(run: Run, word: str) -> None:
    for number in ("1", "2", "3", "1"):
        run("start", number)
    result = run("undo", "--to", word)

    assert result.exit_code == 2
    assert "The nearest is " in " ".join(result.stderr.split())


def test_wrong_words_change_nothing(run: Run, clone: Path) -> None:
    for words, _ in WRONG:
        run(*words)

    assert not (clone / "project").exists()


@pytest.mark.parametrize(
    "word", ["2", "02", "002", "02_farewell", "farewell", "FAREWELL", "lessons/02_farewell/", "lessons\\02"]
)
def test_every_name_of_a_lesson(run: Run, word: str) -> None:
    assert "Lesson 02_farewell is ready." in run("start", word).output
