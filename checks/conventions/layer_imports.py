"""Each layer depends only on the layer below it.

## Rule

`router` uses `service`, `service` uses `repository`, `repository` uses `models`; `schemas` and `models` use
nothing above them. So a router neither queries nor calls a repository (or an entity that queries), a service
builds no SQL and does not know HTTP, a repository returns models and not the schemas that routes answer with,
and `core/` and `common/` import no domain module. Only the module that puts the application together may know
them all; a container that does no more than make the services of a project laid out by kind is a note.

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
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Final

from checks.conventions._helpers import markers, with_helpers
from checks.conventions._rule import Rule
from checks.finding import Finding, Level
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
    function_of,
    parent,
    written,
)
from checks.source.graph import aliases_of, imported_bindings, imports, is_for_typing
from checks.source.kinds import element_types, is_entity, is_exception, is_mapped, is_pydantic, is_record
from checks.source.layers import ROOTS
from checks.source.scopes import typing_branch
from checks.source.sessions import (
    BUILDERS,
    CHANGES,
    DATA,
    PROBE,
    QUERIES,
    SQL,
    TABLE,
    TRANSACTION,
    is_session,
    named_class,
    record_method,
    sends_rendered,
    sent_text,
    session_method,
    takes_statement,
    written_text,
)

SCHEMA_WORDS: Final = frozenset(["schema", "schemas", "dto", "dtos"])
HTTP_ERRORS: Final = ("fastapi.HTTPException", "starlette.exceptions.HTTPException")
HTTP: Final[dict[Layer, tuple[str, ...]]] = {
    Layer.SERVICE: ("fastapi.Request", "starlette.responses.Response", *HTTP_ERRORS),
    Layer.REPOSITORY: HTTP_ERRORS,
    Layer.MODELS: HTTP_ERRORS,
}
UPPER: Final = {
    Layer.REPOSITORY: frozenset({Layer.SERVICE, Layer.ROUTER}),
    Layer.SERVICE: frozenset({Layer.ROUTER}),
    Layer.MODELS: frozenset({Layer.SERVICE, Layer.REPOSITORY, Layer.ROUTER}),
    Layer.SCHEMAS: frozenset({Layer.SERVICE, Layer.REPOSITORY, Layer.ROUTER}),
}
ACCESS: Final = frozenset(
    [
        "db",
        "database",
        "databases",
        "dal",
        "data",
        "data_access",
        "persistence",
        "queries",
        "query",
        "sql",
        "storage",
    ]
)
"""Names of files and folders that say: here the database is asked."""
PARAMETERS: Final = frozenset(f"fastapi.{name}" for name in ("Header", "Cookie", "Query", "Path", "Form"))
"""What declares that a parameter is read from the request."""
INJECTED: Final = frozenset({"fastapi.Depends", "fastapi.Security"})
PACKAGES: Final = (b"import fastapi", b"import starlette", b"from fastapi import", b"from starlette import")
DOMAIN_LAYERS: Final = frozenset(
    {Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY, Layer.MODELS, Layer.SCHEMAS, Layer.DEPENDENCIES}
)
BY_KIND: Final = frozenset(
    [
        *("model", "models", "schema", "schemas", "entities", "tables", "orm", "dto", "dtos", "domain"),
        *("db", "database", "infrastructure", "persistence", "storage", "adapters", "data"),
        *("sql", "queries", "dal", "dao", "data_access"),
        *("api", "apis", "web", "http", "rest", "router", "routers", "routes", "endpoints", "views"),
        *("service", "services", "repository", "repositories", "repo", "repos", "crud"),
    ]
)
VERSION: Final = re.compile(r"v\d+")
REPOSITORY: Final = re.compile(r"(?:Repository|Repo|DAO|Dao|CRUD|Crud)(?:s|Impl)?$|^(?:CRUD|Crud)")
"""How classes are called that ask the database."""
REGISTRY: Final = re.compile(rb"\bdef register\(|\bimportlib\b|\bModuleType\b|[Rr]egistry")
"""What a module says that keeps code, by its names, and no data."""
STEPS: Final = 3
"""How many methods of an entity may stand between a router and what asks the database."""
PLAIN_BASES: Final = frozenset({"object", "typing.Generic", "typing.Protocol", "abc.ABC"})
SHARED: Final = frozenset({"core", "common", "shared"})
ASKS_KIND: Final = frozenset({"isinstance", "issubclass"})
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
            yield from _through_package(module, layer, project)
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
    noted: set[tuple[ast.AST, Module | None]] = set()
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            if is_for_typing(binding):
                continue
            for node, target in _targets(binding, scope, project):
                found = judge(node, target, module, project)
                if found is None:
                    continue
                statement = (binding.node, _home(target))
                if found.level is Level.VIOLATION or statement not in noted:
                    yield found
                if found.level is Level.NOTE:
                    noted.add(statement)


def _targets(binding: Binding, scope: Scope, project: Project) -> Iterator[tuple[ast.AST, Target]]:
    """What an import statement brings: each name with the object it stands for."""
    source, level = binding.target
    if isinstance(binding.node, ast.Import):
        for alias in binding.node.names:
            found = project.resolver.module(alias.name, scope.module)
            if found is not None:
                yield alias, found
        return
    alias = aliases_of(binding.node)[binding.attribute]
    module = project.resolver.module(source, scope.module, level)
    if isinstance(module, Module):
        target = project.resolver.member(module, binding.attribute)
        if target is None:
            target = project.resolver.module(f"{source}.{binding.attribute}".lstrip("."), scope.module, level)
        if isinstance(target, Variable):
            target = target.binding.scope.module
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
        return _http_import(node, target, module, project)
    return _upward(node, target, module, project)


def _repository_import(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    if isinstance(target, str):
        return _http_import(node, target, module, project)
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


def _models_import(node: ast.AST, target: Target, module: Module, project: Project) -> Finding | None:
    if isinstance(target, str):
        return _http_import(node, target, module, project)
    return None if _is_declared(node, target, project) else _upward(node, target, module, project)


def _is_declared(node: ast.AST, target: Target, project: Project) -> bool:
    """Whether an import brings a base or an entity, whatever the folder is called that it stands in."""
    if isinstance(target, Module) and isinstance(node, ast.alias):
        member = project.resolver.member(target, node.name)
        if isinstance(member, Variable):
            named = project.resolver.resolve(member.binding.value, member.binding.scope)
            target = named if isinstance(named, Class) else target
    return isinstance(target, Class) and is_mapped(target, project.resolver)


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
    is_doubtful = _holds_types_alone(home) or (layer is Layer.REPOSITORY and _keeps_code(module, project))
    finding = RULE.note if is_doubtful else RULE.violation
    return finding(module, node, f"{article} {layer} module that imports {home.file}")


def _holds_types_alone(home: Module) -> bool:
    """Whether a module only says what things look like, wherever its file stands."""
    return any(True for _ in home.classes) and not any(f.name != "<lambda>" for f in home.functions)


def _keeps_code(module: Module, project: Project) -> bool:
    """Whether a module called a repository is a registry, which asks no database and knows no models."""
    if not REGISTRY.search(module.content):
        return False
    if {project.layer(m) for m in imports(module, project.resolver)} & {Layer.MODELS, Layer.REPOSITORY}:
        return False
    return not any(_database_call(call, scope, project) for call, scope in module.every(ast.Call))


def _http_import(node: ast.AST, name: str, module: Module, project: Project) -> Finding | None:
    if not _is_http(name, project.layer(module), project):
        return None
    local = str(getattr(node, "asname", None) or getattr(node, "name", ""))
    return _http(node, name, module, project, apart=_is_used_apart(local, module, project))


def _is_used_apart(name: str, module: Module, project: Project) -> bool:
    """Whether a name is used in a module, and by nothing but what works for dependencies or routes."""
    known: dict[str, bool] = module.traits.setdefault("used apart", {})
    if not known:
        for use, _ in module.every(ast.Name):
            if known.get(use.id, True):
                known[use.id] = _stands_in_dependency(use, project)
    return known.get(name, False)


def _through_package(module: Module, layer: Layer, project: Project) -> Iterator[Finding]:
    """Objects of HTTP that no import statement shows, such as ``fastapi.Request``."""
    if layer not in HTTP or not any(mark in module.content for mark in PACKAGES):
        return
    for node, scope in module.every(ast.Attribute):
        target = project.resolver.resolve(node, scope) if node.attr[:1].isupper() else None
        if isinstance(target, str) and _is_http(target, layer, project):
            apart = _stands_in_dependency(node, project)
            yield _http(node, target, module, project, apart=apart)


def _is_http(name: str, layer: Layer, project: Project) -> bool:
    return project.resolver.is_kind(name, *HTTP.get(layer, ()))


def _http(node: ast.AST, name: str, module: Module, project: Project, *, apart: bool) -> Finding:
    layer = project.layer(module)
    finding = RULE.note if apart or layer is Layer.MODELS else RULE.violation
    return finding(
        module,
        node,
        f"{name.rpartition('.')[2]}, an object of HTTP, in {_article(layer)}",
        expected="HTTP to stay in the router",
        why="What knows HTTP can serve nothing else: no worker, no command, no plain test.",
        next="Hand over plain values, and raise exceptions of the domain",
    )


def _article(layer: Layer) -> str:
    return str(layer) if layer is Layer.MODELS else f"a {layer}"


def _stands_in_dependency(node: ast.AST, project: Project) -> bool:
    """Whether a node stands in a function, signature included, that works for dependencies or routes."""
    around = parent(node)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
        around = parent(around)
    function = function_of(around) if around is not None else None
    return function is not None and works_for_dependencies(function, project)


def works_for_dependencies(function: Function, project: Project) -> bool:
    """Whether a function is router code or a dependency wherever it stands, or a method of such an object.

    A service whose class itself is given to ``Depends`` remains a service.
    """
    outer = function
    while outer.parent is not None and (around := outer.parent.function) is not None:
        outer = around
    if outer.owner is not None and _is_dependency(outer.owner, project):
        return True
    if outer in project.fact(_for_dependencies):
        return True
    return outer.name != "__init__" and project.role(function) in {Layer.ROUTER, Layer.DEPENDENCIES}


def _for_dependencies(project: Project) -> set[Function]:
    """The dependencies that stand in services and repositories, and the helpers of theirs beside them."""
    found: set[Function] = set()
    for module in project.application:
        if b"fastapi" in module.content and project.layer(module) in HTTP:
            beside = [f for f in module.functions if f in project.dependencies or _is_one(f, project)]
            mine = (f for f in beside if f.name != "__init__")
            found.update(f for f in with_helpers(mine, project) if f.module is module)
    return found


def _is_one(function: Function, project: Project) -> bool:
    """Whether a function's parameters say that FastAPI calls it, and nothing else does."""
    declared = set(markers(function, project)) if function.name != "__init__" else set()
    if declared & PARAMETERS:
        return True
    return bool(declared & INJECTED) and not _is_called(function, project)


def _is_called(function: Function, project: Project) -> bool:
    name = function.name.encode()
    return any(
        project.resolver.resolve(call.func, scope) is function
        for module in project.application
        if name in module.content
        for call, scope in module.every(ast.Call)
        if function.name == (getattr(call.func, "attr", "") or getattr(call.func, "id", ""))
    )


def _is_dependency(cls: Class, project: Project) -> bool:
    """Whether the objects of a class are dependencies, as a security scheme is."""
    call = project.resolver.attribute(cls, "__call__")
    if isinstance(call, Function) and call in project.dependencies:
        return True
    bases = project.resolver.mro(cls)
    return any(isinstance(base, str) and base.startswith("fastapi.security.") for base in bases)


_IMPORTS: Final[dict[Layer, Callable[[ast.AST, Target, Module, Project], Finding | None]]] = {
    Layer.ROUTER: _router_import,
    Layer.SERVICE: _service_import,
    Layer.REPOSITORY: _repository_import,
    Layer.MODELS: _models_import,
    Layer.SCHEMAS: _upward,
}
_CHECKS: Final = frozenset(_IMPORTS)


def _shared(module: Module, project: Project) -> Iterator[Finding]:
    area = project.area(module)
    lenient = module in project.libraries or _composes(module, project)
    seen: set[tuple[int, Module]] = set()
    brought: list[tuple[ast.AST, Target]] = []
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            if is_for_typing(binding):
                continue
            brought += _targets(binding, scope, project)
    for node, target in (*brought, *_starred(module, project)):
        home = _home(target)
        line = getattr(node, "lineno", 0)
        if home is None or (line, home) in seen or not _is_of_domain(home, project):
            continue
        if _is_of_one_library(module, home, project):
            continue
        seen.add((line, home))
        certain = not lenient and _is_certainly_of_domain(home, module, project)
        yield (RULE.violation if certain else RULE.note)(
            module,
            node,
            f"{area} code that imports {home.file}",
            expected=f"{area} code that knows no domain",
            why="Shared code that knows a domain cannot be shared by the others.",
        )


def _is_of_one_library(module: Module, home: Module, project: Project) -> bool:
    """Whether two modules belong to one distribution without FastAPI: that has a core, and no domains."""
    library = project.libraries.get(module)
    return library is not None and project.libraries.get(home) == library


def _starred(module: Module, project: Project) -> Iterator[tuple[ast.AST, Target]]:
    """The modules of which a module imports everything."""
    for node, _ in module.every(ast.ImportFrom) if module.stars else ():
        if node.names[0].name == "*" and typing_branch(node) is None:
            found = project.resolver.module(node.module or "", module, node.level)
            if isinstance(found, Module):
                yield node, found


def _composes(module: Module, project: Project) -> bool:
    """Whether a module puts the application together, and so has to know its routers."""
    if b"FastAPI" not in module.content and b"include_router" not in module.content:
        return False
    return any(
        getattr(call.func, "attr", "") == "include_router"
        or project.resolver.is_kind(project.resolver.infer(call, scope), "fastapi.FastAPI")
        for call, scope in module.every(ast.Call)
    )


def _is_of_domain(home: Module, project: Project) -> bool:
    return project.area(home) is Area.DOMAIN and project.layer(home) in DOMAIN_LAYERS


def _is_certainly_of_domain(home: Module, shared: Module, project: Project) -> bool:
    """Whether a module is one domain's, and not models, schemas or providers of the whole project."""
    layer = project.layer(home)
    if layer is Layer.DEPENDENCIES:
        return home.folder in project.fact(_folders_with_layers)
    if layer in {Layer.MODELS, Layer.SCHEMAS}:
        return _stands_in_domain(home, shared, project)
    return layer is Layer.ROUTER or not _wires_kinds(home, shared, project)


def _wires_kinds(home: Module, shared: Module, project: Project) -> bool:
    """Whether shared code puts the services and repositories of a project without domains together.

    Such a container knows classes that belong to the whole project, and does nothing with them but make them;
    providers, which may use services, may ask them as well.
    """
    if _stands_in_domain(home, shared, project):
        return False
    if project.layer(shared) is Layer.DEPENDENCIES and project.layer(home) is Layer.SERVICE:
        return True
    if "wires" not in shared.traits:
        shared.traits["wires"] = _only_wires(shared, project)
    return bool(shared.traits["wires"])


def _only_wires(module: Module, project: Project) -> bool:
    """Whether a module makes, hands on and annotates services and repositories, and asks them nothing."""
    is_below = partial(_is_below, project=project)
    if any(is_below(base) for cls in module.classes for base in project.resolver.mro(cls)[1:]):
        return False
    called = {project.resolver.resolve(call.func, scope) for call, scope in module.every(ast.Call)}
    if called & ASKS_KIND or any(is_below(target, Function) for target in called):
        return False
    named: set[Class] = set()
    for node, scope in module.every(ast.Attribute, ast.Name):
        if isinstance(node, ast.Attribute):
            holder = project.resolver.resolve(node.value, scope)
            if is_below(holder, Class) or is_below(project.resolver.infer(node.value, scope), Class):
                return False
        of = project.resolver.resolve(node, scope)
        if isinstance(of, Class) and is_below(of):
            named.add(of)
    return bool(named) and not any(is_exception(of, project.resolver) for of in named)


def _is_below(target: object, kind: type[Scope] = Scope, *, project: Project) -> bool:
    """Whether something of the project is a service's or a repository's, and not shared code itself."""
    if not isinstance(target, kind) or project.area(target.module) is not Area.DOMAIN:
        return False
    return project.layer(target.module) in {Layer.SERVICE, Layer.REPOSITORY}


def _stands_in_domain(home: Module, shared: Module, project: Project) -> bool:
    """Whether the first folder beside the shared code's is a domain's, and not named for a kind."""
    around = next((n for n, part in enumerate(shared.folder) if part.lower() in SHARED), 0)
    parts = [part.lower() for part in home.folder]
    if home.folder[:around] != shared.folder[:around]:
        return not BY_KIND.intersection(parts)
    lower = (n for n, part in enumerate(parts) if part not in ROOTS and not VERSION.fullmatch(part))
    first = next((n for n in lower if n >= around), None)
    if first is None or parts[first] in BY_KIND:
        return False
    own_layers = project.fact(_with_own_layers)
    return not BY_KIND.intersection(parts[first:]) or home.folder[: first + 1] in own_layers


def _folders_with_layers(project: Project) -> frozenset[tuple[str, ...]]:
    """The folders in which a service, a repository or a router stands."""
    return frozenset(m.folder for m in project.application if project.layer(m) in UPPER[Layer.MODELS])


def _with_own_layers(project: Project) -> frozenset[tuple[str, ...]]:
    """The folders below which routers or services stand, so that they are a domain's."""
    folders = {m.folder for m in project.application if project.layer(m) in {Layer.ROUTER, Layer.SERVICE}}
    return frozenset(folder[:length] for folder in folders for length in range(len(folder) + 1))


def _calls(module: Module, project: Project) -> Iterator[Finding]:
    found: dict[int, Finding] = {}
    for call, scope in sorted(module.every(ast.Call), key=lambda pair: (pair[0].lineno, pair[0].col_offset)):
        function = scope.function
        role = project.role(function) if function is not None else project.layer(module)
        judge = _CALLS.get(role)
        first = found.get(call.lineno)
        if judge is None or (first is not None and first.level is Level.VIOLATION):
            continue
        finding = judge(call, scope, project)
        if finding is not None and (first is None or finding.level is Level.VIOLATION):
            found[call.lineno] = finding
    yield from found.values()


def _database_call(call: ast.Call, scope: Scope, project: Project) -> str:
    """The session's method that is called, or ``build`` for ``select`` and its kin; empty for other calls."""
    if project.resolver.resolve(call.func, scope) in BUILDERS:
        return "build"
    return session_method(call, scope, project.resolver)


def _is_probe(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether a statement is the constant that health probes send: no table, no name."""
    node: ast.AST | None = call
    while node is not None and not isinstance(node, ast.stmt):
        node = parent(node)
    given = (project.resolver.resolve(argument, scope) for argument in call.args)
    named = [target.binding.value for target in given if isinstance(target, Variable)]
    return any(_selects_constant(part) for part in (node, *named) if part is not None)


@lru_cache(maxsize=8)  # a statement may hold thousands of calls, which come one after the other
def _selects_constant(node: ast.AST) -> bool:
    return bool(PROBE.search(written(node)))


def _is_raw_sql(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether a driver is given SQL as text, as in ``connection.fetch("SELECT ...")``."""
    return SQL.match(sent_text(call, scope, project.resolver)) is not None


def _hands_on_sql(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether a call that is awaited takes SQL as text, whatever it is called: something has to send it."""
    return isinstance(parent(call), ast.Await) and takes_statement(call, scope, project.resolver)


def _asks_in_sql(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether a call asks for data, or changes them, by SQL as text: ``text("SELECT ...")``, too."""
    text = sent_text(call, scope, project.resolver) or written_text(call, scope, project.resolver)
    return DATA.match(text) is not None and not _is_probe(call, scope, project)


def _router_call(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    module = scope.module
    method = _database_call(call, scope, project)
    if not method and (_is_raw_sql(call, scope, project) or _hands_on_sql(call, scope, project)):
        method = "build"
    if method == "build":
        finding = RULE.note if _is_probe(call, scope, project) else RULE.violation
        return finding(module, call.func, "SQL built in a router", expected="queries in the repository")
    if method in QUERIES | CHANGES | TRANSACTION and method not in {"close", "begin"}:
        finding = RULE.note if _is_probe(call, scope, project) else RULE.violation
        found = f"the session's {method}() in a router"
        return finding(module, call.func, found, expected="the database left to service and repository")
    around = parent(call)
    if isinstance(around, ast.Call) and project.is_depends(around, scope):
        return None
    return _data_access(call, scope, project)


def _data_access(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    """The finding for a router's call of what asks the database for it."""
    target = project.resolver.resolve(call.func, scope)
    certain, found = True, ""
    name = _repository_method(call, target, scope, project)
    if name:
        certain = not (isinstance(target, Function) and _only_translates(target, project))
        found = f"the repository's {name}()"
    elif _is_active_record(call, target, scope, project):
        found = f"{_called_on_entity(call, scope, project)}(), which asks the database,"
    elif not isinstance(target, Function):
        return None
    elif target.owner and is_mapped(target.owner, project.resolver):
        if _is_given_session(call, scope, project) and _asks_database(target, project):
            found = f"{target.owner.name}.{target.name}(), which asks the database,"
    elif _is_loose_query(target, project):
        is_named = bool(ACCESS.intersection(part.lower() for part in target.module.parts))
        certain = is_named and project.layer(target.module) is Layer.OTHER
        found = f"{target.name}(), a query outside the layers,"
    if not found:
        return None
    certain = certain and scope.function not in project.fact(_helpers_of_dependencies)
    finding = RULE.violation if certain else RULE.note
    words = {"expected": "a router that calls its service"}
    return finding(scope.module, call.func, f"{found} called by a router", **words)


def _helpers_of_dependencies(project: Project) -> set[Function]:
    """The dependencies, and the functions that only they call: they may stand beside routes."""
    return with_helpers(project.dependencies, project)


def _is_active_record(
    call: ast.Call, target: Target | None, scope: Scope, project: Project, depth: int = 0
) -> bool:
    """Whether a call lets an entity ask the database itself, also by a method of its own that does."""
    if isinstance(target, str):
        return bool(record_method(call, scope, project.resolver))
    if not isinstance(target, Function) or not is_record(target.owner, project.resolver) or depth > STEPS:
        return False
    return any(
        _is_active_record(inner, project.resolver.resolve(inner.func, target), target, project, depth + 1)
        for inner in target.nodes(ast.Call)
    )


def _called_on_entity(call: ast.Call, scope: Scope, project: Project) -> str:
    """How a message names a call of an entity's method, however long the expression is before it."""
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(of := project.resolver.infer(func.value, scope), Class):
        return f"{of.name}.{func.attr}"
    return written(func)


def _only_translates(method: Function, project: Project) -> bool:
    """Whether a repository's method makes something else of an object that it is given, and asks nothing."""
    given = {argument.arg for argument, _ in method.parameters} - {method.receiver}
    returns = any(statement.value is not None for statement in method.nodes(ast.Return))
    if method.owner is None or method.is_async or method.nodes(ast.With) or not returns:
        return False
    calls = method.nodes(ast.Call)
    if _asks_database(method, project) or any(_is_raw_sql(call, method, project) for call in calls):
        return False
    read = {node.value.id for node in method.nodes(ast.Attribute) if isinstance(node.value, ast.Name)}
    names = method.nodes(ast.Name)
    return not read.isdisjoint(given) and not any(
        name.id == method.receiver or _is_of_database(name, method, project) for name in names
    )


def _is_of_database(name: ast.Name, scope: Scope, project: Project) -> bool:
    """Whether a name may bring what holds data: SQLAlchemy, an object of a module, the class above."""
    target = project.resolver.resolve(name, scope)
    if isinstance(target, Variable):
        return isinstance(target.binding.scope, Module)
    return isinstance(target, str) and (target == "super" or target.startswith("sqlalchemy."))


def _is_given_session(call: ast.Call, scope: Scope, project: Project) -> bool:
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    return any(is_session(argument, scope, project.resolver) for argument in given)


def _asks_database(function: Function, project: Project) -> bool:
    """Whether a function calls a session, itself or by handing one on."""
    return any(
        _database_call(call, function, project) or _is_given_session(call, function, project)
        for call in function.nodes(ast.Call)
    )


def _is_loose_query(function: Function, project: Project) -> bool:
    """Whether a function that belongs to no layer asks for entities or changes them itself, or sends SQL.

    Where the models' or the schemas' folder has modules without a model, functions that ask the database
    belong to no layer.
    """
    layer = project.layer(function.module)
    if layer not in {Layer.OTHER, Layer.MODELS, Layer.SCHEMAS} or project.role(function) is not layer:
        return False
    if layer is Layer.MODELS and (function.owner or _has_models(function.module, project)):
        return False
    if layer is Layer.SCHEMAS and any(is_pydantic(c, project.resolver) for c in function.module.classes):
        return False
    return any(
        _asks_for_entity(call, function, layer, project)
        or _changes_entity(call, function, project)
        or _asks_in_sql(call, function, project)
        for call in function.nodes(ast.Call)
    ) or sends_rendered(function, project.resolver)


def _asks_for_entity(call: ast.Call, function: Function, layer: Layer, project: Project) -> bool:
    is_query = _database_call(call, function, project) in QUERIES | {"build"}
    return is_query and (layer is Layer.MODELS or _names_entity(call, function, project))


def _changes_entity(call: ast.Call, function: Function, project: Project) -> bool:
    """Whether a call adds an entity to a session that is certainly one, or deletes it there."""
    target = project.resolver.resolve(call.func, function)
    if not isinstance(target, str) or _database_call(call, function, project) not in CHANGES:
        return False
    given = (project.resolver.infer(argument, function) for argument in call.args)
    return any(isinstance(of, Class) and is_mapped(of, project.resolver) for of in given)


def _has_models(module: Module, project: Project) -> bool:
    return any(is_mapped(cls, project.resolver) for cls in module.classes)


def _names_entity(call: ast.Call, scope: Scope, project: Project) -> bool:
    """Whether what a statement or a query is built from names an entity, a table or a column, at any depth.

    So ``select(func.count()).select_from(Book)`` does, and ``select(func.max(Book.pages))``.
    """
    given = [*_given_in_chain(call)]
    named = (
        named_class(node, scope, project.resolver)
        for part in given
        for node in ast.walk(part)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    if any(of is not None and is_mapped(of, project.resolver) for of in named):
        return True
    parts = (
        project.resolver.resolve(call.func, scope),
        *(project.resolver.infer(part, scope) for part in given),
    )
    return any(isinstance(of, str) and (of == TABLE or of.startswith(f"{TABLE}.")) for of in parts)


def _given_in_chain(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call, and of the calls that follow on what it gives: ``select(...).where(...)``."""
    following: ast.AST | None = call
    while isinstance(following, ast.Call):
        yield from following.args
        method = parent(following)
        following = parent(method) if isinstance(method, ast.Attribute) else None


def _repository_method(call: ast.Call, target: Target | None, scope: Scope, project: Project) -> str:
    """The name of the repository's function that is called; empty when a call only makes a repository."""
    if isinstance(target, Function):
        if project.layer(target.module) is not Layer.REPOSITORY or target.name == "__init__":
            return ""
        if _is_inherited_by_service(call, target, scope, project):
            return ""
        made = project.resolver.infer(call, scope)
        makes = isinstance(made, Class) and project.layer(made.module) is Layer.REPOSITORY
        return "" if makes and not is_pydantic(made, project.resolver) else target.name
    if not isinstance(call.func, ast.Attribute) or isinstance(target, Class):
        return ""
    holder = project.resolver.resolve(call.func.value, scope)
    of = project.resolver.infer(call.func.value, scope)
    if isinstance(holder, Variable) and isinstance(holder.binding.scope, Module):
        home = holder.binding.scope
        if home is not scope.module and project.layer(home) is Layer.REPOSITORY and not _is_plain(of):
            return call.func.attr
    is_inherited = isinstance(of, Class) and _inherits_unseen(of, call.func.attr, project)
    return call.func.attr if is_inherited else ""


def _is_plain(of: Class | str | None) -> bool:
    """Whether an object is of one of Python's own kinds, as a table of words is."""
    return isinstance(of, str) and "." not in of


def _is_inherited_by_service(call: ast.Call, method: Function, scope: Scope, project: Project) -> bool:
    """Whether a repository's method is called on a service that inherits it: whose it is, is its own affair.

    A class that is called a repository is one, wherever it stands.
    """
    if not isinstance(call.func, ast.Attribute) or method.owner is None:
        return False
    named = project.resolver.resolve(call.func.value, scope)
    of = named if isinstance(named, Class) else project.resolver.infer(call.func.value, scope)
    return (
        isinstance(of, Class) and project.layer(of.module) is Layer.SERVICE and not REPOSITORY.search(of.name)
    )


def _inherits_unseen(cls: Class, method: str, project: Project) -> bool:
    """Whether a method that the project does not write comes to a repository from a library's base class."""
    if project.layer(cls.module) is not Layer.REPOSITORY or not REPOSITORY.search(cls.name):
        return False
    if is_pydantic(cls, project.resolver) or is_mapped(cls, project.resolver):
        return False
    bases = {base for base in project.resolver.mro(cls) if isinstance(base, str)}
    return bool(bases - PLAIN_BASES) and isinstance(project.resolver.attribute(cls, method), str)


def _service_call(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    module = scope.module
    method = _database_call(call, scope, project)
    if isinstance(call.func, ast.Attribute) and _reaches_through(call.func.value, scope, project):
        return RULE.violation(
            module, call.func, "a service that reaches through the repository to its session"
        )
    if not method and _is_raw_sql(call, scope, project):
        return RULE.note(module, call.func, "SQL as text in a service", expected="queries in the repository")
    if method == "build" or method in QUERIES:
        finding = RULE.note if _is_probe(call, scope, project) else RULE.violation
        found = "SQL built in a service" if method == "build" else f"the session's {method}() in a service"
        return finding(module, call.func, found, expected="queries in the repository")
    if reached := _handed_session(call, scope, project):
        return reached
    if method in CHANGES:
        found = f"the session's {method}() in a service"
        return RULE.note(module, call.func, found, expected="data access in the repository")
    return None


def _handed_session(call: ast.Call, scope: Scope, project: Project) -> Finding | None:
    """The finding for a repository's session that a call is given; for another repository it is a note."""
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    for argument in given:
        if _reaches_through(argument, scope, project):
            called = project.resolver.resolve(call.func, scope)
            home = _home(called) if called is not None else None
            for_other = home is not None and project.layer(home) is Layer.REPOSITORY
            finding = RULE.note if for_other else RULE.violation
            found = "a service that reaches through the repository to its session"
            return finding(scope.module, argument, found)
    return None


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
            is_response = _is_response_schema(of, project)
            found = "the response schema" if is_response else "the schema"
            yield (RULE.violation if is_response else RULE.note)(
                module,
                function.node,
                f"{function.name}(), which returns {found} {of.name}",
                expected="a repository that returns models",
                why="A response schema is what one client sees; other callers need the model.",
                next="Return the model, and let the service or the route make the schema of it",
            )


def _returned_schema(node: ast.expr, function: Function, project: Project) -> Class | None:
    scope = function.parent or function
    for part in element_types(node, scope, project.resolver):
        target = project.resolver.resolve(part, scope) if isinstance(part, ast.Name | ast.Attribute) else None
        if isinstance(target, Class) and _is_schema(target, project):
            return target
    return None


def _is_schema(of: Class, project: Project) -> bool:
    """Whether a class is a schema by the name of its file or, in a repository's file, for a route says so."""
    if not is_pydantic(of, project.resolver) or is_mapped(of, project.resolver) or _is_generic(of):
        return False
    if project.layer(of.module) is Layer.REPOSITORY:
        return of in project.fact(_declared)
    words = {part.lower() for part in of.module.parts}
    is_named = bool(words & SCHEMA_WORDS) or any(word.endswith(("_schema", "_schemas")) for word in words)
    return project.layer(of.module) is Layer.SCHEMAS and is_named


def _is_response_schema(of: Class, project: Project) -> bool:
    """Whether a route answers with a schema; where routes declare no schemas, its file's name has to do."""
    declared = project.fact(_declared)
    return of in declared or not any(project.layer(cls.module) is Layer.SCHEMAS for cls in declared)


def _declared(project: Project) -> set[Class]:
    """The classes that routes declare as what they answer."""
    found: set[Class] = set()
    for route in project.routes:
        found.update(_named_in(route.keywords.get("response_model"), route.scope, project))
        if route.handler is not None:
            found.update(_named_in(route.handler.returns, route.handler.parent or route.handler, project))
    return found


_NAMES: Final = (ast.Name, ast.Attribute, ast.Constant)


def _named_in(
    node: ast.expr | None, scope: Scope, project: Project, *, through: bool = True
) -> Iterator[Class]:
    """The classes that an annotation names, at any depth, also through an alias."""
    for part in ast.walk(project.resolver.plain(node)) if node is not None else ():
        target = project.resolver.resolve(part, scope) if isinstance(part, _NAMES) else None
        if isinstance(target, Class):
            yield target
        elif isinstance(target, Variable) and through:
            yield from _named_in(target.binding.value, target.binding.scope, project, through=False)


def _is_generic(of: Class) -> bool:
    return bool(of.node.type_params) or any("Generic" in written(base) for base in of.node.bases)
