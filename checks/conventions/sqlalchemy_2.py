"""Typed declarative models and 2.0-style queries.

## Rule

Models derive from a `DeclarativeBase` and declare columns as `name: Mapped[type] = mapped_column(...)`.
Queries are built with `select()`. SQLModel is accepted.

## Why

`Mapped` tells the type checker and the database the same thing, once: a column that may be NULL is
`Mapped[str | None]`. `session.query` has no asynchronous counterpart.

## Bad

```python
# app/books/models.py
from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base

Base = declarative_base()  # <-- here


class Book(Base):
    __tablename__ = "books"
    id = Column(Integer, primary_key=True)  # <-- here
```

## Good

```python
# app/books/models.py
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)


tags = Table("book_tags", Base.metadata, Column("book_id", ForeignKey("books.id")))
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Function, Module, Project, Scope, parent, written
from checks.source.kinds import is_mapped
from checks.source.sessions import BUILDERS, SESSIONS, named_class

OLD_BASES: Final = frozenset({"sqlalchemy.orm.declarative_base", "sqlalchemy.orm.as_declarative"})
NAMED: Final = frozenset({"session", "db", "db_session", "sess", "_session"})
HOLDERS: Final = SESSIONS | {"sqlalchemy.orm.object_session"}
STEPS: Final = frozenset(
    [
        "filter",
        "filter_by",
        "join",
        "outerjoin",
        "options",
        "order_by",
        "group_by",
        "one_or_none",
        "with_entities",
    ]
)
"""Methods that only a query of SQLAlchemy's has."""
DECLARED: Final = frozenset(
    {
        "sqlalchemy.orm.declared_attr",
        "sqlalchemy.ext.declarative.declared_attr",
        "sqlalchemy.orm.declared_attr.directive",
    }
)
RULE = Rule(
    __name__,
    expected="`name: Mapped[type] = mapped_column(...)`",
    why="`Mapped` says the type once, to the type checker and to the database.",
    next="Declare it in the typed form that SQLAlchemy 2.0 documents",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds the declarations and queries of SQLAlchemy 1."""
    for module in project.application:
        if (
            b"sqlalchemy" not in module.content
            and b".query(" not in module.content
            and b"Column" not in module.content
        ):
            continue
        for call, scope in module.every(ast.Call):
            target = project.resolver.resolve(call.func, scope)
            if target in OLD_BASES:
                yield RULE.violation(
                    module, call.func, "the old declarative_base()", expected="a subclass of DeclarativeBase"
                )
            elif target == "sqlalchemy.select" and call.args and isinstance(call.args[0], ast.List):
                yield RULE.violation(
                    module,
                    call.func,
                    "a list given to select()",
                    expected="select(first, second)",
                    why="SQLAlchemy 2.0 takes the columns one by one, and refuses a list.",
                    next="Hand the columns over without the brackets",
                )
            elif _is_query(call, scope, target, project):
                yield RULE.violation(
                    module,
                    call.func,
                    "a query of the old style",
                    expected="select(), executed by the session",
                    why="session.query has no asynchronous counterpart.",
                    next="Build the statement with select() and let the session execute it",
                )
        for cls in module.classes:
            yield from _columns(cls, project)
        if b"declared_attr" in module.content:
            for function in module.functions:
                yield from _declared(function, project)


def subjects(project: Project) -> int:
    """Counts the mapped classes and the queries."""
    mapped = sum(is_mapped(cls, project.resolver) for module in project.application for cls in module.classes)
    return mapped + sum(_queries(module, project) for module in project.application)


def _queries(module: Module, project: Project) -> int:
    if b"sqlalchemy" not in module.content:
        return 0
    return sum(
        project.resolver.resolve(call.func, scope) in BUILDERS for call, scope in module.every(ast.Call)
    )


def _is_query(call: ast.Call, scope: Scope, target: object, project: Project) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "query":
        return False
    if isinstance(target, str):
        return target.rpartition(".")[0] in HOLDERS
    name = getattr(call.func.value, "id", "") or getattr(call.func.value, "attr", "")
    if target is not None or name not in NAMED or not call.args:
        return False
    queried = call.args[0]
    of = named_class(queried, scope, project.resolver)
    if of is not None:
        return is_mapped(of, project.resolver)
    is_sure = name != "db" and b"sqlalchemy" in scope.module.content and not isinstance(queried, ast.Constant)
    return is_sure or _names_unknown_class(queried, scope, project) or _goes_on(call)


def _goes_on(call: ast.Call) -> bool:
    """Whether a method that only queries have is called on the result."""
    around = parent(call)
    return isinstance(around, ast.Attribute) and around.attr in STEPS and isinstance(parent(around), ast.Call)


def _names_unknown_class(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether a name is written as classes are: by itself, with a column of it, or after a library."""
    if not isinstance(node, ast.Attribute):
        return _is_capitalised(node)
    if _is_capitalised(node.value):
        return True
    home = project.resolver.resolve(node.value, scope) if _is_capitalised(node) else node
    return home is None or isinstance(home, str)


def _is_capitalised(node: ast.expr) -> bool:
    name = getattr(node, "id", "") or getattr(node, "attr", "")
    return name[:1].isupper() and not (len(name) > 1 and name.isupper())


def _columns(cls: Class, project: Project) -> Iterator[Finding]:
    if project.resolver.is_kind(cls, "sqlmodel.SQLModel"):
        return
    for statement in cls.node.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if not isinstance(value, ast.Call):
            continue
        made = project.resolver.resolve(value.func, cls)
        if made == "sqlalchemy.Column":
            finding = RULE.note if _is_typed(statement) else RULE.violation
            yield finding(cls.module, statement, "an attribute set to Column(...)")
        elif made == "sqlalchemy.orm.relationship" and isinstance(statement, ast.Assign):
            yield RULE.note(
                cls.module,
                statement,
                "a relationship without its type",
                expected="`name: Mapped[...] = relationship(...)`",
            )


def _declared(function: Function, project: Project) -> Iterator[Finding]:
    """A column that a mixin's method gives back, without its type."""
    scope = function.parent or function
    if not any(project.resolver.resolve(decorator, scope) in DECLARED for decorator in function.decorators):
        return
    for statement in function.nodes(ast.Return):
        made = statement.value
        if (
            isinstance(made, ast.Call)
            and project.resolver.resolve(made.func, function) == "sqlalchemy.Column"
        ):
            finding = (
                RULE.note if function.returns and "Mapped" in written(function.returns) else RULE.violation
            )
            yield finding(function.module, made, "a declared attribute that gives Column(...)")


def _is_typed(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AnnAssign) and "Mapped" in written(statement.annotation)
