"""The layer of each module, by the guideline's file names and by their common other names."""

import ast
import re
from collections.abc import Container, Iterable
from enum import StrEnum
from typing import Final

from checks.source.kinds import is_exception, is_mapped, is_pydantic
from checks.source.resolver import Resolver
from checks.source.routes import Route, routes_of
from checks.source.scopes import Binding, Class, Function, Module, Scope
from checks.source.sessions import holds_query


class Layer(StrEnum):
    """What a module is responsible for."""

    ROUTER = "router"
    SERVICE = "service"
    REPOSITORY = "repository"
    SCHEMAS = "schemas"
    MODELS = "models"
    DEPENDENCIES = "dependencies"
    MAIN = "main"
    TESTS = "tests"
    MIGRATIONS = "migrations"
    SCRIPTS = "scripts"
    OTHER = "other"


class Area(StrEnum):
    """Which part of an application a module belongs to."""

    DOMAIN = "domain"
    CORE = "core"
    COMMON = "common"


_WORDS: Final[dict[Layer, str]] = {
    Layer.ROUTER: "router|routers|routes|route|api|apis|views|view|endpoints|endpoint|controllers|controller",
    Layer.SERVICE: "service|services|use_case|use_cases|usecase|usecases",
    Layer.REPOSITORY: "repository|repositories|repo|repos|crud|cruds|dao|daos",
    Layer.SCHEMAS: "schema|schemas|dto|dtos|schemes",
    Layer.MODELS: "model|models|orm|entities|tables",
    Layer.DEPENDENCIES: "dependencies|dependency|deps|depends|dependants|providers",
}
_LAYER_OF_WORD: Final = {word: layer for layer, words in _WORDS.items() for word in words.split("|")}
_AMBIGUOUS: Final = frozenset(
    {"api", "apis", "views", "view", "route", "controllers", "controller", "endpoint"}
)
_NOUNS: Final = frozenset(
    [
        *("repo", "repos", "service", "services", "route", "routes", "view", "views"),
        *("endpoint", "endpoints", "api", "apis", "controller", "controllers"),
    ]
)
"""Words that name a subject and no layer where another layer's folder is round them: ``schemas/repos.py``."""
_ALSO_DOMAINS: Final = frozenset({Layer.SERVICE, Layer.REPOSITORY, Layer.MODELS})
_PROVIDING: Final = (b"Depends", b"dishka", b"dependency_injector")
_BUSINESS: Final = frozenset(
    {"manager", "managers", "interactor", "interactors", "logic", "business", "business_logic", "bl"}
)
_OF_QUERIES: Final = frozenset({"sql", "queries", "dal", "data_access"})
_OF_DATABASE: Final = frozenset({"db", "database"})
_CONNECTING: Final = (
    *(b"create_engine", b"create_async_engine", b"engine_from_config", b"sessionmaker", b"create_pool"),
    *(b"FastAPI", b"strawberry", b"graphene", b"ariadne"),
)
"""What a module says that makes engine, sessions or the application, or serves GraphQL."""
_OF_SESSIONS: Final = re.compile(r"session|connect|engine|pool|dispose|get_db|init|close|begin|transaction")
"""Words of functions that make or end what queries are sent with."""
_OF_QUESTIONS: Final = re.compile(r"(?:Query|Handler)$")
_CONTROLLERS: Final = frozenset({"controllers", "controller"})
_OF_THE_WEB: Final = (
    *("fastapi.Request", "fastapi.WebSocket", "fastapi.Depends", "fastapi.Security", "fastapi.APIRouter"),
    "starlette.responses.Response",
)
"""What only code imports that answers requests itself."""
_WEAK_FOLDERS: Final = frozenset({"api", "apis", "core", "common"})
_EXCEPTION_NAMES: Final = frozenset({"exc", "exception", "error", "err", "ex", "e"})
_MAKING_TYPES: Final = ("__get_validators__", "__get_pydantic_core_schema__")
_OF_TYPES: Final = (b"Validator", *(name.encode() for name in _MAKING_TYPES))
_CHECKS_OF_TYPES: Final = frozenset(
    f"pydantic.{kind}Validator" for kind in ("After", "Before", "Plain", "Wrap")
)
"""What a type is annotated with that Pydantic checks."""
_SHAPES: Final = ("pydantic.BaseModel", "typing.TypedDict", "typing.NamedTuple", "dict", "enum.Enum")
_MAIN: Final = frozenset({"main", "app", "application", "server", "asgi", "factory", "app_factory"})
ROOTS: Final = frozenset({"src", "app", "backend", "server", "application", "source"})
_COMMON: Final = frozenset({"common", "shared"})
_OF_ROUTES: Final = re.compile(r"rout|register|include|mount|endpoint")
"""What methods are called that hand out a router or fill it."""
_ROUTING: Final = (b"APIRouter", b"include_router", b"@app.", b"@api.")
_THINGS: Final = frozenset({"repository", "repo", "service", "model"})
"""Words that end the name of a layer's folder, and of a feature's: ``git_repository/``, ``data_model/``."""


def layer_of(module: Module, resolver: Resolver, domains: Container[tuple[str, ...]] = ()) -> Layer:
    """The layer of a module, from its name, its folders and, where those leave doubt, its contents.

    Args:
        module: a module of the running application.
        resolver: the project's resolver.
        domains: the folders that are named for a layer and are domains all the same.
    """
    folders, stem = _telling(module, domains)
    named = _by_name(stem, folders, module)
    if named is None and stem in _MAIN and _makes_app(module, resolver):
        named = Layer.MAIN
    if module.is_package and named is not None and _is_thing(stem, module):
        named = None
    if named is None or (stem in _AMBIGUOUS and not has_router(module)):
        named = _by_folders(folders, module) or (None if stem in _AMBIGUOUS else named)
    if named in {Layer.SERVICE, Layer.REPOSITORY} and _is_router(module, resolver):
        return Layer.ROUTER
    if named is Layer.SERVICE and _is_no_service(module, resolver):
        return Layer.OTHER
    if named in {Layer.MODELS, Layer.SCHEMAS}:
        return _by_classes(module, resolver, named)
    if named is None:
        if stem in _MAIN or _makes_app(module, resolver):
            return Layer.MAIN
        layer = _by_contents(module, resolver)
        return Layer.REPOSITORY if layer is Layer.OTHER and _keeps_queries(module, resolver) else layer
    return named


def named_domains(modules: Iterable[Module], resolver: Resolver) -> frozenset[tuple[str, ...]]:
    """The folders that are called like a layer and are domains: a router is there, and another layer."""
    layers: dict[tuple[str, ...], set[Layer]] = {}
    for module in modules:
        if not module.folder or _LAYER_OF_WORD.get(module.folder[-1].lower()) not in _ALSO_DOMAINS:
            continue
        layer = None if module.is_package else _LAYER_OF_WORD.get(module.stem.lower())
        if layer is not None and (layer is not Layer.ROUTER or registers(module, resolver)):
            layers.setdefault(module.folder, set()).add(layer)
    return frozenset(folder for folder, found in layers.items() if {Layer.ROUTER} < found)


def above_programs(modules: Iterable[Module], resolver: Resolver) -> frozenset[tuple[str, ...]]:
    """The folders named for a layer that merely hold whole programs, such as ``services/`` of a monorepo.

    A program is told by the module that makes the application: what it imports of its own is found from a
    folder further down.
    """
    return frozenset(
        base[:length]
        for module in modules
        if b"FastAPI" in module.content and any(part.lower() in _LAYER_OF_WORD for part in module.folder)
        if (base := _import_base(module, resolver)) and _makes_app(module, resolver)
        for length in range(1, len(base) + 1)
        if base[length - 1].lower() in _LAYER_OF_WORD
    )


def _import_base(module: Module, resolver: Resolver) -> tuple[str, ...]:
    """The folder from which a module's absolute imports of the project are found."""
    for statement, _ in module.every(ast.Import, ast.ImportFrom):
        is_plain = isinstance(statement, ast.Import)
        name = statement.names[0].name if is_plain else statement.module
        found = resolver.module(name, module) if name and (is_plain or not statement.level) else None
        if isinstance(found, Module):
            base = found.parts[: len(found.parts) - name.count(".") - 1]
            if module.folder[: len(base)] == base:
                return base
    return ()


def area_of(module: Module) -> Area:
    """Whether a module is shared code (``core/``, ``common/``) or part of the application proper.

    What routers, services or repositories share among themselves, such as ``services/common/``, is theirs.
    """
    folders = [part.lower() for part in module.folder]
    for place, folder in reversed([*enumerate(folders)]):
        if (folder == "core" or folder in _COMMON) and not _is_of_layer(folders[:place], module):
            return Area.CORE if folder == "core" else Area.COMMON
    return Area.DOMAIN


def _is_of_layer(folders: list[str], module: Module) -> bool:
    """Whether the innermost of these folders belongs to a layer."""
    above = (inner(folders) or [""])[-1]
    layer = _LAYER_OF_WORD.get(above)
    if above in _WEAK_FOLDERS:
        return layer is Layer.ROUTER and has_router(module)
    return layer in {Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY}


def _telling(module: Module, domains: Container[tuple[str, ...]]) -> tuple[list[str], str]:
    """The folders and the name of a module in lower case, without the names of domains."""
    folder = module.folder
    names = ["" if folder[: place + 1] in domains else part.lower() for place, part in enumerate(folder)]
    return (names[:-1], (names or [""])[-1]) if module.is_package else (names, module.stem.lower())


def _by_name(stem: str, folders: list[str], module: Module) -> Layer | None:
    above = _meaning((folders or [""])[-1], module)
    if above is Layer.DEPENDENCIES:
        return above
    layer = _by_word(stem, module)
    whole = stem in _LAYER_OF_WORD
    is_subject = stem.rpartition("_")[2] in _NOUNS and (whole or above in {Layer.SCHEMAS, Layer.MODELS})
    return above if is_subject and above in _ALSO_DOMAINS | {Layer.SCHEMAS} else layer


def _meaning(word: str, module: Module) -> Layer | None:
    layer = _LAYER_OF_WORD.get(word)
    return None if word == "providers" and not any(m in module.content for m in _PROVIDING) else layer


def _by_word(stem: str, module: Module) -> Layer | None:
    first, _, rest = stem.partition("_")
    last = stem.rpartition("_")[2]
    layer = _meaning(stem, module) or (_meaning(last, module) if last != "view" else None)
    if layer is None and rest and first in {"crud", "repo", "repository"}:
        return Layer.REPOSITORY
    return layer


def _by_folders(folders: list[str], module: Module) -> Layer | None:
    names = inner(folders)
    for place in range(len(names) - 1, -1, -1):
        folder = names[place]
        is_told = "_" in folder and not _is_thing(folder, module)
        layer = _meaning(folder, module) or (_by_word(folder, module) if is_told else None)
        if layer is Layer.ROUTER and has_router(module):
            return layer
        above = _LAYER_OF_WORD.get(names[place - 1]) if place else None
        if folder in _NOUNS and above in _ALSO_DOMAINS | {Layer.SCHEMAS}:
            continue
        if layer is Layer.ROUTER and folder not in _WEAK_FOLDERS:
            return None
        if layer is not None and layer is not Layer.ROUTER:
            return layer
    return None


def _is_thing(folder: str, module: Module) -> bool:
    """Whether a folder may be named for a thing that the application is about: a Git repository, a service.

    Where a class of that name stands, as BookService in ``book_service/``, the folder is the layer's.
    """
    first, _, last = folder.rpartition("_")
    whole = folder in _LAYER_OF_WORD
    named = folder.replace("_", "")
    return (
        bool(first) and last in _THINGS and not whole and all(c.name.lower() != named for c in module.classes)
    )


def inner(folders: list[str]) -> list[str]:
    """The folders below the application's root, told by its name: ``services/app/books`` to ``books``."""
    roots = [number for number, folder in enumerate(folders) if folder in ROOTS]
    return folders[roots[-1] + 1 :] if roots else folders


def _by_classes(module: Module, resolver: Resolver, named: Layer) -> Layer:
    mapped = pydantic = False
    for cls in module.classes:
        if is_mapped(cls, resolver):
            mapped = True
        elif is_pydantic(cls, resolver):
            pydantic = True
    if named is Layer.MODELS and pydantic and not mapped:
        return Layer.SCHEMAS
    return named


def _is_no_service(module: Module, resolver: Resolver) -> bool:
    """Whether a module among services holds nothing but what belongs to the edge of the application.

    That is exception handlers, classes of responses, or types that Pydantic checks fields with.
    """
    content = module.content
    return (
        (b"Request" in content and _answers_exceptions(module, resolver))
        or (b"Response" in content and _describes_responses(module, resolver))
        or (any(mark in content for mark in _OF_TYPES) and _declares_types(module, resolver))
    )


def _answers_exceptions(module: Module, resolver: Resolver) -> bool:
    """Whether the functions of a module answer exceptions, or are given the application to register them."""
    functions = [function for function in module.functions if function.name != "<lambda>"]
    outer = [function for function in functions if function.parent is module]
    if any(not is_exception(cls, resolver) for cls in module.classes):
        return False
    return any(_answers_exception(function, resolver) for function in functions) and all(
        _answers_exception(function, resolver) or _takes(function, 0, resolver) == "fastapi.FastAPI"
        for function in outer
    )


def _answers_exception(function: Function, resolver: Resolver) -> bool:
    """Whether a function is given a request and an exception, as FastAPI calls an exception handler."""
    if len(function.parameters) != 2 or _takes(function, 0, resolver) != "fastapi.Request":
        return False
    name = function.parameters[1][0].arg
    return name in _EXCEPTION_NAMES or is_exception(_takes(function, 1, resolver), resolver)


def _takes(function: Function, place: int, resolver: Resolver) -> Class | str | None:
    """The class with which a parameter is annotated."""
    annotation = function.parameters[place][0].annotation if place < len(function.parameters) else None
    target = resolver.resolve(annotation, function.parent or function) if annotation is not None else None
    return target if isinstance(target, Class | str) else None


def _describes_responses(module: Module, resolver: Resolver) -> bool:
    """Whether a module derives classes of responses, perhaps with shapes of what they say, and no more."""
    is_response = [resolver.is_kind(cls, "starlette.responses.Response") for cls in module.classes]
    return (
        any(is_response)
        and all(r or _is_shape(cls, resolver) for r, cls in zip(is_response, module.classes, strict=True))
        and all(function.owner or function.name == "<lambda>" for function in module.functions)
    )


def _is_shape(cls: Class, resolver: Resolver) -> bool:
    return resolver.is_kind(cls, *_SHAPES) or is_exception(cls, resolver)


def _declares_types(module: Module, resolver: Resolver) -> bool:
    """Whether a module has types that check themselves, with the functions that they need, and no more."""
    own = [cls for cls in module.classes if not is_exception(cls, resolver)]
    checked = any(
        resolver.resolve(call.func, scope) in _CHECKS_OF_TYPES for call, scope in module.every(ast.Call)
    )
    used = {name.id for name, _ in module.every(ast.Name)}
    return (
        (checked or bool(own))
        and all(any(cls.method(name) for name in _MAKING_TYPES) for cls in own)
        and all(f.name in used or f.parent is not module or f.name == "<lambda>" for f in module.functions)
    )


def _by_contents(module: Module, resolver: Resolver) -> Layer:
    if _is_router(module, resolver):
        return Layer.ROUTER
    if any(is_mapped(cls, resolver) for cls in module.classes) and b"async def" not in module.content:
        return Layer.MODELS
    return Layer.OTHER


def _keeps_queries(module: Module, resolver: Resolver) -> bool:
    """Whether a module that is named for queries holds the project's own.

    What makes engine and sessions is none, nor is what only answers questions of GraphQL or of CQRS.
    """
    folders = [part.lower() for part in inner(list(module.folder))]
    stem = module.stem.lower()
    among_queries = not _OF_QUERIES.isdisjoint(folders)
    if not among_queries and stem not in _OF_DATABASE and stem.rpartition("_")[2] not in _OF_QUERIES:
        return False
    if any(mark in module.content for mark in _CONNECTING):
        return False
    if any(is_mapped(cls, resolver) or _OF_QUESTIONS.search(cls.name) for cls in module.classes):
        return False
    functions = [function for function in module.functions if not function.name.startswith(("<", "__"))]
    if stem in _OF_DATABASE and any(_OF_SESSIONS.search(function.name) for function in functions):
        return False
    found = sum(holds_query(function, resolver) for function in functions)
    return found > 0 if among_queries else found * 2 > len(functions)


def registers(module: Module, resolver: Resolver) -> bool:
    """Whether routes are registered in a module: whatever it is called, it is a router then."""
    return _may_register(module) and any(True for _ in routes_of(module, resolver))


def _is_router(module: Module, resolver: Resolver) -> bool:
    """Whether routes are what a module is for: not one that a class has beside its work."""
    routes = [*routes_of(module, resolver)] if _may_register(module) else []
    return bool(routes) and not _registers_in_passing(module, routes, resolver)


def _registers_in_passing(module: Module, routes: list[Route], resolver: Resolver) -> bool:
    """Whether all routes are registered inside methods, and a class has methods that do something else."""
    handlers = {route.handler for route in routes}
    around = {outermost(route.scope) for route in routes}
    if None in handlers or not all(function is not None and function.owner for function in around):
        return False
    at_work = (
        method
        for cls in module.classes
        if not is_pydantic(cls, resolver)
        for method in cls.methods
        if not method.name.startswith("_") and not _OF_ROUTES.search(method.name)
    )
    return any(method not in handlers and method not in around for method in at_work)


def outermost(scope: Scope) -> Function | None:
    """The function of a module or of a class that a scope stands in, however deep."""
    function = scope.function
    while function is not None and function.parent is not None and function.parent.function is not None:
        function = function.parent.function
    return function


def _may_register(module: Module) -> bool:
    content = module.content
    return b"Router" in content or b"router" in content or b"@app." in content or b"@api." in content


def has_router(module: Module) -> bool:
    """Whether the text of a module speaks of a router or of routes, which is quick to tell."""
    return any(mark in module.content for mark in _ROUTING) or (
        b"router" in module.content and any(_is_imported_router(*bound) for bound in module.names.items())
    )


def _is_imported_router(name: str, bindings: list[Binding]) -> bool:
    is_named = name.rpartition("_")[2] in {"router", "routers"}
    return is_named and any(binding.kind in {"import", "from"} for binding in bindings)


def is_named_for_business(module: Module) -> bool:
    """Whether a name says that a module may be a service, or something else: who uses it has to tell."""
    names = [part.lower() for part in (*inner(list(module.folder)), module.stem)]
    return bool(_BUSINESS.intersection(names)) or names[-1].rpartition("_")[2] in _BUSINESS


def stands_among_routers(module: Module) -> bool:
    """Whether a folder around a module is the routers', so that what it holds is theirs, helpers included."""
    folders = inner([part.lower() for part in module.folder])
    layers = [
        _LAYER_OF_WORD.get(part) for part in folders if part not in _WEAK_FOLDERS or part == folders[-1]
    ]
    return Layer.ROUTER in layers


def is_controller(module: Module, resolver: Resolver) -> bool:
    """Whether a module is named for controllers and knows nothing of requests and answers."""
    names = [part.lower() for part in inner(list(module.folder))]
    is_named = bool(_CONTROLLERS.intersection(names[-1:])) or (
        module.stem.lower().rpartition("_")[2] in _CONTROLLERS
        and not any(_LAYER_OF_WORD.get(name) is Layer.ROUTER for name in names)
    )
    return is_named and not any(
        resolver.is_kind(target, *_OF_THE_WEB)
        for name, bindings in module.names.items()
        if bindings[0].kind in {"import", "from"}
        if isinstance(target := resolver.lookup(name, module), str)
    )


def is_web(module: Module, resolver: Resolver) -> bool:
    """Whether a module makes an application or registers routes."""
    return _makes_app(module, resolver) or registers(module, resolver)


def is_layer_folder(name: str) -> bool:
    """Whether a folder is plainly named for a layer."""
    return name in _LAYER_OF_WORD and name not in _WEAK_FOLDERS


def _makes_app(module: Module, resolver: Resolver) -> bool:
    return b"FastAPI" in module.content and any(
        resolver.resolve(call.func, scope) == "fastapi.FastAPI" for call, scope in module.every(ast.Call)
    )
