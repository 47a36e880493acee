"""The functions that belong to others because nothing else uses them."""

import ast
from collections.abc import Iterable

from checks.source import Function, Project


def with_helpers(functions: Iterable[Function], project: Project) -> set[Function]:
    """The functions, and those of the project that only they call.

    Uses are told by name, so a helper with a common name may be left out; none is taken in wrongly.
    """
    found = set(functions)
    pending = list(found)
    others: dict[str, list[Function | None]] = {}
    while pending:
        function = pending.pop()
        for call in function.nodes(ast.Call):
            target = project.resolver.resolve(call.func, function)
            if (
                isinstance(target, Function)
                and target not in found
                and target not in project.handlers
                and target not in project.dependencies
                and _is_used_in(target, found, others, project)
            ):
                found.add(target)
                pending.append(target)
    return found


def _is_used_in(
    function: Function, users: set[Function], others: dict[str, list[Function | None]], project: Project
) -> bool:
    """Whether a function is named in these functions alone; of the others, those left to ask are kept."""
    name = function.name
    if name not in others:
        others[name] = list(project.fact(_users_by_name).get(name, ()))
    while others[name] and others[name][-1] in users:
        others[name].pop()
    return not others[name]


def _users_by_name(project: Project) -> dict[str, list[Function | None]]:
    """The name of a function of the project to the functions in which it is named; None for anywhere else."""
    names = {function.name for module in project.application for function in module.functions}
    found: dict[str, dict[Function | None, None]] = {}
    for module in project.application:
        for scope in module.scopes:
            used = {node.id for node in scope.nodes(ast.Name)}
            used.update(node.attr for node in scope.nodes(ast.Attribute))
            for name in used & names:
                found.setdefault(name, {})[scope.function] = None
    return {name: list(users) for name, users in found.items()}
