"""Alembic owns the schema.

## Rule

Tables are made by migrations alone. `env.py` runs them through the asynchronous engine and imports every
module with models. There is one head. `upgrade head` on an empty database gives what the models say, and
`downgrade base` takes it back.

## Why

A table that appears in no migration is missing in production. `alembic check` does not help when `env.py`
does not import the models: it compares nothing with nothing and says that no new operations were found.

## Bad

```python
# migrations/env.py
from alembic import context

target_metadata = None  # <-- here
context.configure(target_metadata=target_metadata)
context.run_migrations()
```

## Good

```python
# migrations/env.py
import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app.books.models import Base


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine("sqlite+aiosqlite:///library.db")
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())

# migrations/versions/0001_books.py
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("books", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("books")

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Module, Project, written
from checks.source.graph import reachable
from checks.source.kinds import is_entity

DYNAMIC: Final = (b"import_module", b"pkgutil", b"walk_packages", b"iter_modules", b"__import__", b"glob")
ASYNC: Final = (
    b"run_sync",
    b"async_engine_from_config",
    b"create_async_engine",
    b"run_async_migrations",
    b"asyncio",
)
BY_HAND: Final = (b"CREATE TABLE", b"create table", b"create_all", b".execute(", b"SQLModel.metadata")
RULE = Rule(
    __name__,
    expected="migrations that give exactly what the models say",
    why="What no migration makes is missing on the next empty database.",
    next="Compare the migrations with the models, on an empty database",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds environments that see no models, and chains of revisions that do not hold."""
    entities = [c for m in project.application for c in m.classes if is_entity(c, project.resolver)]
    homes = {cls.module for cls in entities}
    environments = project.fact(_environments)
    app_is_async = _app_is_async(project)
    for module in environments:
        yield from _target(module, homes, project)
        if app_is_async and not any(mark in module.content for mark in ASYNC):
            yield RULE.violation(
                module,
                module.node.body[0] if module.node.body else module.node,
                "a synchronous env.py beside an asynchronous engine",
                expected="an env.py that runs migrations through the asynchronous engine",
                why="The synchronous driver is a second one to install, configure and keep alike.",
                next="Take Alembic's asynchronous template as the model",
            )
    revisions = project.fact(_revisions)
    if environments or revisions:
        yield from _chain(revisions)
        yield from _downgrades(revisions)
        yield from _tables(revisions, entities, environments)
    else:
        yield from _made_past_alembic(project, entities)


def subjects(project: Project) -> int:
    """Counts the environments and the revisions."""
    return len(project.fact(_environments)) + len(project.fact(_revisions))


def _environments(project: Project) -> list[Module]:
    return [
        module
        for module in project.modules
        if module.stem == "env" and b"context" in module.content and b"alembic" in module.content
    ]


def _app_is_async(project: Project) -> bool:
    return any(b"create_async_engine" in module.content for module in project.application)


def _target(module: Module, homes: set[Module], project: Project) -> Iterator[Finding]:
    binding = next(iter(module.names.get("target_metadata", [])), None)
    if binding is not None and isinstance(binding.value, ast.Constant) and binding.value.value is None:
        yield RULE.violation(
            module,
            binding.node,
            "target_metadata = None",
            expected="the metadata of the application's models",
            why="Alembic then compares the database with nothing, and finds nothing to do.",
            next="Hand Alembic the metadata of the declarative base",
        )
        return
    seen = reachable([module], project.resolver)
    if any(mark in other.content for other in seen for mark in DYNAMIC):
        return
    unseen = homes - seen
    if unseen and (binding is not None or unseen != homes):
        node = binding.node if binding is not None else module.node.body[0]
        yield RULE.violation(
            module,
            node,
            f"an env.py that does not import {min(other.file for other in unseen)}",
            expected="every module with models imported",
            why="Tables that were not imported look as if they should be dropped, or are never made.",
            next="Import the models where the metadata is taken from",
        )


def _revisions(project: Project) -> list[Module]:
    return [m for m in project.modules if "revision" in m.names and "down_revision" in m.names]


def _value(module: Module, name: str) -> object:
    binding = next(iter(module.names.get(name, [])), None)
    try:
        return ast.literal_eval(binding.value) if binding and binding.value is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return ...


def _chain(revisions: list[Module]) -> Iterator[Finding]:
    parents: dict[str, Module] = {}
    by_folder: dict[tuple[str, ...], list[Module]] = {}
    for module in revisions:
        by_folder.setdefault(module.folder, []).append(module)
        down = _value(module, "down_revision")
        if down is ...:
            return
        for name in down if isinstance(down, tuple | list) else [down]:
            if isinstance(name, str):
                parents[name] = module
    known = {str(_value(module, "revision")) for module in revisions}
    astray: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(set(parents) - known):
        astray.setdefault(parents[name].folder, []).append(name)
    for folder, modules in by_folder.items():
        names = {str(_value(module, "revision")): module for module in modules}
        branches = any(_value(module, "branch_labels") for module in modules)
        heads = [module for name, module in names.items() if name not in parents]
        if len(heads) > 1 and not branches:
            last = max(heads, key=lambda module: module.file)
            yield RULE.violation(
                last,
                last.names["revision"][0].node,
                f"a second head beside {min(h.file for h in heads)}",
                expected="one head",
                why="`alembic upgrade head` does not know which of them is meant.",
                next="Let one of them follow the other, or merge them",
            )
        for missing in astray.get(folder, ()):
            module = parents[missing]
            node = module.names["down_revision"][0].node
            yield RULE.violation(module, node, f"a revision that follows {missing}, which is not there")


def _downgrades(revisions: list[Module]) -> Iterator[Finding]:
    for module in revisions:
        up, down = (_function(module, name) for name in ("upgrade", "downgrade"))
        if up is None or not _makes_tables(up):
            continue
        if down is None or not _does_something(down):
            node = down or module.names["revision"][0].node
            yield RULE.violation(
                module,
                node,
                "an upgrade that no downgrade takes back",
                expected="`alembic downgrade base` to work",
                why="Without a way back, a failed release stays half-way.",
                next="Undo in downgrade() what upgrade() does, in reverse order",
            )


def _function(module: Module, name: str) -> ast.FunctionDef | None:
    found = [b.node for b in module.names.get(name, []) if isinstance(b.node, ast.FunctionDef)]
    return found[0] if found else None


def _makes_tables(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == "create_table" for node in ast.walk(function))


def _does_something(function: ast.FunctionDef) -> bool:
    """Whether a body is more than a docstring, ``pass`` and ``raise NotImplementedError``."""
    for statement in function.body:
        if isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            continue
        if isinstance(statement, ast.Raise) and "NotImplemented" in written(statement):
            continue
        return True
    return False


def _tables(revisions: list[Module], entities: list[Class], environments: list[Module]) -> Iterator[Finding]:
    if not revisions or any(mark in m.content for m in (*revisions, *environments) for mark in BY_HAND):
        return
    made: set[str] = set()
    for module in revisions:
        for call, _ in module.every(ast.Call):
            name = getattr(call.func, "attr", "")
            texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if name == "create_table":
                if not texts:
                    return
                made.add(texts[0])
            elif name == "rename_table":
                made |= set(texts)
    for cls in entities:
        table = cls.names.get("__tablename__", [None])[0]
        value = table.value if table is not None else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value not in made:
            yield RULE.violation(
                cls.module, cls.node, f"{cls.name}, whose table {value.value!r} no migration makes"
            )


def _made_past_alembic(project: Project, entities: list[Class]) -> Iterator[Finding]:
    if not entities or any(
        (project.root / name).exists() for name in ("alembic.ini", "alembic", "migrations")
    ):
        return
    for module in project.application:
        if b"create_all" not in module.content:
            continue
        for node, _ in module.every(ast.Attribute):
            if node.attr == "create_all" and _is_metadata(node.value):
                yield RULE.violation(
                    module,
                    node,
                    "tables made by create_all()",
                    expected="Alembic migrations",
                    why="create_all() makes missing tables and changes no existing one.",
                    next="Let Alembic make the first migration from the models",
                )


def _is_metadata(node: ast.expr) -> bool:
    name = getattr(node, "attr", "") or getattr(node, "id", "")
    return "metadata" in name.lower()
