"""Routes whose handler stands elsewhere: in a literal that a loop reads, or at the call of a helper."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

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
    modules = tuple(modules)
    for route in routes:
        if route.handler is not None or not isinstance(route.endpoint, ast.Name):
            yield route
            continue
        found = [*_of_loop(route, route.endpoint, resolver)] or [
            *_of_helper(route, route.endpoint, modules, resolver)
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


def _of_helper(
    route: Route, endpoint: ast.Name, modules: tuple[Module, ...], resolver: Resolver
) -> Iterator[Route]:
    function = _parameter_of(endpoint.id, route.scope)
    if function is None:
        return
    outer = function.parent
    if isinstance(outer, Function) and _returns(outer, function):
        yield from _of_maker(route, outer, modules, resolver)
        return
    for module in modules:
        if function.name.encode() not in module.content:
            continue
        yield from _of_bare_decorator(route, function, module, resolver)
        for call, scope in module.every(ast.Call):
            if resolver.resolve(call.func, scope) is function:
                given = argument_of(call, function, endpoint.id)
                handler = handler_of(given, scope, resolver) if given is not None else None
                yield _through(route, function, call, scope, resolver, handler, given)


def _of_bare_decorator(
    route: Route, function: Function, module: Module, resolver: Resolver
) -> Iterator[Route]:
    for handler in module.functions:
        around = handler.parent or module
        for node in handler.decorators:
            if isinstance(node, ast.Name | ast.Attribute) and resolver.resolve(node, around) is function:
                known: dict[str, ast.expr] = {
                    name: value for name, value in route.keywords.items() if isinstance(value, ast.Constant)
                }
                hidden = route.hidden or module is not route.module or len(known) < len(route.keywords)
                keywords = known if module is route.module else {}
                yield replace(
                    route,
                    node=node,
                    scope=around,
                    handler=handler,
                    endpoint=None,
                    keywords=keywords,
                    hidden=hidden,
                )


def _of_maker(
    route: Route, maker: Function, modules: tuple[Module, ...], resolver: Resolver
) -> Iterator[Route]:
    """The routes of a function that makes decorators, such as ``@live("/path")``."""
    for module in modules:
        if maker.name.encode() not in module.content:
            continue
        for handler in module.functions:
            around = handler.parent or module
            for node in handler.decorators:
                if isinstance(node, ast.Call) and resolver.resolve(node.func, around) is maker:
                    yield _through(route, maker, node, around, resolver, handler, None)
        for call, scope in module.every(ast.Call):
            made = call.func
            if isinstance(made, ast.Call) and call.args and resolver.resolve(made.func, scope) is maker:
                handler_given = handler_of(call.args[0], scope, resolver)
                yield _through(route, maker, made, scope, resolver, handler_given, call.args[0])


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
