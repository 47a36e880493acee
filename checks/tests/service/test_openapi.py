"""The service answers as its OpenAPI document says, whatever it is asked: Schemathesis asks."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.tests.service.conftest import State
from checks.tests.service.servers import free_port, running, wait_for
from checks.tests.service.states import COURSE, LAST, build, environment, find_uv, run

EXAMPLES = 8
PASSWORD = "correct horse battery"

# In an environment of its own, from the dependency group of this repository.
IN_ITS_ENVIRONMENT = ["run", "--isolated", "--locked", "--project", str(COURSE.root)]
SCHEMATHESIS = [*IN_ITS_ENVIRONMENT, "--only-group", "openapi", "schemathesis"]

# One of its checks asks for more than the document promises: a new book has no cover yet.
LEFT_OUT = "ensure_resource_availability"

# What the document cannot say in JSON Schema: the check digit of an ISBN, and what a picture starts with.
HOOKS = """
import schemathesis
from hypothesis import strategies as st

from app.books.isbn import check_digit


def isbn(number):
    first_twelve = f"978{number:09d}"
    return first_twelve + check_digit(first_twelve)


schemathesis.openapi.format("isbn", st.integers(0, 999_999_999).map(isbn))
picture = st.binary(max_size=50).map(lambda content: b"\\x89PNG\\r\\n\\x1a\\n0000" + content)
for media_type in ("image/png", "image/jpeg", "image/webp"):
    schemathesis.openapi.media_type(media_type, picture)
"""

# An outside catalogue that knows every book, on the port that it is given.
OUTSIDE = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Catalogue(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"docs": [{"title": "Emma"}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Catalogue).serve_forever()
"""


@pytest.fixture
def url(tmp_path: Path, database_url: str) -> Iterator[str]:
    """The finished service on a real server, on each kind of database, with an outside catalogue."""
    project = build(LAST, tmp_path / "project")
    outside, port = str(free_port()), str(free_port())
    env = environment(project) | {
        "CATALOGUE_URL": f"http://127.0.0.1:{outside}",
        "DATABASE_URL": database_url,
    }
    assert run(project, "-m", "alembic", "upgrade", "head", env=env).returncode == 0
    (project / "hooks.py").write_text(HOOKS, encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    with (
        running(project, env, "-c", OUTSIDE, outside),
        running(project, env, "-m", "uvicorn", "app.main:app", "--port", port),
    ):
        wait_for(f"{url}/health/ready")
        yield url


def a_librarian(url: str, project: Path, database_url: str) -> str:
    """Join, be promoted, and log in: gives the token."""
    new = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD}
    assert httpx.post(f"{url}/members", json=new).is_success
    promoted = run(project, "-m", "app.members.promote", new["email"], env={"DATABASE_URL": database_url})
    assert promoted.returncode == 0, promoted.stdout
    answer = httpx.post(f"{url}/members/token", data={"username": new["email"], "password": PASSWORD})
    return str(answer.json()["access_token"])


def test_every_answer_is_as_documented(url: str, tmp_path: Path, database_url: str) -> None:
    project = tmp_path / "project"
    token = a_librarian(url, project, database_url)
    options = [
        "--checks",
        "all",
        "--exclude-checks",
        LEFT_OUT,
        "--max-examples",
        str(EXAMPLES),
        "--seed",
        "1",
    ]

    asked = subprocess.run(
        [
            find_uv(),
            *SCHEMATHESIS,
            "run",
            f"{url}/openapi.json",
            "-H",
            f"Authorization: Bearer {token}",
            *options,
        ],
        cwd=project,
        env=environment(project)
        | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(project), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert asked.returncode == 0, asked.stdout
    generated = re.search(r"(\d+) generated, (\d+) passed", asked.stdout)
    assert generated, asked.stdout
    print(generated[0])
    assert int(generated[1]) > 300
    log = (project / "log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert re.search(r"(GET|POST|PUT|PATCH|DELETE) \S+ 5\d\d ", log) is None


@pytest.fixture
def document(state: State) -> dict[str, Any]:
    """The OpenAPI document of the finished service."""
    written = run(
        state(LAST), "-c", "import json; from app.main import app; print(json.dumps(app.openapi()))"
    )
    read: dict[str, Any] = json.loads(written.stdout)
    return read


def test_every_error_of_the_document_has_the_same_shape(document: dict[str, Any]) -> None:
    errors = [
        (path, method, status, answer["content"]["application/json"]["schema"]["$ref"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if status.startswith(("4", "5")) and not path.startswith("/health")
    ]

    assert len(errors) > 30
    assert {shape for *_, shape in errors} == {"#/components/schemas/ErrorBody"}


def test_an_outage_of_the_database_is_documented_wherever_it_can_happen(document: dict[str, Any]) -> None:
    silent = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "503" not in operation["responses"]
    }

    assert silent == {"/health/live"}
