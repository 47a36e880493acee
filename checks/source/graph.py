"""Which modules import which, and what of a project the web application reaches."""

import ast
from collections.abc import Iterable
from typing import Final

from checks.source.resolver import Resolver
from checks.source.scopes import Binding, Module, Scope, parent, written

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


def is_worker(module: Module) -> bool:
    """Whether a module runs in a process of its own: a queue's worker or a scheduled job."""
    return module.stem.lower() in WORKERS or bool(
        WORKERS.intersection(part.lower() for part in module.folder)
    )


def is_for_typing(binding: Binding) -> bool:
    """Whether an import stands below ``if TYPE_CHECKING:``, and so never runs."""
    node: ast.AST | None = binding.node
    while node is not None:
        node = parent(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in written(node.test):
            return True
    return False


def imported_bindings(scope: Scope) -> Iterable[Binding]:
    """The bindings of a scope that are imports."""
    for bindings in scope.names.values():
        for binding in bindings:
            if binding.kind in {"import", "from"}:
                yield binding


def imports(module: Module, resolver: Resolver) -> set[Module]:
    """The project's modules that a module imports when it or one of its functions runs."""
    if module not in resolver.imported:
        resolver.imported[module] = _imports(module, resolver)
    return resolver.imported[module]


def _imports(module: Module, resolver: Resolver) -> set[Module]:
    found: set[Module] = set()
    for scope in module.scopes:
        for binding in imported_bindings(scope):
            name, level = binding.target
            if binding.kind == "import" and isinstance(binding.node, ast.Import):
                for alias in binding.node.names:
                    _add(found, resolver.module(alias.name, module))
                continue
            source = resolver.module(name, module, level)
            _add(found, source)
            dotted = f"{name}.{binding.attribute}" if name else binding.attribute
            _add(found, resolver.module(dotted, module, level))
    for name, level in module.stars:
        _add(found, resolver.module(name, module, level))
    for target in list(found):
        found |= resolver.packages_around(target)
    found.discard(module)
    return found


def _add(found: set[Module], target: Module | str | None) -> None:
    if isinstance(target, Module):
        found.add(target)


def reachable(roots: Iterable[Module], resolver: Resolver) -> set[Module]:
    """The roots and all that they import, directly or not; workers are not entered."""
    seen: set[Module] = set()
    pending = list(roots)
    while pending:
        module = pending.pop()
        if module in seen or is_worker(module):
            continue
        seen.add(module)
        pending.extend(imports(module, resolver))
    return seen
