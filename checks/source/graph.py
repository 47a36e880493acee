"""Which modules import which, and what of a project the web application reaches."""

import ast
import re
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final

from checks.source.kinds import is_entity
from checks.source.resolver import Resolver
from checks.source.scopes import Binding, Function, Module, Scope, typing_branch

WORKERS: Final = frozenset(
    [
        "celery",
        "celeryapp",
        "celery_app",
        "celery_config",
        "celery_worker",
        "tasks",
        "task",
        "worker",
        "workers",
        "jobs",
        "job",
        "cron",
    ]
)


_NAMED_BY_USE: Final = frozenset({"property", "cached_property", "staticmethod", "classmethod"})
"""Decorators of methods that run where their name is mentioned."""
_CELERY: Final = frozenset(name for name in WORKERS if name.startswith("celery"))
_MARKS: Final = re.compile(
    rb"\b(?:celery|dramatiq|taskiq|huey|apscheduler|arq|rq|saq|procrastinate|WorkerSettings|shared_task)\b"
    rb"|@\w+\.(?:task|job|actor|cron|periodic_task|scheduled_job)\b|__main__|\basyncio\.run\("
)
"""What a queue's library, or a program of its own, leaves in a file."""
_QUEUE: Final = re.compile(
    rb"^\s*(?:import|from) (?:celery|dramatiq|taskiq|huey|apscheduler|arq|rq|saq|procrastinate)\b"
    rb"|^\s*(?:import|from) temporalio\.worker\b|\bWorkerSettings\b|@shared_task\b",
    re.MULTILINE,
)


def workers(
    application: Collection[Module],
    registering: AbstractSet[Module],
    starting: AbstractSet[Module],
    resolver: Resolver,
) -> frozenset[Module]:
    """The modules that run in a process of their own: a queue's workers and scheduled jobs.

    Their usual names are those of many a domain, too. So a module that registers routes or holds entities,
    and one without the marks of a queue that the web application imports, is none.

    Args:
        application: the modules of the running application.
        registering: those that register routes.
        starting: those that make the application.
        resolver: the project's resolver.
    """
    named = {module for module in application if _is_named_for_work(module)}
    if not named:
        return frozenset()
    domains = {folder for module in registering & named if (folder := _work_folder(module))}
    web = {m for m in named if m in registering or _has_entities(m, resolver) or _work_folder(m) in domains}
    web -= {m for m in web - registering if m.stem.lower() in WORKERS and _MARKS.search(m.content)}
    marked = {m for m in named - web if m.stem.lower() in _CELERY or _MARKS.search(m.content)}
    reached = reachable(registering | starting | web, resolver, marked)
    return frozenset(named - web - reached)


def is_for_a_queue(module: Module) -> bool:
    """Whether a module takes its work from a queue: it imports the library of one, or declares tasks."""
    return bool(_QUEUE.search(module.content))


def _is_named_for_work(module: Module) -> bool:
    return bool(WORKERS.intersection(part.lower() for part in module.parts))


def _work_folder(module: Module) -> tuple[str, ...]:
    """The innermost folder around a module that is named for workers; empty where none is."""
    folder = module.folder
    while folder and folder[-1].lower() not in WORKERS:
        folder = folder[:-1]
    return folder


def _has_entities(module: Module, resolver: Resolver) -> bool:
    return any(is_entity(cls, resolver) for cls in module.classes)


def is_for_typing(binding: Binding) -> bool:
    """Whether an import stands below ``if TYPE_CHECKING:``, and so never runs."""
    if b"TYPE_CHECKING" not in binding.scope.module.content:
        return False
    branch = typing_branch(binding.node)
    return branch is not None and branch.is_for_typing


def imported_bindings(scope: Scope) -> Iterable[Binding]:
    """The bindings of a scope that are imports: one for all names of an ``import`` statement."""
    seen: set[ast.AST] = set()
    for bindings in scope.names.values():
        for binding in bindings:
            if binding.kind == "from":
                yield binding
            elif binding.kind == "import" and binding.node not in seen:
                seen.add(binding.node)
                yield binding


@lru_cache(maxsize=8)
def aliases_of(statement: ast.ImportFrom) -> dict[str, ast.alias]:
    """Each name that a statement imports, with the place where it does so first: there may be thousands."""
    return {alias.name: alias for alias in reversed(statement.names)}


def imports(module: Module, resolver: Resolver) -> set[Module]:
    """The project's modules that a module imports when it or one of its functions runs."""
    if module not in resolver.imported:
        resolver.imported[module] = _imports(module, resolver)
    return resolver.imported[module]


def _imports(module: Module, resolver: Resolver) -> set[Module]:
    bindings = (binding for scope in module.scopes for binding in imported_bindings(scope))
    return _brought(bindings, module, resolver, module.stars)


def _brought(
    bindings: Iterable[Binding], module: Module, resolver: Resolver, stars: Iterable[tuple[str, int]] = ()
) -> set[Module]:
    """The project's modules that import statements of a module bring, with the packages around them."""
    found: set[Module] = set()
    for binding in bindings:
        name, level = binding.target
        if binding.kind == "import" and isinstance(binding.node, ast.Import):
            for alias in binding.node.names:
                _add(found, resolver.module(alias.name, module))
            continue
        source = resolver.module(name, module, level)
        _add(found, source)
        dotted = f"{name}.{binding.attribute}" if name else binding.attribute
        _add(found, resolver.module(dotted, module, level))
    for name, level in stars:
        _add(found, resolver.module(name, module, level))
    for target in list(found):
        found |= resolver.packages_around(target)
    found.discard(module)
    return found


def _add(found: set[Module], target: Module | str | None) -> None:
    if isinstance(target, Module):
        found.add(target)


def reachable(
    roots: Iterable[Module], resolver: Resolver, closed: Collection[Module] = frozenset()
) -> set[Module]:
    """The roots and all that they import, directly or not; what is closed is not entered."""
    seen: set[Module] = set()
    pending = list(roots)
    while pending:
        module = pending.pop()
        if module in seen or module in closed:
            continue
        seen.add(module)
        pending.extend(imports(module, resolver))
    return seen


def started(root: Module, resolver: Resolver) -> set[Module]:
    """The root and all that is imported, directly or not, when it runs, with whatever it may call.

    What another module imports inside a function counts where something that runs mentions the function's
    name, and where a decorator or Python itself may call it. What is imported for typing alone never runs.
    """
    seen = {root}
    mentioned: set[str] = set()
    waiting: dict[str, list[Function]] = {}
    pending = list(root.scopes)
    while pending:
        scope = pending.pop()
        bindings = (binding for binding in imported_bindings(scope) if not is_for_typing(binding))
        stars = scope.stars if isinstance(scope, Module) else ()
        for module in _brought(bindings, scope.module, resolver, stars) - seen:
            seen.add(module)
            for inner in module.scopes:
                function = _outermost(inner)
                if function is None or _may_run_unnamed(function) or function.name in mentioned:
                    pending.append(inner)
                elif function is inner:
                    waiting.setdefault(function.name, []).append(function)
        named = {node.id for node in scope.nodes(ast.Name)} | {n.attr for n in scope.nodes(ast.Attribute)}
        for name in named - mentioned:
            pending += (inner for function in waiting.pop(name, ()) for inner in function.within())
        mentioned |= named
    return seen


def _outermost(scope: Scope) -> Function | None:
    found: Function | None = None
    around: Scope | None = scope
    while around is not None:
        found = around if isinstance(around, Function) else found
        around = around.parent
    return found


def _may_run_unnamed(function: Function) -> bool:
    marks = {getattr(mark, "id", "") or getattr(mark, "attr", "") for mark in function.decorators}
    return not marks <= _NAMED_BY_USE or function.name == "<lambda>" or function.name.startswith("__")
