"""What domains share lives once, in core/ and common/.

## Rule

Base models, shared schemas, base exceptions and the helpers for passwords and tokens are written once, in
`core/` or `common/`; domains import or subclass them. A class of the same name that is something else is no
repetition, and what only one domain has stays there.

## Why

Two declarative bases are two sets of tables that do not know each other. Two page schemas drift apart until
the clients notice.

## Bad

```python
# app/common/models.py
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class BookBase(DeclarativeBase):  # <-- here
    pass


class Book(BookBase):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```

## Good

```python
# app/common/models.py
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass

# app/books/models.py
from sqlalchemy.orm import Mapped, mapped_column

from app.common.models import Base


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```
"""

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Area, Class, Function, Module, Project, written
from checks.source.calls import HASHING
from checks.source.kinds import is_exception, is_mapped, is_pydantic, is_settings

BASE_CALLS: Final = frozenset({"sqlalchemy.orm.declarative_base", "sqlalchemy.orm.registry.generate_base"})
BASES: Final = frozenset({"sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta"})
TOKENS: Final = frozenset(
    {
        "jwt.encode",
        "jwt.decode",
        "jose.jwt.encode",
        "jose.jwt.decode",
        "jwt.api_jwt.encode",
        "jwt.api_jwt.decode",
    }
)
ALIKE: Final = 0.8
ERROR_FIELDS: Final = frozenset({"detail", "error", "errors"})
USUAL_FIELDS: Final = frozenset(
    [
        *("id", "uuid", "name", "title", "description", "email", "status", "type", "kind", "value", "key"),
        *("code", "slug", "url", "text", "date", "user_id", "created_at", "updated_at", "created", "updated"),
    ]
)
"""Fields that schemas of quite different things have."""
RULE = Rule(
    __name__,
    expected="the one that core/ or common/ defines",
    why="Two copies drift apart, and a mend to one of them leaves the other wrong.",
    next="Use or subclass the shared one here",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds what a domain writes again although the shared code has it."""
    shared = [m for m in project.application if project.area(m) is not Area.DOMAIN]
    domains = [m for m in project.application if project.area(m) is Area.DOMAIN]
    if shared and domains:
        yield from _bases(shared, domains, project)
        yield from _mixins(shared, domains, project)
        yield from _schemas(shared, domains, project)
        yield from _exceptions(shared, domains, project)
        yield from _helpers(shared, domains, project)


def subjects(project: Project) -> int:
    """Counts the bases, schemas, exceptions and helpers that the shared code offers."""
    shared = [m for m in project.application if project.area(m) is not Area.DOMAIN]
    classes = sum(
        _makes_base(cls, project) or is_pydantic(cls, project.resolver) or is_exception(cls, project.resolver)
        for module in shared
        for cls in module.classes
    )
    secrets = (f for module in filter(_speaks_of_secrets, shared) for f in module.functions)
    return classes + sum(bool(_secret_calls(function, project)) for function in secrets)


def _again(module: Module, node: ast.AST, what: str, first: Class | Function | Module) -> Finding:
    place = first.file if isinstance(first, Module) else f"{first.module.file}, {first.name}"
    return RULE.violation(module, node, f"{what}, which the shared code has already ({place})")


def _makes_base(cls: Class, project: Project) -> bool:
    own = {project.resolver.resolve(base, cls.parent or cls.module) for base in cls.node.bases}
    return bool(own & BASES)


def _makes_base_by_call(module: Module, project: Project) -> Iterator[ast.Call]:
    if b"declarative_base" in module.content or b"generate_base" in module.content:
        for call in module.nodes(ast.Call):
            if project.resolver.resolve(call.func, module) in BASE_CALLS:
                yield call


def _bases(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    classes = (cls for module in shared for cls in module.classes if _makes_base(cls, project))
    by_call = (module for module in shared if any(_makes_base_by_call(module, project)))
    first: Class | Module | None = next(classes, None) or next(by_call, None)
    if first is None:
        return
    for module in domains:
        for cls in module.classes:
            if _makes_base(cls, project):
                yield _again(module, cls.node, f"a second declarative base, {cls.name}", first)
        for call in _makes_base_by_call(module, project):
            yield _again(module, call, "a second declarative base", first)


def _mixins(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    """Columns that many tables have, such as the times of creation and change, gathered a second time."""
    known = [
        (cls, columns)
        for module in shared
        for cls in module.classes
        if (columns := _columns_of_mixin(cls, project))
    ]
    for module in domains if known else ():
        for cls in module.classes:
            columns = _columns_of_mixin(cls, project)
            same = (
                k for k, theirs in known if columns == theirs and (len(columns) > 1 or k.name == cls.name)
            )
            first = next(same, None) if columns else None
            if first is not None:
                yield _again(module, cls.node, f"the columns of {cls.name}", first)


def _columns_of_mixin(cls: Class, project: Project) -> frozenset[str]:
    """The columns of a class that is no entity and has no bases in the project."""
    if not _is_root(cls, project) or is_mapped(cls, project.resolver):
        return frozenset()
    return frozenset(
        statement.target.id
        for statement in cls.node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(statement.value, ast.Call)
        and project.resolver.resolve(statement.value.func, cls) == "sqlalchemy.orm.mapped_column"
    )


def _fields(cls: Class, project: Project) -> dict[str, str]:
    """Field name to what matters of its type, such as ``list`` for ``list[Book]``."""
    return {
        statement.target.id: _type_name(statement.annotation, cls, project)
        for statement in cls.node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def _type_name(annotation: ast.expr, cls: Class, project: Project) -> str:
    """The outermost names of a type; literals and what is annotated whole."""
    node = project.resolver.plain(annotation)
    if isinstance(node, ast.BinOp):
        return " | ".join(sorted(_type_name(side, cls, project) for side in (node.left, node.right)))
    outer = node.value if isinstance(node, ast.Subscript) else node
    target = project.resolver.resolve(outer, cls)
    name = target if isinstance(target, str) else written(outer)
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in {"typing.Optional", "typing.Union"}:
            parts = [_type_name(part, cls, project) for part in inner]
            return " | ".join(sorted([*parts, "none"] if name == "typing.Optional" else parts))
        if name in {"typing.Literal", "typing.Annotated"}:
            return written(node)
    return name.lower().removeprefix("typing.")


Key = frozenset[tuple[str, str]] | str


def _key(cls: Class, project: Project) -> Key:
    """What makes a schema the same as another: its fields or, without any, its bases and its body."""
    fields = frozenset(_fields(cls, project).items())
    bases = [written(base) for base in cls.node.bases]
    return fields or (f"{bases} {_body(cls)}" if "model_config" in cls.names else frozenset())


def _body(cls: Class) -> str:
    """What a class says beyond its docstring."""
    body = cls.node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    said = [statement for statement in body if not isinstance(statement, ast.Pass)]
    return "".join(ast.dump(statement) for statement in said)


def _same_schema(one: Class, other: Class, key: Key) -> bool:
    """Whether two schemas with the same fields are the same thing: by their names, or by the fields."""
    if isinstance(key, str) or one.name == other.name:
        return True
    names = {name for name, _ in key}
    if _last_word(one.name) == _last_word(other.name):
        return len(names) > 1 or names <= ERROR_FIELDS
    return len(names) >= 3 and len(names - USUAL_FIELDS) >= 2


def _is_schema(cls: Class, project: Project) -> bool:
    return is_pydantic(cls, project.resolver) and not is_settings(cls, project.resolver)


def _last_word(name: str) -> str:
    start = max((index for index, letter in enumerate(name) if letter.isupper()), default=0)
    return name[start:].lower()


def _schemas(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    known: dict[Key, list[Class]] = {}
    for module in shared:
        for cls in module.classes:
            if _is_schema(cls, project) and (key := _key(cls, project)):
                known.setdefault(key, []).append(cls)
    if not known:
        return
    for module in domains:
        for cls in module.classes:
            if not _is_schema(cls, project):
                continue
            mro, key = project.resolver.mro(cls), _key(cls, project)
            alike = (k for k in known.get(key, ()) if _same_schema(cls, k, key) and k not in mro)
            first = next(alike, None)
            if first is not None and cls not in project.resolver.mro(first):
                yield _again(module, cls.node, f"the schema {cls.name}", first)


def _members(cls: Class) -> set[str]:
    own = {name for name in cls.names if not (name.startswith("__") and name != "__init__")}
    return own | set(cls.attributes)


def _exceptions(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    resolver = project.resolver
    known = [cls for module in shared for cls in module.classes if is_exception(cls, resolver)]
    if not known:
        return
    derived_from = {
        base for module in domains for cls in module.classes for base in resolver.mro(cls)[1:] if base != cls
    }
    for module in domains:
        for cls in module.classes:
            if not is_exception(cls, resolver):
                continue
            for first in known:
                if first in resolver.mro(cls):
                    continue
                if _is_same_base(cls, first, cls in derived_from, project):
                    yield _again(module, cls.node, f"the base exception {cls.name}", first)
                    break
                if _is_same_class(cls, first, project):
                    yield _again(module, cls.node, f"the exception {cls.name}", first)
                    break


def _is_same_base(cls: Class, first: Class, is_base: bool, project: Project) -> bool:
    if not _is_root(cls, project) or not _is_root(first, project) or _members(cls) != _members(first):
        return False
    return cls.name == first.name or (is_base and bool(_members(cls)))


def _is_same_class(cls: Class, first: Class, project: Project) -> bool:
    """Whether two classes have the same name, the same bases and the same body, which is not empty."""
    resolver = project.resolver
    same = cls.name == first.name and bool(_body(cls)) and _body(cls) == _body(first)
    return same and resolver.mro(cls)[1:] == resolver.mro(first)[1:]


def _is_root(cls: Class, project: Project) -> bool:
    return not any(isinstance(base, Class) for base in project.resolver.mro(cls)[1:])


def _secret_calls(function: Function, project: Project) -> frozenset[str]:
    """The library's calls for passwords and tokens that a function makes itself."""
    targets = (project.resolver.resolve(call.func, function) for call in function.nodes(ast.Call))
    return frozenset(t for t in targets if isinstance(t, str) and (t in HASHING or t in TOKENS))


def _speaks_of_secrets(module: Module) -> bool:
    return any(word in module.content for word in (b"jwt", b"hash", b"bcrypt", b"argon2"))


def _helpers(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    known = [
        (function, called)
        for module in shared
        if _speaks_of_secrets(module)
        for function in module.functions
        if (called := _secret_calls(function, project))
    ]
    if not known:
        return
    for module in filter(_speaks_of_secrets, domains):
        for function in module.functions:
            called = _secret_calls(function, project)
            first = next(
                (f for f, theirs in known if called and called == theirs and _alike(function, f)), None
            )
            if first is not None:
                kind = "token" if called & TOKENS else "hashing"
                yield _again(module, function.node, f"the {kind} helper {function.name}()", first)


def _alike(one: Function, other: Function) -> bool:
    """Whether two functions have nearly the same form, whatever their names are."""
    if isinstance(one.node, ast.Lambda) or isinstance(other.node, ast.Lambda):
        return False
    forms = [[type(n).__name__ for s in f.node.body for n in ast.walk(s)] for f in (one, other)]  # type: ignore[union-attr]
    if max(map(len, forms)) <= 24:
        return True
    return SequenceMatcher(None, forms[0], forms[1], autojunk=False).ratio() >= ALIKE
