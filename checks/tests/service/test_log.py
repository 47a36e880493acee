"""What a server writes that was started as the README says: no secret, and on each line its request."""

import re
from pathlib import Path

import httpx

from checks.tests.service.servers import free_port, running, wait_for
from checks.tests.service.states import LAST, build, environment, run

LINE = re.compile(r"[-\d]{10} [:,\d]{12} (INFO|ERROR) [\w.]+ \[(?P<request>[\w.-]+)\] (?P<text>.*)")
START_IS_DONE = "Application startup complete."
DROP_THE_BOOKS = """
import sqlite3

with sqlite3.connect("library.db") as database:
    database.execute("DROP TABLE books")
"""


def test_the_log_of_a_server(tmp_path: Path) -> None:
    project = build(LAST, tmp_path / "project")
    env, port = environment(project), str(free_port())
    assert run(project, "-m", "alembic", "upgrade", "head").returncode == 0
    url = f"http://127.0.0.1:{port}"
    with running(project, env, "-m", "uvicorn", "app.main:app", "--port", port):
        wait_for(f"{url}/health/live")
        httpx.get(f"{url}/books?q=private", headers={"X-Request-ID": "the-first"})
        assert run(project, "-c", DROP_THE_BOOKS).returncode == 0
        httpx.get(f"{url}/books?q=private", headers={"X-Request-ID": "the-second"})
    log = (project / "log").read_text(encoding="utf-8")

    assert "private" not in log
    assert texts(log, of="the-first") == ["127.0.0.1 GET /books 200"]
    assert texts(log, of="the-second") == ["127.0.0.1 GET /books 500", "Exception in ASGI application"]
    assert log.count("Traceback") == log.count("another exception") + log.count("direct cause") + 1
    assert (
        "INFO: " not in log.partition(START_IS_DONE)[2]
    )  # as uvicorn writes before the application has started


def texts(log: str, *, of: str) -> list[str]:
    """What the log says of a request, without the time that it took."""
    lines = [line for line in map(LINE.fullmatch, log.splitlines()) if line]
    return [re.sub(r" in [\d.]+ ms$", "", line["text"]) for line in lines if line["request"] == of]
