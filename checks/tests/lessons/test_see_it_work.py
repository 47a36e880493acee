"""What the briefs show under "See it work" is what a running service answers."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from checks.tests.lessons.judging import lesson_of, state, write

NO_DATABASE = {"DATABASE_URL": "sqlite+aiosqlite:////no/such/folder/library.db"}


@contextmanager
def uvicorn(project: Path, environment: dict[str, str]) -> Iterator[httpx.Client]:
    """The service as the brief starts it, on a free port."""
    clean = {name: value for name, value in os.environ.items() if name not in {"SECRET_KEY", "DATABASE_URL"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"],
        cwd=project,
        env=clean | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        log: list[str] = []
        for line in process.stderr:
            log.append(line)
            if address := re.search(r"Uvicorn running on (\S+)", line):
                with httpx.Client(base_url=address[1], trust_env=False) as client:
                    yield client
                return
        pytest.fail("".join(log))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "environment", "path"),
    [
        (1, {}, "/health/live"),
        (3, {}, "/health/ready"),
        (3, NO_DATABASE, "/health/ready"),
        (3, NO_DATABASE, "/health/live"),
    ],
)
def test_service_answers_what_the_brief_shows(
    tmp_path: Path, number: int, environment: dict[str, str], path: str
) -> None:
    write(tmp_path, state(number))
    text = (lesson_of(number).folder / "README.md").read_text(encoding="utf-8").partition("## See it work")[2]
    shown = text.partition(NO_DATABASE["DATABASE_URL"])[2] if environment else text
    command, _, output = shown.partition(f"http://127.0.0.1:8000{path}\n")
    status, body = re.search(r"(?:HTTP/1.1 (.+)\n)?(\{.*\})", output).groups()  # type: ignore[union-attr]
    assert command.rstrip().endswith(("curl", "curl -i"))

    with uvicorn(tmp_path, environment) as client:
        response = client.get(path)

    assert response.text == body
    assert f"{response.status_code} {response.reason_phrase}" == (status or "200 OK")


def test_service_without_a_key_refuses_as_the_brief_shows(tmp_path: Path) -> None:
    write(tmp_path, state(2) | {".env": "DEBUG=true\n"})
    environment = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"}
    refused = subprocess.run(
        [sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    text = (lesson_of(2).folder / "README.md").read_text(encoding="utf-8")
    shown = text.partition("$ uv run uvicorn app.main:app\n")[2].partition("```")[0]

    assert refused.returncode != 0
    assert shown.strip()
    assert shown in refused.stderr
