"""The migrations lead from nothing to the models, and back."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from app.core.config import get_settings
from tests.conftest import PROJECT

CONFIG = Config(PROJECT / "alembic.ini")


def test_there_is_one_newest_migration() -> None:
    assert len(ScriptDirectory.from_config(CONFIG).get_heads()) == 1


def test_the_migrations_give_what_the_models_say() -> None:
    command.check(CONFIG)


def test_the_migrations_can_be_taken_back(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'there-and-back.db'}")
    get_settings.cache_clear()

    command.upgrade(CONFIG, "head")
    command.downgrade(CONFIG, "base")

    engine = create_engine(f"sqlite:///{tmp_path / 'there-and-back.db'}")
    tables = inspect(engine).get_table_names()
    engine.dispose()
    assert tables == ["alembic_version"]


def test_the_migrations_can_be_written_as_sql(capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(CONFIG, "head", sql=True)

    assert "CREATE TABLE books" in capsys.readouterr().out
