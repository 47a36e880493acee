"""Which entity a call loads from the database, by the statement or the class that it is given."""

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from checks.source.externals import RECORDS
from checks.source.scopes import Class, Scope

if TYPE_CHECKING:
    from checks.source.resolver import Resolver

_SESSIONS: Final = ("sqlalchemy.ext.asyncio.AsyncSession.", "sqlalchemy.orm.Session.")
LOADING: Final = (*_SESSIONS, *(f"{base}." for base in RECORDS))
"""The beginnings of the names of methods that may load an entity."""
_NARROWING: Final = frozenset(
    [
        *("filter", "filter_by", "where", "join", "outerjoin", "options", "order_by", "limit", "offset"),
        *("with_for_update", "execution_options", "distinct", "populate_existing", "unique", "scalars"),
    ]
)
"""What may stand between the asking and the taking of one result."""
_ONE: Final = frozenset({"first", "one", "one_or_none", "get"})
_SCALAR: Final = frozenset({"scalar", "scalar_one", "scalar_one_or_none"})
_ONE_RECORD: Final = frozenset(
    [
        *("get", "get_or_none", "get_by_id", "first", "last", "earliest", "latest"),
        *("find_one", "first_or_none", "create", "insert", "upsert"),
    ]
)
"""Methods of active record that give one entity."""
STEPS: Final = 20


def loaded(name: str, call: ast.Call, scope: Scope, resolver: "Resolver", depth: int) -> Class | None:
    """The class of the one entity that a call gives, such as ``session.get(Book, number)``.

    Args:
        name: the library's name for what is called.
        call: the call.
        scope: where it stands.
        resolver: the project's resolver.
        depth: how many steps led here.
    """
    session = next((session for session in _SESSIONS if name.startswith(session)), None)
    if session is None:
        return _of_record(call, scope, resolver, depth)
    steps = name.removeprefix(session).split(".")
    if len(steps) > 1:
        return _taken(call, steps, scope, resolver, depth)
    if steps[0] == "scalar":
        return _selected(_first(call), scope, resolver, depth)
    return _class(_first(call), scope, resolver, depth) if steps[0] in {"get", "get_one"} else None


def _taken(call: ast.Call, steps: list[str], scope: Scope, resolver: "Resolver", depth: int) -> Class | None:
    """The entity that is taken from what a session was asked for: ``session.scalars(...).first()``."""
    asks, *between, takes = steps
    gives_entities = asks in {"scalars", "exec", "query"} or "scalars" in between
    if takes not in (_ONE if gives_entities else _SCALAR) or not _NARROWING.issuperset(between):
        return None
    for part, around in _downwards(call.func, scope, resolver, depth):
        if isinstance(part, ast.Call) and getattr(part.func, "attr", "") == asks:
            find = _class if asks == "query" else _selected
            return find(_first(part, alone=asks == "query"), around, resolver, depth)
    return None


def _of_record(call: ast.Call, scope: Scope, resolver: "Resolver", depth: int) -> Class | None:
    """The class on which a method of active record is called that gives one entity."""
    if getattr(call.func, "attr", "") not in _ONE_RECORD:
        return None
    found = (
        _class(part, around, resolver, depth)
        for part, around in _downwards(call.func, scope, resolver, depth)
    )
    return next((of for of in found if of is not None), None)


def _selected(node: ast.expr | None, scope: Scope, resolver: "Resolver", depth: int) -> Class | None:
    """The entity of a statement that selects it alone: ``select(Book).where(...)``."""
    for part, around in _downwards(node, scope, resolver, depth) if node is not None else ():
        if isinstance(part, ast.Call) and resolver.resolve(part.func, around, depth) == "sqlalchemy.select":
            return _class(_first(part, alone=True), around, resolver, depth)
    return None


def _first(call: ast.Call, *, alone: bool = False) -> ast.expr | None:
    return call.args[0] if call.args and not (alone and len(call.args) > 1) else None


def _class(node: ast.expr | None, scope: Scope, resolver: "Resolver", depth: int) -> Class | None:
    target = resolver.resolve(node, scope, depth) if isinstance(node, ast.Name | ast.Attribute) else None
    return target if isinstance(target, Class) else None


def _downwards(
    node: ast.expr, scope: Scope, resolver: "Resolver", depth: int
) -> Iterator[tuple[ast.expr, Scope]]:
    """An expression and what it is asked of, down to its root; a name is followed to its value."""
    for _ in range(STEPS):
        yield node, scope
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute | ast.Await):
            node = node.value
        else:
            target = resolver.resolve(node, scope, depth) if isinstance(node, ast.Name) else None
            binding = getattr(target, "binding", None)
            if binding is None or binding.kind != "value" or binding.value is None:
                return
            node, scope = binding.value, binding.scope
