"""Start-up and shutdown live in a lifespan context manager.

## Rule

Give the application one async context manager as `lifespan=`. What it opens before the `yield`, it closes
after it, also when start-up fails half-way. An application that owns nothing needs none.

## Why

The old start-up and shutdown events are two functions that share nothing; when start-up fails between two
of them, what was opened stays open. A context manager keeps opening and closing in one place. Two traps:
`ASGITransport` does not run the lifespan, and neither does a mounted sub-application's own lifespan run.

## Bad

```python
# app/main.py
from fastapi import FastAPI

app = FastAPI()


@app.on_event("startup")  # <-- here
async def connect() -> None: ...
```

```python
# app/main.py
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.engine = create_async_engine("sqlite+aiosqlite://")  # <-- here
    yield


app = FastAPI(lifespan=lifespan)
```

## Good

```python
# app/main.py
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    engine = create_async_engine("sqlite+aiosqlite://")
    try:
        app.state.engine = engine
        yield
    finally:
        await engine.dispose()


app = FastAPI(lifespan=lifespan)
```
"""

import ast
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Function, Module, Project, Scope, parent, written
from checks.source.calls import Blocking
from checks.source.kinds import literal_keywords
from checks.source.routes import is_registrar

APPLICATIONS: Final = frozenset({"fastapi.FastAPI", "fastapi.APIRouter"})
OPENED: Final[dict[str, str]] = {
    "sqlalchemy.ext.asyncio.AsyncEngine": "the engine",
    "sqlalchemy.Engine": "the engine",
    "httpx.AsyncClient": "the HTTP client",
    "httpx.Client": "the HTTP client",
    "aiohttp.ClientSession": "the HTTP session",
    "redis.asyncio.Redis": "the Redis client",
    "redis.asyncio.from_url": "the Redis client",
    "redis.asyncio.Redis.from_url": "the Redis client",
    "redis.asyncio.ConnectionPool": "the Redis pool",
    "asyncpg.create_pool": "the connection pool",
    "asyncpg.connect": "the connection",
    "aiosqlite.connect": "the connection",
    "motor.motor_asyncio.AsyncIOMotorClient": "the MongoDB client",
    "concurrent.futures.ThreadPoolExecutor": "the thread pool",
    "concurrent.futures.ProcessPoolExecutor": "the process pool",
    "aio_pika.connect_robust": "the connection",
    "aiokafka.AIOKafkaProducer": "the producer",
    "aiokafka.AIOKafkaConsumer": "the consumer",
    "aioredis.from_url": "the Redis client",
    "arq.create_pool": "the Redis pool",
    "arq.connections.create_pool": "the Redis pool",
    "psycopg_pool.AsyncConnectionPool": "the connection pool",
    "aio_pika.connect": "the connection",
    "nats.connect": "the connection",
    "pymongo.AsyncMongoClient": "the MongoDB client",
    "elasticsearch.AsyncElasticsearch": "the Elasticsearch client",
    "apscheduler.schedulers.asyncio.AsyncIOScheduler": "the scheduler",
    "apscheduler.schedulers.background.BackgroundScheduler": "the scheduler",
    "asyncio.create_task": "the task",
}
TASK: Final = "the task"
STARTERS: Final = re.compile(r"connect|start|startup|open|init|initiali[sz]e|set_?up|start_\w+|init_\w+")
STEPS: Final = 3
"""How many functions of the project may stand between the lifespan and what they make."""
APPS: Final = frozenset({"fastapi.FastAPI", "starlette.applications.Starlette"})
CLOSERS: Final = frozenset(
    [
        "aclose",
        "close",
        "close_connections",
        "dispose",
        "shutdown",
        "stop",
        "disconnect",
        "cancel",
        "terminate",
        "wait_closed",
        "aclose_all",
        "drain",
        "cleanup",
        "teardown",
        "stop_listener",
        "__aexit__",
        "__exit__",
    ]
)
PARTS: Final = frozenset({"get_database", "get_default_database", "get_collection"})
"""Methods that give a part of a client."""
TAKERS: Final = frozenset(
    [
        "enter_async_context",
        "enter_context",
        "aclosing",
        "closing",
        "push_async_exit",
        "push",
        "set_default_executor",
    ]
)
"""What takes an object to close it later, on every way out."""
EVENT_LISTS: Final = frozenset({"on_startup", "on_shutdown"})
FAILING: Final = frozenset({"http", "files", "other"})
PROBE: Final = re.compile(r"\.(?:l?exists|is_?\w+)$")
RULE = Rule(
    __name__,
    expected="an async context manager given as `lifespan=`",
    why="A context manager keeps opening and closing in one place, whatever happens in between.",
    next="Move what the event does into the application's lifespan",
)
CLOSING: Final = {
    "expected": "everything that the lifespan opens closed when it ends",
    "why": "What stays open keeps its connections, and a restart finds them taken.",
    "next": "Let the closing run on every way out, also when start-up fails half-way",
}


def check(project: Project) -> Iterator[Finding]:
    """Finds the old events, and lifespans that leave something open."""
    for module in project.application:
        yield from _events(module, project)
        yield from _event_lists(module, project)
        yield from _engines(module, project)
    has_migrations = _has_migrations(project)
    for lifespan in project.fact(lifespans):
        left = [
            *_left_open(lifespan, project),
            *_left_behind(lifespan, project),
            *_left_running(lifespan, project),
        ]
        yield from left or _unguarded(lifespan, project)
        if has_migrations:
            yield from _creates_tables(lifespan, project)


def subjects(project: Project) -> int:
    """Counts the applications."""
    made = (project.resolver.infer(call, scope) for call, scope in project.fact(_applications))
    return sum(1 for of in made if project.resolver.is_kind(of, "fastapi.FastAPI"))


def _applications(project: Project) -> list[tuple[ast.Call, Scope]]:
    found: list[tuple[ast.Call, Scope]] = []
    for module in project.application:
        if b"FastAPI" not in module.content and b"APIRouter" not in module.content:
            continue
        for call, scope in module.every(ast.Call):
            target = project.resolver.resolve(call.func, scope) if call.func.__class__ in _NAMED else None
            if target in APPLICATIONS or (
                target is not None
                and project.resolver.is_kind(project.resolver.infer(call, scope), *APPLICATIONS)
            ):
                found.append((call, scope))
    return found


_NAMED: Final = frozenset({ast.Name, ast.Attribute})


def _events(module: Module, project: Project) -> Iterator[Finding]:
    if b"on_event" in module.content or b"add_event_handler" in module.content:
        for call, scope in module.every(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or not _is_event(func.attr, call):
                continue
            if _may_register(call, scope, project):
                yield RULE.violation(module, call, f"the old event interface, {func.attr}()")


def _event_lists(module: Module, project: Project) -> Iterator[Finding]:
    if not any(name.encode() in module.content for name in EVENT_LISTS):
        return
    for call, scope in module.every(ast.Call):
        keywords, _ = literal_keywords(call, scope, project.resolver)
        if not EVENT_LISTS & keywords.keys():
            continue
        if project.resolver.is_kind(project.resolver.infer(call, scope), *APPLICATIONS):
            for name in sorted(EVENT_LISTS & keywords.keys()):
                yield RULE.violation(module, keywords[name], f"the old event list {name}=")
    for node, scope in module.every(ast.Attribute):
        if node.attr in EVENT_LISTS and _is_changed(node) and _is_application(node.value, scope, project):
            yield RULE.violation(module, node, f"the old event list, {written(node)}")


def _is_changed(node: ast.Attribute) -> bool:
    """Whether a list is assigned, or one of the methods that put something in is called on it."""
    around = parent(node)
    if isinstance(around, ast.Attribute):
        return around.attr in {"append", "extend", "insert"} and isinstance(parent(around), ast.Call)
    return isinstance(node.ctx, ast.Store)


def _is_application(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether an expression is an application or a router; an application's own router counts."""
    if isinstance(node, ast.Attribute) and node.attr == "router":
        return _is_application(node.value, scope, project)
    of = project.resolver.infer(node, scope)
    if of is not None:
        return project.resolver.is_kind(of, *APPLICATIONS)
    return _sounds_like_one(node)


def _sounds_like_one(node: ast.expr) -> bool:
    name = getattr(node, "id", "") or getattr(node, "attr", "")
    return bool(name.lower().endswith(("app", "router", "application", "api")))


def _is_event(name: str, call: ast.Call) -> bool:
    first = (
        call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "event_type"), None)
    )
    event = first.value if isinstance(first, ast.Constant) else None
    return name in {"on_event", "add_event_handler"} and event in {"startup", "shutdown", None}


def _may_register(call: ast.Call, scope: Scope, project: Project) -> bool:
    if is_registrar(call, scope, project.resolver):
        return True
    receiver = call.func.value  # type: ignore[attr-defined]
    return project.resolver.infer(receiver, scope) is None and _sounds_like_one(receiver)


def _engines(module: Module, project: Project) -> Iterator[Finding]:
    if b"create_async_engine" not in module.content:
        return
    for call in module.nodes(ast.Call):
        if project.resolver.resolve(call.func, module) == "sqlalchemy.ext.asyncio.create_async_engine":
            yield RULE.note(
                module,
                call.func,
                "an engine made when the module is imported",
                expected="an engine made in the lifespan",
                why="An engine made at import belongs to no event loop, and nothing disposes of it.",
                next="Make it where the application starts, and dispose of it where it ends",
            )


def lifespans(project: Project) -> list[Function]:
    """The functions that applications and routers are given as ``lifespan=``, also by a registry."""
    found: dict[Function, None] = {}
    pending = deque([*_passed(project), *_annotated_as_one(project)])
    while pending:
        function = pending.popleft()
        if function not in found:
            found[function] = None
            pending.extend(_entered(function, project))
    return list(found)


def _passed(project: Project) -> Iterator[Function]:
    for call, scope in project.fact(_applications):
        keywords, _ = literal_keywords(call, scope, project.resolver)
        given = keywords.get("lifespan")
        target = project.resolver.resolve(given, scope) if given is not None else None
        if target is None and isinstance(given, ast.Call):
            target = project.resolver.resolve(given.func, scope)
        yield from _generators(target, given, scope, project)


def _annotated_as_one(project: Project) -> Iterator[Function]:
    """The context managers that take an application and nothing else: a registry may hold them."""
    for module in project.application:
        if b"asynccontextmanager" not in module.content:
            continue
        for function in module.functions:
            arguments = [a for a, _ in function.parameters if a.arg != function.receiver]
            if not (function.is_async and function.is_generator and len(arguments) == 1):
                continue
            scope = function.parent or module
            if project.resolver.annotated(arguments[0].annotation, scope) in APPS and any(
                project.resolver.resolve(decorator, scope) == "contextlib.asynccontextmanager"
                for decorator in function.decorators
            ):
                yield function


def _entered(lifespan: Function, project: Project) -> Iterator[Function]:
    """The project's context managers that a lifespan enters: what they open is opened by it."""
    for call in lifespan.nodes(ast.Call):
        target = project.resolver.resolve(call.func, lifespan)
        if isinstance(target, Function) and target.is_generator and target.is_async and _is_entered(call):
            yield target


def _generators(target: object, given: ast.expr | None, scope: Scope, project: Project) -> Iterator[Function]:
    """The async generator behind a lifespan: the function itself, or the one that a factory makes."""
    if not isinstance(target, Function) and isinstance(given, ast.Call):
        target = project.resolver.resolve(given.func, scope)
    if isinstance(target, Function):
        if target.is_generator:
            yield target
        else:
            yield from (c for c in target.children if isinstance(c, Function) and c.is_generator)


def _left_open(lifespan: Function, project: Project) -> Iterator[Finding]:
    yields = [node.lineno for node in lifespan.nodes(ast.Yield)]
    if not yields:
        return
    texts = _texts_of(lifespan)
    for assignment in lifespan.nodes(ast.Assign, ast.AnnAssign):
        value = assignment.value
        value = value.value if isinstance(value, ast.Await) else value
        if not isinstance(value, ast.Call) or assignment.lineno > yields[0]:
            continue
        what = _opened(value, lifespan, project)
        if what is None or _is_entered(value):
            continue
        names = texts.names(assignment)
        closings = list(_closings(names, lifespan, project))
        if not closings:
            finding = RULE.note if what == TASK else RULE.violation
            yield finding(lifespan.module, value, f"{what}, opened here and never closed", **CLOSING)
        elif _may_fail_between(assignment, closings, lifespan, project):
            found = f"{what}, which stays open when start-up fails after this line"
            yield RULE.violation(lifespan.module, value, found, **CLOSING)


def _left_behind(lifespan: Function, project: Project) -> Iterator[Finding]:
    """What was opened and of which only a part is kept, such as a database of a client: nobody can close it.

    Some parts know what they belong to: ``app.state.db.client.close()``.
    """
    yields = [node.lineno for node in lifespan.nodes(ast.Yield)]
    for assignment in lifespan.nodes(ast.Assign, ast.AnnAssign):
        opening = _opening_of_part(assignment.value)
        if opening is None or not yields or assignment.lineno > yields[0]:
            continue
        what = _opened(opening, lifespan, project)
        names = _texts_of(lifespan).names(assignment)
        if what not in {None, TASK} and not _closes_owner(names, lifespan, project):
            yield RULE.violation(lifespan.module, opening, f"{what}, opened here and never closed", **CLOSING)


def _opening_of_part(node: ast.expr | None) -> ast.Call | None:
    """The call in ``Client(url).books``, ``Client(url)["books"]`` or ``Client(url).get_database()``."""
    part = node
    while isinstance(part, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(part, ast.Call):
            if not isinstance(part.func, ast.Attribute) or part.func.attr not in PARTS:
                break
            part = part.func
        part = part.value
    return part if isinstance(part, ast.Call) and part is not node else None


def _closes_owner(names: set[str], lifespan: Function, project: Project) -> bool:
    """Whether something after the yield may reach what a kept part belongs to, and close it."""
    first_yield = min(node.lineno for node in lifespan.nodes(ast.Yield))
    if any(True for _ in _handed_over(names, first_yield, lifespan, project)):
        return True
    texts = _texts_of(lifespan)
    within = tuple(f"{name}." for name in names)
    owners = {
        written(target)
        for node in lifespan.nodes(ast.Assign)
        if written(node.value).startswith(within)
        for target in node.targets
    }
    closed = (written(node.value) for node in texts.closers)
    if any(text.startswith(within) or text in owners for text in closed):
        return True
    ending = (
        project.resolver.resolve(call.func, lifespan) for call, _ in texts.inner if call.lineno > first_yield
    )
    return any(
        isinstance(target, Function) and any(node.attr in CLOSERS for node in target.nodes(ast.Attribute))
        for target in ending
    )


def _left_running(lifespan: Function, project: Project) -> Iterator[Finding]:
    """What was made elsewhere, is started here, and stopped after the yield but on no other way out."""
    yields = [node.lineno for node in lifespan.nodes(ast.Yield)]
    texts = _texts_of(lifespan)
    for call in lifespan.nodes(ast.Call):
        around = parent(call)
        statement = parent(around) if isinstance(around, ast.Await) else around
        func = call.func
        if (
            not isinstance(statement, ast.Expr)
            or not isinstance(func, ast.Attribute)
            or not STARTERS.fullmatch(func.attr)
            or not yields
            or call.lineno >= yields[0]
        ):
            continue
        name = written(func.value)
        made = texts.made.get(name)
        if made is not None and _opened(made, lifespan, project) is not None:
            continue  # `_left_open` judges what the lifespan opens itself
        closings = [texts.closers[place] for place in _at([name], texts.closers_by)]
        if closings and _may_fail_between(statement, closings, lifespan, project):
            found = f"{written(func)}(), which stays open when start-up fails after this line"
            yield RULE.violation(lifespan.module, call, found, **CLOSING)


def _unguarded(lifespan: Function, project: Project) -> Iterator[Finding]:
    """Functions of the project for the start and for the end, with nothing that makes sure of the end."""
    yields = lifespan.nodes(ast.Yield)
    if len(yields) != 1 or _protecting_try(yields[0], "body") is not None:
        return
    awaited = [
        (node, project.resolver.resolve(node.value.func, lifespan))
        for node in lifespan.nodes(ast.Await)
        if isinstance(node.value, ast.Call)
    ]
    before = [target for node, target in awaited if node.lineno < yields[0].lineno]
    after = [node for node, target in awaited if node.lineno > yields[0].lineno and _is_plain(target)]
    steps = sum(len(t.nodes(ast.Await)) if isinstance(t, Function) else 1 for t in before)
    if after and steps > 1:
        yield RULE.note(
            lifespan.module, after[0], "an ending that does not run when start-up fails half-way", **CLOSING
        )


def _is_plain(target: object) -> bool:
    return isinstance(target, Function) and not target.is_generator


def _opened(call: ast.Call, lifespan: Function, project: Project) -> str | None:
    """What a call opens, or None; a function of the project counts when it makes the thing itself."""
    target = project.resolver.resolve(call.func, lifespan)
    if isinstance(target, Function):
        of = project.resolver.returned(target)
        return OPENED.get(of) if isinstance(of, str) and _makes(target, of, project) else None
    if not isinstance(target, str):
        return None
    return OPENED.get(target) or OPENED.get(str(project.resolver.infer(call, lifespan)))


def _makes(function: Function, of: str, project: Project, depth: int = 0) -> bool:
    """Whether a function makes an object of a class anew, itself or by another function."""
    if depth > STEPS or function.is_generator or function.outward or _is_cached(function):
        return False
    for call in function.nodes(ast.Call):
        if project.resolver.infer(call, function) != of:
            continue
        target = project.resolver.resolve(call.func, function)
        if isinstance(target, str) or (
            isinstance(target, Function) and _makes(target, of, project, depth + 1)
        ):
            return True
    return False


def _is_cached(function: Function) -> bool:
    return any("cache" in written(decorator) for decorator in function.decorators)


def _is_entered(call: ast.Call) -> bool:
    """Whether the call is handed on, as to ``stack.enter_async_context(...)``."""
    around = parent(call)
    around = parent(around) if isinstance(around, ast.Await) else around
    return isinstance(around, ast.Call | ast.withitem)


class _Texts:
    """The expressions of a lifespan by their text: there may be thousands, and each object asks for its own.

    Args:
        lifespan: the function.
    """

    def __init__(self, lifespan: Function) -> None:
        self.assignments = lifespan.nodes(ast.Assign, ast.AnnAssign)
        self._assigned = [
            ({written(node.value)}, {*map(written, node.targets)}) for node in lifespan.nodes(ast.Assign)
        ]
        self._loops = [
            ({*map(written, node.iter.elts)}, {written(node.target)})
            for node in lifespan.nodes(ast.For)
            if isinstance(node.iter, ast.Tuple | ast.List | ast.Set)
        ]
        self._assigned_by = _places(given for given, _ in self._assigned)
        self._loops_by = _places(given for given, _ in self._loops)
        self.calls = [(call, _given(call)) for call in lifespan.nodes(ast.Call)]
        self.calls_by = _places(given for _, given in self.calls)
        self.inner = [(c, _given(c)) for scope in lifespan.within() for c in scope.nodes(ast.Call)]
        self.inner_by = _places(given for _, given in self.inner)
        self.closers = [node for node in lifespan.nodes(ast.Attribute) if node.attr in CLOSERS]
        self.closers_by = _places({written(node.value)} for node in self.closers)
        self.awaits = lifespan.nodes(ast.Await)
        self.awaits_by = _places({written(node.value)} for node in self.awaits)
        self.withs = lifespan.nodes(ast.AsyncWith, ast.With)
        self.withs_by = _places({written(item.context_expr) for item in node.items} for node in self.withs)

    def names(self, assignment: ast.Assign | ast.AnnAssign) -> set[str]:
        """Every expression under which the assigned object is known in the function."""
        targets = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
        names = {written(target) for target in targets}
        _follow(names, self._assigned, self._assigned_by)
        _follow(names, self._loops, self._loops_by)
        return names

    @cached_property
    def made(self) -> dict[str, ast.Call]:
        """The name of an object to the call that gives it, in the first assignment that does."""
        found: dict[str, ast.Call] = {}
        for assignment in self.assignments:
            value = assignment.value.value if isinstance(assignment.value, ast.Await) else assignment.value
            if isinstance(value, ast.Call):
                for name in self.names(assignment):
                    found.setdefault(name, value)
        return found


def _places(texts: Iterable[set[str]]) -> dict[str, list[int]]:
    """Text to the places, in a list of sets of them, where it is found."""
    found: dict[str, list[int]] = {}
    for place, given in enumerate(texts):
        for text in given:
            found.setdefault(text, []).append(place)
    return found


def _at(names: Iterable[str], places: dict[str, list[int]]) -> list[int]:
    """The places of any of the names, in order."""
    return sorted({place for name in names for place in places.get(name, ())})


def _follow(names: set[str], steps: list[tuple[set[str], set[str]]], places: dict[str, list[int]]) -> None:
    """Adds the names that are given what one of them stands for, from the first step to the last."""
    pending = _at(names, places)
    while pending:
        step = heappop(pending)
        for name in steps[step][1] - names:
            names.add(name)
            for later in places.get(name, ()):
                if later > step:
                    heappush(pending, later)


@lru_cache(maxsize=1)
def _texts_of(lifespan: Function) -> _Texts:
    return _Texts(lifespan)


def _closings(names: set[str], lifespan: Function, project: Project) -> Iterator[ast.AST]:
    """Where the object is closed, entered, or handed to something that may close it."""
    texts = _texts_of(lifespan)
    first_yield = min(node.lineno for node in lifespan.nodes(ast.Yield))
    keepers = names | _keepers(names, texts)
    yield from (texts.closers[place] for place in _at(keepers, texts.closers_by))
    waiting = (texts.awaits[place] for place in _at(names, texts.awaits_by))
    yield from (node for node in waiting if node.lineno > first_yield)
    yield from (texts.withs[place] for place in _at(names, texts.withs_by))
    yield from _handed_over(names, first_yield, lifespan, project)


def _handed_over(
    names: set[str], first_yield: int, lifespan: Function, project: Project
) -> Iterator[ast.Call]:
    """The calls that take the object, or what it is kept in, to close it."""
    texts = _texts_of(lifespan)
    for place in _at(names, texts.inner_by):
        call, _ = texts.inner[place]
        if _function_name(call) in TAKERS or call.lineno > first_yield:
            yield call
    owners = {name.rpartition(".")[0] for name in names} - {""}
    roots = {owner.partition(".")[0] for owner in owners}
    for place in _at(owners | roots, texts.calls_by):
        call, _ = texts.calls[place]
        target = project.resolver.resolve(call.func, lifespan)
        if call.lineno > first_yield and isinstance(target, Function):
            yield call


def _given(call: ast.Call) -> set[str]:
    """The arguments of a call, as they are written."""
    return {written(argument) for argument in (*call.args, *(k.value for k in call.keywords))}


def _function_name(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _keepers(names: set[str], texts: _Texts) -> set[str]:
    """What the object is handed to, and what is made of it: that may close it with itself."""
    keepers: set[str] = set()
    for place in _at(names, texts.calls_by):
        call, _ = texts.calls[place]
        if isinstance(call.func, ast.Attribute):
            keepers.add(written(call.func.value))
        around = parent(call)
        around = parent(around) if isinstance(around, ast.Await) else around
        if isinstance(around, ast.Assign):
            keepers |= {written(target) for target in around.targets}
    return keepers


def _may_fail_between(
    assignment: ast.stmt, closings: Sequence[ast.AST], lifespan: Function, project: Project
) -> bool:
    """Whether something that can fail runs after the opening and before the closing is guaranteed."""
    if any(_is_deferred(closing) for closing in closings):
        start = min(_line(closing) for closing in closings if _is_deferred(closing))
    else:
        tries = [t for closing in closings if (t := _protecting_try(closing)) is not None]
        if any(t.lineno <= assignment.lineno for t in tries):
            return False
        yields = [node.lineno for node in lifespan.nodes(ast.Yield)]
        start = min((t.lineno for t in tries), default=min(yields))
    between = range((assignment.end_lineno or assignment.lineno) + 1, start)
    names: set[str] = set()
    if isinstance(assignment, ast.Assign | ast.AnnAssign):
        names = _texts_of(lifespan).names(assignment)
    failures = _failures(lifespan, project)
    begin = bisect_left(failures, between.start, key=_line)
    return any(
        not _is_dealt_with(node, closings) and not _starts(node, names)
        for node in takewhile(lambda node: node.lineno in between, islice(failures, begin, None))
    )


def _starts(node: ast.AST, names: set[str]) -> bool:
    """Whether a statement is the object's own start: before it, there is nothing to close."""
    call = node.value if isinstance(node, ast.Await) else node
    func = call.func if isinstance(call, ast.Call) else None
    return (
        isinstance(func, ast.Attribute)
        and written(func.value) in names
        and func.attr in {"start", "startup", "open", "init", "initialize"}
    )


@lru_cache(maxsize=1)
def _failures(lifespan: Function, project: Project) -> list[ast.expr | ast.stmt]:
    """What plainly can fail at run time, in the order of lines: waiting, raising, input and output."""
    return sorted(_may_fail(lifespan, project), key=_line)


def _may_fail(lifespan: Function, project: Project) -> Iterator[ast.expr | ast.stmt]:
    yield from lifespan.nodes(ast.Await, ast.AsyncFor, ast.Raise)
    for statement in lifespan.nodes(ast.AsyncWith):
        entered = (project.resolver.infer(item.context_expr, lifespan) for item in statement.items)
        if any(of != "contextlib.AsyncExitStack" for of in entered):
            yield statement
    blocking = project.fact(_blocking)
    for call in lifespan.nodes(ast.Call):
        blocker = blocking.of_call(call, lifespan)
        if blocker is not None and blocker.sort in FAILING and not PROBE.search(blocker.name):
            yield call


def _blocking(project: Project) -> Blocking:
    return Blocking(project.resolver)


def _is_dealt_with(node: ast.AST, closings: Sequence[ast.AST]) -> bool:
    """Whether the statements round a node hold a failure, or close the object before it leaves them."""
    around = parent(node)
    while around is not None and not isinstance(around, ast.AsyncFunctionDef):
        branches: list[ast.AST] = []
        if isinstance(around, ast.Try):
            branches = [*around.handlers]
            if node in ast.walk(ast.Module(around.body, [])) and any(map(_swallows, around.handlers)):
                return True
        elif isinstance(around, ast.If | ast.ExceptHandler):
            branches = [around]
        if any(_stands_in(closing, branch) for closing in closings for branch in branches):
            return True
        around = parent(around)
    return False


def _swallows(handler: ast.ExceptHandler) -> bool:
    is_broad = handler.type is None or written(handler.type) in {"Exception", "BaseException"}
    return is_broad and not any(isinstance(inner, ast.Raise) for inner in ast.walk(handler))


def _stands_in(node: ast.AST | None, branch: ast.AST) -> bool:
    while node is not None and node is not branch:
        node = parent(node)
    return node is branch


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _is_deferred(closing: ast.AST) -> bool:
    """Whether the closing is registered at once: with a stack, or by entering the object."""
    if isinstance(closing, ast.With | ast.AsyncWith):
        return True
    around = parent(closing)
    call = closing if isinstance(closing, ast.Call) else around
    return isinstance(call, ast.Call) and _function_name(call) in (
        TAKERS | {"push_async_callback", "callback"}
    )


def _protecting_try(closing: ast.AST, part: str = "finalbody") -> ast.Try | None:
    """The try statement with a ``finally`` whose given part, that ``finally`` itself, holds a node."""
    node: ast.AST | None = closing
    while node is not None:
        around = parent(node)
        if isinstance(around, ast.Try) and around.finalbody and node in getattr(around, part):
            return around
        node = around
    return None


def _has_migrations(project: Project) -> bool:
    if any((project.root / name).is_file() for name in ("alembic.ini", "../alembic.ini")):
        return True
    return any(file.endswith(("alembic/env.py", "migrations/env.py")) for file in project.files)


def _creates_tables(lifespan: Function, project: Project) -> Iterator[Finding]:
    called = (project.resolver.resolve(call.func, lifespan) for call in lifespan.nodes(ast.Call))
    for scope in {scope for target in called for scope in (lifespan, target) if isinstance(scope, Function)}:
        for node in scope.nodes(ast.Attribute):
            if node.attr == "create_all":
                yield RULE.note(
                    scope.module,
                    node,
                    "create_all() at start-up, in an application that has migrations",
                    expected="migrations alone to make the tables",
                    why="Tables made past the migrations leave Alembic with a wrong picture.",
                    next="Let `alembic upgrade head` make the tables before the start",
                )
