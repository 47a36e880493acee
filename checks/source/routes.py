"""The routes of a project, wherever they are registered."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from checks.source.kinds import literal_keywords
from checks.source.resolver import Instance, Resolver, Target, Variable
from checks.source.scopes import Binding, Class, Function, Module, Scope, function_of, parent, written

VERBS: Final = frozenset(
    ["get", "post", "put", "patch", "delete", "head", "options", "trace", "query", "api_route"]
)
ADDERS: Final = frozenset({"add_api_route", "add_api_websocket_route"})
_SOCKETS: Final = frozenset({"websocket", "websocket_route", "add_api_websocket_route"})
_REGISTRARS: Final = ("fastapi.FastAPI", "fastapi.APIRouter")
_ROUTE_CLASSES: Final = frozenset({"fastapi.routing.APIRoute", "fastapi.routing.APIWebSocketRoute"})
_METHODS: Final = VERBS | ADDERS | _SOCKETS
_SILENT: Final = frozenset({"dependencies", "tags", "summary", "description", "name", "operation_id"})
"""Keywords of a registration that say nothing of what the route returns."""
_STEPS: Final = 4
_NAMES: Final = ("router", "app", "api", "application", "routes")


@dataclass(frozen=True, eq=False)
class Route:
    """One registration of a handler.

    Attributes:
        node: the call or the bare decorator that registers it.
        scope: where that call stands.
        verb: the decorator's or method's name, such as ``get`` or ``add_api_route``.
        handler: the function that serves it, if it can be told.
        endpoint: the expression that names the handler; None for a decorator.
        keywords: name to value of the registration's keywords.
        hidden: whether there may be more keywords than could be read.
        router: the expression for the application or router, with its scope, if it is written out.
    """

    node: ast.expr
    scope: Scope
    verb: str
    handler: Function | None
    endpoint: ast.expr | None
    keywords: dict[str, ast.expr]
    hidden: bool
    router: tuple[ast.expr, Scope] | None = None

    @property
    def module(self) -> Module:
        """The file in which it is registered."""
        return self.scope.module

    @property
    def is_websocket(self) -> bool:
        """Whether it serves a websocket."""
        return self.verb in _SOCKETS


@dataclass(frozen=True, slots=True)
class _Method:
    """A routing method as an expression names it: written out, under an alias, or with some arguments given.

    Attributes:
        verb: its name.
        router: the object that it is bound to, with its scope, if it is written out.
        given: the calls of ``partial`` on the way, each with its scope, innermost first.
    """

    verb: str
    router: tuple[ast.expr, Scope] | None
    given: tuple[tuple[ast.Call, Scope], ...] = ()


@dataclass(frozen=True, slots=True)
class _Decorator:
    """What registers the function that it is called with, such as ``router.get("/")``.

    Attributes:
        method: the routing method.
        keywords: name to value of its keywords.
        hidden: whether there may be more of them.
    """

    method: _Method
    keywords: dict[str, ast.expr]
    hidden: bool


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
        for node in scope.node.decorator_list:
            decorator = _decorator(node, around, resolver)
            if decorator is not None:
                handler = scope if isinstance(scope, Function) else scope.method("__call__")
                yield _route(node, around, decorator, handler, None)


def _called(module: Module, resolver: Resolver) -> Iterator[Route]:
    for call, scope in module.every(ast.Call):
        func = call.func
        if isinstance(func, ast.Call):
            method = _method(func, call, scope, resolver)
            if method is not None and method.verb in ADDERS:
                yield _added(call, scope, method, resolver)
                continue
            decorator = _decorator(func, scope, resolver) if call.args else None
            if decorator is not None:
                handler = handler_of(call.args[0], scope, resolver)
                yield _route(func, scope, decorator, handler, call.args[0])
        elif isinstance(func, ast.Name) or (isinstance(func, ast.Attribute) and func.attr not in VERBS):
            method = _method(func, call, scope, resolver)
            if method is not None and method.verb in ADDERS:
                yield _added(call, scope, method, resolver)
            elif method is None and resolver.resolve(func, scope) in _ROUTE_CLASSES:
                yield _added(call, scope, _Method("add_api_route", None), resolver)


def _route(
    node: ast.expr, scope: Scope, decorator: _Decorator, handler: Function | None, endpoint: ast.expr | None
) -> Route:
    method = decorator.method
    return Route(
        node, scope, method.verb, handler, endpoint, decorator.keywords, decorator.hidden, method.router
    )


def _added(call: ast.Call, scope: Scope, method: _Method, resolver: Resolver) -> Route:
    keywords, hidden = _keywords(call, scope, method, resolver)
    given = [argument for partial, _ in method.given for argument in partial.args[1:]]
    arguments = [*given, *call.args]
    endpoint = arguments[1] if len(arguments) > 1 else keywords.get("endpoint")
    handler = handler_of(endpoint, scope, resolver) if endpoint is not None else None
    return Route(call, scope, method.verb, handler, endpoint, keywords, hidden, method.router)


def _keywords(
    call: ast.Call, scope: Scope, method: _Method, resolver: Resolver
) -> tuple[dict[str, ast.expr], bool]:
    """The keywords of a call, with those that were given to ``partial`` in the same module."""
    keywords, hidden = literal_keywords(call, scope, resolver)
    for partial, around in reversed(method.given):
        earlier, more = literal_keywords(partial, around, resolver)
        hidden = hidden or more or around.module is not scope.module
        if around.module is scope.module:
            keywords = earlier | keywords
    return keywords, hidden


def _decorator(node: ast.expr, scope: Scope, resolver: Resolver, depth: int = 0) -> _Decorator | None:
    """What an expression registers with, also when it has a name or a function of the project makes it."""
    if depth > _STEPS:
        return None
    if not isinstance(node, ast.Call):
        value, around = _value(node, scope, resolver)
        found = _decorator(value, around, resolver, depth + 1) if isinstance(value, ast.Call) else None
        return found and (
            found if around.module is scope.module else replace(found, keywords={}, hidden=True)
        )
    method = _method(node.func, node, scope, resolver)
    if method is not None:
        keywords, hidden = _keywords(node, scope, method, resolver)
        return _Decorator(method, keywords, hidden) if method.verb not in ADDERS else None
    return _made(node, scope, resolver, depth)


def _made(call: ast.Call, scope: Scope, resolver: Resolver, depth: int) -> _Decorator | None:
    """The decorator that a function of the project returns."""
    target = resolver.resolve(call.func, scope) if isinstance(call.func, ast.Name | ast.Attribute) else None
    if not isinstance(target, Function) or target.is_async:
        return None
    returned = [statement.value for statement in target.nodes(ast.Return)]
    if len(returned) == 1 and isinstance(returned[0], ast.Name):
        return _handed(returned[0], target, call, scope, resolver)
    if len(returned) != 1 or not isinstance(returned[0], ast.Call):
        return None
    inner = _decorator(returned[0], target, resolver, depth + 1)
    if inner is None:
        return None
    passage = Passage(target, returned[0], call, scope)
    keywords, hidden = passage.keywords(inner.keywords, resolver)
    return replace(inner, keywords=keywords, hidden=hidden)


def _handed(
    returned: ast.Name, maker: Function, call: ast.Call, scope: Scope, resolver: Resolver
) -> _Decorator | None:
    """The decorator that a function makes with the routing method, or the router, that its call hands it.

    So ``@guarded(router.get, "/books")`` registers what it decorates, by ``method(path)(function)`` inside.
    Where the inner call tells by itself that it registers, it is a route of its own.
    """
    inner = resolver.resolve(returned, maker)
    if not isinstance(inner, Function) or inner.parent is not maker:
        return None
    for registering in inner.nodes(ast.Call):
        made = registering.func
        if not isinstance(made, ast.Call) or not any(isinstance(a, ast.Name) for a in registering.args[:1]):
            continue
        passage = Passage(maker, made, call, scope)
        method = _handed_method(made, inner, passage, resolver)
        if method is not None and method.verb not in ADDERS:
            known, _ = literal_keywords(made, inner, resolver)
            telling = {name: value for name, value in known.items() if name not in _SILENT}
            keywords, hidden = passage.keywords(telling, resolver)
            return _Decorator(method, keywords, hidden)
    return None


def _handed_method(made: ast.Call, inner: Function, passage: "Passage", resolver: Resolver) -> _Method | None:
    """The routing method behind ``method(path)`` or ``router.get(path)``, where that name is a parameter."""
    func = made.func
    verb = func.attr if isinstance(func, ast.Attribute) and func.attr in _METHODS else ""
    name = func.value if isinstance(func, ast.Attribute) else func
    if not isinstance(name, ast.Name) or name.id in inner.names:
        return None
    if [binding.kind for binding in passage.function.names.get(name.id, ())] != ["parameter"]:
        return None
    given = argument_of(passage.call, passage.function, name.id)
    if given is None or _method(func, made, inner, resolver) is not None:
        return None
    if func is name:
        return _method(given, passage.call, passage.scope, resolver)
    registers = verb and _registers(given, made, passage.scope, resolver)
    return _Method(verb, (given, passage.scope)) if registers else None


def _method(
    func: ast.expr, call: ast.Call, scope: Scope, resolver: Resolver, depth: int = 0
) -> _Method | None:
    """The routing method that an expression stands for; ``call`` is what it is called with in the end."""
    if depth > _STEPS:
        return None
    if (named := _named(func)) is not None:
        owner, verb = named
        return _Method(verb, (owner, scope)) if _registers(owner, call, scope, resolver) else None
    if isinstance(func, ast.Call):
        if not func.args or resolver.resolve(func.func, scope) != "functools.partial":
            return None
        first = func.args[1] if len(func.args) > 1 else None
        inner = _method(func.args[0], func if first else call, scope, resolver, depth + 1)
        return inner and replace(inner, given=(*inner.given, (func, scope)))
    value, around = _value(func, scope, resolver)
    if isinstance(value, ast.Attribute | ast.Call):
        return _method(value, call, around, resolver, depth + 1)
    return None


def _named(node: ast.expr) -> tuple[ast.expr, str] | None:
    """The object and the name of a routing method: of ``router.get`` or of ``getattr(router, "get")``."""
    if isinstance(node, ast.Attribute):
        return (node.value, node.attr) if node.attr in _METHODS else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        name = node.args[1] if len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and name.value in _METHODS:
            return node.args[0], str(name.value)
    return None


def _value(node: ast.expr, scope: Scope, resolver: Resolver) -> tuple[ast.expr | None, Scope]:
    """The expression that was assigned to a name, here or where it is imported from, if there is just one."""
    bindings: list[Binding] = []
    if isinstance(node, ast.Name):
        around: Scope | None = scope
        while around is not None and not bindings:
            if around is scope or not isinstance(around, Class):
                bindings = around.names.get(node.id, [])
            around = around.parent
    elif isinstance(node, ast.Attribute) and isinstance(owner := resolver.resolve(node.value, scope), Module):
        bindings = owner.names.get(node.attr, [])
    for _ in range(_STEPS):
        if len(bindings) != 1 or bindings[0].kind != "from":
            break
        source, level = bindings[0].target
        module = resolver.module(source, bindings[0].scope.module, level)
        bindings = module.names.get(bindings[0].attribute, []) if isinstance(module, Module) else []
    if len(bindings) == 1 and bindings[0].kind == "value":
        return bindings[0].value, bindings[0].scope
    return None, scope


@dataclass(frozen=True, slots=True)
class Passage:
    """A registration inside a function of the project, and a call of that function.

    Attributes:
        function: the function.
        inner: the call inside it that registers.
        call: the call of the function.
        scope: where the function is called.
    """

    function: Function
    inner: ast.Call
    call: ast.Call
    scope: Scope

    def keywords(self, known: dict[str, ast.expr], resolver: Resolver) -> tuple[dict[str, ast.expr], bool]:
        """The keywords that reach the registration, as seen from the call, and whether there may be more.

        Args:
            known: what could be read of the registration's own keywords.
            resolver: the project's resolver.
        """
        outer, hidden = literal_keywords(self.call, self.scope, resolver)
        extra = self.function.node.args.kwarg
        spread = [written(keyword.value) for keyword in self.inner.keywords if keyword.arg is None]
        hidden = hidden or any(extra is None or name != extra.arg for name in spread)
        parameters = {argument.arg for argument, _ in self.function.parameters}
        found = {name: value for name, value in outer.items() if spread and name not in parameters}
        for name, value in known.items():
            given = self._as_seen(value, parameters)
            hidden = hidden or given is None
            found |= {name: given} if given is not None else {}
        return found, hidden

    def _as_seen(self, value: ast.expr, parameters: set[str]) -> ast.expr | None:
        if isinstance(value, ast.Name) and value.id in parameters:
            return argument_of(self.call, self.function, value.id)
        is_here = isinstance(value, ast.Constant) and self.function.module is self.scope.module
        return value if is_here else None


def argument_of(call: ast.Call, function: Function, name: str) -> ast.expr | None:
    """What a call gives for a parameter of the function; None where it gives nothing, or stars."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    arguments = function.node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    names = names[1:] if function.receiver and isinstance(call.func, ast.Attribute) else names
    place = names.index(name) if name in names else len(call.args)
    if any(isinstance(argument, ast.Starred) for argument in call.args[: place + 1]):
        return None
    return call.args[place] if place < len(call.args) else None


def handler_of(node: ast.expr, scope: Scope, resolver: Resolver) -> Function | None:
    """The function behind an endpoint expression: a function, a method or an object that is callable."""
    target: Target | None = resolver.resolve(node, scope)
    if isinstance(node, ast.Name) and isinstance(target, Variable) and _binds_to(target.binding, node):
        target = resolver.before(node.id, target.binding)
    if isinstance(target, Function):
        return target
    of = target.of if isinstance(target, Instance) else None
    if isinstance(target, Variable):
        of = resolver.infer(node, scope)
    if isinstance(node, ast.Lambda):
        made = function_of(node)
        return made if made is not None and made.parent is scope else None
    call = resolver.attribute(of, "__call__") if isinstance(of, Class) else None
    return call if isinstance(call, Function) else None


def _binds_to(binding: Binding, node: ast.AST) -> bool:
    """Whether a name is read in the very statement that binds it anew: ``f = router.get("/")(f)``."""
    around: ast.AST | None = node
    while around is not None and not isinstance(around, ast.stmt):
        around = parent(around)
    return around is binding.node


def is_registrar(call: ast.Call, scope: Scope, resolver: Resolver) -> bool:
    """Whether the object on which a routing method is called is a FastAPI application or router.

    Where its class cannot be told, the name of the object and the form of the path decide.
    """
    return _registers(call.func.value, call, scope, resolver)  # type: ignore[attr-defined]


def _registers(receiver: ast.expr, call: ast.Call, scope: Scope, resolver: Resolver) -> bool:
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
    if isinstance(call.func, ast.Attribute) and call.func.attr in ADDERS:
        return True
    return isinstance(path, ast.Constant) and isinstance(path.value, str) and path.value[:1] in {"", "/"}
