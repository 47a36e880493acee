'''Services raise domain exceptions; handlers map them.

## Rule

Services and repositories raise exceptions of the domain. Exception handlers, registered on the application,
turn each of them (or their base class) into an HTTP answer. Models know as little of HTTP, and so do the
managers, stores and handlers of data that routers call. Routers and dependencies may raise `HTTPException`:
HTTP is their concern. A `ValueError` that a Pydantic validator raises is a 422, and needs no handler.

## Why

A service that raises `HTTPException` can serve nothing but HTTP: the command line, a worker and a test have
to speak HTTP with it. A domain exception that no handler knows is no better: the client gets a 500. A trap:
even with a catch-all handler for `Exception`, `ASGITransport` raises the exception again in tests, unless
it is told `raise_app_exceptions=False`.

## Bad

```python
# app/books/service.py
from fastapi import HTTPException


class BookService:
    async def lend(self, copies: int) -> int:
        if copies == 0:
            raise HTTPException(status_code=409)  # <-- here
        return copies - 1
```

## Good

```python
# app/core/exceptions.py
class NoCopiesLeftError(Exception):
    """All copies of a book are lent."""

# app/books/service.py
from app.core.exceptions import NoCopiesLeftError


class BookService:
    async def lend(self, copies: int) -> int:
        if copies == 0:
            raise NoCopiesLeftError
        return copies - 1

# app/main.py
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app.core.exceptions import NoCopiesLeftError

app = FastAPI()


@app.exception_handler(NoCopiesLeftError)
async def no_copies_left(request: Request, error: NoCopiesLeftError) -> JSONResponse:
    return JSONResponse({"detail": "No copies left"}, status_code=409)
```
'''

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from checks.conventions._rule import Rule
from checks.conventions.layer_imports import works_for_dependencies
from checks.finding import Finding
from checks.source import Class, Function, Instance, Layer, Module, Project, Scope, Variable, parent
from checks.source.calls import Blocking
from checks.source.graph import imports, reachable
from checks.source.kinds import is_exception, literal_keywords
from checks.source.layers import outermost, stands_among_routers

HTTP: Final = "starlette.exceptions.HTTPException"
JUDGED: Final = frozenset({Layer.SERVICE, Layer.REPOSITORY})
PLAIN: Final = frozenset({Layer.MODELS, Layer.SCHEMAS})
"""Layers that may raise what they like, but for HTTP's exceptions."""
REGISTERS: Final = frozenset({"exception_handler", "add_exception_handler"})
INTERNAL: Final = re.compile(
    r"Unexpected|Internal|Config|Invariant|Assert|NotImplemented|Unreachable|Programming"
)
WORKING: Final = re.compile(
    r"(?:Service|UseCase|Interactor|BL|Bl|Repository|Repo|DAO|Dao|Store|Manager)(?:Impl)?$"
)
"""How classes are called that do the work below the routers."""
HANDLING: Final = re.compile(r"(?<!Error)(?<!Exception)(?<!Request)(?<!Response)Handler(?:Impl)?$")
OF_HTTP: Final = (
    *("fastapi.Request", "fastapi.WebSocket", "starlette.requests.HTTPConnection"),
    "starlette.responses.Response",
)
"""What a method is given that answers a request itself."""
VALIDATORS: Final = frozenset(
    f"pydantic.{name}"
    for name in (
        *("field_validator", "model_validator", "validator", "root_validator"),
        *("AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator"),
    )
)
TYPES: Final = ("__get_validators__", "__get_pydantic_core_schema__")
VALIDATE: Final = (b"alidator", *(name.encode() for name in TYPES))
REFUSALS: Final = frozenset({"ValueError", "AssertionError"})
"""What a validator may raise: Pydantic makes a validation error of it, and FastAPI a 422."""
CATCH_ALL: Final = frozenset({"Exception", "BaseException"})
Raised = tuple[ast.Raise, Scope, Class]
"""A raise statement, where it stands and what it raises."""
RULE = Rule(
    __name__,
    expected="a domain exception",
    why="A service that speaks HTTP serves nothing else: no worker, no command, no plain test.",
    next="Raise an exception of the domain; a handler on the application gives it its status",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds HTTP exceptions raised below the router, and domain exceptions that no handler knows."""
    raised: list[Raised] = []
    for node, scope in _raises(project, JUDGED | PLAIN):
        of = _class_of(node, scope, project)
        layer = project.layer(scope.module)
        if project.resolver.is_kind(of, HTTP):
            finding = RULE.note if layer is Layer.SCHEMAS else RULE.violation
            where = f"a {layer}" if layer in JUDGED else layer
            yield finding(scope.module, node, f"an HTTPException raised in {where}")
        elif layer in JUDGED and isinstance(of, Class) and is_exception(of, project.resolver):
            raised.append((node, scope, of))
    yield from _below_routers(project)
    yield from _unhandled(raised, project)


def subjects(project: Project) -> int:
    """Counts the raise statements of services and repositories."""
    return sum(1 for _ in _raises(project, JUDGED))


def _raises(project: Project, layers: frozenset[Layer]) -> Iterator[tuple[ast.Raise, Scope]]:
    for module in project.application:
        if project.layer(module) not in layers:
            continue
        for node, scope in module.every(ast.Raise):
            function = scope.function
            if node.exc is not None and (function is None or not works_for_dependencies(function, project)):
                yield node, scope


def _below_routers(project: Project) -> Iterator[Finding]:
    """HTTP exceptions of classes that do a service's or a repository's work, whatever their file is called.

    It is plain where handlers call them, and no dependency does: those may refuse a request.
    """
    for node, scope in _raises(project, frozenset({Layer.OTHER})):
        method = outermost(scope)
        owner = method.owner if method is not None else None
        if method is None or owner is None or stands_among_routers(scope.module):
            continue
        is_named = bool(WORKING.search(owner.name))
        if not is_named and not _handles_below_routers(method, owner, project):
            continue
        if project.resolver.is_kind(_class_of(node, scope, project), HTTP) and method in project.fact(
            _served
        ):
            # An exception that has a name of the domain's may be taken for one of the domain's.
            is_plain = is_named or isinstance(node.exc, ast.Call)
            finding = RULE.violation if is_plain else RULE.note
            yield finding(scope.module, node, f"an HTTPException raised in {owner.name}, which routers call")


def _handles_below_routers(method: Function, owner: Class, project: Project) -> bool:
    """Whether a method of what is called a handler plainly does a service's work: it may be a router's, too.

    It is plain where its module knows models or repositories and no service, and the method no request.
    """
    if not HANDLING.search(owner.name) or owner.module in project.registering:
        return False
    annotations = (argument.annotation for argument, _ in method.parameters)
    given = [project.resolver.resolve(node, owner.module) for node in annotations if node is not None]
    layers = {project.layer(module) for module in imports(owner.module, project.resolver)}
    return (
        bool(layers & {Layer.MODELS, Layer.REPOSITORY})
        and Layer.SERVICE not in layers
        and not any(isinstance(of, str) and project.resolver.is_kind(of, *OF_HTTP) for of in given)
    )


def _served(project: Project) -> frozenset[Function]:
    """What handlers call, themselves or through others, and dependencies do not."""
    blocking = Blocking(project.resolver)
    return frozenset(
        blocking.called_from(project.handlers) - blocking.called_from(project.dependencies)
    ) - frozenset(project.handlers)


def _class_of(node: ast.Raise, scope: Scope, project: Project) -> Class | str | None:
    """The class of what is raised: a class, an object of it, a variable or what a helper returns."""
    target = project.resolver.resolve(node.exc, scope)
    if isinstance(target, Class | str):
        return target
    if isinstance(target, Instance):
        return target.of
    return project.resolver.infer(node.exc, scope) if isinstance(target, Variable) else None


@dataclass
class _Handled:
    """What becomes of exceptions on their way out."""

    classes: set[Class | str] = field(default_factory=set)
    caught: set[Class | str] = field(default_factory=set)
    is_clear: bool = True

    def knows(self, of: Class, project: Project) -> bool:
        """Whether the class or one of its bases has a handler."""
        return not self.classes.isdisjoint(project.resolver.mro(of))

    def covers(self, of: Class, project: Project) -> bool:
        """Whether the class or one of its bases has a handler, or is caught somewhere."""
        return self.knows(of, project) or not self.caught.isdisjoint(project.resolver.mro(of))


def _unhandled(raised: list[Raised], project: Project) -> Iterator[Finding]:
    if not raised or not project.routes:
        return
    served = reachable(project.registering, project.resolver, project.workers)
    handled = _handled(project)
    if not handled.is_clear:
        return
    yield from _let_pass(raised, handled, project)
    caught = _caught_at_large(project)
    let_out = _let_out(project) if caught else set()
    for node, scope, of in raised:
        if scope.module in served and not handled.covers(of, project):
            if _is_refused_input(of, project) and scope.function in project.fact(_validating):
                continue
            if scope.function is not None and _is_guarded(node, scope.function, of, project):
                continue
            leaves = scope.function in let_out and not _wraps_all(node, scope, project)
            is_held = _falls_under(of, caught, project) and not leaves
            doubtful = is_held or bool(INTERNAL.search(of.name))
            yield (RULE.note if doubtful else RULE.violation)(
                scope.module,
                node,
                f"{of.name}, which no exception handler knows: clients get a 500",
                expected="a domain exception that a handler on the application knows",
                why="What no handler knows ends as an Internal Server Error.",
                next="Register a handler for it, or derive it from an exception that has one",
            )


def _is_refused_input(of: Class, project: Project) -> bool:
    """Whether Pydantic makes a validation error of an exception that a validator raises."""
    bases = [base for base in project.resolver.mro(of) if isinstance(base, str)]
    return any(base in REFUSALS or base.startswith("pydantic.errors.") for base in bases)


def _validating(project: Project) -> frozenset[Function]:
    """The validators of Pydantic's, with all that they call and no handler or dependency calls as well."""
    validators = [
        function
        for module in project.application
        if any(mark in module.content for mark in VALIDATE)
        for function in _validators(module, project)
    ]
    if not validators:
        return frozenset()
    blocking = Blocking(project.resolver)
    others = blocking.called_from([*project.handlers, *project.dependencies])
    return frozenset(blocking.called_from(validators) - others)


def _validators(module: Module, project: Project) -> Iterator[Function]:
    """The functions of a module, or those it names, that Pydantic calls to check a value."""
    for function in module.functions:
        owner, around = function.owner, function.parent or module
        marks = (mark.func if isinstance(mark, ast.Call) else mark for mark in function.decorators)
        if (owner is not None and any(map(owner.method, TYPES))) or any(
            project.resolver.resolve(mark, around) in VALIDATORS for mark in marks
        ):
            yield function
    for call, scope in module.every(ast.Call):
        if call.args and project.resolver.resolve(call.func, scope) in VALIDATORS:
            named = project.resolver.resolve(call.args[0], scope)
            if isinstance(named, Function):
                yield named


def _let_pass(raised: list[Raised], handled: _Handled, project: Project) -> Iterator[Finding]:
    """Calls of handlers and dependencies that let an exception pass which another one catches."""
    raisers: dict[Function, set[Class]] = {}
    for _, scope, of in raised:
        if isinstance(scope, Function) and not handled.knows(of, project) and handled.covers(of, project):
            raisers.setdefault(scope, set()).add(of)
    calls: dict[tuple[Function, Class], list[tuple[ast.Call, Function]]] = {}
    for function in {**project.handlers, **project.dependencies} if raisers else ():
        for call in function.nodes(ast.Call):
            target = project.resolver.resolve(call.func, function)
            if isinstance(target, Function):
                for of in raisers.get(target, ()):
                    calls.setdefault((target, of), []).append((call, function))
    for (target, of), callers in calls.items():
        unguarded = [pair for pair in callers if not _is_guarded(*pair, of, project)]
        for call, function in unguarded if len(unguarded) < len(callers) else ():
            yield RULE.note(
                function.module,
                call,
                f"{target.name}(), whose {of.name} is caught elsewhere and not here",
                expected="every caller to deal with it, or a handler on the application",
                why="What nobody catches and no handler knows ends as an Internal Server Error.",
                next="Register a handler for it, so that no caller has to remember",
            )


def _is_guarded(node: ast.AST, function: Function, of: Class, project: Project) -> bool:
    """Whether a call or a raise stands in the body of a ``try`` that catches this class and keeps it."""
    mro = {*project.resolver.mro(of), *CATCH_ALL}
    while (around := parent(node)) is not None and node is not function.node:
        if isinstance(around, ast.Try) and node in around.body:
            catching = (
                handler
                for handler in around.handlers
                if handler.type is None or not mro.isdisjoint(_classes(handler.type, function, project))
            )
            first = next(catching, None)
            if first is not None and not _only_raises_again(first):
                return True
        node = around
    return False


def _wraps_all(node: ast.AST, scope: Scope, project: Project) -> bool:
    """Whether a raise stands in the answer to everything that may happen, the unexpected included."""
    around = parent(node)
    while around is not None and around is not scope.node:
        if isinstance(around, ast.ExceptHandler):
            return around.type is None or not CATCH_ALL.isdisjoint(_classes(around.type, scope, project))
        around = parent(around)
    return False


def _handled(project: Project) -> _Handled:
    handled = _Handled(is_clear=not any(_maps_errors(route.keywords) for route in project.routes))
    for module in project.application:
        if b"exception_handler" in module.content:
            _registered(module, project, handled)
        handled.classes.update(_handed_on(module, project))
        for node, scope in module.every(ast.ExceptHandler):
            if node.type is not None and not _only_raises_again(node):
                caught = _classes(node.type, scope, project)
                handled.caught.update(cls for cls in caught if cls not in CATCH_ALL)
    return handled


def _only_raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether an exception goes on as it came, after a word in a log at most."""
    *before, last = handler.body
    again = isinstance(last, ast.Raise) and last.exc is None
    return again and all(isinstance(statement, ast.Expr) for statement in before)


def _handed_on(module: Module, project: Project) -> Iterator[Class]:
    """Exception classes that are put into a table or handed to a call, where something may handle them."""
    names = ((node, scope) for node, scope in module.every(ast.Name) if node.id[0].isupper())
    attributes = ((node, scope) for node, scope in module.every(ast.Attribute) if node.attr[0].isupper())
    for node, scope in chain(names, attributes):
        around = parent(node)
        if not isinstance(around, ast.Dict | ast.Call | ast.Tuple | ast.List | ast.keyword):
            continue
        if isinstance(around, ast.Call) and (around.func is node or _is_test(around)):
            continue
        target = project.resolver.resolve(node, scope)
        if isinstance(target, Class) and is_exception(target, project.resolver):
            yield target


def _is_test(call: ast.Call) -> bool:
    return getattr(call.func, "id", "") in {"isinstance", "issubclass"}


def _maps_errors(keywords: dict[str, ast.expr]) -> bool:
    """Whether a route has a table of errors of its own, as some extensions of FastAPI offer."""
    return any("error" in name or "exception" in name for name in keywords)


def _registered(module: Module, project: Project, handled: _Handled) -> None:
    for call, scope in module.every(ast.Call):
        name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
        if name in REGISTERS:
            first = call.args[0] if call.args else next((k.value for k in call.keywords), None)
            classes = list(_classes(first, scope, project)) if first is not None else []
            handled.classes.update(classes)
            handled.is_clear &= bool(classes) or isinstance(first, ast.Constant) or _is_status(first)
            continue
        keywords, hidden = literal_keywords(call, scope, project.resolver)
        table = keywords.get("exception_handlers")
        if table is None:
            made = project.resolver.resolve(call.func, scope) if hidden else None
            handled.is_clear &= made != "fastapi.FastAPI"
            continue
        keys = _keys(table, scope, project)
        handled.is_clear &= keys is not None
        handled.classes.update(keys or ())


def _caught_at_large(project: Project) -> set[str]:
    """What handlers catch whatever it is, so that it cannot be told what a client gets."""
    return {caught for handler in project.handlers for caught in _catches_all(handler, project)}


def _catches_all(handler: Function, project: Project) -> Iterator[str]:
    for node in handler.nodes(ast.ExceptHandler):
        caught = project.resolver.resolve(node.type, handler) if node.type else "BaseException"
        if isinstance(caught, str) and caught in CATCH_ALL:
            yield caught


def _let_out(project: Project) -> set[Function]:
    """What handlers call that do not catch everything: an exception from there reaches the client."""
    plain = [handler for handler in project.handlers if not any(_catches_all(handler, project))]
    return Blocking(project.resolver).called_from(plain)


def _falls_under(of: Class, caught: set[str], project: Project) -> bool:
    """Whether ``except Exception`` or what is caught besides may hold a class."""
    bases = project.resolver.mro(of)
    is_no_exception = "BaseException" in bases and "Exception" not in bases
    return "BaseException" in caught or ("Exception" in caught and not is_no_exception)


def _is_status(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.startswith("HTTP_")


def _keys(node: ast.expr, scope: Scope, project: Project) -> list[Class | str] | None:
    target = project.resolver.resolve(node, scope)
    if isinstance(target, Variable) and target.binding.value is not None:
        node, scope = target.binding.value, target.binding.scope
    if not isinstance(node, ast.Dict) or None in node.keys:
        return None
    return [cls for key in node.keys if key for cls in _classes(key, scope, project)]


def _classes(node: ast.expr, scope: Scope, project: Project) -> Iterator[Class | str]:
    if isinstance(node, ast.Tuple):
        for part in node.elts:
            yield from _classes(part, scope, project)
        return
    target = project.resolver.resolve(node, scope)
    if isinstance(target, Variable) and isinstance(target.binding.value, ast.Tuple):
        yield from _classes(target.binding.value, target.binding.scope, project)
    elif isinstance(target, Class | str):
        yield target
