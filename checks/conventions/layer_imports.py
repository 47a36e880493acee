"""Each layer depends only on the layer below it.

## Rule

`router` uses `service`, `service` uses `repository`, `repository` uses `models`; `schemas` and `models` use
nothing above them. So a router neither queries nor calls a repository, a service builds no SQL and does not
know HTTP, a repository returns models and not response schemas, and `core/` and `common/` import no domain
module.

## Why

A layer that reaches past its neighbour has to change with it. When only repositories know SQL, a slow query
is mended in one place; when only routers know HTTP, the same service serves a worker and a test.

## Bad

```python
# app/books/router.py
from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.models import Book

router = APIRouter(prefix="/books")


@router.get("/count")
async def count_books(session: AsyncSession) -> int:
    statement = select(Book)  # <-- here
    result = await session.execute(statement)  # <-- here
    return len(result.all())

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```

```python
# app/books/service.py
from fastapi import Request  # <-- here


class BookService:
    def locale(self, request: Request) -> str:
        return request.headers["accept-language"]
```

## Good

```python
# app/books/router.py
from typing import Annotated

from fastapi import APIRouter, Depends

from app.books.dependencies import get_book_service
from app.books.service import BookService

router = APIRouter(prefix="/books")
BookServiceDep = Annotated[BookService, Depends(get_book_service)]


@router.get("/count")
async def count_books(service: BookServiceDep) -> int:
    return await service.count()

# app/books/service.py
from app.books.repository import BookRepository


class BookService:
    def __init__(self, books: BookRepository) -> None:
        self.books = books

    async def count(self) -> int:
        return await self.books.count()

# app/books/dependencies.py
from app.books.service import BookService


async def get_book_service() -> BookService: ...

# app/books/repository.py
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.books.models import Book


class BookRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def count(self) -> int:
        return await self.session.scalar(select(func.count()).select_from(Book)) or 0

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```
"""

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import (
    Area,
    Binding,
    Class,
    Function,
    Layer,
    Module,
    Project,
    Scope,
    Target,
    Variable,
    parent,
    written,
)
from checks.source.graph import imported_bindings, is_for_typing
from checks.source.kinds import element_types, is_entity, is_mapped, is_pydantic
from checks.source.layers import ROOTS

BUILDERS: Final = frozenset(
    f"sqlalchemy.{name}"
    for name in [
        "select",
        "insert",
        "update",
        "delete",
        "text",
        "union",
        "union_all",
        "exists",
        "lambda_stmt",
    ]
) | {"sqlalchemy.dialects.postgresql.insert", "sqlalchemy.dialects.sqlite.insert", "sqlalchemy.orm.Query"}
SESSIONS: Final = frozenset({"sqlalchemy.ext.asyncio.AsyncSession", "sqlalchemy.orm.Session"})
QUERIES: Final = frozenset(
    [
        "execute",
        "scalar",
        "scalars",
        "exec",
        "query",
        "stream",
        "stream_scalars",
        "get",
        "get_one",
        "connection",
    ]
)
CHANGES: Final = frozenset(["add", "add_all", "delete", "merge"])
TRANSACTION: Final = frozenset(
    ["commit", "rollback", "flush", "refresh", "begin", "begin_nested", "close", "expunge", "expire"]
)
SCHEMA_WORDS: Final = frozenset(["schema", "schemas", "dto", "dtos"])
HTTP: Final = frozenset({"fastapi.Request", "starlette.responses.Response", "fastapi.HTTPException"})
UPPER: Final = {
    Layer.REPOSITORY: frozenset({Layer.SERVICE, Layer.ROUTER}),
    Layer.SERVICE: frozenset({Layer.ROUTER}),
    Layer.MODELS: frozenset({Layer.SERVICE, Layer.REPOSITORY, Layer.ROUTER}),
    Layer.SCHEMAS: frozenset({Layer.SERVICE, Layer.REPOSITORY, Layer.ROUTER}),
}
DOMAIN_LAYERS: Final = frozenset(
    {Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY, Layer.MODELS, Layer.SCHEMAS, Layer.DEPENDENCIES}
)
BY_KIND: Final = frozenset(
    [
        "model",
        "models",
        "schema",
        "schemas",
        "entities",
        "tables",
        "orm",
        "dto",
        "dtos",
        "db",
        "database",
        "domain",
    ]
)
RULE = Rule(
    __name__,
    expected="this layer to use only the layer below it",
    why="A layer that reaches past its neighbour has to change with it.",
    next="Move this to the layer whose task it is, and call that layer from here",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds imports and calls that skip a layer or go upwards."""
    for module in project.application:
        layer = project.layer(module)
        if project.area(module) is not Area.DOMAIN:
            yield from _shared(module, project)
        if layer in _CHECKS or module in project.fact(_with_handlers):
            yield from _imports(module, layer, project)
            yield from _calls(module, project)
        if layer is Layer.REPOSITORY:
            yield from _returns(module, project)


def subjects(project: Project) -> int:
    """Counts the modules that belong to a layer."""
    return sum(project.layer(module) in DOMAIN_LAYERS for module in project.application)


def _with_handlers(project: Project) -> frozenset[Module]:
    return frozenset(handler.module for handler in project.handlers)


def _imports(module: Module, layer: Layer, project: Project) -> Iterator[Finding]:
    judge = _IMPORTS.get(layer)
    if judge is None:
        return
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            if is_for_typing(binding):
                continue
            for node, target in _targets(binding, scope, project):
                found = judge(node, target, module, project)
                if found is not None:
                    yield found


def _targets(binding: Binding, scope: Scope, project: Project) -> Iterator[tuple[ast.AST, Target]]:
    """What an import statement brings: each name with the object it stands for."""
    source, level = binding.target
    if isinstance(binding.node, ast.Import):
        for alias in binding.node.names:
            found = project.resolver.module(alias.name, scope.module)
            if found is not None:
                yield alias, found
        return
    alias = next(a for a in binding.node.names if a.name == binding.attribute)  # type: ignore[attr-defined]
    module = project.resolver.module(source, scope.module, level)
    if isinstance(module, Module):
        target = project.resolver.member(module, binding.attribute)
        if target is None:
            target = project.resolver.module(f"{source}.{binding.attribute}".lstrip("."), scope.module, level)
        yield alias, target if isinstance(target, Module | Class | Function | str) else module
        return
    dotted = f"{source}.{binding.attribute}" if source else binding.attribute
    found = project.resolver.module(dotted, scope.module, level)
    if found is not None:
        yield alias, found


def _home(target: Target) -> Module | None:
    return target.module if isinstance(target, Scope) else None


def _router_import(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    home = _home(target)
    if home is None or home is module:
        return None
    layer = project.layer(home)
    if layer is Layer.REPOSITORY and project.area(home) is Area.DOMAIN:
        return RULE.note(
            module,
            node,
            f"a repository module imported into a router, {home.file}",
            expected="the router to know its service alone",
            next="Let a dependency put the service together, outside the router",
        )
    if layer is Layer.MODELS and isinstance(target, Class) and is_entity(target, project.resolver):
        return RULE.note(
            module,
            node,
            f"the ORM model {target.name} in a router",
            expected="schemas at the edge of the service",
            next="Let the service take and give schemas here",
        )
    return None


def _service_import(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    if isinstance(target, str):
        return _http(node, target, module, project, "a service")
    return _upward(node, target, module, project)


def _repository_import(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    if isinstance(target, str):
        only = {"fastapi.HTTPException", "starlette.exceptions.HTTPException"}
        return _http(node, target, module, project, "a repository") if target in only else None
    home = _home(target)
    if home and project.layer(home) is Layer.SCHEMAS and not _is_generic_helper(target, project):
        return RULE.note(
            module,
            node,
            f"schemas imported into a repository, from {home.file}",
            expected="a repository that takes values and gives models",
            next="Let the service translate between schemas and models",
        )
    return _upward(node, target, module, project)


def _is_generic_helper(target: Target, project: Project) -> bool:
    return isinstance(target, Class) and not is_pydantic(target, project.resolver)


def _upward(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    home = _home(target)
    layer = project.layer(module)
    if home is None or home is module or project.layer(home) not in UPPER.get(layer, ()):
        return None
    if project.layer(home) is Layer.ROUTER and home not in project.fact(_with_handlers):
        return None
    article = "an" if layer is Layer.OTHER else "a"
    return RULE.violation(module, node, f"{article} {layer} module that imports {home.file}")


def _http(node: ast.AST, name: str, module: Module, project: Project, where: str) -> Finding | None:
    if name in HTTP or project.resolver.is_kind(name, *HTTP, "starlette.exceptions.HTTPException"):
        short = name.rpartition(".")[2]
        return RULE.violation(
            module,
            node,
            f"{short}, an object of HTTP, in {where}",
            expected="HTTP to stay in the router",
            why="What knows HTTP can serve nothing else: no worker, no command, no plain test.",
            next="Hand over plain values, and raise exceptions of the domain",
        )
    return None


_IMPORTS: Final[dict[Layer, Callable[[ast.AST, Target, Module, Project], Finding | None]]] = {
    Layer.ROUTER: _router_import,
    Layer.SERVICE: _service_import,
    Layer.REPOSITORY: _repository_import,
    Layer.MODELS: _upward,
    Layer.SCHEMAS: _upward,
}
_CHECKS: Final = frozenset(_IMPORTS)


def _shared(module: Module, project: Project) -> Iterator[Finding]:
    area = project.area(module)
    seen: set[tuple[int, Module]] = set()
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            if is_for_typing(binding):
                continue
            for node, target in _targets(binding, scope, project):
                home = _home(target)
                line = getattr(node, "lineno", 0)
                if home is None or project.area(home) is not Area.DOMAIN or (line, home) in seen:
                    continue
                layer = project.layer(home)
                if layer not in DOMAIN_LAYERS:
                    continue
                seen.add((line, home))
                parts = {part.lower() for part in (*home.folder, home.stem if _is_flat(home) else "")}
                certain = layer not in {Layer.MODELS, Layer.SCHEMAS} or not BY_KIND.intersection(parts)
                yield (RULE.violation if certain else RULE.note)(
                    module,
                    node,
                    f"{area} code that imports {home.file}",
                    expected=f"{area} code that knows no domain",
                    why="Shared code that knows a domain cannot be shared by the others.",
                )


def _is_flat(module: Module) -> bool:
    """Whether a file stands in the package itself and in no domain's folder."""
    return not module.folder or module.folder[-1].lower() in ROOTS


def _calls(module: Module, project: Project) -> Iterator[Finding]:
    lines: set[int] = set()
    for call, scope in sorted(module.every(ast.Call), key=lambda pair: (pair[0].lineno, pair[0].col_offset)):
        function = scope.function
        role = project.role(function) if function is not None else project.layer(module)
        judge = _CALLS.get(role)
        if judge is None or call.lineno in lines:
            continue
        found = judge(call, scope, project)
        if found is not None:
            lines.add(call.lineno)
            yield found


def _database_call(call: ast.Call, scope: Scope, project: Project) -> str:
    """The session's method that is called, or ``build`` for ``select`` and its kin; empty for other calls."""
    target = project.resolver.resolve(call.func, scope)
    if not isinstance(target, str):
        return ""
    if target in BUILDERS:
        return "build"
    owner, _, method = target.rpartition(".")
    return method if owner in SESSIONS else ""


def _is_probe(call: ast.Call) -> bool:
    """Whether a statement is the constant that health probes send: no table, no name."""
    node: ast.AST | None = call
    while node is not None and not isinstance(node, ast.stmt):
        node = parent(node)
    return node is not None and _selects_constant(node)


@lru_cache(maxsize=1)  # a statement may hold thousands of calls, which come one after the other
def _selects_constant(statement: ast.stmt) -> bool:
    inner = written(statement).upper()
    return "SELECT 1" in inner or "SELECT(1)" in inner or "SELECT(LITERAL(1" in inner


def _router_call(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    module = scope.module
    method = _database_call(call, scope, project)
    if method == "build":
        finding = RULE.note if _is_probe(call) else RULE.violation
        return finding(module, call.func, "SQL built in a router", expected="queries in the repository")
    if method in QUERIES | CHANGES | TRANSACTION and method not in {"close", "begin"}:
        finding = RULE.note if _is_probe(call) else RULE.violation
        found = f"the session's {method}() in a router"
        return finding(module, call.func, found, expected="the database left to service and repository")
    target = project.resolver.resolve(call.func, scope)
    name = _repository_method(call, target, scope, project)
    around = parent(call)
    if name and not (isinstance(around, ast.Call) and project.is_depends(around, scope)):
        found = f"the repository's {name}() called by a router"
        return RULE.violation(module, call.func, found, expected="a router that calls its service")
    return None


def _repository_method(call: ast.Call, target: Target | None, scope: Scope, project: Project) -> str:
    """The name of the repository's function that is called; empty when a call only makes a repository."""
    if isinstance(target, Function):
        if project.layer(target.module) is not Layer.REPOSITORY or target.name == "__init__":
            return ""
        made = project.resolver.infer(call, scope)
        makes = isinstance(made, Class) and project.layer(made.module) is Layer.REPOSITORY
        return "" if makes and not is_pydantic(made, project.resolver) else target.name
    if not isinstance(call.func, ast.Attribute) or isinstance(target, Class):
        return ""
    holder = project.resolver.resolve(call.func.value, scope)
    if isinstance(holder, Variable) and isinstance(holder.binding.scope, Module):
        home = holder.binding.scope
        if home is not scope.module and project.layer(home) is Layer.REPOSITORY:
            return call.func.attr
    return ""


def _service_call(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    module = scope.module
    method = _database_call(call, scope, project)
    if isinstance(call.func, ast.Attribute) and _reaches_through(call.func.value, scope, project):
        return RULE.violation(
            module, call.func, "a service that reaches through the repository to its session"
        )
    if method == "build" or method in QUERIES:
        finding = RULE.note if _is_probe(call) else RULE.violation
        found = "SQL built in a service" if method == "build" else f"the session's {method}() in a service"
        return finding(module, call.func, found, expected="queries in the repository")
    if method in CHANGES:
        found = f"the session's {method}() in a service"
        return RULE.note(module, call.func, found, expected="data access in the repository")
    target = project.resolver.resolve(call.func, scope)
    if isinstance(target, str) and _is_through_package(call.func):
        return _http(call.func, target, module, project, "a service")
    return None


def _is_through_package(node: ast.expr) -> bool:
    """Whether a name is reached through its package, so that no import statement shows it."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in {"fastapi", "starlette"}


def _reaches_through(node: ast.expr, scope: Scope, project: Project) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr.strip("_") not in {"session", "db", "db_session"}:
        return False
    of = project.resolver.infer(node.value, scope)
    if isinstance(of, Class):
        return project.layer(of.module) is Layer.REPOSITORY and scope.function is not None
    name = getattr(node.value, "attr", "") or getattr(node.value, "id", "")
    return of is None and name.lower().strip("_").endswith(("repository", "repo"))


def _repository_call(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    module = scope.module
    if _database_call(call, scope, project) == "commit":
        return RULE.note(
            module,
            call.func,
            "a commit in a repository",
            expected="a flush, and the commit where the transaction is owned",
            why="A caller with two changes to make wants one transaction for both.",
            next="Let the caller decide when the work is complete",
        )
    if project.is_depends(call, scope):
        return RULE.note(
            module, call.func, "Depends in a repository", expected="a session in the constructor"
        )
    return None


_CALLS: Final[dict[Layer, Callable[[ast.Call, Scope, Project], Finding | None]]] = {
    Layer.ROUTER: _router_call,
    Layer.SERVICE: _service_call,
    Layer.REPOSITORY: _repository_call,
}


def _returns(module: Module, project: Project) -> Iterator[Finding]:
    for function in module.functions:
        if function.returns is None:
            continue
        of = _returned_schema(function.returns, function, project)
        if of is not None:
            yield RULE.violation(
                module,
                function.node,
                f"{function.name}(), which returns the response schema {of.name}",
                expected="a repository that returns models",
                why="A response schema is what one client sees; other callers need the model.",
                next="Return the model, and let the service or the route make the schema of it",
            )


def _returned_schema(node: ast.expr, function: Function, project: Project) -> Class | None:
    scope = function.parent or function
    for part in element_types(node, scope, project.resolver):
        target = project.resolver.resolve(part, scope) if isinstance(part, ast.Name | ast.Attribute) else None
        if isinstance(target, Class) and _is_response_schema(target, project):
            return target
    return None


def _is_response_schema(of: Class, project: Project) -> bool:
    """Whether a class is a schema, by the name of its file."""
    if not is_pydantic(of, project.resolver) or is_mapped(of, project.resolver):
        return False
    if project.layer(of.module) is not Layer.SCHEMAS or _is_generic(of):
        return False
    words = {part.lower() for part in of.module.parts}
    return bool(words & SCHEMA_WORDS) or any(word.endswith(("_schema", "_schemas")) for word in words)


def _is_generic(of: Class) -> bool:
    return bool(of.node.type_params) or any("Generic" in written(base) for base in of.node.bases)
