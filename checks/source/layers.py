"""The layer of each module, by the guideline's file names and by their common other names."""

import ast
import re
from enum import StrEnum
from typing import Final

from checks.source.kinds import is_mapped, is_pydantic
from checks.source.resolver import Resolver
from checks.source.routes import routes_of
from checks.source.scopes import Module


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
_WEAK_FOLDERS: Final = frozenset({"api", "apis", "core", "common"})
_TESTS: Final = frozenset({"tests", "test", "testing", "integration_tests", "unit_tests", "e2e"})
_MIGRATIONS: Final = frozenset({"alembic", "migrations", "versions", "migration"})
_SCRIPTS: Final = frozenset(
    [
        "scripts",
        "script",
        "bin",
        "tools",
        "tool",
        "examples",
        "example",
        "benchmarks",
        "benchmark",
        "docs",
        "doc",
        "notebooks",
        "management",
        "commands",
        "locust",
        "fixtures",
        "seeds",
        "dev",
        "devtools",
        "hack",
        "ci",
        "cli",
        "load_tests",
        "loadtests",
        "perf",
        "code_generation",
        "terraform",
        "infra",
        "deploy",
        "deployment",
    ]
)
_SCRIPT_STEMS: Final = frozenset(
    [
        "manage",
        "setup",
        "conf",
        "noxfile",
        "fabfile",
        "locustfile",
        "gunicorn_conf",
        "seed",
        "seeds",
        "seeder",
        "cli",
        "__main__",
        "initial_data",
        "commands",
        "backend_pre_start",
        "tests_pre_start",
    ]
)
_MAIN: Final = frozenset({"main", "app", "application", "server", "asgi", "factory", "app_factory"})
ROOTS: Final = frozenset({"src", "app", "backend", "server", "application", "source"})
_COMMON: Final = frozenset({"common", "shared"})
_TEST_FILE: Final = re.compile(r"test_.*|.*_tests?|conftest|tests?")


def layer_of(module: Module, resolver: Resolver) -> Layer:
    """The layer of a module, from its name, its folders and, where those leave doubt, its contents."""
    folders = [part.lower() for part in module.folder]
    stem = module.stem.lower()
    if aside := _aside(stem, folders):
        return aside
    if module.is_package:
        folders = folders[:-1]
    named = _by_word(stem)
    if folders[-1:] and _LAYER_OF_WORD.get(folders[-1]) is Layer.DEPENDENCIES:
        named = Layer.DEPENDENCIES
    elif named is None and stem in _MAIN and _makes_app(module, resolver):
        named = Layer.MAIN
    if named is None or (stem in _AMBIGUOUS and not has_router(module)):
        named = _by_folders(folders, module) or (None if stem in _AMBIGUOUS else named)
    if named in {Layer.MODELS, Layer.SCHEMAS}:
        return _by_classes(module, resolver, named)
    if named is None:
        return Layer.MAIN if stem in _MAIN or _makes_app(module, resolver) else _by_contents(module, resolver)
    return named


def area_of(module: Module) -> Area:
    """Whether a module is shared code (``core/``, ``common/``) or part of the application proper."""
    folders = [part.lower() for part in module.folder]
    for folder in reversed(folders):
        if folder == "core":
            return Area.CORE
        if folder in _COMMON:
            return Area.COMMON
    return Area.DOMAIN


def _aside(stem: str, folders: list[str]) -> Layer | None:
    if _TESTS.intersection(folders) or _TEST_FILE.fullmatch(stem):
        return Layer.TESTS
    if _MIGRATIONS.intersection(folders):
        return Layer.MIGRATIONS
    if _SCRIPTS.intersection(folders) or stem in _SCRIPT_STEMS:
        return Layer.SCRIPTS
    return None


def _by_word(stem: str) -> Layer | None:
    if stem in _LAYER_OF_WORD:
        return _LAYER_OF_WORD[stem]
    words = stem.split("_")
    if len(words) > 1:
        if words[-1] in _LAYER_OF_WORD and words[-1] != "view":
            return _LAYER_OF_WORD[words[-1]]
        if words[0] in {"crud", "repo", "router", "service", "schema", "repository"}:
            return _LAYER_OF_WORD[words[0]]
    return None


def _by_folders(folders: list[str], module: Module) -> Layer | None:
    for folder in reversed(inner(folders)):
        layer = _LAYER_OF_WORD.get(folder)
        if layer is Layer.ROUTER:
            if has_router(module):
                return layer
            if folder not in _WEAK_FOLDERS:
                return None
        elif layer is not None or ((layer := _by_word(folder)) is not None and "_" in folder):
            return layer
    return None


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


def _by_contents(module: Module, resolver: Resolver) -> Layer:
    if has_router(module) and any(True for _ in routes_of(module, resolver)):
        return Layer.ROUTER
    for cls in module.classes:
        if is_mapped(cls, resolver):
            return Layer.MODELS
    return Layer.OTHER


def has_router(module: Module) -> bool:
    """Whether the text of a module speaks of a router or of routes, which is quick to tell."""
    content = module.content
    return b"Router" in content or b"router" in content or b"@app." in content or b"@api." in content


def _makes_app(module: Module, resolver: Resolver) -> bool:
    return b"FastAPI" in module.content and any(
        resolver.resolve(call.func, scope) == "fastapi.FastAPI" for call, scope in module.every(ast.Call)
    )
