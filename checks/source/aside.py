"""What stands beside the application by its name: tests, migrations, scripts. And what only looks like it."""

import re
from collections.abc import Collection
from typing import Final

from checks.source.graph import reachable
from checks.source.layers import Layer, inner, is_layer_folder, is_web, registers
from checks.source.resolver import Resolver
from checks.source.scopes import Module

_TESTS: Final = frozenset({"tests", "test", "testing", "integration_tests", "unit_tests", "e2e"})
_TEST_FILE: Final = re.compile(r"test_.*|.*_tests?|conftest|tests?")
_MIGRATIONS: Final = frozenset({"alembic", "migrations", "versions", "migration"})
_SCRIPTS: Final = frozenset(
    [
        *("scripts", "script", "bin", "tools", "tool", "examples", "example"),
        *("benchmarks", "benchmark", "benches", "bench"),
        *("docs", "doc", "notebooks", "management", "commands", "locust", "fixtures", "seeds", "dev"),
        *("devtools", "hack", "ci", "cli", "load_tests", "loadtests", "perf", "code_generation"),
        *("terraform", "infra", "deploy", "deployment", "build_helpers", "build_scripts", "build_tools"),
    ]
)
_SCRIPT_STEMS: Final = frozenset(
    [
        *("manage", "setup", "conf", "noxfile", "fabfile", "locustfile", "gunicorn_conf", "seed", "seeds"),
        *("seeder", "cli", "__main__", "initial_data", "commands", "backend_pre_start", "tests_pre_start"),
        *("hatch_build", "pdm_build", "setup_hooks"),
    ]
)
_NEVER: Final = frozenset(
    {"tests", "integration_tests", "unit_tests", "e2e", "alembic", "migrations", "conftest", "__main__"}
)
"""Words that name no part of an application, whoever imports what."""
_SUBJECTS: Final = frozenset(
    {"tools", "tool", "docs", "doc", "notebooks", "management", "commands", "infra", "deployment"}
)
"""Folders of scripts in one project, and parts of the application in another: who imports them tells."""


def aside(module: Module) -> Layer | None:
    """The layer of a module that by its name is no part of the running application."""
    folders = [part.lower() for part in module.folder]
    stem = module.stem.lower()
    if _TESTS.intersection(folders) or _TEST_FILE.fullmatch(stem):
        return Layer.TESTS
    if _MIGRATIONS.intersection(folders):
        return Layer.MIGRATIONS
    if _SCRIPTS.intersection(folders) or stem in _SCRIPT_STEMS or _cannot_be_imported(module):
        return Layer.SCRIPTS
    return None


def _cannot_be_imported(module: Module) -> bool:
    """Whether a file can only be run, as ``gunicorn.conf.py`` or ``send-report.py``, and serves nothing."""
    if module.is_package or module.stem.isidentifier():
        return False
    return "." in module.stem or not any(mark in module.content for mark in (b"FastAPI", b"APIRouter"))


def only_called_aside(modules: Collection[Module], resolver: Resolver) -> frozenset[Module]:
    """The modules that stand aside by their names alone, such as those of a domain called ``docs``.

    They are what the web application imports, if the folder serves routes, stands in a layer's folder, or is
    named for what may be a subject.

    Args:
        modules: all modules of the project.
        resolver: the project's resolver.
    """
    doubtful = {m for m in modules if aside(m) and not _NEVER.intersection((*_lowered(m), m.stem.lower()))}
    if not doubtful:
        return frozenset()
    web = reachable([m for m in modules if not aside(m) and is_web(m, resolver)], resolver)
    reached = doubtful & web
    serving = {_folder_aside(module) for module in reached if registers(module, resolver)}
    return frozenset(m for m in reached if _folder_aside(m) in serving or _may_be_subject(m))


def _lowered(module: Module) -> list[str]:
    return [part.lower() for part in module.folder]


def _folder_aside(module: Module) -> tuple[str, ...]:
    """The outermost folder that puts a module aside; the module itself where only its own name does."""
    words = _TESTS | _MIGRATIONS | _SCRIPTS
    place = next((place for place, folder in enumerate(_lowered(module)) if folder in words), None)
    return module.parts if place is None else module.folder[: place + 1]


def _may_be_subject(module: Module) -> bool:
    place = _folder_aside(module)
    *above, last = [part.lower() for part in place]
    is_folder = place != module.parts or module.is_package
    return (is_folder and last in _SUBJECTS) or is_layer_folder((inner(above) or [""])[-1])
