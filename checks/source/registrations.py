"""Routes whose handler stands elsewhere: in a literal that a loop reads, or at the call of a helper."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from checks.source.resolver import Resolver, Variable
from checks.source.routes import Passage, Route, argument_of, handler_of
from checks.source.scopes import Function, Module, Scope, parent


def followed(routes: Iterable[Route], modules: Iterable[Module], resolver: Resolver) -> Iterator[Route]:
    """The routes, with one for each handler where a loop, a helper or a home-made decorator registers many.

    Where the handlers cannot be told, the registration stays as it is.

    Args:
        routes: the registrations as they are written.
        modules: where calls of helpers and uses of decorators are looked for.
        resolver: the project's resolver.
    """
    routes = tuple(routes)
    helpers = {helper for route in routes if (helper := _helper(route)) is not None}
    uses = _uses_of(helpers, modules, resolver) if helpers else {}
    for route in routes:
        if route.handler is not None or not isinstance(route.endpoint, ast.Name):
            yield route
            continue
        found = [*_of_loop(route, route.endpoint, resolver)] or [
            *_of_helper(route, route.endpoint, uses, resolver)
        ]
        yield from found or [route]


def _of_loop(route: Route, endpoint: ast.Name, resolver: Resolver) -> Iterator[Route]:
    for target, values in _loops_around(route.node):
        place = _place(target, endpoint.id)
        if place is None:
            continue
        varies = any(_names(target) & _names(value) for value in route.keywords.values())
        of_each = replace(route, hidden=route.hidden or varies)
        for value, scope in _elements(values, route.scope, resolver):
            one: ast.expr | None = value
            if place >= 0:
                parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                one = parts[place] if place < len(parts) else None
            if one is None:
                yield of_each
                continue
            shown = one if scope.module is route.module else endpoint
            yield replace(of_each, handler=handler_of(one, scope, resolver), endpoint=shown)
        return


def _loops_around(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets and the values of the loops that a node stands in, innermost first."""
    around = parent(node)
    while around is not None and not isinstance(
        around, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ):
        if isinstance(around, ast.For):
            yield around.target, around.iter
        elif isinstance(around, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield from ((generator.target, generator.iter) for generator in around.generators)
        around = parent(around)


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _place(target: ast.expr, name: str) -> int | None:
    """Where a name stands in a loop's target: -1 when it is the target itself, None when it is not there."""
    if isinstance(target, ast.Name):
        return -1 if target.id == name else None
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    if any(isinstance(part, ast.Starred) for part in parts):
        return None
    return next((i for i, part in enumerate(parts) if isinstance(part, ast.Name) and part.id == name), None)


def _elements(values: ast.expr, scope: Scope, resolver: Resolver) -> list[tuple[ast.expr, Scope]]:
    """What a loop goes through, where it is a literal: each element with the scope it is written in."""
    items = isinstance(values, ast.Call) and isinstance(values.func, ast.Attribute) and values.func.attr
    if (
        isinstance(values, ast.Call)
        and isinstance(values.func, ast.Attribute)
        and items in {"items", "values"}
    ):
        values = values.func.value
    target = resolver.resolve(values, scope) if isinstance(values, ast.Name | ast.Attribute) else None
    if isinstance(target, Variable) and target.binding.value is not None:
        values, scope = target.binding.value, target.binding.scope
    if isinstance(values, ast.Dict) and items == "values":
        return [(value, scope) for value in values.values]
    if isinstance(values, ast.Dict) and items == "items":
        pairs = zip(values.keys, values.values, strict=True)
        return [(ast.Tuple(elts=[key or value, value]), scope) for key, value in pairs]
    if isinstance(values, ast.List | ast.Tuple | ast.Set):
        return [(value, scope) for value in values.elts if not isinstance(value, ast.Starred)]
    return []


@dataclass(slots=True)
class _Uses:
    """Where a function of the project is used that registers what it is given.

    Attributes:
        direct: its calls, and the decorators that name it: each with its scope and the decorated function.
        made: the same for what it returns: ``@maker("/path")`` and ``maker("/path")(handler)``.
    """

    direct: list[tuple[ast.expr, Scope, Function | None]] = field(default_factory=list)
    made: list[tuple[ast.Call, Scope, Function | ast.expr]] = field(default_factory=list)


def _helper(route: Route) -> Function | None:
    """The function of the project that registers a route for whoever calls it."""
    if route.handler is not None or not isinstance(route.endpoint, ast.Name):
        return None
    function = _parameter_of(route.endpoint.id, route.scope)
    outer = function.parent if function is not None else None
    return outer if isinstance(outer, Function) and function and _returns(outer, function) else function


def _uses_of(helpers: set[Function], modules: Iterable[Module], resolver: Resolver) -> dict[Function, _Uses]:
    """The uses of the functions in one pass over the modules, in the order of files, decorators first."""
    uses = {helper: _Uses() for helper in helpers}
    names = {helper.name.encode() for helper in helpers}

    def used(node: ast.expr, scope: Scope) -> _Uses | None:
        target = resolver.resolve(node, scope)
        return uses.get(target) if isinstance(target, Function) else None

    for module in modules:
        if not any(name in module.content for name in names):
            continue
        for node, around, handler in _decorators(module):
            if isinstance(node, ast.Call) and (found := used(node.func, around)):
                found.made.append((node, around, handler))
            elif isinstance(node, ast.Name | ast.Attribute) and (found := used(node, around)):
                found.direct.append((node, around, handler))
        for call, scope in module.every(ast.Call):
            if found := used(call.func, scope):
                found.direct.append((call, scope, None))
            elif isinstance(call.func, ast.Call) and call.args and (found := used(call.func.func, scope)):
                found.made.append((call.func, scope, call.args[0]))
    return uses


def _decorators(module: Module) -> Iterator[tuple[ast.expr, Scope, Function]]:
    """Every decorator in a module, with its scope and the function that it decorates."""
    for function in module.functions:
        for node in function.decorators:
            yield node, function.parent or module, function


def _of_helper(
    route: Route, endpoint: ast.Name, uses: dict[Function, _Uses], resolver: Resolver
) -> Iterator[Route]:
    helper = _helper(route)
    if helper is None:
        return
    if helper is not _parameter_of(endpoint.id, route.scope):
        yield from (_of_maker(route, helper, *use, resolver) for use in uses[helper].made)
        return
    for node, scope, handler in uses[helper].direct:
        if handler is not None:
            yield _of_bare_decorator(route, node, scope, handler)
        elif isinstance(node, ast.Call):
            given = argument_of(node, helper, endpoint.id)
            found = handler_of(given, scope, resolver) if given is not None else None
            yield _through(route, helper, node, scope, resolver, found, given)


def _of_bare_decorator(route: Route, node: ast.expr, around: Scope, handler: Function) -> Route:
    is_here = handler.module is route.module
    known: dict[str, ast.expr] = {
        name: value for name, value in route.keywords.items() if isinstance(value, ast.Constant)
    }
    return replace(
        route,
        node=node,
        scope=around,
        handler=handler,
        endpoint=None,
        keywords=known if is_here else {},
        hidden=route.hidden or not is_here or len(known) < len(route.keywords),
    )


def _of_maker(  # noqa: PLR0913, PLR0917 - where a registration is written, and where it is called
    route: Route,
    maker: Function,
    call: ast.Call,
    scope: Scope,
    given: Function | ast.expr,
    resolver: Resolver,
) -> Route:
    """The route that a function makes which makes decorators, such as ``@live("/path")``."""
    if isinstance(given, Function):
        return _through(route, maker, call, scope, resolver, given, None)
    return _through(route, maker, call, scope, resolver, handler_of(given, scope, resolver), given)


def _through(  # noqa: PLR0913, PLR0917 - where a registration is written, and where it is called
    route: Route,
    function: Function,
    call: ast.Call,
    scope: Scope,
    resolver: Resolver,
    handler: Function | None,
    endpoint: ast.expr | None,
) -> Route:
    keywords: dict[str, ast.expr] = {}
    hidden = True
    if isinstance(route.node, ast.Call):
        keywords, hidden = Passage(function, route.node, call, scope).keywords(route.keywords, resolver)
    return replace(
        route, node=call, scope=scope, handler=handler, endpoint=endpoint, keywords=keywords, hidden=hidden
    )


def _parameter_of(name: str, scope: Scope) -> Function | None:
    """The function that a name is a parameter of, when nothing else is assigned to it."""
    around: Scope | None = scope
    while around is not None and name not in around.names:
        around = around.parent
    if not isinstance(around, Function) or isinstance(around.node, ast.Lambda):
        return None
    bindings = around.names[name]
    return around if len(bindings) == 1 and bindings[0].kind == "parameter" else None


def _returns(outer: Function, inner: Function) -> bool:
    values = [statement.value for statement in outer.nodes(ast.Return)]
    return any(isinstance(value, ast.Name) and value.id == inner.name for value in values)
