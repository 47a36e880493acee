"""What sort of thing a class is: a mapped entity, a Pydantic model, settings, an exception."""

import ast
from collections.abc import Iterator
from typing import Final

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


def is_table(of: Class, resolver: Resolver) -> bool:
    """Whether an SQLModel class is one that has a table."""
    return any(
        keyword.arg == "table" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for base in resolver.mro(of)
        if isinstance(base, Class)
        for keyword in base.node.keywords
    )


def is_entity(of: Class | str | None, resolver: Resolver) -> bool:
    """Whether a class is mapped to a table of its own."""
    if not isinstance(of, Class):
        return False
    mro = resolver.mro(of)
    if resolver.is_kind(of, "sqlmodel.SQLModel"):
        return is_table(of, resolver)
    if any(isinstance(base, Class) and "__tablename__" in base.names for base in mro):
        return not ("__abstract__" in of.names and "__tablename__" not in of.names)
    return "__table__" in of.names or (
        resolver.is_kind(of, *_DECLARATIVE) and "__abstract__" not in of.names and has_columns(of, resolver)
    )


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
