"""The routes of a project, wherever they are registered."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from checks.source.kinds import literal_keywords
from checks.source.resolver import Instance, Resolver, Target, Variable
from checks.source.scopes import Class, Function, Module, Scope

VERBS: Final = frozenset(
    ["get", "post", "put", "patch", "delete", "head", "options", "trace", "query", "api_route"]
)
ADDERS: Final = frozenset({"add_api_route", "add_api_websocket_route"})
_SOCKETS: Final = frozenset({"websocket", "websocket_route", "add_api_websocket_route"})
_REGISTRARS: Final = ("fastapi.FastAPI", "fastapi.APIRouter")
_ROUTE_CLASSES: Final = frozenset({"fastapi.routing.APIRoute", "fastapi.routing.APIWebSocketRoute"})
_NAMES: Final = ("router", "app", "api", "application", "routes")


@dataclass(frozen=True, eq=False)
class Route:
    """One registration of a handler.

    Attributes:
        node: the call that registers it.
        scope: where that call stands.
        verb: the decorator's or method's name, such as ``get`` or ``add_api_route``.
        handler: the function that serves it, if it can be told.
        endpoint: the expression that names the handler; None for a decorator.
        keywords: name to value of the registration's keywords.
        hidden: whether there may be more keywords than could be read.
    """

    node: ast.Call
    scope: Scope
    verb: str
    handler: Function | None
    endpoint: ast.expr | None
    keywords: dict[str, ast.expr]
    hidden: bool

    @property
    def module(self) -> Module:
        """The file in which it is registered."""
        return self.scope.module

    @property
    def is_websocket(self) -> bool:
        """Whether it serves a websocket."""
        return self.verb in _SOCKETS


def routes_of(module: Module, resolver: Resolver) -> Iterator[Route]:
    """Every route that is registered in a module, in the order of the source."""
    found = [*_decorated(module, resolver)]
    if b"add_api" in module.content or b"APIRoute" in module.content or b")(" in module.content:
        found += _called(module, resolver)
    yield from sorted(found, key=lambda route: (route.node.lineno, route.node.col_offset))


def _decorated(module: Module, resolver: Resolver) -> Iterator[Route]:
    for scope in module.scopes:
        if not isinstance(scope, Function | Class) or isinstance(scope.node, ast.Lambda):
            continue
        around = scope.parent or module
        for decorator in scope.node.decorator_list:
            if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
                continue
            verb = decorator.func.attr
            if (verb in VERBS or verb in _SOCKETS) and is_registrar(decorator, around, resolver):
                handler = scope if isinstance(scope, Function) else scope.method("__call__")
                keywords, hidden = literal_keywords(decorator, around, resolver)
                yield Route(decorator, around, verb, handler, None, keywords, hidden)


def _called(module: Module, resolver: Resolver) -> Iterator[Route]:
    for call, scope in module.every(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in ADDERS:
            if is_registrar(call, scope, resolver):
                yield _added(call, scope, func.attr, resolver)
        elif isinstance(func, ast.Call) and isinstance(func.func, ast.Attribute):
            if func.func.attr in VERBS and call.args and is_registrar(func, scope, resolver):
                keywords, hidden = literal_keywords(func, scope, resolver)
                handler = handler_of(call.args[0], scope, resolver)
                yield Route(func, scope, func.func.attr, handler, call.args[0], keywords, hidden)
        elif isinstance(func, ast.Name | ast.Attribute) and resolver.resolve(func, scope) in _ROUTE_CLASSES:
            yield _added(call, scope, "add_api_route", resolver)


def _added(call: ast.Call, scope: Scope, verb: str, resolver: Resolver) -> Route:
    keywords, hidden = literal_keywords(call, scope, resolver)
    endpoint = call.args[1] if len(call.args) > 1 else keywords.get("endpoint")
    handler = handler_of(endpoint, scope, resolver) if endpoint is not None else None
    return Route(call, scope, verb, handler, endpoint, keywords, hidden)


def handler_of(node: ast.expr, scope: Scope, resolver: Resolver) -> Function | None:
    """The function behind an endpoint expression: a function, a method or an object that is callable."""
    target: Target | None = resolver.resolve(node, scope)
    if isinstance(target, Function):
        return target
    of = target.of if isinstance(target, Instance) else None
    if isinstance(target, Variable):
        of = resolver.infer(node, scope)
    if isinstance(node, ast.Lambda):
        return next((f for f in scope.children if isinstance(f, Function) and f.node is node), None)
    call = resolver.attribute(of, "__call__") if isinstance(of, Class) else None
    return call if isinstance(call, Function) else None


def is_registrar(call: ast.Call, scope: Scope, resolver: Resolver) -> bool:
    """Whether the object on which a routing method is called is a FastAPI application or router.

    Where its class cannot be told, the name of the object and the form of the path decide.
    """
    receiver = call.func.value  # type: ignore[attr-defined]
    target = resolver.resolve(receiver, scope)
    if isinstance(target, Module | Function):
        return False
    of = target.of if isinstance(target, Instance) else resolver.infer(receiver, scope)
    if isinstance(of, Class):
        return resolver.is_kind(of, *_REGISTRARS) or _has_opaque_router_base(of, resolver)
    if isinstance(of, str):
        return of in _REGISTRARS or _like_a_router(of)
    return _looks_like_one(receiver, call)


def _like_a_router(name: str) -> bool:
    package, _, last = name.rpartition(".")
    return last.endswith(("Router", "FastAPI")) and ("fastapi" in package or last.endswith("APIRouter"))


def _has_opaque_router_base(of: Class, resolver: Resolver) -> bool:
    return any(isinstance(base, str) and _like_a_router(base) for base in resolver.mro(of))


def _looks_like_one(receiver: ast.expr, call: ast.Call) -> bool:
    name = receiver.id if isinstance(receiver, ast.Name) else getattr(receiver, "attr", "")
    path = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "path"), None)
    if not name.lower().endswith(_NAMES):
        return False
    return isinstance(path, ast.Constant) and isinstance(path.value, str) and path.value[:1] in {"", "/"}
