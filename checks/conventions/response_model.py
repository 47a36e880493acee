"""Every route declares what it returns.

## Rule

Give each route a `response_model`, or its handler a return annotation that names a model. Nothing to
declare: status 204 and 304, a handler that says that it returns a `Response`, a response class that carries
no model (redirect, HTML, file, stream), generators and websockets. JSON that a handler writes into a response
object has a body that a model could describe: who declares nothing of it fails. An ORM model is no response
model. A handler that gives nothing back may say so by `-> None`; status 204 says it better.

## Why

The declared model filters what leaves the service. Without one, with `-> dict` or with
`response_model=None`, every field of the returned object goes out, the password column too. The model is
also what the API's documentation shows. `response_model` cannot stand on a 204: FastAPI refuses to start
with a body on such a route.

## Bad

```python
# app/books/router.py
from fastapi import APIRouter

router = APIRouter(prefix="/books")


@router.get("/{book_id}")
async def get_book(book_id: int):  # <-- here
    return {"id": book_id, "password": "123"}


@router.get("/", response_model=None)  # <-- here
async def list_books():
    return []
```

## Good

```python
# app/books/router.py
from fastapi import APIRouter, status
from pydantic import BaseModel
from starlette.responses import RedirectResponse

router = APIRouter(prefix="/books")


class BookRead(BaseModel):
    id: int


@router.get("/{book_id}")
async def get_book(book_id: int) -> BookRead:
    return BookRead(id=book_id)


@router.get("/", response_model=list[BookRead])
async def list_books():
    return [{"id": 1}]


@router.delete("/{book_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_book(book_id: int) -> None:
    pass


@router.get("/latest/cover")
async def latest_cover() -> RedirectResponse:
    return RedirectResponse("/covers/1")
```
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding, Level
from checks.source import Binding, Class, Function, Project, Route, Scope, Target, Variable, written
from checks.source.kinds import (
    element_types,
    is_entity,
    is_pydantic,
    is_record,
    is_table,
    literal_keywords,
)

RESPONSE: Final = "starlette.responses.Response"
MODELLESS: Final = frozenset(
    f"starlette.responses.{name}"
    for name in (
        "RedirectResponse",
        "HTMLResponse",
        "FileResponse",
        "StreamingResponse",
        "PlainTextResponse",
        "Response",
    )
)
PAGES: Final = frozenset(
    f"fastapi.openapi.docs.get_{page}"
    for page in ("swagger_ui_html", "redoc_html", "swagger_ui_oauth2_redirect_html")
)
"""Functions of FastAPI's that give an HTMLResponse."""
JSON: Final = tuple(f"starlette.responses.{name}Response" for name in ("JSON", "ORJSON", "UJSON"))
CHOOSING: Final = frozenset({"response_model_include", "response_model_exclude"})
"""What a route says that names the fields to show, one by one."""
DOCUMENTS: Final = ("beanie.Document", "bunnet.Document")
DOCUMENTATION: Final = frozenset({"openapi", "get_openapi"})
"""Functions that give the documentation of the API itself."""
LEAST_ERROR: Final = 400
NESTED: Final = 5
"""Through how many routers, one in the other, a default is looked for."""
LOOSE: Final = frozenset(
    {"dict", "typing.Any", "object", "typing.Dict", "typing.Mapping", "typing.MutableMapping"}
)
RULE = Rule(
    __name__,
    expected="a response_model, or a return annotation that names a model",
    why="The declared model filters what leaves the service; without one every field goes out.",
    next="Declare the schema that clients may see",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds the routes that do not say what they return."""
    for route in project.routes:
        if route.is_websocket or route.verb == "head" or _has_no_body(route, project):
            continue
        doubtful = _is_foreign_class(_response_class(route, project), project)
        for finding in _judge(route, project):
            yield replace(finding, level=Level.NOTE) if doubtful else finding


def _judge(route: Route, project: Project) -> Iterator[Finding]:
    model = route.keywords.get("response_model")
    if model is None:
        yield from _by_handler(route, project)
    elif isinstance(model, ast.Constant) and model.value is None:
        if not _answers_by_itself(route, project):
            finding = RULE.violation if _gives(route.handler, project) else RULE.note
            yield finding(route.module, model, "response_model=None on a route with a body")
    else:
        yield from _model(route, model, project)


def subjects(project: Project) -> int:
    """Counts the routes that may have a body."""
    return sum(1 for route in project.routes if not route.is_websocket)


def _has_no_body(route: Route, project: Project) -> bool:
    code = route.keywords.get("status_code")
    if code is None:
        return False
    target = project.resolver.resolve(code, route.scope)
    if isinstance(target, Variable) and target.binding.value is not None:
        code = target.binding.value
    return any(number in written(code) for number in ("204", "304", "205", "NO_CONTENT", "NOT_MODIFIED"))


def _by_handler(route: Route, project: Project) -> Iterator[Finding]:
    handler = route.handler
    if (
        handler is None
        or route.hidden
        or handler.is_generator
        or _takes_anothers_signature(handler, project)
        or _response_class_is_modelless(route, project)
    ):
        return
    annotation = handler.returns
    if annotation is None:
        if not _returns_responses(handler, project):
            yield _at(route, handler, f"{handler.name}(), which declares nothing of what it returns")
        elif not _documents_success(route) and _answers_with_json(handler, project):
            yield _at(route, handler, f"{handler.name}(), which declares nothing of the JSON that it writes")
        elif handler.nodes(ast.Return):
            yield _at(
                route,
                handler,
                f"{handler.name}(), which always answers with a Response but does not say so",
                note=True,
                expected="a return annotation that names the response class",
                next="Annotate the handler with what it returns",
            )
    else:
        yield from _annotation(route, handler, annotation, project)


def _takes_anothers_signature(handler: Function, project: Project) -> bool:
    """Whether ``functools.wraps`` lends the handler the annotations of a function that it wraps."""
    scope = handler.parent or handler
    calls = (decorator for decorator in handler.decorators if isinstance(decorator, ast.Call))
    return any(project.resolver.resolve(call.func, scope) == "functools.wraps" for call in calls)


def _annotation(route: Route, handler: Function, annotation: ast.expr, project: Project) -> Iterator[Finding]:
    scope = handler.parent or handler
    annotation = project.resolver.plain(annotation)
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        if not _returns_responses(handler, project):
            found = f"{handler.name}() -> None on a route with a body"
            yield _at(route, handler, found, note=not _gives(handler, project))
    elif entity := _entity(annotation, scope, project):
        found = f"the ORM model {entity.name} as what the route returns"
        yield _at(route, handler, found, note=not _has_its_own_table(entity, project), **_ORM)
    elif _is_loose(annotation, scope, project):
        shown = written(annotation)
        yield _at(route, handler, f"{handler.name}() -> {shown}, which filters nothing", note=True)


_ORM: Final = {
    "expected": "a Pydantic schema",
    "why": "An ORM model carries every column, those that no client may see included.",
    "next": "Give the route a schema that names the fields clients may see",
}


def _model(route: Route, model: ast.expr, project: Project) -> Iterator[Finding]:
    scope = route.scope
    if entity := _entity(model, scope, project):
        is_plain = _has_its_own_table(entity, project) and not CHOOSING.intersection(route.keywords)
        finding = RULE.violation if is_plain else RULE.note
        yield finding(route.module, model, f"the ORM model {entity.name} as the response model", **_ORM)
    elif _is_loose(model, scope, project):
        yield RULE.note(route.module, model, f"response_model={written(model)}, which filters nothing")


def _at(route: Route, handler: Function, found: str, *, note: bool = False, **words: str) -> Finding:
    finding = RULE.note if note else RULE.violation
    if route.endpoint is None:
        return finding(handler.module, handler.node, found, **words)
    return finding(route.module, route.endpoint, found, **words)


def _gives(handler: Function | None, project: Project) -> bool:
    """Whether a handler gives a value back."""
    if handler is None or isinstance(handler.node, ast.Lambda):
        return handler is not None
    return any(_is_value(node.value, handler, project) for node in handler.nodes(ast.Return))


def _is_value(node: ast.expr | None, scope: Scope, project: Project) -> bool:
    """Whether an expression is more than None, and than a call of a function that gives nothing."""
    if node is None or _is_none(node):
        return False
    called = node.value if isinstance(node, ast.Await) else node
    target = project.resolver.resolve(called.func, scope) if isinstance(called, ast.Call) else None
    if not isinstance(target, Function) or target.decorators or target.is_generator:
        return True
    says = target.returns
    if says is not None:
        return not _is_none(says)
    return any(node.value is not None and not _is_none(node.value) for node in target.nodes(ast.Return))


def _entity(node: ast.expr, scope: Scope, project: Project) -> Class | None:
    for part in element_types(node, scope, project.resolver):
        target = project.resolver.resolve(part, scope) if isinstance(part, ast.Name | ast.Attribute) else None
        if isinstance(target, Class) and (
            is_entity(target, project.resolver)
            or is_table(target, project.resolver)
            or _is_row(target, project)
        ):
            return target
    return None


def _is_row(of: Class, project: Project) -> bool:
    """Whether a class is a table's by a library of active record; documents are often meant to be shown."""
    return is_record(of, project.resolver) and not project.resolver.is_kind(of, *DOCUMENTS)


def _has_its_own_table(entity: Class, project: Project) -> bool:
    """Whether a class is mapped itself: an SQLModel class that only derives from such a one is a schema."""
    if not is_pydantic(entity, project.resolver) or _is_row(entity, project):
        return True
    return any(keyword.arg == "table" for keyword in entity.node.keywords)


def _is_loose(node: ast.expr, scope: Scope, project: Project) -> bool:
    parts = [p for p in element_types(node, scope, project.resolver) if not _is_none(p)]
    return bool(parts) and any(_is_loose_part(part, scope, project) for part in parts)


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_loose_part(node: ast.expr, scope: Scope, project: Project) -> bool:
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if project.resolver.resolve(node.value, scope) not in LOOSE:
            return False
        return project.resolver.resolve(inner[-1], scope) in {"typing.Any", "object", "dict", "typing.Dict"}
    target = project.resolver.resolve(node, scope)
    return isinstance(target, str) and (target in LOOSE or target in {"list", "typing.List"})


def _is_response(of: "Class | str | None", project: Project) -> bool:
    if isinstance(of, str) and (
        of.startswith(("starlette.responses.", "sse_starlette.", "fastapi.sse.")) or of in PAGES
    ):
        return True
    return project.resolver.is_kind(of, RESPONSE) or (isinstance(of, str) and of.endswith("TemplateResponse"))


def _response_class_is_modelless(route: Route, project: Project) -> bool:
    target = _response_class(route, project)
    if isinstance(target, str):
        return target in MODELLESS or target.endswith(
            ("StreamingResponse", "EventSourceResponse", "FileResponse")
        )
    return isinstance(target, Class) and project.resolver.is_kind(target, *(MODELLESS - {RESPONSE}))


def _is_foreign_class(target: Target | None, project: Project) -> bool:
    """Whether a response class is a library's of which it is not known whether it carries models."""
    of = project.resolver.mro(target) if isinstance(target, Class) else [target]
    names = [name for name in of if isinstance(name, str) and name != "object"]
    known = any(name.startswith(("starlette.", "fastapi.")) or "JSON" in name for name in names)
    return bool(names) and not known


def _response_class(route: Route, project: Project) -> Target | None:
    """The class that a route answers with: its own, its router's or that of all that include the router."""
    given = route.keywords.get("response_class")
    if given is not None:
        return project.resolver.resolve(given, route.scope)
    return _default_class(*route.router, project) if route.router is not None else None


def _default_class(node: ast.expr, scope: Scope, project: Project, depth: int = 0) -> Target | None:
    target = project.resolver.resolve(node, scope)
    if depth > NESTED or not isinstance(target, Variable) or not isinstance(target.binding.value, ast.Call):
        return None
    around = target.binding.scope
    keywords, _ = literal_keywords(target.binding.value, around, project.resolver)
    given = keywords.get("default_response_class")
    if given is not None:
        return project.resolver.resolve(given, around)
    by = project.fact(_includes).get(target.binding, ())
    found = {_default_class(router, place, project, depth + 1) for router, place in by}
    return found.pop() if len(found) == 1 else None


def _includes(project: Project) -> dict[Binding, list[tuple[ast.expr, Scope]]]:
    """What includes each router, and where: the application, or another router."""
    found: dict[Binding, list[tuple[ast.expr, Scope]]] = {}
    if not any(b"default_response_class" in module.content for module in project.application):
        return found
    for module in project.application:
        for call, scope in module.every(ast.Call) if b"include_router" in module.content else ():
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr == "include_router" and call.args:
                router = project.resolver.resolve(call.args[0], scope)
                if isinstance(router, Variable):
                    found.setdefault(router.binding, []).append((func.value, scope))
    return found


def _returns_responses(handler: Function, project: Project) -> bool:
    """Whether every value that the handler gives back is a Response, or it gives none at all back."""
    if isinstance(handler.node, ast.Lambda):
        return _is_response(project.resolver.infer(handler.node.body, handler), project)
    values = [node.value for node in handler.nodes(ast.Return)]
    if not values:
        return _only_raises(handler)
    return all(value is not None and _may_be_response(value, handler, project) for value in values)


def _documents_success(route: Route) -> bool:
    """Whether a route says at least in its documentation what it answers with."""
    table = route.keywords.get("responses")
    if not isinstance(table, ast.Dict):
        return table is not None or "response_class" in route.keywords
    keys = (str(key.value) if isinstance(key, ast.Constant) else "2" for key in table.keys)
    successes = (
        entry
        for key, entry in zip(keys, table.values, strict=True)
        if key.startswith(("2", "default")) and not _is_mere_text(entry)
    )
    return "response_class" in route.keywords or next(successes, None) is not None


def _is_mere_text(entry: ast.expr) -> bool:
    """Whether a documented answer has a description, and no model or content that says what it holds."""
    names = [getattr(key, "value", None) for key in entry.keys] if isinstance(entry, ast.Dict) else [None]
    return all(name == "description" for name in names)


def _answers_with_json(handler: Function, project: Project) -> bool:
    """Whether all that a handler gives back is JSON of its own making, and more than errors."""
    if isinstance(handler.node, ast.Lambda):
        return _is_json(handler.node.body, handler, project)
    values = [node.value for node in handler.nodes(ast.Return) if node.value is not None]
    given = [one for value in values for one in _bound_to(value, handler)]
    if not given or not all(_is_json(one, handler, project) for one in given):
        return False
    called = {getattr(c.func, "attr", "") or getattr(c.func, "id", "") for c in handler.nodes(ast.Call)}
    return DOCUMENTATION.isdisjoint(called) and not all(_is_error(one) for one in given)


def _bound_to(value: ast.expr, handler: Function) -> list[ast.expr]:
    """What a variable of the handler is given; the expression itself where it is none."""
    bindings = handler.names.get(value.id, []) if isinstance(value, ast.Name) else []
    return [b.value for b in bindings if b.value is not None] or [value]


def _is_json(value: ast.expr, scope: Scope, project: Project) -> bool:
    if project.resolver.is_kind(project.resolver.infer(value, scope), *JSON):
        return True
    if not isinstance(value, ast.Call) or project.resolver.resolve(value.func, scope) != RESPONSE:
        return False
    media = _keyword(value, "media_type")
    return isinstance(media, ast.Constant) and media.value == "application/json"


def _is_error(value: ast.expr) -> bool:
    """Whether a response is made with the status of an error."""
    status = _keyword(value, "status_code") if isinstance(value, ast.Call) else None
    if isinstance(status, ast.Constant):
        return isinstance(status.value, int) and status.value >= LEAST_ERROR
    return isinstance(status, ast.Attribute) and status.attr.startswith(("HTTP_4", "HTTP_5"))


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _may_be_response(value: ast.expr, handler: Function, project: Project) -> bool:
    """Whether a value is a Response, or a variable that was one at some point."""
    if _is_response(project.resolver.infer(value, handler), project):
        return True
    bindings = handler.names.get(value.id, []) if isinstance(value, ast.Name) else []
    return any(
        b.value is not None and _is_response(project.resolver.infer(b.value, handler), project)
        for b in bindings
    )


def _only_raises(handler: Function) -> bool:
    body = handler.node.body
    return isinstance(body, list) and isinstance(body[-1], ast.Raise)


def _answers_by_itself(route: Route, project: Project) -> bool:
    """Whether a route with response_model=None sends no body of its own making."""
    handler = route.handler
    if handler is None or handler.is_generator or _response_class_is_modelless(route, project):
        return True
    if handler.returns is not None:
        parts = element_types(handler.returns, handler.parent or handler, project.resolver)
        of = [
            project.resolver.annotated(part, handler.parent or handler)
            for part in parts
            if not _is_none(part)
        ]
        if of and all(_is_response(one, project) for one in of):
            return True
    return _returns_responses(handler, project)
