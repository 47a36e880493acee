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
import re
from collections.abc import Iterable, Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Module, Project, written
from checks.source.graph import imports, reachable, started
from checks.source.kinds import has_columns, is_entity

DYNAMIC: Final = (
    b"import_module",
    b"import_string",
    b"import_submodules",
    b"exec_module",
    b"pkgutil",
    b"walk_packages",
    b"iter_modules",
    b"__import__",
)
LISTING: Final = (b"glob(", b"listdir(", b"iterdir(", b"scandir(")
ASYNC: Final = (
    b"run_sync",
    b"async_engine_from_config",
    b"create_async_engine",
    b"run_async_migrations",
    b"asyncio",
)
SYNC_ENGINES: Final = frozenset({"sqlalchemy.create_engine", "sqlalchemy.engine_from_config"})
WALKS: Final = frozenset({"pkgutil.walk_packages", "pkgutil.iter_modules"})
TABLES: Final = frozenset({"sqlalchemy.Table", "sqlalchemy.schema.Table"})
NAMELESS: Final = frozenset({"drop_constraint", "drop_index"})
BY_HAND: Final = (b"CREATE TABLE", b"create table", b"create_all")
MAKERS: Final = frozenset({"create", "create_entity"})
"""Calls that make a table, or a view, whose name is not written there."""
INSTALLED: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
CHOOSING: Final = (b"include_object", b"include_name")
DRIVER: Final = re.compile(
    rb"\b(?:postgresql|postgres|mysql|mariadb|sqlite|oracle|mssql)\+(\w+)", re.IGNORECASE
)
"""The driver that a database's URL names."""
RULE = Rule(
    __name__,
    expected="migrations that give exactly what the models say",
    why="What no migration makes is missing on the next empty database.",
    next="Compare the migrations with the models, on an empty database",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds environments that see no models, and chains of revisions that do not hold."""
    environments = project.fact(_environments)
    revisions = project.fact(_revisions)
    if not environments and not revisions:
        yield from _made_past_alembic(project)
        return
    seen = _run_by(environments, project)
    known = {other for modules in seen.values() for other in modules or ()}
    is_clear = None not in seen.values()
    imported = known - _never_imported(environments, known, project) if is_clear else known
    for module in environments:
        yield from _target(module, seen[module] if is_clear else None, imported, project)
        yield from _engine(module, project)
        if not revisions:
            yield from _nothing_made(module, project)
    yield from _chain(revisions)
    yield from _downgrades(revisions)
    yield from _nameless(revisions)
    yield from _tables(revisions, _of_seen_bases(known, project), environments)


def subjects(project: Project) -> int:
    """Counts the environments and the revisions."""
    return len(project.fact(_environments)) + len(project.fact(_revisions))


def has_tables(project: Project) -> bool:
    """Whether the application describes tables: as entities, or as ``Table(...)``."""
    return bool(project.fact(_entities) or project.fact(_core_tables))


def _entities(project: Project) -> list[Class]:
    """The classes with a table of SQLAlchemy's: another library's may have the same marks."""
    return [
        cls
        for module in project.application
        for cls in module.classes
        if is_entity(cls, project.resolver) and _has_a_table(cls, project)
    ]


def _has_a_table(cls: Class, project: Project) -> bool:
    """Whether a class that is marked as an entity is mapped: no protocol, and no schema made of an entity."""
    if project.resolver.is_kind(cls, "sqlmodel.SQLModel"):
        return any(keyword.arg == "table" for keyword in cls.node.keywords)
    if project.resolver.is_kind(cls, "typing.Protocol"):
        return False
    return any(isinstance(base, Class) and _has_columns(base, project) for base in project.resolver.mro(cls))


def _has_columns(cls: Class, project: Project) -> bool:
    return has_columns(cls, project.resolver) or any(
        isinstance(statement, ast.AnnAssign) and "Mapped" in written(statement.annotation)
        for statement in cls.node.body
    )


def _core_tables(project: Project) -> list[ast.Call]:
    """The ``Table(...)`` calls that describe a table, and do not read it from a database.

    One that a function makes is made for a moment, as to write down its DDL.
    """
    return [
        call
        for module in project.application
        if b"Table(" in module.content
        for call, scope in module.every(ast.Call)
        if scope.function is None
        and project.resolver.resolve(call.func, scope) in TABLES
        and not any((keyword.arg or "").startswith("autoload") for keyword in call.keywords)
    ]


def _environments(project: Project) -> list[Module]:
    return [
        module
        for module in project.modules
        if module.stem == "env" and b"context" in module.content and b"alembic" in module.content
    ]


def _target(
    module: Module, own: set[Module] | None, elsewhere: set[Module], project: Project
) -> Iterator[Finding]:
    binding = next(iter(module.names.get("target_metadata", [])), None)
    if binding is not None and isinstance(binding.value, ast.Constant) and binding.value.value is None:
        if has_tables(project):
            yield RULE.violation(
                module,
                binding.node,
                "target_metadata = None",
                expected="the metadata of the application's models",
                why="Alembic then compares the database with nothing, and finds nothing to do.",
                next="Hand Alembic the metadata of the declarative base",
            )
        return
    if own is None:
        return
    unseen = {cls.module.file for cls in _of_seen_bases(own, project) if cls.module not in elsewhere}
    if unseen and (binding is not None or any(cls.module in own for cls in project.fact(_entities))):
        node = binding.node if binding is not None else module.node.body[0]
        yield RULE.violation(
            module,
            node,
            f"an env.py that does not import {min(unseen)}",
            expected="every module with models imported",
            why="Tables that were not imported look as if they should be dropped, or are never made.",
            next="Import the models where the metadata is taken from",
        )


def _of_seen_bases(seen: set[Module], project: Project) -> list[Class]:
    """The entities that may belong to an environment: another declarative base has tables of its own."""
    roots = project.fact(_roots)
    if not any(root is not cls and root.module in seen for cls, root in roots.items()):
        return project.fact(_entities)
    return [cls for cls, root in roots.items() if root is cls or root.module in seen]


def _roots(project: Project) -> dict[Class, Class]:
    """Entity to the last of its bases that the project has: its declarative base, or the entity itself."""
    mro = project.resolver.mro
    return {cls: [b for b in mro(cls) if isinstance(b, Class)][-1] for cls in project.fact(_entities)}


def _run_by(environments: Iterable[Module], project: Project) -> dict[Module, set[Module] | None]:
    """Environment to every module that it runs, workers' too; None where a loader picks them unseen."""
    imported = {environment: reachable([environment], project.resolver) for environment in environments}
    loading = {module for module in set().union(*imported.values()) if _loads(module)}
    return {
        environment: _with_loaded(environment, seen, loading & seen, project)
        for environment, seen in imported.items()
    }


def _never_imported(environments: list[Module], known: set[Module], project: Project) -> set[Module]:
    """The modules with models that are imported for typing alone, or in functions that nothing here runs."""
    if any(_loads(module) for module in known):
        return set()
    ran = set().union(*(started(environment, project.resolver) for environment in environments))
    return {cls.module for cls in project.fact(_entities) if cls.module in known} - ran


def _with_loaded(
    environment: Module, seen: set[Module], loading: set[Module], project: Project
) -> set[Module] | None:
    if not loading:
        return seen
    packages = _packages_walked(environment, project) if loading == {environment} else set()
    walked = [
        module
        for module in (project.modules if packages else ())
        if any(module.parts[:length] in packages for length in range(len(module.parts) + 1))
    ]
    return seen | reachable(walked, project.resolver) if walked else None


def _loads(module: Module) -> bool:
    """Whether a module may import others by names that are made at run time."""
    content = module.content
    if any(mark in content for mark in DYNAMIC):
        return True
    return b"__all__" in content and any(mark in content for mark in LISTING)


def _packages_walked(environment: Module, project: Project) -> set[tuple[str, ...]]:
    """The packages that an environment names to a loader of its own, which does nothing but walk them."""
    loops = [*environment.every(ast.For, ast.ListComp, ast.GeneratorExp)]
    for loop, scope in loops:
        values = loop.iter if isinstance(loop, ast.For) else loop.generators[0].iter
        called = project.resolver.resolve(values.func, scope) if isinstance(values, ast.Call) else None
        if called not in WALKS:
            return set()
    texts = {node.value for node, _ in environment.every(ast.Constant) if isinstance(node.value, str)}
    found = (
        project.resolver.module(text, environment) for text in texts if text.isidentifier() or "." in text
    )
    return {module.parts for module in found if isinstance(module, Module)}


def _engine(module: Module, project: Project) -> Iterator[Finding]:
    """A synchronous environment: it matters where the application's own engine is asynchronous."""
    if any(mark in module.content for mark in ASYNC):
        return
    if not imports(module, project.resolver).isdisjoint(project.fact(_running_sync)):
        return
    made = [
        call.func
        for call, scope in module.every(ast.Call)
        if project.resolver.resolve(call.func, scope) in SYNC_ENGINES
    ]
    body = module.node.body
    app_is_async = _app_is_async(module, project)
    finding = RULE.violation if app_is_async and not _has_one_driver(project) else RULE.note
    if made or app_is_async:
        yield finding(
            module,
            next(iter(made or body), module.node),
            "a synchronous env.py beside an asynchronous engine" if app_is_async else "a synchronous env.py",
            expected="an env.py that runs migrations through the asynchronous engine",
            why="The synchronous driver is a second one to install, configure and keep alike.",
            next="Take Alembic's asynchronous template as the model",
        )


def _has_one_driver(project: Project) -> bool:
    """Whether the only driver that the application names serves both kinds of engines alike."""
    named = {name for module in project.application for name in DRIVER.findall(module.content)}
    return bool(named) and named <= {b"psycopg", b"psycopg_async", b"oracledb", b"oracledb_async"}


def _running_sync(project: Project) -> frozenset[Module]:
    return frozenset(module for module in project.modules if b"run_sync" in module.content)


def _app_is_async(environment: Module, project: Project) -> bool:
    """Whether the program that an environment belongs to has an asynchronous engine."""
    engines = project.fact(_making_engines)
    home = _distribution(environment.folder, project)
    if any(_distribution(module.folder, project) == home for module in engines):
        return True
    return bool(engines) and not engines.isdisjoint(reachable([environment], project.resolver))


def _making_engines(project: Project) -> frozenset[Module]:
    """The modules of the application that make asynchronous engines."""
    if not any(b"create_async_engine" in module.content for module in project.application):
        return frozenset()
    return frozenset(
        scope.module
        for module in project.application
        for call, scope in module.every(ast.Call)
        if project.resolver.resolve(call.func, scope) == "sqlalchemy.ext.asyncio.create_async_engine"
    )


def _distribution(folder: tuple[str, ...], project: Project) -> tuple[str, ...]:
    """The innermost folder around with a file that says what to install; the project's root if none has."""
    while folder and not any(project.root.joinpath(*folder, file).is_file() for file in INSTALLED):
        folder = folder[:-1]
    return folder


def _nothing_made(module: Module, project: Project) -> Iterator[Finding]:
    """An environment without a single revision, where there are tables to make.

    A note: revisions may be kept elsewhere, or be left to whoever takes the project as a template.
    """
    if any(mark in module.content for mark in BY_HAND) or not has_tables(project):
        return
    if project.fact(_has_unread_revisions):
        return
    entities = project.fact(_entities)
    what = entities[0].name if entities else "the tables"
    yield RULE.note(
        module, next(iter(module.node.body), module.node), f"no revision, so that no migration makes {what}"
    )


def _has_unread_revisions(project: Project) -> bool:
    return any("/versions/" in unparsed.file for unparsed in project.unparsed)


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


def _nameless(revisions: list[Module]) -> Iterator[Finding]:
    """What autogenerate writes for a constraint without a name, and what fails when it runs."""
    for module in revisions:
        if not any(name.encode() in module.content for name in NAMELESS):
            continue
        for call, _ in module.every(ast.Call):
            first = call.args[0] if call.args else None
            kind = {k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
            if (
                getattr(call.func, "attr", "") in NAMELESS
                and isinstance(first, ast.Constant)
                and first.value is None
                and "primary" not in kind
            ):
                yield RULE.violation(
                    module,
                    call,
                    f"{written(call.func)}(None), which cannot tell what to drop",
                    expected="the name of the constraint",
                    why="The statement needs a name: it fails when it runs, and the way back ends there.",
                    next="Name the constraint, in the models by a naming convention",
                )
                break


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
    if not revisions or any(mark in m.content for m in environments for mark in (*BY_HAND, *CHOOSING)):
        return
    made: set[str] = set()
    for module in revisions:
        if any(mark in module.content for mark in BY_HAND) or not _adds_made(made, module):
            return
    for module in revisions:
        yield from _dropped_unmade(module, made)
    for cls in entities:
        table = cls.names.get("__tablename__", [None])[0]
        value = table.value if table is not None else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value not in made:
            yield RULE.violation(
                cls.module, cls.node, f"{cls.name}, whose table {value.value!r} no migration makes"
            )


def _dropped_unmade(module: Module, made: set[str]) -> Iterator[Finding]:
    """Tables that an upgrade drops and no revision makes: a note, for they may come from elsewhere."""
    upgrade = _function(module, "upgrade") if b"drop_table" in module.content else None
    for node in ast.walk(upgrade) if upgrade is not None else ():
        if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "drop_table" or not node.args:
            continue
        name = getattr(node.args[0], "value", None)
        is_careful = any(keyword.arg == "if_exists" for keyword in node.keywords)
        if isinstance(name, str) and name not in made and not is_careful:
            yield RULE.note(module, node, f"the table {name!r} dropped, which no migration makes")


def _adds_made(made: set[str], module: Module) -> bool:
    """Adds the tables that a revision makes or renames to; False where it does so past reading."""
    for call, _ in module.every(ast.Call):
        name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
        texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if "create" in name and "table" in name:
            if not texts:
                return False
            made.add(texts[0])
        elif name == "rename_table":
            made |= set(texts)
        elif name in MAKERS or (name in {"execute", "run_sync"} and not _written_out(call)):
            return False
    return True


def _written_out(call: ast.Call) -> bool:
    """Whether an executed statement is a text that is written here, and neither makes nor renames."""
    words = [n.value for a in call.args for n in ast.walk(a) if isinstance(n, ast.Constant)]
    texts = [word for word in words if isinstance(word, str) and " " in word.strip()]
    return bool(texts) and not any(re.search(r"\b(?:create|rename)\b", text, re.IGNORECASE) for text in texts)


def _made_past_alembic(project: Project) -> Iterator[Finding]:
    if not has_tables(project) or any(
        (project.root / name).exists() for name in ("alembic.ini", "alembic", "migrations")
    ):
        return
    for module in project.application:
        if b"create_all" not in module.content:
            continue
        for node, _ in module.every(ast.Attribute):
            if node.attr == "create_all" and _is_metadata(node.value):
                yield RULE.note(
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
