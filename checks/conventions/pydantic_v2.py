"""Pydantic v2 interfaces only.

## Rule

Models use the interfaces of Pydantic 2: `model_dump`, `model_dump_json`, `model_validate`, `model_config =
ConfigDict(...)`, `@field_validator` and `@model_validator`.

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
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import ASIDE, Binding, Class, Instance, Module, Project, Scope, Variable
from checks.source.graph import imported_bindings
from checks.source.kinds import is_pydantic, is_settings

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
    for module in project.application:
        yield from _imports(module)
        for cls in module.classes:
            if is_pydantic(cls, project.resolver) and not is_settings(cls, project.resolver):
                yield from _inner_config(cls)
        if b"validator" in module.content:
            yield from _decorators(module, project)
        if b"Field" in module.content:
            yield from _constraints(module, project)
    for module in project.modules:
        yield from _calls(module, project, guess=project.layer(module) not in ASIDE)


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
        if isinstance(child, Class) and child.name == "Config":
            yield RULE.violation(
                cls.module, child.node, f"an inner class Config in {cls.name}", expected="`model_config`"
            )


def _decorators(module: Module, project: Project) -> Iterator[Finding]:
    for function in module.functions:
        for decorator in function.decorators:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            target = project.resolver.resolve(called, function.parent or module)
            if isinstance(target, str) and target in DECORATORS:
                new = "@field_validator" if target.endswith(".validator") else "@model_validator"
                yield RULE.violation(module, decorator, DECORATORS[target], expected=new)


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
        elif of is None and guess and _is_unmistakable(call, func):
            yield (RULE.note if func.attr in SURE else RULE.violation)(module, func, found)
        elif of is None and guess and func.attr == "dict" and CHOOSING & {k.arg for k in call.keywords}:
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
        return of in {"pydantic.BaseModel", "sqlmodel.SQLModel"}
    if of is None or not is_pydantic(of, project.resolver):
        return False
    return not any(isinstance(base, Class) and name in base.names for base in project.resolver.mro(of))


def _is_unmistakable(call: ast.Call, func: ast.Attribute) -> bool:
    if func.attr in {"dict", "json"}:
        return any(keyword.arg in OPTIONS for keyword in call.keywords)
    name = getattr(func.value, "id", "") or getattr(func.value, "attr", "")
    return func.attr in SURE and name[:1].isupper()
