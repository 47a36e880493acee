"""Every database call goes through AsyncSession.

## Rule

Make engines with `create_async_engine` and sessions with `async_sessionmaker`; await every call that talks
to the database. Synchronous engines may live in scripts and workers that the web application never reaches.
A function handed to `run_sync` is given a synchronous session on purpose, and so is a listener to events.
What stands below `if __name__ == "__main__":`, or is called from there alone, is a script.
A call of a synchronous session fails where asynchronous code reaches it; where only sync handlers and sync
dependencies do, or a thread, it is a note. What makes such engines and sessions fails either way.

## Why

While a sync query waits for the database in a coroutine, the event loop waits with it: no other request is
served. In a sync handler it holds one of the few threads instead. Mixing both kinds of session also gives two
transactions where one was meant.

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
    async with make_session() as session:  # <-- here
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
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from checks.conventions._helpers import (
    is_main_guard,
    is_named_by_guards_alone,
    runs_as_script,
    with_helpers,
)
from checks.conventions._rule import Rule
from checks.conventions.no_blocking_calls import coroutines
from checks.finding import Finding
from checks.source import Function, Instance, Module, Project, Scope, Target, Variable, parent
from checks.source.calls import Blocking
from checks.source.sessions import SYNC_SESSIONS

ASYNC: Final = frozenset(
    f"sqlalchemy.ext.asyncio.{name}" for name in ("create_async_engine", "async_sessionmaker", "AsyncSession")
)
SYNC_SESSION: Final = "sqlalchemy.orm.Session"
SYNC_OWNERS: Final = SYNC_SESSIONS | {"sqlalchemy.orm.object_session"}
SYNC_FACTORIES: Final = frozenset({"sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.scoped_session"})
LISTENS: Final = frozenset({"sqlalchemy.event.listens_for", "sqlalchemy.event.listen"})
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
THREADS: Final = re.compile(r"(?:\w*_)?(?:to_thread|in_thread|in_threadpool|in_executor)|submit")
"""Names of what hands a function to a thread, whoever wrote it."""
THREAD_MARKS: Final = (b"thread", b"executor", b"submit")
SERVERS: Final = (b"uvicorn", b"hypercorn", b"gunicorn", b"granian")
FOR_ALL: Final = frozenset(MADE) - {SYNC_SESSION}
"""What is made once and used by whoever comes."""
TASKS: Final = frozenset({"task", "shared_task", "actor", "periodic_task", "job"})
RULE = Rule(
    __name__,
    expected="await a method of AsyncSession",
    why="While a sync query waits, it holds the event loop, or one of the few threads of sync handlers.",
    next="Talk to the database with the asynchronous engine and session, and await the call",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds synchronous engines, sessions and queries that the web application reaches."""
    lent = _lent(project) | _commands(project)
    for module in project.modules:
        if module not in project.web or not _speaks_of_databases(module):
            continue
        for call, scope in module.every(ast.Call):
            if not _is_apart(scope, lent) and not _is_of_a_script(call, scope, project):
                yield from _judge(call, scope, project)
        yield from _annotations(module, project, lent)


def subjects(project: Project) -> int:
    """Counts the uses of the database's interfaces, asynchronous or not."""
    count = 0
    for module in project.application:
        if not _speaks_of_databases(module):
            continue
        names = ((node, scope) for node, scope in module.every(ast.Name) if _may_be_ours(node.id))
        attributes = ((node, scope) for node, scope in module.every(ast.Attribute) if _may_be_ours(node.attr))
        for node, scope in chain(names, attributes):
            target = project.resolver.resolve(node, scope)
            count += isinstance(target, str) and (target in ASYNC or target in MADE)
    return count


@lru_cache(maxsize=4096)
def _may_be_ours(name: str) -> bool:
    return name in _SHORT or name.lower().endswith(("session", "sessionmaker", "engine"))


_SHORT: Final = frozenset(name.rpartition(".")[2] for name in (*ASYNC, *MADE))


def _speaks_of_databases(module: Module) -> bool:
    return any(word in module.content for word in (b"ession", b"engine", b".query(", b"sqlalchemy", b"db"))


def _judge(call: ast.Call, scope: Scope, project: Project) -> Iterator[Finding]:
    target: Target | None = project.resolver.resolve(call.func, scope)
    if isinstance(target, str) and target in MADE:
        yield from _made(call, target, scope, project)
    elif _opens_session(call, scope, target, project):
        yield RULE.violation(scope.module, call.func, "a sync session", expected="an AsyncSession")
    elif target == "sqlalchemy.ext.asyncio.AsyncSession.query":
        yield RULE.violation(scope.module, call.func, "query(), which only sync sessions have")
    elif found := _talk(call, target, scope, project):
        finding = RULE.violation if _is_on_the_loop(scope, project) else RULE.note
        yield finding(scope.module, call.func, found)


def _made(call: ast.Call, target: str, scope: Scope, project: Project) -> Iterator[Finding]:
    if target == "sqlalchemy.orm.sessionmaker" and project.resolver.is_async_maker(call, scope):
        return
    if not _is_made_async(call, scope, project):
        lenient = (
            _is_for_others(call, scope, project)
            or scope.function in project.fact(_in_threads)
            or _is_of_the_set_up(call, scope, project)
        )
        finding = RULE.note if lenient else RULE.violation
        yield finding(scope.module, call.func, MADE[target], expected="its asynchronous counterpart")


def _talk(call: ast.Call, target: Target | None, scope: Scope, project: Project) -> str:
    """What a call says to the database synchronously; empty for other calls."""
    func = call.func
    if target == "sqlalchemy.inspect" and call.args:
        is_sync = project.resolver.infer(call.args[0], scope) == "sqlalchemy.Engine"
        return "a sync Engine looked into" if is_sync else ""
    if not isinstance(func, ast.Attribute) or isinstance(parent(call), ast.Await):
        return ""
    if isinstance(target, str):
        owner, _, method = target.rpartition(".")
        if owner in SYNC_OWNERS and method in TALKS:
            return f"a sync Session's {method}()"
        if owner == "sqlalchemy.Engine" and method in ENGINE_TALKS:
            return f"a sync Engine's {method}()"
    is_query = target is None and func.attr == "query" and _is_named_session(func.value) and call.args
    return "a sync Session's query()" if is_query else ""


def _is_on_the_loop(scope: Scope, project: Project) -> bool:
    """Whether code runs on the event loop: in a coroutine, or in a function that one calls."""
    function = scope.function
    return function is not None and (function.is_async or function in project.fact(_on_the_loop))


def _on_the_loop(project: Project) -> set[Function]:
    return Blocking(project.resolver).called_from(coroutines(project))


def _serving(project: Project) -> set[Function]:
    """What runs while a request is served, on the event loop or in a thread."""
    serving = [*project.handlers, *project.dependencies]
    return Blocking(project.resolver).called_from(serving) | project.fact(_on_the_loop)


def _in_threads(project: Project) -> set[Function]:
    """The functions that are handed to threads, and what only those call."""
    handed: set[Function] = set()
    for module in project.application:
        if not any(mark in module.content for mark in THREAD_MARKS):
            continue
        for call, scope in module.every(ast.Call):
            if THREADS.fullmatch(getattr(call.func, "attr", "") or getattr(call.func, "id", "")):
                given = (project.callable(argument, scope) for argument in call.args)
                handed.update(function for function in given if function is not None)
    return with_helpers(handed, project) - project.fact(_on_the_loop)


def _is_of_the_set_up(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether an engine lives in one function alone, which disposes of it and serves no request."""
    function, statement = scope.function, parent(call)
    if function is None or not isinstance(statement, ast.Assign):
        return False
    names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
    disposed = any(
        node.attr == "dispose" and isinstance(node.value, ast.Name) and node.value.id in names
        for node in function.nodes(ast.Attribute)
    )
    return disposed and not function.is_async and function not in project.fact(_serving)


def _opens_session(call: ast.Call, scope: Scope, target: Target | None, project: Project) -> bool:
    """Whether a coroutine, a dependency or a handler calls a factory of sync sessions."""
    function = scope.function
    return (
        isinstance(target, Variable | Instance)
        and function is not None
        and (function.is_async or function in project.dependencies or function in project.handlers)
        and project.resolver.infer(call.func, scope) in SYNC_FACTORIES
        and project.resolver.infer(call, scope) == SYNC_SESSION
    )


def _is_for_others(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether an engine or a factory beside the asynchronous ones is used by scripts and workers alone."""
    statement = parent(call)
    if not isinstance(scope, Module) or not isinstance(statement, ast.Assign | ast.AnnAssign):
        return False
    if not any(b"create_async_engine" in module.content for module in project.web):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    pending = set(names)
    while pending:
        made = _made_of(pending.pop(), scope, project)
        if made is None:
            return False
        pending |= made - names
        names |= made
    words = [_word(name) for name in names]
    others = [m.content for m in project.modules if m is not scope]
    web = [m.content for m in project.web if m is not scope]
    return any(word.search(content) for content in others for word in words) and not any(
        word.search(content) for content in web for word in words
    )


def _word(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\b" + name.encode() + rb"\b")


def _made_of(name: str, module: Module, project: Project) -> set[str] | None:
    """What a module makes of a name of its own: other names, and functions; None where it serves with it."""
    made: set[str] = set()
    for use, scope in module.every(ast.Name):
        if use.id != name or not isinstance(use.ctx, ast.Load):
            continue
        function = scope.function
        if function is not None:
            if function.is_async or function in project.handlers or function in project.dependencies:
                return None
            made.add(function.name)
            continue
        statement: ast.AST | None = use
        while statement is not None and not isinstance(statement, ast.stmt):
            statement = parent(statement)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            made.add(statement.targets[0].id)
    return made


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


def _lent(project: Project) -> set[Function]:
    """The functions that ``run_sync`` or an event calls with a sync session, and what only those call."""
    lent: set[Function] = set()
    for module in project.application:
        if b"run_sync" in module.content or b"listen" in module.content:
            lent.update(_lent_in(module, project))
    return with_helpers(lent, project)


def _lent_in(module: Module, project: Project) -> Iterator[Function]:
    for call, scope in module.every(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        place = 0 if name == "run_sync" else 2
        if len(call.args) > place and (
            name == "run_sync" or project.resolver.resolve(call.func, scope) in LISTENS
        ):
            target = project.callable(call.args[place], scope)
            if target is not None:
                yield target
    for function in module.functions:
        decorators = (d.func for d in function.decorators if isinstance(d, ast.Call))
        if any(project.resolver.resolve(d, function.parent or module) in LISTENS for d in decorators):
            yield function


def _commands(project: Project) -> set[Function]:
    """The functions that only code below a main guard calls, which the web application never reaches."""
    commands: set[Function] = set()
    for module in project.application:
        for called in _called_by_guard(module, project) if b"__main__" in module.content else ():
            group = with_helpers([called], project)
            if not any(_starts_application(function, project) for function in group):
                commands |= group
    return commands


def _called_by_guard(module: Module, project: Project) -> Iterator[Function]:
    """A module's functions that are named below its main guard and nowhere else."""
    guards = [statement for statement in module.nodes(ast.If) if is_main_guard(statement.test)]
    names = {
        node.id
        for guard in guards
        for statement in guard.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }
    named = (f for f in module.children if isinstance(f, Function) and f.name in names)
    yield from (f for f in named if not f.decorators and is_named_by_guards_alone(f, project))


def _starts_application(function: Function, project: Project) -> bool:
    """Whether a function makes an application, or an engine beside a server that it may start with it."""
    serves = any(server in function.module.content for server in SERVERS)
    made = {project.resolver.resolve(call.func, function) for call in function.nodes(ast.Call)}
    return "fastapi.FastAPI" in made or (serves and not made.isdisjoint(FOR_ALL))


def _is_of_a_script(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether a call stands directly below a main guard, and makes no engine for a server started there."""
    if scope.function is not None or b"__main__" not in scope.module.content or not runs_as_script(call):
        return False
    serves = any(server in scope.module.content for server in SERVERS)
    return not serves or project.resolver.resolve(call.func, scope) not in FOR_ALL


def _is_apart(scope: Scope, lent: set[Function]) -> bool:
    """Whether code is lent to ``run_sync`` or to an event, or is a task that runs in a worker."""
    function = scope.function
    while function is not None:
        if function in lent or any(_is_task(decorator) for decorator in function.decorators):
            return True
        function = function.parent.function if function.parent else None
    return False


def _is_task(decorator: ast.expr) -> bool:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (getattr(node, "id", "") or getattr(node, "attr", "")) in TASKS
