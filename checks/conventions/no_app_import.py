"""Modules never import the app object.

## Rule

Routers, services and everything below are imported by the module that makes the application, never the
other way round. What needs the application takes it as a parameter (`register_exception_handlers(app)`) or
from the request (`request.app`).

## Why

`app/main.py` imports the routers, so a router that imports `app.main` closes a circle: which half of it is
ready first depends on who was imported first. It also ties the module to one application, so that tests
cannot make their own.

## Bad

```python
# app/books/router.py
from app.main import app  # <-- here


@app.get("/books")
async def list_books() -> list[str]:
    return []

# app/main.py
from fastapi import FastAPI

app = FastAPI()
```

## Good

```python
# app/books/router.py
from fastapi import APIRouter, Request

router = APIRouter(prefix="/books")


@router.get("/title")
async def title(request: Request) -> str:
    return request.app.title

# app/main.py
from fastapi import FastAPI

from app.books.router import router

app = FastAPI()
app.include_router(router)
```
"""

import ast
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Binding, Layer, Module, Project, Scope, Variable
from checks.source.graph import aliases_of, imported_bindings, is_for_typing

ENTRIES: Final = (b"uvicorn.run", b"Mangum", b"uvicorn.Config", b"gunicorn", b"hypercorn", b"granian")
APP: Final = "fastapi.FastAPI"
RULE = Rule(
    __name__,
    expected="the application taken as a parameter or from the request",
    why="The application's module imports this one; importing it back closes a circle.",
    next="Let this module offer what it has, and let the application's module import it",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds imports of the application, in whatever form."""
    mounted = set(_mounted(project))
    for module in project.application:
        if _is_entry(module, project):
            continue
        for scope in module.scopes:
            for binding in imported_bindings(scope):
                if not is_for_typing(binding):
                    yield from _judge(binding, scope, mounted, project)
        yield from _starred(module, project)
        yield from _dynamic(module, project)


def subjects(project: Project) -> int:
    """Counts the modules that the application is made of, entry points aside."""
    return sum(not _is_entry(module, project) for module in project.application)


def _is_entry(module: Module, project: Project) -> bool:
    """Whether a module starts the application instead of being a part of it."""
    layer = project.layer(module)
    if layer is Layer.MAIN:
        return True
    named = layer in {Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY, Layer.MODELS, Layer.SCHEMAS}
    if any(mark in module.content for mark in ENTRIES):
        return module.stem not in {"router", "service", "repository"}
    guarded = b'"__main__"' in module.content
    is_worker = module in project.workers
    return not named and (guarded or is_worker or module.stem in {"asgi", "wsgi", "run", "__init__"})


def _judge(binding: Binding, scope: Scope, mounted: set[Binding], project: Project) -> Iterator[Finding]:
    module = scope.module
    source, level = binding.target
    place = _alias(binding)
    if binding.kind == "import":
        assert isinstance(binding.node, ast.Import)
        for alias in binding.node.names:
            made = project.resolver.module(alias.name, module)
            if isinstance(made, Module) and made is not module and application_of(made, project):
                yield RULE.violation(
                    module, alias, f"the import of {alias.name}, which holds the application"
                )
        return
    found = project.resolver.module(source, module, level)
    target = project.resolver.member(found, binding.attribute) if isinstance(found, Module) else None
    if target is None:
        dotted = f"{source}.{binding.attribute}" if source else binding.attribute
        target = project.resolver.module(dotted, module, level)
    if isinstance(target, Variable) and is_app(target, project) and target.binding not in mounted:
        yield RULE.violation(module, place, f"the application imported as {_local(binding)}")
    elif isinstance(target, Module) and target is not module and application_of(target, project):
        yield RULE.violation(module, place, f"the import of {target.name}, which holds the application")


def _mounted(project: Project) -> Iterator[Binding]:
    """The applications that are mounted into another one, which has to import them."""
    for module in project.application:
        if b".mount(" not in module.content:
            continue
        for call, scope in module.every(ast.Call):
            if getattr(call.func, "attr", "") == "mount":
                for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                    target = project.resolver.resolve(given, scope)
                    if isinstance(target, Variable):
                        yield target.binding


def _local(binding: Binding) -> str:
    alias = _alias(binding)
    return str(getattr(alias, "asname", None) or getattr(alias, "name", binding.attribute))


def _alias(binding: Binding) -> ast.AST:
    node = binding.node
    return aliases_of(node).get(binding.attribute, node) if isinstance(node, ast.ImportFrom) else node


def is_app(variable: Variable, project: Project) -> bool:
    """Whether a module-level name stands for a FastAPI application."""
    binding = variable.binding
    if not isinstance(binding.scope, Module):
        return False
    of = None
    if binding.annotation is not None:
        of = project.resolver.annotated(binding.annotation, binding.scope)
    return project.resolver.is_kind(of or project.resolver.infer(binding.value, binding.scope), APP)


def application_of(module: Module, project: Project) -> bool:
    """Whether a module makes an application when it is imported."""
    if "application" not in module.traits:
        module.traits["application"] = any(
            binding.kind == "value" and is_app(Variable(name, binding), project)
            for name, bindings in module.names.items()
            for binding in bindings
        )
    return bool(module.traits["application"])


def _starred(module: Module, project: Project) -> Iterator[Finding]:
    for node, _ in module.every(ast.ImportFrom):
        if any(alias.name == "*" for alias in node.names):
            found = project.resolver.module(node.module or "", module, node.level)
            if isinstance(found, Module) and found is not module and application_of(found, project):
                yield RULE.violation(module, node, f"everything of {found.name}, the application included")


def _dynamic(module: Module, project: Project) -> Iterator[Finding]:
    if b"import_module" not in module.content and b"__import__" not in module.content:
        return
    for call, scope in module.every(ast.Call):
        if (
            project.resolver.resolve(call.func, scope) in {"importlib.import_module", "__import__"}
            and call.args
        ):
            name = call.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                found = project.resolver.module(name.value.lstrip("."), module)
                if isinstance(found, Module) and found is not module and application_of(found, project):
                    yield RULE.violation(module, call, f"the import of {name.value} by importlib")
