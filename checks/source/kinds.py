"""What sort of thing a class is: a mapped entity, a Pydantic model, settings, an exception."""

import ast
from collections.abc import Iterator
from typing import Final

from checks.source.externals import RECORDS
from checks.source.resolver import Resolver, Variable
from checks.source.scopes import Class, Scope

_DECLARATIVE: Final = (
    "sqlalchemy.orm.DeclarativeBase",
    "sqlalchemy.orm.DeclarativeBaseNoMeta",
    "sqlalchemy.orm.declarative_base()",
    "sqlalchemy.orm.registry.generate_base()",
    "sqlalchemy.ext.asyncio.AsyncAttrs()",
    "advanced_alchemy.base.DefaultBase",
    "advanced_alchemy.base.UUIDBase",
    "advanced_alchemy.base.BigIntBase",
)
_COLUMNS: Final = frozenset(
    {"sqlalchemy.Column", "sqlalchemy.orm.mapped_column", "sqlalchemy.orm.relationship"}
)
_UNMAPPED: Final = frozenset(
    [
        *("object", "abc.ABC", "pydantic.BaseModel"),
        *("typing.Generic", "typing.NamedTuple", "typing.Protocol", "typing.TypedDict"),
    ]
)

CONTAINERS: Final = frozenset(
    f"typing.{name}"
    for name in [
        "List",
        "Sequence",
        "Iterable",
        "Set",
        "FrozenSet",
        "Tuple",
        "Optional",
        "Union",
        "Collection",
    ]
) | {"list", "set", "tuple", "frozenset"}


def element_types(node: ast.expr, scope: Scope, resolver: Resolver) -> Iterator[ast.expr]:
    """The element types of an annotation: through unions, containers, Annotated and quotes."""
    node = resolver.plain(node)
    if isinstance(node, ast.BinOp):
        yield from element_types(node.left, scope, resolver)
        yield from element_types(node.right, scope, resolver)
        return
    if isinstance(node, ast.Subscript):
        base = resolver.resolve(node.value, scope)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if base in CONTAINERS or base == "typing.Annotated":
            for part in inner if base in CONTAINERS else inner[:1]:
                yield from element_types(part, scope, resolver)
            return
    yield node


def is_pydantic(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class is a Pydantic model (settings and SQLModel classes included)."""
    return resolver.is_kind(of, "pydantic.BaseModel")


def is_settings(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class reads its fields from the environment."""
    return resolver.is_kind(of, "pydantic_settings.BaseSettings")


def is_mapped(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class is part of a declarative hierarchy: an entity, a mixin with columns, or the base."""
    if not isinstance(of, Class):
        return resolver.is_kind(of, *_DECLARATIVE)
    if resolver.is_kind(of, *_DECLARATIVE) or is_entity(of, resolver):
        return True
    return resolver.is_kind(of, "sqlmodel.SQLModel") and is_table(of, resolver)


def is_record(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class is an entity that asks the database itself, by methods that its library gives it."""
    return isinstance(of, Class) and resolver.is_kind(of, *RECORDS)


def is_table(of: Class, resolver: Resolver) -> bool:
    """Whether an SQLModel class, or one that it derives from, has a table."""
    return any(_makes_table(base) for base in resolver.mro(of) if isinstance(base, Class))


def _makes_table(of: Class) -> bool:
    return any(
        keyword.arg == "table" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in of.node.keywords
    )


def is_entity(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class is mapped to a table of its own.

    A class that only declares the name ``__tablename__``, as a protocol does, is none. Neither is one that
    has the name of a table but nothing to map, nor an SQLModel class without ``table=True`` of its own: it
    has no mapper, even if it derives from a class with a table.
    """
    if not isinstance(of, Class):
        return False
    if resolver.is_kind(of, "sqlmodel.SQLModel"):
        return _makes_table(of)
    if any(isinstance(base, Class) and _names_table(base) for base in resolver.mro(of)):
        is_abstract = "__abstract__" in of.names and "__tablename__" not in of.names
        return not is_abstract and _can_be_mapped(of, resolver)
    return "__table__" in of.names or (
        resolver.is_kind(of, *_DECLARATIVE) and "__abstract__" not in of.names and has_columns(of, resolver)
    )


def _names_table(of: Class) -> bool:
    bindings = of.names.get("__tablename__", ())
    return any(binding.kind == "function" or binding.value is not None for binding in bindings)


def _can_be_mapped(of: Class, resolver: Resolver) -> bool:
    """Whether anything in the hierarchy maps: a declarative base, columns, or a base that is not known."""
    return any(
        base not in _UNMAPPED
        if isinstance(base, str)
        else has_columns(base, resolver) or _has_unknown_base(base, resolver)
        for base in resolver.mro(of)
    )


def _has_unknown_base(of: Class, resolver: Resolver) -> bool:
    known = (resolver.resolve(base, of.parent or of.module) for base in of.node.bases)
    return any(not isinstance(base, Class | str) for base in known)


def has_columns(of: Class, resolver: Resolver) -> bool:
    """Whether the class body itself declares columns or relationships."""
    return any(resolver.resolve(call.func, of) in _COLUMNS for call in of.nodes(ast.Call))


def is_exception(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class derives from a built-in exception."""
    if isinstance(of, str):
        return of.endswith(("Error", "Exception"))
    names = (base for base in (resolver.mro(of) if of else ()) if isinstance(base, str))
    return any(name.rpartition(".")[2].endswith(("Error", "Exception")) for name in names)


def literal_keywords(call: ast.Call, scope: Scope, resolver: Resolver) -> tuple[dict[str, ast.expr], bool]:
    """The keywords of a call, those of ``**options`` included where the options can be read.

    Returns:
        Name to value, and whether the call may have more keywords than could be read.
    """
    found: dict[str, ast.expr] = {}
    hidden = False
    for keyword in call.keywords:
        if keyword.arg is not None:
            found[keyword.arg] = keyword.value
            continue
        inner = _options(keyword.value, scope, resolver)
        hidden = hidden or inner is None
        for name, value in (inner or {}).items():
            found.setdefault(name, value)
    return found, hidden


def _options(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 0) -> dict[str, ast.expr] | None:
    if depth > 5:
        return None
    if isinstance(node, ast.Dict):
        return _dictionary(node, scope, resolver, depth)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        found, hidden = literal_keywords(node, scope, resolver)
        return None if hidden or node.args else found
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left = _options(node.left, scope, resolver, depth + 1)
        right = _options(node.right, scope, resolver, depth + 1)
        return None if left is None or right is None else left | right
    target = resolver.resolve(node, scope) if isinstance(node, ast.Name | ast.Attribute) else None
    if isinstance(target, Variable) and target.binding.kind == "value" and target.binding.value is not None:
        return _options(target.binding.value, target.binding.scope, resolver, depth + 1)
    return None


def _dictionary(node: ast.Dict, scope: Scope, resolver: Resolver, depth: int) -> dict[str, ast.expr] | None:
    found: dict[str, ast.expr] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = _options(value, scope, resolver, depth + 1)
            if inner is None:
                return None
            found |= inner
        elif isinstance(key, ast.Constant) and isinstance(key.value, str):
            found[key.value] = value
        else:
            return None
    return found
