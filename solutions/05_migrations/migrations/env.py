"""How Alembic reaches the database and learns what the schema should be."""

import asyncio
import pkgutil
from importlib import import_module
from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection

import app
from app.common.models import Base
from app.core.config import get_settings
from app.core.database import open_engine


def import_models() -> None:
    """Import the models of every domain module: a table that is not imported is not compared."""
    for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
        if module.name.endswith(".models"):
            import_module(module.name)


def migrate(connection: Connection) -> None:
    """Run the wanted migrations on an open connection."""
    # SQLite alters a table by copying it, which is what a batch does.
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online() -> None:
    """Run the wanted migrations on the database of the settings."""
    async with open_engine(get_settings().database_url) as engine, engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A batch drops the old table. With foreign keys on, that deletes the rows that refer to it.
            await connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            await connection.commit()
        await connection.run_sync(migrate)


def print_sql() -> None:
    """Write the migrations as SQL, for a database that only its administrator may change (`--sql`)."""
    context.configure(url=get_settings().database_url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
import_models()
if context.is_offline_mode():
    print_sql()
else:
    asyncio.run(migrate_online())
