"""The real command on many consoles and from many folders."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.tests.cli.conftest import HOUSE, MakeGreen, Process, Run, Write, read


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-16"])
def test_every_kind_of_screen_on_every_encoding(process: Process, encoding: str) -> None:
    said = b""
    for words in (["solve", "1"], ["status"], ["hint", "1"], ["start", "ü→"]):
        result = process(*words, PYTHONIOENCODING=encoding)
        assert result.returncode == (2 if words[0] == "start" else 0), result.stderr
        assert b"Traceback" not in result.stderr
        said += result.stdout + result.stderr
    assert "Greeting" in said.decode(encoding)


def test_signs_have_a_stand_in(run: Run, process: Process, write: Write, make_green: MakeGreen) -> None:
    run("start", "1")
    write("app/greeting.py", "def greet(name): return name\n")
    make_green("01_greeting")

    assert "  + 01  Greeting  done\n" in read(process("status", PYTHONIOENCODING="ascii").stdout, "ascii")


def test_no_colour_in_a_pipe(process: Process) -> None:
    assert b"\x1b[" not in process().stdout


def test_colour_where_it_is_asked_for(process: Process) -> None:
    assert b"\x1b[" in process(FORCE_COLOR="1").stdout
    assert b"\x1b[32m" not in process(FORCE_COLOR="1", NO_COLOR="1").stdout


def test_from_a_folder_inside_the_project(process: Process, clone: Path) -> None:
    process("start", "1")
    said = read(process(cwd=clone / "project" / "app", PYTHONIOENCODING="utf-8").stdout)

    assert "  Your files greeting.py\n" in said
    assert "uv run pytest ../../lessons/01_greeting\n" in said


def test_a_reader_that_closes_early(clone: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-c", "from checks.cli import main; main()", "status"],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)

    assert b"Traceback" not in result.stderr


def test_a_narrow_terminal_breaks_no_command(process: Process) -> None:
    said = read(process(COLUMNS="40", PYTHONIOENCODING="utf-8").stdout)

    assert "uv run pytest lessons/01\n" in said


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
@pytest.mark.parametrize(("words", "code"), [("status", 0), ("explain lifespan", 0), ("start 30", 2)])
def test_without_any_stream(clone: Path, words: str, code: int) -> None:
    command = f'"{sys.executable}" -c "from checks.cli import main; main()" {words} >&- 2>&-'
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    assert subprocess.run(["sh", "-c", command], cwd=clone, env=environment, check=False).returncode == code
