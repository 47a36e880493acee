"""What several conventions ask of functions: what they declare, and whose they are."""

import ast
from collections.abc import Iterable, Iterator
from typing import Final

from checks.source import Function, Project, Scope, Variable, parent

SPAWNS: Final = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe"})


def with_helpers(functions: Iterable[Function], project: Project) -> set[Function]:
    """The functions, and those of the project that only they call.

    Uses are told by name, so a helper with a common name may be left out; none is taken in wrongly. A task
    that they start and that repeats its work is no help to them: it goes on by itself.
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
                and not (_is_task(call) and _repeats(target))
                and target not in project.handlers
                and target not in project.dependencies
                and _is_used_in(target, found, others, project)
            ):
                found.add(target)
                pending.append(target)
    return found


def _is_task(call: ast.Call) -> bool:
    """Whether a coroutine is handed to what runs it beside its caller."""
    around = parent(call)
    return isinstance(around, ast.Call) and (
        (getattr(around.func, "attr", "") or getattr(around.func, "id", "")) in SPAWNS
    )


def _repeats(function: Function) -> bool:
    """Whether a coroutine works on and on, and is not done when the application has started."""
    return bool(function.nodes(ast.While) or function.nodes(ast.AsyncFor))


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


def metadata(
    annotation: ast.expr | None, scope: Scope, project: Project
) -> Iterator[tuple[ast.expr | None, Scope]]:
    """What an annotation says besides the type, each with the scope to read it in."""
    if annotation is None:
        return
    node = project.resolver.plain(annotation)
    if isinstance(node, ast.BinOp):
        yield from metadata(node.left, scope, project)
        yield from metadata(node.right, scope, project)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        if project.resolver.resolve(node.value, scope) == "typing.Annotated":
            yield from metadata(node.slice.elts[0], scope, project)
            yield from ((part, scope) for part in node.slice.elts[1:])
    elif isinstance(node, ast.Name | ast.Attribute):
        target = project.resolver.resolve(node, scope)
        if isinstance(target, Variable) and target.binding.value is not node:
            yield from metadata(target.binding.value, target.binding.scope, project)


def markers(function: Function, project: Project) -> Iterator[str]:
    """The library calls that a function's parameters are declared with, such as ``fastapi.Header``."""
    around = function.parent or function
    for argument, default in function.parameters:
        for node, scope in [(default, around), *metadata(argument.annotation, around, project)]:
            made = project.resolver.resolve(node.func, scope) if isinstance(node, ast.Call) else None
            if isinstance(made, str):
                yield made
