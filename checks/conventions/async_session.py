"""Every database call goes through AsyncSession.

## Rule

Make engines with `create_async_engine` and sessions with `async_sessionmaker`; await every call that talks
to the database. Synchronous engines may live in scripts and workers that the web application never reaches.
A function handed to `run_sync` is given a synchronous session on purpose.

## Why

While a sync query waits for the database, the event loop waits with it: no other request is served. Mixing
both kinds of session also gives two transactions where one was meant.

## Bad

```python
# app/books/repository.py
from sqlalchemy.orm import Session

from app.books.models import Book


class BookRepository:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def get(self, book_id: int) -> Book | None:
        return self.session.query(Book).get(book_id)  # <-- here

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```

```python
# app/core/database.py
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("sqlite:///library.db")  # <-- here
make_session = sessionmaker(engine)  # <-- here


async def ping() -> None:
    async with make_session() as session:
        ...
```

## Good

```python
# app/books/repository.py
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.models import Book


class BookRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, book_id: int) -> Book | None:
        return await self.session.get(Book, book_id)

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
from checks.source import Function, Module, Project, Scope, Target, parent

ASYNC: Final = frozenset(
    f"sqlalchemy.ext.asyncio.{name}" for name in ("create_async_engine", "async_sessionmaker", "AsyncSession")
)
SYNC_SESSION: Final = "sqlalchemy.orm.Session"
MADE: Final[dict[str, str]] = {
    "sqlalchemy.create_engine": "a sync engine",
    "sqlalchemy.engine_from_config": "a sync engine",
    "sqlalchemy.orm.sessionmaker": "a factory of sync sessions",
    "sqlalchemy.orm.Session": "a sync session",
}
TALKS: Final = frozenset(
    [
        "query",
        "execute",
        "scalar",
        "scalars",
        "get",
        "get_one",
        "commit",
        "flush",
        "refresh",
        "merge",
        "rollback",
        "bulk_save_objects",
        "exec",
        "bulk_insert_mappings",
        "bulk_update_mappings",
        "connection",
    ]
)
ENGINE_TALKS: Final = frozenset({"connect", "begin", "execute", "raw_connection"})
TASKS: Final = frozenset({"task", "shared_task", "actor", "periodic_task", "job"})
RULE = Rule(
    __name__,
    expected="await a method of AsyncSession",
    why="While a sync query waits, the event loop waits: no other request is served.",
    next="Talk to the database with the asynchronous engine and session, and await the call",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds synchronous engines, sessions and queries that the web application reaches."""
    lent = _lent_to_run_sync(project)
    for module in project.modules:
        if module not in project.web or not _speaks_of_databases(module):
            continue
        for call, scope in module.every(ast.Call):
            if not _is_apart(scope, lent):
                yield from _judge(call, scope, project)
        yield from _annotations(module, project, lent)


def subjects(project: Project) -> int:
    """Counts the uses of the database's interfaces, asynchronous or not."""
    count = 0
    for module in project.application:
        if not _speaks_of_databases(module):
            continue
        for name, scope in module.every(ast.Name, ast.Attribute):
            target = project.resolver.resolve(name, scope) if _may_be_ours(name) else None
            count += isinstance(target, str) and (target in ASYNC or target in MADE)
    return count


def _may_be_ours(node: ast.expr) -> bool:
    name = getattr(node, "id", "") or getattr(node, "attr", "")
    return name in _SHORT or name.lower().endswith(("session", "sessionmaker", "engine"))


_SHORT: Final = frozenset(name.rpartition(".")[2] for name in (*ASYNC, *MADE))


def _speaks_of_databases(module: Module) -> bool:
    return any(word in module.content for word in (b"ession", b"engine", b".query(", b"sqlalchemy", b"db"))


def _judge(call: ast.Call, scope: Scope, project: Project) -> Iterator[Finding]:
    target: Target | None = project.resolver.resolve(call.func, scope)
    if isinstance(target, str) and target in MADE:
        if target == "sqlalchemy.orm.sessionmaker" and project.resolver.is_async_maker(call, scope):
            return
        if not _is_made_async(call, scope, project):
            yield RULE.violation(
                scope.module, call.func, MADE[target], expected="its asynchronous counterpart"
            )
        return
    func = call.func
    if not isinstance(func, ast.Attribute) or isinstance(parent(call), ast.Await):
        return
    if isinstance(target, str):
        owner, _, method = target.rpartition(".")
        if owner == SYNC_SESSION and method in TALKS:
            yield RULE.violation(scope.module, func, f"a sync Session's {method}()")
        elif owner == "sqlalchemy.Engine" and method in ENGINE_TALKS:
            yield RULE.violation(scope.module, func, f"a sync Engine's {method}()")
        elif owner == "sqlalchemy.ext.asyncio.AsyncSession" and method == "query":
            yield RULE.violation(scope.module, func, "query(), which only sync sessions have")
    elif target is None and func.attr == "query" and _is_named_session(func.value) and call.args:
        yield RULE.violation(scope.module, func, "a sync Session's query()")


def _is_made_async(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether an engine is wrapped, as in ``AsyncEngine(create_engine(...))``."""
    around = parent(call)
    return isinstance(around, ast.Call) and str(project.resolver.resolve(around.func, scope)).endswith(
        "AsyncEngine"
    )


def _is_named_session(node: ast.expr) -> bool:
    name = getattr(node, "id", "") or getattr(node, "attr", "")
    return name in {"session", "db", "db_session", "sess", "_session", "database_session"}


def _annotations(module: Module, project: Project, lent: set[Function]) -> Iterator[Finding]:
    """Sync sessions handed to coroutines, which can only block with them."""
    for function in module.functions:
        if not function.is_async or _is_apart(function, lent):
            continue
        for argument, _ in function.parameters:
            if argument.annotation is None:
                continue
            of = project.resolver.annotated(argument.annotation, function.parent or module)
            if of == SYNC_SESSION:
                words = {"expected": "an AsyncSession"}
                found = f"a sync Session handed to the coroutine {function.name}()"
                finding = RULE.note if _is_awaited(argument.arg, function) else RULE.violation
                yield finding(module, argument, found, **words)


def _is_awaited(name: str, function: Function) -> bool:
    return any(
        isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and node.value.func.value.id == name
        for node in function.nodes(ast.Await)
    )


def _lent_to_run_sync(project: Project) -> set[Function]:
    """The functions that ``run_sync`` calls with a synchronous session or connection."""
    lent: set[Function] = set()
    for module in project.application:
        if b"run_sync" not in module.content:
            continue
        for call, scope in module.every(ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "run_sync" and call.args:
                target = project.callable(call.args[0], scope)
                if target is not None:
                    lent.add(target)
    return lent


def _is_apart(scope: Scope, lent: set[Function]) -> bool:
    """Whether code is lent to ``run_sync`` or is a task that runs in a worker."""
    function = scope.function
    while function is not None:
        if function in lent or any(_is_task(decorator) for decorator in function.decorators):
            return True
        function = function.parent.function if function.parent else None
    return False


def _is_task(decorator: ast.expr) -> bool:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (getattr(node, "id", "") or getattr(node, "attr", "")) in TASKS
