"""A migration that a team adds to the finished service keeps the data."""

import shutil
import sqlite3
from pathlib import Path

from checks.tests.service.conftest import State
from checks.tests.service.states import LAST, run

WIDER_TITLES = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("books") as books:
        books.alter_column("title", existing_type=sa.String(200), type_=sa.String(300))


def downgrade() -> None:
    pass
"""


def test_altering_a_table_keeps_the_rows_that_refer_to_it(state: State, tmp_path: Path) -> None:
    project = tmp_path / "service"
    shutil.copytree(state(LAST), project)
    assert run(project, "-m", "alembic", "upgrade", "head").returncode == 0
    with sqlite3.connect(project / "library.db") as database:
        (head,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        fill(database, "books")
        fill(database, "members")
        fill(database, "loans")
    database.close()

    versions = project / "migrations" / "versions"
    (versions / "9999_wider_titles.py").write_text(WIDER_TITLES.format(head=head), encoding="utf-8")
    upgraded = run(project, "-m", "alembic", "upgrade", "head")

    assert upgraded.returncode == 0, upgraded.stdout
    with sqlite3.connect(project / "library.db") as database:
        assert database.execute("SELECT count(*) FROM loans").fetchone() == (1,)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def fill(database: sqlite3.Connection, table: str) -> None:
    """Put one row into a table: 1 in every column of numbers, a day, a role or a word in the others."""
    values: dict[str, object] = {}
    for _, name, kind, required, default, key in database.execute(f"PRAGMA table_info({table})"):
        if key or name.endswith("_id"):
            values[name] = 1
        elif required and default is None:
            word = "member" if name == "role" else "word"
            values[name] = 1 if "INT" in kind else "2026-01-01" if "DATE" in kind else word
    marks = ", ".join("?" for _ in values)
    database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))
