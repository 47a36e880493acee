"""The command line that a pytest user expects."""

import codecs
import re
import signal
from pathlib import Path

import pytest

from checks.tests.plugin.course import HELLO, Clone, write
from checks.tests.workspace.world import link


@pytest.mark.parametrize(
    "word", ["lessons/1", "lessons/01", "lessons/01_hello", "lessons/hello", "lessons/01/"]
)
def test_a_lesson_has_short_names(clone: Clone, word: str) -> None:
    ran = clone.pytest(word)
    assert ran.code == 1, ran.output
    assert "Not written yet: create_app" in ran.output
    assert "project/app/main.py:8" in ran.output
    assert "Placed the starter files in project/: app/__init__.py, app/main.py" in ran.output


def test_one_cause_is_one_message_and_the_rest_waits_for_it(clone: Clone) -> None:
    ran = clone.pytest("lessons/01")
    assert ran.output.count("Not written yet: create_app") == 1
    assert "1 failed, 4 skipped" in ran.output


def test_a_solved_lesson_is_green_and_names_the_next(clone: Clone) -> None:
    clone.pytest("lessons/01")
    clone.solve()
    ran = clone.pytest("lessons/01")
    assert ran.code == 0, ran.output
    assert "Lesson 01 Hello: 5 of 5 green" in ran.output
    assert "Next   uv run pytest lessons/02" in ran.output


def test_several_lessons_run_in_order(clone: Clone) -> None:
    clone.solve()
    ran = clone.pytest("lessons/2", "lessons/1", "-v")
    assert ran.code == 0, ran.output
    assert ran.output.index("test_hello_answers PASSED") < ran.output.index("test_counts PASSED")


def test_all_lessons_means_those_that_were_reached(clone: Clone) -> None:
    clone.solve()
    clone.pytest("lessons/1")
    ran = clone.pytest("lessons")
    assert ran.code == 0, ran.output
    assert "5 passed" in ran.output
    assert "count" not in ran.output


def test_without_any_lesson_reached_there_is_a_first_step_and_no_success(clone: Clone) -> None:
    for arguments in (["lessons"], []):
        ran = clone.pytest(*arguments)
        assert ran.code == 4
        assert "Begin with: uv run pytest lessons/01" in ran.output
    assert not clone.project.exists()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lessons/30", "There is no lesson '30'"),
        ("lessons/helo", "The nearest is 01_hello"),
        ("lessons/3", "Lesson 03_later is not on offer yet"),
        ("lesson/1", "There is no lesson/1 here. The lesson: uv run pytest lessons/01"),
        ("hello", "There is no hello here. The lesson: uv run pytest lessons/01"),
    ],
)
def test_an_unknown_lesson_is_a_clear_error(clone: Clone, word: str, said: str) -> None:
    ran = clone.pytest(word)
    assert ran.code == 4
    assert said in ran.output
    assert "Traceback" not in ran.output


def test_a_node_id_runs_one_check(clone: Clone) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1/test_hello.py::test_nothing_else", "-v")
    assert ran.code == 0, ran.output
    assert "1 passed" in ran.output


def test_a_convention_has_a_node_id_with_its_slug(clone: Clone) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1/lesson.toml::async-handlers", "-v")
    assert ran.code == 0, ran.output
    assert "lesson.toml::async-handlers PASSED" in ran.output


def test_conventions_of_earlier_lessons_stay_checked(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace("async def", "def")})
    ran = clone.pytest("lessons/2")
    assert ran.code == 1
    assert "async-handlers" in ran.output
    assert "project/app/main.py:9" in ran.output


def test_a_keyword_selects(clone: Clone) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1", "-k", "greets")
    assert ran.code == 0, ran.output
    assert "1 passed, 4 deselected" in ran.output
    assert clone.pytest("lessons/1", "-k", "no_such_word").code == 5


@pytest.mark.parametrize(
    ("words", "green"),
    [
        (["lessons/1/test_hello.py"], 3),
        (["lessons/1/test_hello.py::test_nothing_else"], 1),
        (["lessons/1", "-k", "greets"], 1),
        (["lessons/1", "--deselect", "lessons/01_hello/lesson.toml::async-handlers"], 4),
    ],
)
def test_a_part_of_a_lesson_is_not_the_lesson(clone: Clone, words: list[str], green: int) -> None:
    write(clone.project, {"app/__init__.py": "", "app/main.py": HELLO.replace("async def", "def")})
    ran = clone.pytest(*words)
    assert ran.code == 0, ran.output
    assert f"Lesson 01 Hello: {green} of 5 green" in ran.output
    assert "Next   run the whole lesson: uv run pytest lessons/01" in ran.output
    assert "is done" not in ran.output
    assert clone.done() == []


def test_a_part_of_a_done_lesson_leaves_it_done(clone: Clone) -> None:
    clone.solve()
    clone.pytest("lessons/1")
    assert clone.done() == ["hello"]
    clone.pytest("lessons/1/test_hello.py")
    assert clone.done() == ["hello"]


@pytest.mark.parametrize("option", ["-s", "-rP"])
def test_what_right_code_prints_is_shown_to_who_asks(clone: Clone, option: str) -> None:
    clone.solve()
    talking = HELLO.replace("    return {", '    print("was here")\n    return {')
    write(clone.project, {"app/main.py": talking})
    for words, shown in ((["-q"], 0), (["-q", option], 1)):
        ran = clone.pytest("lessons/1/test_hello.py::test_hello_greets", *words)
        assert ran.code == 0, ran.output
        assert ran.output.count("was here") == shown, ran.output


def test_the_first_failure_can_end_the_run(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace('"/hello"', '"/hullo"')})
    ran = clone.pytest("lessons/1", "-x")
    assert ran.code == 1
    assert "stopping after 1 failures" in ran.output
    assert "404" in ran.output


def test_the_last_failures_can_be_run_alone(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace('"text": "hello"', '"text": "hullo"')})
    assert clone.pytest("lessons/1").code == 1
    ran = clone.pytest("lessons/1", "--lf", "-v")
    assert "test_hello_greets FAILED" in ran.output
    assert "test_hello_answers" not in ran.output


def test_quiet_says_little(clone: Clone) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1", "-q")
    assert "platform" not in ran.output
    assert ran.output.startswith(".....")


def test_two_workers_come_to_the_same_verdict(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace('"text": "hello"', '"text": "hullo"')})
    ran = clone.pytest("lessons/1", "lessons/2", "-n", "2")
    assert ran.code == 1
    assert "1 failed, 7 passed" in ran.output
    assert "the body {'text': 'hello'} from GET /hello" in " ".join(ran.output.split())
    assert "INTERNALERROR" not in ran.output


def test_two_workers_place_the_files_once(clone: Clone) -> None:
    ran = clone.pytest("lessons/1", "-n", "2")
    assert ran.code == 1
    assert "Not written yet: create_app" in ran.output
    assert (clone.project / "app" / "main.py").is_file()


def test_collecting_writes_nothing_and_shows_every_lesson_on_offer(clone: Clone) -> None:
    ran = clone.pytest("--collect-only", "-q", "lessons")
    assert ran.code == 0, ran.output
    assert "lessons/01_hello/lesson.toml::application-loads" in ran.output
    assert "lessons/02_count/test_count.py::test_counts" in ran.output
    assert "03_later" not in ran.output
    assert not clone.project.exists()


def test_junit_files_hold_the_whole_message(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/main.py": HELLO.replace('"/hello"', '"/hullo"')})
    clone.pytest("lessons/1", "--junitxml", "result.xml")
    xml = (clone.root / "result.xml").read_text(encoding="utf-8")
    assert "status 200 from GET /hello" in xml
    assert 'tests="5"' in xml


def test_it_works_from_inside_the_clone(clone: Clone) -> None:
    clone.solve()
    assert clone.pytest("1", folder="lessons").code == 0
    assert clone.pytest("../lessons/1", folder="project").code == 0
    assert clone.pytest("lessons/1", folder="project").code == 0


def test_earlier_lessons_are_placed_as_reference_and_shown_as_skipped(clone: Clone) -> None:
    ran = clone.pytest("lessons/2")
    assert (
        "Placed the reference files of earlier lessons in project/: app/__init__.py, app/main.py"
        in ran.output
    )
    ran = clone.pytest("lessons/1", "-rs")
    assert ran.code == 0, ran.output
    assert "5 skipped" in ran.output
    assert "passed" not in ran.output
    assert "the reference's files" in ran.output


def test_an_existing_file_is_never_touched(clone: Clone) -> None:
    write(clone.project, {"app/main.py": "mine = 1\n"})
    before = (clone.project / "app" / "main.py").stat()
    clone.pytest("lessons/1")
    clone.pytest("lessons/2")
    after = (clone.project / "app" / "main.py").stat()
    assert (clone.project / "app" / "main.py").read_text(encoding="utf-8") == "mine = 1\n"
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_learner_can_step_through_a_check(clone: Clone) -> None:
    clone.solve()
    write(
        clone.project,
        {"app/main.py": HELLO.replace('return {"text"', 'raise KeyError("x")\n    return {"text"')},
    )
    ran = clone.pytest("lessons/1", "--pdb")
    assert "PDB post_mortem" in ran.output
    assert "-> raise KeyError" in ran.output
    assert "project/app/main.py:11" in ran.output


def test_the_learners_shell_does_not_decide(clone: Clone) -> None:
    write(clone.root, {"solutions/01_hello/.env.example": "# GREETING=\nNAME=x\n"})
    clone.solve()
    greeting = HELLO.replace('"hello"}', 'os.environ.get("GREETING", "hello")}').replace(
        '"""The application."""', "import os"
    )
    write(clone.project, {"app/main.py": greeting})
    assert clone.pytest("lessons/1", GREETING="bye").code == 0


def test_a_console_without_utf8_gets_plain_marks(clone: Clone) -> None:
    ran = clone.pytest("lessons/1", PYTHONIOENCODING="ascii")
    assert "x Not written yet: create_app" in ran.output
    assert ran.output.isascii()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_the_console_does_not_decide_what_may_be_printed(clone: Clone, encoding: str) -> None:
    clone.solve()
    printing = HELLO.replace('return {"text"', 'print("→ ✓ 日本")\n    return {"text"')
    write(clone.project, {"app/main.py": printing})
    ran = clone.pytest("lessons/1", PYTHONIOENCODING=encoding)
    assert ran.code == 0, ran.output


@pytest.mark.parametrize("start", [b"", codecs.BOM_UTF8], ids=["CRLF", "CRLF and BOM"])
def test_files_as_editors_on_windows_write_them(clone: Clone, start: bytes) -> None:
    clone.solve()
    main = clone.project / "app" / "main.py"
    main.write_bytes(start + HELLO.replace("\n", "\r\n").encode())
    assert clone.pytest("lessons/1").code == 0
    main.write_bytes(main.read_bytes().replace(b'"text": "hello"', b'"text": "hullo"'))
    ran = clone.pytest("lessons/1")
    assert "project/app/main.py:8" in ran.output
    assert '→  8 │ @app.get("/hello")\n' in ran.output


def test_folders_behind_links(clone: Clone, tmp_path: Path) -> None:
    """As on macOS, where the folder for temporary files is behind a link, like /tmp itself."""
    (tmp_path / "private").mkdir()
    link(tmp_path / "temporary", tmp_path / "private", is_folder=True)
    link(tmp_path / "shortcut", clone.root, is_folder=True)
    clone.solve()
    wrong = HELLO.replace('return {"text"', 'raise KeyError("x")\n    return {"text"')
    for path in ("lessons/1", str(tmp_path / "shortcut" / "lessons" / "1")):
        write(clone.project, {"app/main.py": HELLO})
        ran = clone.pytest(path, TMPDIR=str(tmp_path / "temporary"))
        assert ran.code == 0, ran.output
        write(clone.project, {"app/main.py": wrong})
        ran = clone.pytest(path, TMPDIR=str(tmp_path / "temporary"))
        assert "project/app/main.py:11" in ran.output
        assert not list((tmp_path / "private").glob("layer-*"))


def test_other_tests_are_left_alone(clone: Clone) -> None:
    write(clone.root, {"other/test_other.py": "def test_x():\n    assert 1 == 2\n"})
    ran = clone.pytest("other")
    assert "assert 1 == 2" in ran.output
    assert "Lesson" not in ran.output


def test_results_are_remembered(clone: Clone) -> None:
    clone.solve()
    clone.pytest("lessons/1")
    assert clone.done() == ["hello"]
    write(clone.project, {"app/main.py": HELLO.replace('"/hello"', '"/hullo"')})
    clone.pytest("lessons/1")
    assert clone.done() == []


@pytest.mark.parametrize("options", ["-n 2", "-k hello", "--cov=app", "--timeout=60", "-W error"])
def test_options_of_the_shell_are_for_the_learners_pytest(clone: Clone, options: str) -> None:
    clone.solve()
    ran = clone.pytest("lessons/1", PYTEST_ADDOPTS=f"-p no:hypothesispytest {options}")
    assert ran.code == 0, ran.output


@pytest.mark.skipif(
    not hasattr(signal, "SIGALRM"), reason="without SIGALRM, pytest-timeout ends the whole run by itself"
)
def test_a_limit_of_another_plugin_is_a_failure_like_any_other(clone: Clone) -> None:
    clone.solve()
    write(
        clone.project,
        {"app/main.py": HELLO.replace('return {"text"', 'import time; time.sleep(30)\n    return {"text"')},
    )
    ran = clone.pytest("lessons/1/test_hello.py", PYTEST_ADDOPTS="-p no:hypothesispytest --timeout=6")
    assert ran.code == 1
    assert "INTERNALERROR" not in ran.output
    assert re.search(r"Timeout \(?>6\.0s", ran.output), ran.output


def test_what_fails_in_a_check_is_told_as_the_learners(clone: Clone) -> None:
    clone.solve()
    write(clone.project, {"app/count.py": "def count(number: int) -> int:\n    return number + 1\n"})
    test = clone.root / "lessons" / "02_count" / "test_count.py"
    test.write_text(
        test.read_text(encoding="utf-8").replace("count(1) == 2", "count(1).total == 2"), encoding="utf-8"
    )
    ran = clone.pytest("lessons/2")
    assert ran.code == 1
    assert "A fault of the workshop" not in ran.output
    assert "The check stopped at lessons/02_count/test_count.py:" in ran.output
    assert "AttributeError: 'int' object has no attribute 'total'" in " ".join(ran.output.split())
