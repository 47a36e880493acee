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
    """Whether a function is named in these functions and itself alone; the others left to ask are kept."""
    name = function.name
    if name not in others:
        others[name] = list(project.fact(_users_by_name).get(name, ()))
    left = others[name]
    while left and left != [function] and (left[-1] in users or left[-1] is function):
        last = left.pop()
        if last is function and function not in users:
            left.insert(0, function)
    return not left or left == [function]


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


def runs_as_script(node: ast.AST) -> bool:
    """Whether a node stands below ``if __name__ == "__main__":``, and so runs in a process of its own."""
    around = parent(node)
    while around is not None:
        if isinstance(around, ast.If) and node not in around.orelse and is_main_guard(around.test):
            return True
        node, around = around, parent(around)
    return False


def is_main_guard(test: ast.expr) -> bool:
    """Whether a test asks for ``__name__ == "__main__"``."""
    parts = [*ast.walk(test)]
    asks = any(isinstance(part, ast.Name) and part.id == "__name__" for part in parts)
    return asks and not any(isinstance(part, ast.NotEq | ast.Not) for part in parts)


def is_named_by_guards_alone(function: Function, project: Project) -> bool:
    """Whether all that stands in the project under a function's name stands below main guards."""
    name = function.name
    if any(user is not None and user is not function for user in project.fact(_users_by_name).get(name, ())):
        return False
    return all(
        runs_as_script(node)
        for module in project.application
        if name.encode() in module.content
        for scope in module.scopes
        if scope.function is None
        for node in scope.nodes(ast.Name, ast.Attribute)
        if name == (getattr(node, "id", "") or getattr(node, "attr", ""))
    )


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
