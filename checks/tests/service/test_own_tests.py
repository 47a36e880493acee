"""The service's own tests, which are the solution of lesson 13: what they are worth."""

import json
from pathlib import Path

import pytest

from checks.tests.service.states import LAST, build, pytest_arguments, run

LEAST_COVERAGE = 95
# Gives the connection to the database back before something that takes its time.
RELEASE = "await self._session.commit()"

# Decisions of its README, each with the one test that holds it.
DECISIONS = [
    (
        "core/security.py",
        "    matches =",
        "    if stored is None:\n        return False\n    matches =",
        "test_members.py::test_an_unknown_member_takes_as_much_work_as_a_wrong_password",
    ),
    (
        "core/security.py",
        "memory_cost=19 * 1024, time_cost=2",
        "memory_cost=8, time_cost=1",
        "test_members.py::test_passwords_are_hashed_as_owasp_recommends",
    ),
    (
        "core/security.py",
        "await to_thread.run_sync(_hasher.hash, password, limiter=_hashing_threads)",
        "_hasher.hash(password)",
        "test_members.py::test_hashing_holds_neither_the_loop_nor_a_connection",
    ),
    (
        "members/service.py",
        RELEASE + "  # Hashing",
        "# Hashing",
        "test_members.py::test_hashing_holds_neither_the_loop_nor_a_connection",
    ),
    (
        "members/service.py",
        RELEASE + "  # The handler",
        "# The handler",
        "test_catalogue.py::test_whoever_waits_for_the_catalogue_holds_no_connection",
    ),
    (
        "covers/service.py",
        RELEASE + "  # A file",
        "# A file",
        "test_covers.py::test_an_upload_is_written_as_it_arrives_and_holds_no_connection",
    ),
    (
        "covers/service.py",
        "yield chunk\n\n\n",
        "start += chunk\n    yield start\n\n\n",
        "test_covers.py::test_an_upload_is_written_as_it_arrives_and_holds_no_connection",
    ),
    (
        "core/database.py",
        ", hide_parameters=True",
        "",
        "test_errors.py::test_an_error_of_the_database_keeps_to_itself_what_a_statement_was_given",
    ),
    (
        "main.py",
        "    configure_logging()\n",
        "",
        "test_logging.py::test_the_service_sets_its_log_up_when_it_starts",
    ),
    (
        "catalogue/service.py",
        ', "Accept-Encoding": "identity"',
        "",
        "test_catalogue.py::test_a_book_is_found",
    ),
    (
        "books/repository.py",
        "Book.title, Book.id",
        "Book.title",
        "test_books.py::test_equal_titles_have_an_order_on_every_database",
    ),
]

SHUFFLE = """
import random

def pytest_collection_modifyitems(items):
    random.Random({seed}).shuffle(items)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return build(LAST, tmp_path / "project")


def test_they_pass_in_any_order_and_in_parallel_and_reach_every_branch(project: Path) -> None:
    (project / "shuffle.py").write_text(SHUFFLE.format(seed=7), encoding="utf-8")
    coverage = ["--cov=app", "--cov-report=json:coverage.json", "--cov-report="]

    tested = run(project, *pytest_arguments("-n", "2", "-p", "shuffle", "-W", "error", *coverage))

    assert tested.returncode == 0, tested.stdout
    assert "skipped" not in tested.stdout
    totals = json.loads((project / "coverage.json").read_text())["totals"]
    assert totals["num_branches"] > 50
    print(f"{totals['percent_covered']:.1f} % of the lines and branches")
    assert totals["percent_covered"] >= LEAST_COVERAGE


def test_they_pass_at_lesson_13_from_another_folder(tmp_path: Path) -> None:
    project = build(13, tmp_path / "project")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("DEBUG=true\nSECRET_KEY=too-short\n", encoding="utf-8")
    # The other files are the same as at the end, where all of them run.
    tests = [
        str(project / "tests" / f"test_{name}.py")
        for name in ("config", "errors", "health", "logging", "migrations")
    ]

    tested = run(elsewhere, *pytest_arguments("-W", "error", "--rootdir", str(project), *tests))

    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize(
    ("file", "right", "wrong", "tests"),
    [
        ("loans/service.py", ">= MAX_LOANS", "> MAX_LOANS", "test_loans.py"),
        ("books/repository.py", ", Book.lent < Book.copies", "", "test_copies.py"),
        ("members/repository.py", "Member.email == email", "Member.email != email", "test_members.py"),
        ("covers/service.py", "total > max_bytes", "total > 2 * max_bytes", "test_covers.py"),
        (
            "core/error_handlers.py",
            "exception_handler(DomainError)",
            "exception_handler(KeyError)",
            "test_errors.py",
        ),
        ("core/error_handlers.py", "if not is_outage(error):", "if False:", "test_errors.py"),
        ("core/database.py", "text.lower()", "text", "test_search.py"),
        ("core/logging.py", "setLevel(logging.WARNING)", "setLevel(logging.INFO)", "test_logging.py"),
        ("core/config.py", "startswith(PUBLIC_KEY)", "endswith(PUBLIC_KEY)", "test_config.py"),
        ("common/schemas.py", r"\x9f\u2028\u2029", r"\x9f\u2028", "test_books.py"),
        ("catalogue/service.py", "reply.status != HTTPStatus.OK", "reply.status >= 400", "test_catalogue.py"),
        ("covers/repository.py", "st_mtime < before", "st_mtime < before + 120", "test_covers.py"),
        ("loans/service.py", "raise LoanChangedError(loan_id)", "raise AlreadyRenewedError", "test_loans.py"),
        *DECISIONS,
    ],
)
def test_they_fail_on_a_service_that_is_wrong(
    project: Path, file: str, right: str, wrong: str, tests: str
) -> None:
    path = project / "app" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), encoding="utf-8")

    tested = run(project, *pytest_arguments("-x", f"tests/{tests}"))

    assert tested.returncode == 1, tested.stdout
