"""Pydantic v2 interfaces only.

## Rule

Models use the interfaces of Pydantic 2: `model_dump`, `model_dump_json`, `model_validate`, `model_config =
ConfigDict(...)`, `@field_validator` and `@model_validator`. Code that asks for the version of Pydantic and
serves both may speak the old interface where it has found the old version.

## Why

The names of Pydantic 1 still work in places, with a warning, and they will go. Half of them already mean
something else, or nothing: `orm_mode` in an inner `Config` is ignored.

## Bad

```python
# app/books/schemas.py
from pydantic import BaseModel, validator


class BookRead(BaseModel):
    title: str

    class Config:  # <-- here
        orm_mode = True

    @validator("title")  # <-- here
    def strip(cls, value: str) -> str:
        return value.strip()


def as_dict(book: BookRead) -> dict[str, object]:
    return book.dict()  # <-- here
```

## Good

```python
# app/books/schemas.py
from pydantic import BaseModel, ConfigDict, field_validator


class BookRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    title: str

    @field_validator("title")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


def as_dict(book: BookRead) -> dict[str, object]:
    return book.model_dump()
```
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import ASIDE, Binding, Class, Instance, Module, Project, Scope, Variable, parent, written
from checks.source.graph import imported_bindings
from checks.source.kinds import is_pydantic, is_settings, is_table

METHODS: Final = frozenset(
    [
        "dict",
        "json",
        "parse_obj",
        "parse_raw",
        "parse_file",
        "from_orm",
        "construct",
        "copy",
        "schema",
        "schema_json",
        "update_forward_refs",
        "validate",
    ]
)
SURE: Final = frozenset({"parse_obj", "parse_raw", "from_orm"})
GONE: Final = frozenset(
    ["BaseSettings", "ConstrainedStr", "ConstrainedInt", "ConstrainedFloat", "ConstrainedList", "PyObject"]
)
"""Names that `pydantic` had in version 1 alone."""
OLD_FUNCTIONS: Final = frozenset(
    ["parse_obj_as", "parse_file_as", "parse_raw_as", "schema_of", "schema_json_of"]
)
OLD_CONSTRAINTS: Final = frozenset(
    ["regex", "min_items", "max_items", "unique_items", "const", "allow_mutation"]
)
CHOOSING: Final = frozenset({"include", "exclude"})
OPTIONS: Final = frozenset({"exclude_unset", "exclude_none", "exclude_defaults", "by_alias"})
MODELS: Final = (
    *("pydantic.BaseModel", "sqlmodel.SQLModel", "beanie.Document", "beanie.View", "bunnet.Document"),
    *("odmantic.Model", "odmantic.EmbeddedModel"),
    *(f"fastapi_users.schemas.{name}" for name in ("BaseUser", "BaseUserCreate", "BaseUserUpdate")),
    *(f"fastapi.security.HTTP{name}Credentials" for name in ("Basic", "Authorization")),
    *(f"fastapi.security.http.HTTP{name}Credentials" for name in ("Basic", "Authorization")),
)
"""The models of Pydantic itself, and those of libraries that derive from them."""
ASKS_VERSION: Final = re.compile(
    r"pydantic\w*(?:v?[12]|version)|\bpydantic(?:\.\w+)*\.VERSION|version\(.pydantic|v[12]_model"
    r"|hasattr\(.*\bmodel_\w+",
    re.IGNORECASE,
)
"""What a condition says that tells the two versions apart."""
GENERATED: Final = re.compile(rb"auto(?:matically)?[- ]?generated|@generated|DO NOT EDIT", re.IGNORECASE)
"""What a file says that a tool writes, for whatever version there is; nobody mends it by hand."""
HEAD: Final = 400
"""In how many bytes at its beginning a file says so."""
ABSENT: Final = frozenset({"ImportError", "ModuleNotFoundError"})
DECORATORS: Final = {
    "pydantic.validator": "@validator",
    "pydantic.root_validator": "@root_validator",
}
RULE = Rule(
    __name__,
    expected="the interface of Pydantic 2",
    why="The old names work with a warning at best, and will go.",
    next="Look up what Pydantic 2 calls it, in its migration guide",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds what only Pydantic 1 called so."""
    for module in project.modules:
        if GENERATED.search(module.content, 0, HEAD):
            continue
        found = [*_found(module, project)]
        both = _lines_for_both(module, project) if found else frozenset()
        yield from (finding for finding in found if finding.place.line not in both)


def _found(module: Module, project: Project) -> Iterator[Finding]:
    if project.layer(module) not in ASIDE:
        yield from _imports(module)
        for cls in module.classes:
            if _is_model(cls, project) and not is_settings(cls, project.resolver):
                yield from _inner_config(cls)
        if b"validator" in module.content:
            yield from _decorators(module, project)
        if b"Field" in module.content:
            yield from _constraints(module, project)
    yield from _calls(module, project, guess=project.layer(module) not in ASIDE)


def _is_model(of: Class | str | None, project: Project) -> bool:
    """Whether a class is a model of Pydantic's, its own or that of a library known to derive from it."""
    if is_pydantic(of, project.resolver) or project.resolver.is_kind(of, *MODELS):
        return True
    return isinstance(of, Class) and is_table(of, project.resolver) and _is_sqlmodel_of_others(of, project)


def _is_sqlmodel_of_others(of: Class, project: Project) -> bool:
    """Whether a base is SQLModel's class, imported from a library that hands it on."""
    return any(isinstance(base, str) and base.endswith(".SQLModel") for base in project.resolver.mro(of))


def subjects(project: Project) -> int:
    """Counts the Pydantic models."""
    return sum(is_pydantic(cls, project.resolver) for module in project.application for cls in module.classes)


def _imports(module: Module) -> Iterator[Finding]:
    if b"pydantic" not in module.content:
        return
    for scope in module.scopes:
        for binding, name in _imported(scope):
            if name == "pydantic.v1" or name.startswith("pydantic.v1."):
                yield RULE.violation(module, binding.node, "an import from pydantic.v1")
            elif name == "pydantic" and binding.attribute in GONE | OLD_FUNCTIONS:
                yield RULE.violation(module, binding.node, f"{binding.attribute} imported from pydantic")
            elif name == "pydantic.generics":
                yield RULE.violation(module, binding.node, "an import from pydantic.generics")
    for node, scope in module.every(ast.Attribute):
        if node.attr in GONE | OLD_FUNCTIONS and isinstance(node.value, ast.Name):
            bound = scope.module.names.get(node.value.id, ())
            if any(b.kind == "import" and b.target[0] == "pydantic" for b in bound):
                yield RULE.violation(module, node, f"pydantic.{node.attr}")


def _imported(scope: Scope) -> Iterator[tuple[Binding, str]]:
    """The imports of a scope, each with the whole dotted name that it asks for."""
    for binding in imported_bindings(scope):
        if isinstance(binding.node, ast.Import):
            yield from ((binding, alias.name) for alias in binding.node.names)
        else:
            yield binding, str(binding.target[0])


def _inner_config(cls: Class) -> Iterator[Finding]:
    for child in cls.children:
        is_choice = isinstance(parent(child.node), ast.If) and "model_config" in cls.names
        if isinstance(child, Class) and child.name == "Config" and not is_choice:
            yield RULE.violation(
                cls.module, child.node, f"an inner class Config in {cls.name}", expected="`model_config`"
            )


def _decorators(module: Module, project: Project) -> Iterator[Finding]:
    """The old decorators, also where one is called to give a validator a name: ``validator("id")(strip)``."""
    places: dict[ast.expr, Scope] = {}
    for function in module.functions:
        places.update((decorator, function.parent or module) for decorator in function.decorators)
    calls = ((call, scope) for call, scope in module.every(ast.Call) if call not in places)
    for node, scope in (*places.items(), *calls):
        target = project.resolver.resolve(node.func if isinstance(node, ast.Call) else node, scope)
        if isinstance(target, str) and target in DECORATORS:
            new = "@field_validator" if target.endswith(".validator") else "@model_validator"
            yield RULE.violation(module, node, DECORATORS[target], expected=new)


def _constraints(module: Module, project: Project) -> Iterator[Finding]:
    for call, scope in module.every(ast.Call):
        old = sorted({keyword.arg or "" for keyword in call.keywords} & OLD_CONSTRAINTS)
        if old and project.resolver.resolve(call.func, scope) == "pydantic.Field":
            yield RULE.violation(module, call, f"Field({old[0]}=...), which Pydantic 2 does not know")


def _calls(module: Module, project: Project, *, guess: bool) -> Iterator[Finding]:
    """The old methods; ``guess`` says whether those of unknown objects are judged by how they look."""
    for call, scope in module.every(ast.Call):
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr not in METHODS:
            continue
        of = _receiver(func.value, scope, project)
        found = f"{func.attr}(), the interface of Pydantic 1"
        if _is_inherited(of, func.attr, project):
            yield RULE.violation(module, func, found)
        elif guess and func.attr in {"dict", "json"} and _names_options(call):
            if not _has_its_own(of, func.attr, project):
                yield RULE.violation(module, func, found)
        elif of is None and guess and _is_likely(call, func):
            yield RULE.note(module, func, found)


def _receiver(node: ast.expr, scope: Scope, project: Project) -> Class | str | None:
    target = project.resolver.resolve(node, scope)
    if isinstance(target, Class):
        return target
    if isinstance(target, Instance):
        return target.of
    if isinstance(target, Variable):
        return project.resolver.infer(node, scope)
    return target if target is None or isinstance(target, str) else "?"


def _is_inherited(of: Class | str | None, name: str, project: Project) -> bool:
    """Whether a class has a method from Pydantic, and none of its own of that name."""
    if isinstance(of, str):
        return of in MODELS
    return of is not None and _is_model(of, project) and not _has_its_own(of, name, project)


def _has_its_own(of: Class | str | None, name: str, project: Project) -> bool:
    """Whether a class of the project, or a base of it in the project, defines a name."""
    bases = project.resolver.mro(of) if isinstance(of, Class) else ()
    return any(isinstance(base, Class) and name in base.names for base in bases)


def _names_options(call: ast.Call) -> bool:
    """Whether a call has the options that Pydantic alone knows: it tells what the receiver is."""
    return any(keyword.arg in OPTIONS for keyword in call.keywords)


def _is_likely(call: ast.Call, func: ast.Attribute) -> bool:
    """Whether a call looks like one of Pydantic's by what it is asked on, or what it is given."""
    if func.attr == "dict":
        return any(keyword.arg in CHOOSING for keyword in call.keywords)
    name = getattr(func.value, "id", "") or getattr(func.value, "attr", "")
    return func.attr in SURE and name[:1].isupper()


# code that serves both versions


def _lines_for_both(module: Module, project: Project) -> frozenset[int]:
    """The lines that run with one version of Pydantic alone, because something asks which one is there."""
    lines: set[int] = set()
    for node in ast.walk(module.node):
        if isinstance(node, ast.If | ast.IfExp) and _asks_version(node.test, module, project):
            lines.update(range(node.lineno, _end(node) + 1))
        elif isinstance(node, ast.Try) and _tries_both(node):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return frozenset(lines)


def _end(choice: ast.If | ast.IfExp) -> int:
    """The last line that a choice decides on: that of its block, where a branch leaves it."""
    last: ast.stmt | ast.expr = choice
    if isinstance(choice, ast.If) and isinstance(choice.body[-1], ast.Return | ast.Raise):
        around = parent(choice)
        blocks = (getattr(around, name, None) for name in ("body", "orelse", "finalbody"))
        last = next((block[-1] for block in blocks if isinstance(block, list) and choice in block), choice)
    return last.end_lineno or last.lineno


def _asks_version(test: ast.expr, module: Module, project: Project, *, through: bool = True) -> bool:
    """Whether a condition asks for the version of Pydantic, itself or by a constant that does."""
    if ASKS_VERSION.search(written(test)):
        return True
    names = (node for node in ast.walk(test) if isinstance(node, ast.Name | ast.Attribute))
    for node in names:
        target = project.resolver.resolve(node, module)
        if target in {"pydantic.VERSION", "pydantic.version.VERSION"}:
            return True
        if through and isinstance(target, Variable) and target.binding.kind == "value":
            value, home = target.binding.value, target.binding.scope.module
            if value is not None and _asks_version(value, home, project, through=False):
                return True
    return False


def _tries_both(attempt: ast.Try) -> bool:
    """Whether a statement deals with a name that one of the versions lacks."""
    types = [handler.type for handler in attempt.handlers]
    parts = (part for of in types for part in (of.elts if isinstance(of, ast.Tuple) else [of]))
    caught = {part.id for part in parts if isinstance(part, ast.Name)}
    return not ABSENT.isdisjoint(caught) or ("AttributeError" in caught and ".model_" in written(attempt))
