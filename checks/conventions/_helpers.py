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
    while pending:
        function = pending.pop()
        for call in function.nodes(ast.Call):
            target = project.resolver.resolve(call.func, function)
            if (
                isinstance(target, Function)
                and target not in found
                and target not in project.handlers
                and target not in project.dependencies
                and _is_used_in(target, found, project)
            ):
                found.add(target)
                pending.append(target)
    return found


def _is_used_in(function: Function, users: set[Function], project: Project) -> bool:
    """Whether a function is named in these functions alone."""
    name = function.name
    for module in project.application:
        if name.encode() not in module.content:
            continue
        for use, scope in module.every(ast.Name, ast.Attribute):
            if name == (use.id if isinstance(use, ast.Name) else use.attr) and scope.function not in users:
                return False
    return True
