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
from checks.source import Binding, Class, Instance, Module, Project, Scope, Variable
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
        yield from _calls(module, project)


def subjects(project: Project) -> int:
    """Counts the Pydantic models."""
    return sum(is_pydantic(cls, project.resolver) for module in project.application for cls in module.classes)


def _imports(module: Module) -> Iterator[Finding]:
    if b"pydantic" not in module.content:
        return
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            name = _imported(binding)
            if name == "pydantic.v1" or name.startswith("pydantic.v1."):
                yield RULE.violation(module, binding.node, "an import from pydantic.v1")
            elif name == "pydantic" and binding.attribute == "BaseSettings":
                yield RULE.violation(module, binding.node, "BaseSettings imported from pydantic")


def _imported(binding: Binding) -> str:
    """The whole dotted name that an import statement asks for."""
    if isinstance(binding.node, ast.Import):
        top = str(binding.target[0])
        return next((a.name for a in binding.node.names if a.name.startswith(top)), top)
    return str(binding.target[0])


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


def _calls(module: Module, project: Project) -> Iterator[Finding]:
    for call, scope in module.every(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in METHODS:
            of = _receiver(func.value, scope, project)
            if _is_inherited(of, func.attr, project) or (of is None and _is_unmistakable(call, func)):
                finding = RULE.note if of is None and func.attr in SURE else RULE.violation
                yield finding(module, func, f"{func.attr}(), the interface of Pydantic 1")


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
