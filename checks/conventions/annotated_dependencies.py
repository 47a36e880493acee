"""Dependencies are Annotated aliases.

## Rule

Give each dependency a name: `BookServiceDep = Annotated[BookService, Depends(get_book_service)]`, by plain
assignment, and use the name in signatures. `dependencies=[Depends(f)]` on a route, a router or the
application stays as it is.

## Why

`service: BookService = Depends(...)` lies about the default: call the function yourself and the argument is
a `Depends` object. With an alias, the type and its origin are written once, and a parameter without default
may follow. A `type X = Annotated[...]` statement looks the same, but FastAPI 0.115 takes it for a query
parameter.

## Bad

```python
# app/books/router.py
from fastapi import APIRouter, Depends

router = APIRouter(prefix="/books")


def page_size(size: int = 20) -> int:
    return min(size, 100)


@router.get("/count")
async def count_books(size: int = Depends(page_size)) -> int:  # <-- here
    return size
```

## Good

```python
# app/books/router.py
from typing import Annotated

from fastapi import APIRouter, Depends

router = APIRouter(prefix="/books", dependencies=[Depends(lambda: None)])


def page_size(size: int = 20) -> int:
    return min(size, 100)


PageSize = Annotated[int, Depends(page_size)]


@router.get("/count")
async def count_books(size: PageSize) -> int:
    return size
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Function, Module, Project, Scope, Variable

INJECTS: Final = frozenset({"fastapi.Depends"})
READS: Final = frozenset(
    f"fastapi.{name}" for name in ["Query", "Path", "Header", "Body", "Cookie", "Form", "File", "Security"]
)
MARKS: Final = (
    b"Depends",
    b"Query",
    b"Path(",
    b"Header(",
    b"Body(",
    b"Cookie(",
    b"Form(",
    b"File(",
    b"Security",
)
RULE = Rule(
    __name__,
    expected="a parameter annotated with an Annotated alias",
    why="A default that is no default breaks every direct call; an alias says the type and its origin once.",
    next="Name the dependency once with Annotated and use the name here",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds dependencies that stand in defaults, or inline in signatures."""
    marks = (*MARKS, *_home_made_marks(project))
    for module in project.application:
        if not any(mark in module.content for mark in marks):
            continue
        for function in module.functions:
            if not isinstance(function.node, ast.Lambda):
                yield from _parameters(function, project)
        for cls in module.classes:
            yield from _fields(cls, project)
        yield from _type_statements(module, project)


def subjects(project: Project) -> int:
    """Counts the uses of ``Depends``."""
    return sum(
        project.is_depends(call, scope)
        for module in project.application
        if b"Depends" in module.content or b"Security" in module.content
        for call, scope in module.every(ast.Call)
    )


def _home_made_marks(project: Project) -> Iterator[bytes]:
    """The names under which a project keeps ``Depends(...)``, or functions that give one."""
    for module in project.application:
        if b"= Depends(" in module.content or b"return Depends(" in module.content:
            for name, bindings in module.names.items():
                values = (binding.value for binding in bindings)
                if any(isinstance(v, ast.Call) and _marker(v, module, project) in INJECTS for v in values):
                    yield name.encode()
            for function in module.functions:
                if _given_marker(function, project):
                    yield function.name.encode()


def _given_marker(function: Function, project: Project) -> str:
    """The marker that a function makes and gives back, however it ends."""
    given = [node.value for node in function.nodes(ast.Return)]
    calls = [value for value in given if isinstance(value, ast.Call)]
    made = {project.resolver.resolve(call.func, function) for call in calls}
    is_one = bool(calls) and len(calls) == len(given) and made <= INJECTS
    return str(made.pop()) if is_one else ""


def _parameters(function: Function, project: Project) -> Iterator[Finding]:
    around = function.parent or function
    for argument, default in function.parameters:
        if default is not None:
            marker = _marker(default, around, project)
            if marker in INJECTS:
                found = f"the default {_shown(default)} of {argument.arg}"
                yield RULE.violation(function.module, argument, found)
            elif marker in READS:
                name = marker.rpartition(".")[2]
                yield RULE.note(function.module, argument, f"the default {name}(...) of {argument.arg}")
        if argument.annotation is not None and _is_inline(argument.annotation, around, project):
            yield RULE.note(
                function.module,
                argument.annotation,
                f"Annotated[..., Depends(...)] written inline for {argument.arg}",
                expected="the alias of the dependency",
                why="Written inline, the pair of type and origin is repeated in every signature.",
            )


def _shown(default: ast.expr) -> str:
    """A default as it is written: ``Depends(...)``, or the project's own name for it."""
    called = default.func if isinstance(default, ast.Call) else default
    name = getattr(called, "attr", "") or getattr(called, "id", "")
    if name in {"Depends", ""}:
        return "Depends(...)"
    return f"{name}{'()' if isinstance(default, ast.Call) else ''}, a Depends(...),"


def _fields(cls: Class, project: Project) -> Iterator[Finding]:
    for statement in cls.node.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Call) and _marker(value, cls, project) in INJECTS:
            yield RULE.violation(cls.module, statement, "a class attribute set to Depends(...)")


def _marker(node: ast.expr, scope: Scope, project: Project) -> str:
    """The canonical name of the marker that a default is made with; empty for any other default."""
    target = project.resolver.resolve(node, scope) if isinstance(node, ast.Name | ast.Attribute) else None
    if isinstance(target, Variable) and target.binding.kind == "value":
        node, scope = target.binding.value or node, target.binding.scope
    if not isinstance(node, ast.Call):
        return ""
    made = project.resolver.resolve(node.func, scope)
    if isinstance(made, Function):
        return _given_marker(made, project)
    return made if isinstance(made, str) and made in INJECTS | READS else ""


def _is_inline(node: ast.expr, scope: Scope, project: Project) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        inner = project.resolver.unquote(node.value)
        return inner is not None and _is_inline(inner, scope, project)
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    if project.resolver.resolve(node.value, scope) != "typing.Annotated":
        return False
    return any(isinstance(part, ast.Call) and project.is_depends(part, scope) for part in node.slice.elts[1:])


def _type_statements(module: Module, project: Project) -> Iterator[Finding]:
    for name, bindings in module.names.items():
        for binding in bindings:
            if binding.kind == "type" and binding.value and _is_inline(binding.value, module, project):
                yield RULE.note(
                    module,
                    binding.node,
                    f"`type {name} = Annotated[...]`, which FastAPI 0.115 reads as a query parameter",
                    expected="an alias by plain assignment",
                    next="Assign the alias without the keyword `type`",
                )
