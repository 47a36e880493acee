"""Operators that break one convention in a project that follows them all.

Each operator looks through the project for places where it applies and gives the changed project with the
line at which its convention has to speak up. Whole new lines are put at the end of a file, so that no other
line moves.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from checks.conventions._helpers import with_helpers
from checks.conventions.lifespan import lifespans
from checks.source import Class, Function, Layer, Module, Project
from checks.source.kinds import is_entity, is_pydantic, is_settings


@dataclass(frozen=True, slots=True)
class Mutant:
    """A project with one fault.

    Attributes:
        operator: what was done.
        slug: the convention that it breaks.
        file: the file with the fault, where the finding is expected.
        line: the line of the finding.
        changes: path to its new content; None for a file that is gone.
    """

    operator: str
    slug: str
    file: str
    line: int
    changes: dict[str, str | None]


Mutants = Iterator[tuple[Module, int, str]]
"""The module that is changed, the line of the finding and the new text of the module."""


def _replaced(module: Module, line: int, new: str, *more: str) -> str:
    lines = list(module.lines)
    lines[line - 1] = new
    return "\n".join([*lines, *more, ""])


def _inserted(function: Function, statement: str, *imports: str) -> tuple[int, str]:
    """A statement before the first one of a function's body that is no docstring."""
    body = function.node.body
    assert isinstance(body, list)
    first = (
        body[1]
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and body[1:]
        else body[0]
    )
    lines = list(function.module.lines)
    lines.insert(first.lineno - 1, " " * first.col_offset + statement)
    return first.lineno, "\n".join([*lines, *imports, ""])


def _handlers(project: Project) -> Iterator[Function]:
    for handler, routes in project.handlers.items():
        if routes[0].endpoint is None:
            yield handler


def _of_layer(project: Project, *layers: Layer) -> Iterator[Module]:
    return (module for module in project.application if project.layer(module) in layers)


def _methods(project: Project, *layers: Layer) -> Iterator[Function]:
    for module in _of_layer(project, *layers):
        for cls in module.classes:
            yield from (method for method in cls.methods if method.is_async)


def drop_async(project: Project) -> Mutants:
    for handler in _handlers(project):
        line = handler.node.lineno
        text = handler.module.lines[line - 1]
        yield handler.module, line, _replaced(handler.module, line, text.replace("async def", "def", 1))


def _edited(module: Module, node: ast.AST, new: str) -> str:
    """The module's text with one node written differently; lines before it stay."""
    text = "\n".join(module.lines)
    old = ast.get_source_segment(text, node)
    assert old is not None
    place = module.place(node)
    start = sum(len(line) + 1 for line in module.lines[: place.line - 1]) + place.column - 1
    return text[:start] + new + text[start + len(old) :]


def remove_response_model(project: Project) -> Mutants:
    for handler in _handlers(project):
        route = project.handlers[handler][0]
        if "status_code" in route.keywords and "NO_CONTENT" in ast.unparse(route.keywords["status_code"]):
            continue
        if handler.returns is not None and "Response" in ast.unparse(handler.returns):
            continue
        text = "\n".join(handler.module.lines)
        if handler.returns is not None:
            annotation = ast.get_source_segment(text, handler.returns)
            text = (
                _edited(handler.module, handler.returns, "").replace(") -> :", "):", 1)
                if annotation
                else text
            )
        text = re.sub(r"response_model=[\w\[\]]+(, |\))", lambda m: m[1] if m[1] == ")" else "", text)
        text = re.sub(r"^ *response_model=[\w\[\]]+,$", "", text, flags=re.MULTILINE)
        yield handler.module, handler.node.lineno, text


def response_model_none(project: Project) -> Mutants:
    for handler in _handlers(project):
        model = project.handlers[handler][0].keywords.get("response_model")
        if model is not None:
            yield handler.module, model.lineno, _edited(handler.module, model, "None")


def default_instead_of_alias(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.ROUTER, Layer.DEPENDENCIES):
        for function in module.functions:
            for argument, default in function.parameters:
                name = getattr(argument.annotation, "id", "")
                if default is None and name.endswith("Dep") and argument.annotation is not None:
                    text = _edited(module, argument, f"{argument.arg}=Depends(print)")
                    if not _parses(text):
                        text = _edited(module, argument, f"*, {argument.arg}=Depends(print)")
                    yield module, argument.lineno, f"{text}\nfrom fastapi import Depends\n"


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def http_exception(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.SERVICE, Layer.REPOSITORY):
        for node, _ in module.every(ast.Raise):
            if node.exc is not None:
                text = _edited(module, node.exc, "HTTPException(404)")
                yield module, node.lineno, f"{text}\nfrom fastapi import HTTPException\n"


def drop_expire_flag(project: Project) -> Mutants:
    for module in project.application:
        for call, _ in module.every(ast.Call):
            for keyword in call.keywords:
                if keyword.arg == "expire_on_commit":
                    text = "\n".join(module.lines).replace(", expire_on_commit=False", "", 1)
                    yield module, call.lineno, text
                    yield module, keyword.value.lineno, _edited(module, keyword.value, "True")


def sync_engine(project: Project) -> Mutants:
    names = {"create_async_engine": "create_engine", "async_sessionmaker": "sessionmaker"}
    for module in project.application:
        for call, _ in module.every(ast.Call):
            name = getattr(call.func, "id", "")
            if name in names:
                source = "sqlalchemy" if name == "create_async_engine" else "sqlalchemy.orm"
                text = _edited(module, call.func, names[name])
                yield module, call.lineno, f"{text}\nfrom {source} import {names[name]}\n"


def sync_session(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.REPOSITORY):
        for node, _ in module.every(ast.Await):
            call = node.value
            attribute = call.func if isinstance(call, ast.Call) else None
            if isinstance(attribute, ast.Attribute) and "session" in ast.unparse(attribute.value):
                text = _edited(module, node, ast.get_source_segment("\n".join(module.lines), call) or "")
                swapped = "from sqlalchemy.orm import Session as AsyncSession"
                yield module, attribute.lineno, f"{text}\n{swapped}\n"


def query_in_router(project: Project) -> Mutants:
    for handler in _handlers(project):
        line, text = _inserted(handler, "select(1, 2)", "from sqlalchemy import select")
        yield handler.module, line, text


def session_in_router(project: Project) -> Mutants:
    imports = ["from sqlalchemy.ext.asyncio import AsyncSession", "session: AsyncSession = AsyncSession()"]
    for handler in _handlers(project):
        line, text = _inserted(handler, "await session.commit()", *imports)
        yield handler.module, line, text


def query_in_service(project: Project) -> Mutants:
    for method in _methods(project, Layer.SERVICE):
        line, text = _inserted(method, "select(1, 2)", "from sqlalchemy import select")
        yield method.module, line, text


def through_the_repository(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.SERVICE):
        for cls in module.classes:
            for name in cls.attributes:
                of = project.resolver.infer(cls.attributes[name][0].value, cls.attributes[name][0].scope)
                if not isinstance(of, Class) or project.layer(of.module) is not Layer.REPOSITORY:
                    continue
                for method in cls.methods:
                    if method.is_async:
                        line, text = _inserted(method, f"await self.{name}._session.commit()")
                        yield module, line, text


def _with_last_line(module: Module, line: str) -> tuple[Module, int, str]:
    text = "\n".join(module.lines).rstrip("\n") + "\n"
    return module, text.count("\n") + 1, f"{text}{line}\n"


def import_upwards(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.REPOSITORY, Layer.MODELS, Layer.SCHEMAS):
        service = project.find("/".join((*module.folder, "service.py")))
        if service is not None:
            yield _with_last_line(module, f"from {service.name} import *; import {service.name}")


def import_http(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.SERVICE):
        for name in ("Request", "Response", "HTTPException"):
            yield _with_last_line(module, f"from fastapi import {name}")


def _blocking(statement: str, *imports: str) -> Callable[[Project], Mutants]:
    def mutate(project: Project) -> Mutants:
        at_start = with_helpers(lifespans(project), project)
        for method in [*_methods(project, Layer.SERVICE, Layer.REPOSITORY), *_handlers(project)]:
            if method in at_start:  # before the first request a wait hinders nobody: a note
                continue
            line, text = _inserted(method, statement, *imports)
            yield method.module, line, text

    return mutate


def read_environment(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY):
        yield _with_last_line(module, "import os; LIMIT = os.getenv('LIMIT')")


def secret_default(project: Project) -> Mutants:
    for module in project.application:
        for cls in module.classes:
            if not is_settings(cls, project.resolver):
                continue
            for field in cls.node.body:
                if isinstance(field, ast.AnnAssign) and "secret" in ast.unparse(field.target):
                    yield (
                        module,
                        field.lineno,
                        _edited(module, field, "secret_key: str = 'x' * 1 or 'a'").replace(
                            "'x' * 1 or 'a'", "'a-secret-for-everybody'"
                        ),
                    )


def no_env_file(project: Project) -> Mutants:
    for module in project.application:
        for cls in module.classes:
            if is_settings(cls, project.resolver):
                text = re.sub(r"env_file=[^,)]+", "title='x'", "\n".join(module.lines))
                yield module, cls.node.lineno, text


def never_closed(project: Project) -> Mutants:
    for module in project.application:
        for node, scope in module.every(ast.Await):
            if ast.unparse(node).endswith("engine.dispose()"):
                made = next(c for c in scope.nodes(ast.Call) if "create_async_engine" in ast.unparse(c.func))
                yield module, made.lineno, _edited(module, node, "None")


def old_event(project: Project) -> Mutants:
    for module in _of_layer(project, Layer.MAIN):
        if b"FastAPI" not in module.content:
            continue
        yield _with_last_line(module, "app.add_event_handler('startup', print)")
        yield _with_last_line(module, "other = FastAPI(on_startup=[print])")


def import_app(project: Project) -> Mutants:
    for module in _of_layer(
        project, Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY, Layer.DEPENDENCIES, Layer.SCHEMAS
    ):
        yield _with_last_line(module, "from app.main import app")
        yield _with_last_line(module, "import app.main as entry")


def pydantic_1(project: Project) -> Mutants:
    for module in project.application:
        for call, _ in module.every(ast.Call):
            names = {"model_dump": "dict", "model_validate": "parse_obj"}
            if isinstance(call.func, ast.Attribute) and call.func.attr in names:
                value = ast.get_source_segment("\n".join(module.lines), call.func.value)
                yield module, call.lineno, _edited(module, call.func, f"{value}.{names[call.func.attr]}")
        for cls in module.classes:
            if is_pydantic(cls, project.resolver) and not is_settings(cls, project.resolver):
                last = cls.node.body[-1].end_lineno or 1
                lines = list(module.lines)
                lines.insert(last, "    class Config:\n        orm_mode = True")
                yield module, last + 1, "\n".join(lines)


def old_column(project: Project) -> Mutants:
    for module in project.application:
        for cls in module.classes:
            for field in cls.node.body:
                if is_entity(cls, project.resolver) and isinstance(field, ast.AnnAssign):
                    name = ast.unparse(field.target)
                    text = _edited(module, field, f"{name} = Column(Integer)")
                    yield module, field.lineno, f"{text}\nfrom sqlalchemy import Column, Integer\n"


def decide_in_router(project: Project) -> Mutants:
    for handler in _handlers(project):
        for node in handler.nodes(ast.Assign):
            if isinstance(node.value, ast.Await) and isinstance(node.targets[0], ast.Name):
                of = project.resolver.infer(node.value, handler)
                if not is_entity(of, project.resolver):
                    continue
                lines = list(handler.module.lines)
                name, end = node.targets[0].id, node.end_lineno or node.lineno
                pad = " " * node.col_offset
                lines[end:end] = [f"{pad}if {name}.id > 3:", f"{pad}    raise HTTPException(409)"]
                yield handler.module, end + 1, "\n".join([*lines, "from fastapi import HTTPException", ""])


def hash_in_router(project: Project) -> Mutants:
    for handler in _handlers(project):
        line, text = _inserted(
            handler, "await hash_password('x')", "from app.core.security import hash_password"
        )
        yield handler.module, line, text


def old_test_client(project: Project) -> Mutants:
    for module in project.modules:
        if project.layer(module) is Layer.TESTS:
            for call, _ in module.every(ast.Call):
                if ast.unparse(call.func).endswith("AsyncClient"):
                    text = _edited(module, call, "TestClient(app)")
                    yield module, call.lineno, f"{text}\nfrom fastapi.testclient import TestClient\n"


def drop_table_creation(project: Project) -> Mutants:
    for module in project.modules:
        for call, _ in module.every(ast.Call):
            if getattr(call.func, "attr", "") == "create_table" and "revision" in module.names:
                table = str(getattr(call.args[0], "value", ""))
                entity = next(
                    cls
                    for other in project.application
                    for cls in other.classes
                    if is_entity(cls, project.resolver)
                    and f'"{table}"' in ast.unparse(cls.node).replace("'", '"')
                )
                yield entity.module, entity.node.lineno, _edited(module, call.args[0], "'something_else'")


def second_head(project: Project) -> Mutants:
    for module in project.modules:
        if "down_revision" in module.names and "revision" in module.names:
            binding = module.names["down_revision"][0]
            if isinstance(binding.value, ast.Constant) and binding.value.value is not None:
                yield module, binding.node.lineno, _edited(module, binding.value, "'0000_nothing'")  # type: ignore[attr-defined]


def no_way_back(project: Project) -> Mutants:
    for module in project.modules:
        if "revision" not in module.names:
            continue
        for function in module.functions:
            if function.name == "downgrade" and b"create_table" in module.content:
                body = function.node.body
                assert isinstance(body, list)
                lines = list(module.lines)
                lines[body[0].lineno - 1 : body[-1].end_lineno] = ["    pass"]
                yield module, function.node.lineno, "\n".join(lines)


OPERATORS: Final[dict[str, tuple[str, Callable[[Project], Mutants]]]] = {
    "drop async from a handler": ("async-handlers", drop_async),
    "remove what a route declares": ("response-model", remove_response_model),
    "response_model=None": ("response-model", response_model_none),
    "a default instead of an alias": ("annotated-dependencies", default_instead_of_alias),
    "HTTPException below the router": ("domain-exceptions", http_exception),
    "expire_on_commit dropped or True": ("expire-on-commit", drop_expire_flag),
    "a sync engine or factory": ("async-session", sync_engine),
    "a sync session, not awaited": ("async-session", sync_session),
    "SQL in a router": ("layer-imports", query_in_router),
    "a session's call in a router": ("layer-imports", session_in_router),
    "SQL in a service": ("layer-imports", query_in_service),
    "through the repository to its session": ("layer-imports", through_the_repository),
    "an import upwards": ("layer-imports", import_upwards),
    "HTTP in a service": ("layer-imports", import_http),
    "requests.get in a coroutine": ("no-blocking-calls", _blocking("requests.get('x')", "import requests")),
    "time.sleep in a coroutine": ("no-blocking-calls", _blocking("time.sleep(1)", "import time")),
    "open in a coroutine": ("no-blocking-calls", _blocking("open('x')")),
    "a look into the environment": ("settings-from-env", read_environment),
    "a secret with a default": ("settings-from-env", secret_default),
    "no env_file": ("settings-from-env", no_env_file),
    "an engine never disposed of": ("lifespan", never_closed),
    "the old events": ("lifespan", old_event),
    "the app imported": ("no-app-import", import_app),
    "Pydantic 1": ("pydantic-v2", pydantic_1),
    "bare columns": ("sqlalchemy-2", old_column),
    "a decision in a handler": ("thin-routers", decide_in_router),
    "a password hashed in a handler": ("thin-routers", hash_in_router),
    "TestClient": ("async-tests", old_test_client),
    "a table that no migration makes": ("migrations", drop_table_creation),
    "a revision that follows nothing": ("migrations", second_head),
    "an empty downgrade": ("migrations", no_way_back),
}
"""What an operator does, to the convention that it breaks and the operator itself."""


def mutants(project: Project) -> Iterator[Mutant]:
    """Every mutant of a project."""
    for operator, (slug, mutate) in OPERATORS.items():
        for module, line, text in mutate(project):
            changed = _changed_file(operator, module, text, project)
            yield Mutant(operator, slug, module.file, line, {changed: text})
    yield from _of_files(project)


def _changed_file(operator: str, module: Module, text: str, project: Project) -> str:
    """The file that an operator changed; for tables, a migration and not the model that is found."""
    if operator != "a table that no migration makes":
        return module.file
    return next(
        m.file for m in project.modules if "revision" in m.names and text.startswith("\n".join(m.lines[:3]))
    )


def _of_files(project: Project) -> Iterator[Mutant]:
    """Files that go, copies of shared code, and a manifest that declares less."""
    for module in list(project.application):
        if project.layer(module) in {Layer.SERVICE, Layer.REPOSITORY}:
            router = project.find("/".join((*module.folder, "router.py")))
            models = project.find("/".join((*module.folder, "models.py")))
            if router is not None and models is not None:
                yield Mutant("a layer's file gone", "module-layout", router.file, 1, {module.file: None})
        if project.layer(module) is Layer.MODELS and "common" not in module.parts:
            text = "\n".join(module.lines).rstrip("\n") + "\n"
            more = "from sqlalchemy.orm import DeclarativeBase\nclass Second(DeclarativeBase): ...\n"
            yield Mutant(
                "a second base", "shared-code", module.file, text.count("\n") + 2, {module.file: text + more}
            )
        if project.layer(module) is Layer.SCHEMAS and "common" not in module.parts:
            text = "\n".join(module.lines).rstrip("\n") + "\n"
            page = (
                "from pydantic import BaseModel\nclass Slice(BaseModel):\n"
                "    items: list[int]\n    total: int\n    limit: int\n    offset: int\n"
            )
            yield Mutant(
                "the page again", "shared-code", module.file, text.count("\n") + 2, {module.file: text + page}
            )
    yield from _of_manifest(project)


def _of_manifest(project: Project) -> Iterator[Mutant]:
    path = project.root / "pyproject.toml"
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    edits = (
        (r'requires-python = "[^"]+"', 'requires-python = ">=3.10"'),
        (r'"fastapi[^"]*"', '"fastapi>=0.100"'),
        (r'"sqlalchemy\[asyncio\]', '"sqlalchemy'),
        (r'"pydantic>=[^"]*"', '"pydantic>=1.9"'),
    )
    for pattern, new in edits:
        match = re.search(pattern, text)
        if match:
            line = text.count("\n", 0, match.start()) + 1
            changed = text[: match.start()] + new + text[match.end() :]
            yield Mutant("less declared", "stack", "pyproject.toml", line, {"pyproject.toml": changed})
    yield Mutant("no lock", "stack", "pyproject.toml", 1, {"uv.lock": None})
    yield Mutant(
        "no ruff",
        "stack",
        "pyproject.toml",
        1,
        {"pyproject.toml": re.sub(r"\[tool\.ruff", "[tool.other", text)},
    )
