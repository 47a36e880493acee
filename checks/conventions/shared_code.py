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
from checks.source.kinds import is_exception, is_pydantic, is_settings

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


def _again(module: Module, node: ast.AST, what: str, first: Class | Function) -> Finding:
    place = f"{first.module.file}, {first.name}"
    return RULE.violation(module, node, f"{what}, which the shared code has already ({place})")


def _makes_base(cls: Class, project: Project) -> bool:
    own = {project.resolver.resolve(base, cls.parent or cls.module) for base in cls.node.bases}
    return bool(own & BASES)


def _bases(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    known = [cls for module in shared for cls in module.classes if _makes_base(cls, project)]
    if not known:
        return
    for module in domains:
        for cls in module.classes:
            if _makes_base(cls, project):
                yield _again(module, cls.node, f"a second declarative base, {cls.name}", known[0])
        if b"declarative_base" in module.content:
            for call in module.nodes(ast.Call):
                if project.resolver.resolve(call.func, module) == "sqlalchemy.orm.declarative_base":
                    yield _again(module, call, "a second declarative base", known[0])


def _fields(cls: Class, project: Project) -> dict[str, str]:
    """Field name to the outermost name of its type, such as ``list`` for ``list[Book]``."""
    fields = {}
    for statement in cls.node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            annotation = statement.annotation
            outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
            target = project.resolver.resolve(outer, cls)
            name = target if isinstance(target, str) else written(outer)
            fields[statement.target.id] = name.lower().removeprefix("typing.")
    return fields


def _key(cls: Class, project: Project) -> frozenset[tuple[str, str]]:
    return frozenset(_fields(cls, project).items())


def _same_schema(one: Class, other: Class, size: int) -> bool:
    """Whether two schemas with the same fields are the same thing: by how many, or by their names."""
    return size >= 3 or one.name == other.name or _last_word(one.name) == _last_word(other.name)


def _is_schema(cls: Class, project: Project) -> bool:
    return is_pydantic(cls, project.resolver) and not is_settings(cls, project.resolver)


def _last_word(name: str) -> str:
    start = max((index for index, letter in enumerate(name) if letter.isupper()), default=0)
    return name[start:].lower()


def _schemas(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    known: dict[frozenset[tuple[str, str]], list[Class]] = {}
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
            alike = (k for k in known.get(key, ()) if _same_schema(cls, k, len(key)) and k not in mro)
            first = next(alike, None)
            if first is not None and cls not in project.resolver.mro(first):
                yield _again(module, cls.node, f"the schema {cls.name}", first)


def _members(cls: Class) -> set[str]:
    own = {name for name in cls.names if not (name.startswith("__") and name != "__init__")}
    return own | set(cls.attributes)


def _exceptions(shared: list[Module], domains: list[Module], project: Project) -> Iterator[Finding]:
    resolver = project.resolver
    known = [
        cls
        for module in shared
        for cls in module.classes
        if is_exception(cls, resolver) and _is_root(cls, project)
    ]
    if not known:
        return
    derived_from = {
        base for module in domains for cls in module.classes for base in resolver.mro(cls)[1:] if base != cls
    }
    for module in domains:
        for cls in module.classes:
            if not is_exception(cls, resolver) or not _is_root(cls, project):
                continue
            for first in known:
                alike = _members(first) == _members(cls)
                is_base = cls in derived_from and bool(_members(cls))
                if alike and (cls.name == first.name or is_base) and first not in resolver.mro(cls):
                    yield _again(module, cls.node, f"the base exception {cls.name}", first)
                    break


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
