"""Routers hold no business logic.

## Rule

A handler takes the request apart, calls one service and gives its answer back. Mapping to and from schemas,
pagination, cookies, headers and the status code are its work. Decisions about the state of an entity, sums
over entities and password hashing belong to the service.

## Why

A rule that stands in a route is checked for that route alone. The next route, the worker and the import
script each need it again, and one of them will lack it. This is a heuristic: where the source leaves doubt,
it gives a note, as it does for questions of access and for answers that say "not there".

## Bad

```python
# app/loans/router.py
from fastapi import APIRouter, HTTPException

from app.loans.service import Loan, load_loan

router = APIRouter(prefix="/loans")


@router.post("/{loan_id}/renewal")
async def renew(loan_id: int) -> int:
    loan = await load_loan(loan_id)
    if loan.renewals > 0:  # <-- here
        raise HTTPException(status_code=409)
    return loan.renewals

# app/loans/service.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Loan(Base):
    __tablename__ = "loans"
    id: Mapped[int] = mapped_column(primary_key=True)
    renewals: Mapped[int]


async def load_loan(loan_id: int) -> Loan: ...
```

## Good

```python
# app/loans/router.py
from fastapi import APIRouter, HTTPException

from app.loans.service import load_loan, renew_loan

router = APIRouter(prefix="/loans")


@router.get("/{loan_id}/renewals")
async def renewals(loan_id: int) -> int:
    loan = await load_loan(loan_id)
    if loan is None:
        raise HTTPException(status_code=404)
    return loan.renewals


@router.post("/{loan_id}/renewal")
async def renew(loan_id: int) -> int:
    return await renew_loan(loan_id)

# app/loans/service.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Loan(Base):
    __tablename__ = "loans"
    id: Mapped[int] = mapped_column(primary_key=True)
    renewals: Mapped[int]


async def load_loan(loan_id: int) -> Loan | None: ...


async def renew_loan(loan_id: int) -> int: ...
```
"""

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from http import HTTPStatus
from itertools import combinations, islice, takewhile
from math import inf
from typing import Final

from checks.conventions._helpers import metadata
from checks.conventions._rule import Rule
from checks.finding import Finding, Level
from checks.source import (
    Binding,
    Class,
    Function,
    Layer,
    Module,
    Project,
    Scope,
    Target,
    Variable,
    parent,
    written,
)
from checks.source.calls import HASHING, Blocking
from checks.source.kinds import is_mapped, is_pydantic, is_record, is_settings
from checks.source.resolver import Spans
from checks.source.sessions import session_method

VERIFIES: Final = ("verify", "checkpw", "check_password", "verify_and_update", "check_password_hash")
READS: Final = (
    "get",
    "list",
    "find",
    "fetch",
    "read",
    "search",
    "count",
    "by",
    "load",
    "exists",
    "generate",
    "verify",
    "resolve",
    "lookup",
    "look_up",
    "is_",
    "has_",
)
GUARDS: Final = (
    "assert",
    "check",
    "require",
    "ensure",
    "authorize",
    "authorise",
    "verify",
    "validate",
    "can_",
    "is_",
    "has_",
)
COMPARES: Final = frozenset({"hmac.compare_digest", "secrets.compare_digest"})
HELPER: Final = re.compile(r"hash|encrypt|bcrypt")
HASHES: Final = re.compile(
    r"(\w+_)?(hash(ed)?_?(password|passwd|pwd|pw)|(password|passwd|pwd|pw)_?hash|make_password)"
)
"""Names of functions that hash a password, whatever they do it with."""
PASSLIB: Final = re.compile(r"passlib\.hash\.\w+(\.using)?\.(hash|encrypt|verify)")
CHECKS: Final = re.compile(r"verif|check|valid|auth|login|log_in|match|compare|is_")
PERSON: Final = re.compile(
    r"user|account|member|actor|principal|current|owner|admin|client|token|claim|auth(?!or)|session|credential|"
    r"tenant|organi[sz]ation|role|permission|identity|viewer|caller|request|\bme\b"
)
"""Words of who is asking, and on whose behalf."""
NOTHING_THERE: Final = frozenset({304, 404, 406, 410, 412, 428, *range(500, 600)})
"""Statuses that speak of the answer, a condition of the request or a fault, and not of a rule."""
ADDRESS: Final = re.compile(r"url_for|url_path_for|presign|base_url|_url\(")
IDENTITY: Final = re.compile(r"(?:\w+_)?(?:id|uuid|pk)")
RESULT: Final = re.compile(r"result|response|outcome|payload|token|claim|report|answer|output|reply")
"""Words of what a service answers, which is no entity."""
ASKER: Final = re.compile(r"user|current")
ASIDE: Final = frozenset(
    [
        *("log", "logs", "logging", "logger", "telemetry", "analytics", "audit", "metrics", "tracing"),
        *("event", "events", "eventbus", "monitoring", "tracking", "cache", "caching", "limiter"),
    ]
)
"""Words of what only watches or remembers: it takes part in no work of the services."""
MEASURES: Final = frozenset({"len", "any", "all", "bool", "sum", "min", "max"})
TOTALS: Final = frozenset({"sum", "max", "min"})
RULE = Rule(
    __name__,
    expected="a handler that asks its service",
    why="A rule that stands in a route holds for that route alone.",
    next="Move the decision to the service, and let the route pass on its answer",
)


class Sure(IntEnum):
    """How plainly an object is one of the domain's."""

    NO = 0
    PERHAPS = 1
    YES = 2


def check(project: Project) -> Iterator[Finding]:
    """Finds decisions, sums, orchestration and hashing in handlers and in their module's helpers."""
    blocking = Blocking(project.resolver)
    handlers = [handler for handler in project.handlers if not isinstance(handler.node, ast.Lambda)]
    for handler in handlers:
        yield from _decisions(handler, project)
        yield from _sums(handler, project)
        yield from _orchestration(handler, project)
        yield from _hashing(handler, blocking, project)
    for helper in _helpers(handlers, project):
        yield from (f for f in _decisions(helper, project) if f.level is Level.VIOLATION)
        yield from (f for f in _sums(helper, project) if f.level is Level.VIOLATION)
        yield from _hashing(helper, blocking, project)


def _helpers(handlers: list[Function], project: Project) -> Iterator[Function]:
    """The functions of a router's own module that its handlers call, but for handlers and dependencies."""
    seen = set(handlers)
    for handler in handlers:
        for call in handler.nodes(ast.Call):
            target = project.resolver.resolve(call.func, handler)
            if not isinstance(target, Function) or target.module is not handler.module or target in seen:
                continue
            seen.add(target)
            if project.role(target) is Layer.ROUTER:
                yield target


def subjects(project: Project) -> int:
    """Counts the handlers."""
    return len(project.handlers)


# decisions on the state of an entity


def _decisions(handler: Function, project: Project) -> Iterator[Finding]:
    raises, changed = _raised(handler), _changed(handler)
    for branch in handler.nodes(ast.If):
        states = [
            (node, sure)
            for node in ast.walk(branch.test)
            if isinstance(node, ast.Attribute) and (sure := _state_of_entity(node, handler, project))
        ]
        if not states:
            continue
        entities = {written(node.value) for node, _ in states}
        raised = _raised_by(branch, raises)
        mutates = any(_changes(branch, changed.get(entity, _NONE)) for entity in entities)
        if not raised and not mutates:
            continue
        told = [sure for node, sure in states if not (raised and _is_identity(node, handler, project))]
        plain = Sure.YES in told and not (raised and _is_answer(branch.test, raised, handler, project))
        does = "raises" if raised else "changes it"
        found = f"a handler that looks at {written(states[0][0])} and {does}"
        yield (RULE.violation if plain else RULE.note)(handler.module, branch.test, found)


def _is_identity(node: ast.Attribute, handler: Function, project: Project) -> bool:
    """Whether an attribute is compared as one identity with another: that asks who or which, and no state.

    A relation that is compared with an entity asks the same as the two keys would.
    """
    around = parent(node)
    if not isinstance(around, ast.Compare):
        return False
    sides = (around.left, *around.comparators)
    if all(IDENTITY.fullmatch(getattr(side, "attr", "") or getattr(side, "id", "")) for side in sides):
        return True
    others = [side for side in sides if side is not node]
    asks_which = all(isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot) for op in around.ops)
    return asks_which and all(_is_whole_entity(other, handler, project) for other in others)


def _is_whole_entity(node: ast.expr, handler: Function, project: Project) -> bool:
    """Whether a bare name stands for an entity: a mapped object, loaded here or by a dependency."""
    if not isinstance(node, ast.Name):
        return False
    return is_mapped(project.resolver.infer(node, handler), project.resolver) or any(
        _of_local(node.id, binding, handler, project) is Sure.YES for binding in _reaching(node, handler)
    )


def _start(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


@dataclass(slots=True)
class _Places[N: ast.stmt]:
    """Statements of a function in the order of their places, ready to be asked for a stretch of it."""

    statements: list[N]

    def __post_init__(self) -> None:
        self.statements.sort(key=_start)

    def between(self, first: ast.stmt, last: ast.stmt) -> Iterator[N]:
        """Those from the start of one statement to the end of another."""
        end = (last.end_lineno or last.lineno, last.end_col_offset or last.col_offset)
        nearest = bisect_left(self.statements, _start(first), key=_start)
        return takewhile(lambda each: _start(each) < end, islice(self.statements, nearest, None))


_NONE: Final = _Places[ast.stmt]([])


def _raised(handler: Function) -> _Places[ast.Raise]:
    """What is raised in a handler and in the functions inside it."""
    return _Places([node for scope in handler.within() for node in scope.nodes(ast.Raise)])


def _changed(handler: Function) -> dict[str, _Places[ast.stmt]]:
    """The text of an object to the statements that set an attribute of it."""
    found: dict[str, list[ast.stmt]] = {}
    for scope in handler.within():
        for node in scope.nodes(ast.Assign, ast.AugAssign, ast.AnnAssign):
            for entity in _mutated(node):
                found.setdefault(entity, []).append(node)
    return {entity: _Places(statements) for entity, statements in found.items()}


def _raised_by(branch: ast.If, raises: _Places[ast.Raise]) -> list[ast.Raise]:
    """What a condition raises: in its branch or, where that returns, in the other one or right after it."""
    raised = list(raises.between(branch.body[0], branch.body[-1]))
    if isinstance(branch.body[-1], ast.Return):
        after = branch.orelse[0] if branch.orelse else _after(branch)
        raised += [after] if isinstance(after, ast.Raise) else []
    return raised


def _changes(branch: ast.If, changed: _Places[ast.stmt]) -> bool:
    """Whether a condition changes an object by more than what it compared it with."""
    test = written(branch.test)
    seen: set[str] = set()
    for change in changed.between(branch.body[0], (branch.orelse or branch.body)[-1]):
        text = written(change)
        if text not in seen and not _is_mapping(change, test):
            return True
        seen.add(text)
    return False


def _status(node: ast.Raise, handler: Function, project: Project) -> int:
    """The HTTP status that is raised, as far as the statement tells; 0 where it does not."""
    raised: ast.expr | None = node.exc
    scope: Scope = handler
    target = project.resolver.resolve(raised, handler)
    if isinstance(target, Variable) and target.binding.value is not None:
        raised, scope = target.binding.value, target.binding.scope
    if not isinstance(raised, ast.Call):
        return _status_of_name(raised)
    for given in (*raised.args[:1], *(k.value for k in raised.keywords if k.arg == "status_code")):
        if isinstance(given, ast.Constant) and isinstance(given.value, int):
            return given.value
        named = str(project.resolver.resolve(given, scope))
        if number := re.search(r"\.HTTP_(\d{3})", named):
            return int(number[1])
        if named.startswith("http.HTTPStatus."):
            return int(HTTPStatus.__members__.get(named.rpartition(".")[2], 0))
    return _status_of_name(raised.func)


def _status_of_name(node: ast.expr | None) -> int:
    """The status that the name of an exception speaks of."""
    name = written(node).rpartition(".")[2].lower().replace("_", "") if node is not None else ""
    if "notfound" in name:
        return 404
    return 403 if re.search(r"forbidden|permission|unauthori[sz]ed|accessdenied|notallowed", name) else 0


def _after(statement: ast.stmt) -> ast.stmt | None:
    """The statement that follows in the same block."""
    around = parent(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(around, name, None)
        if isinstance(block, list):
            place = bisect_left(block, _start(statement), key=_start)
            if place < len(block) and block[place] is statement:
                return block[place + 1] if place + 1 < len(block) else None
    return None


def _is_answer(test: ast.expr, raised: list[ast.Raise], handler: Function, project: Project) -> bool:
    """Whether a condition may be one of access, or says no more than that there is nothing, or a fault."""
    statuses = {_status(node, handler, project) for node in raised}
    given = [target for _, target in _parameters_in(test, handler, project)]
    if statuses <= NOTHING_THERE or _asks_for_permission(test, handler, project):
        return True
    if given and handler not in project.handlers:
        return True  # whose the values are that a helper was given cannot be told
    loads = any(_loads(target, project) for target in given)
    return statuses <= {401, 402, 403, 429} and (loads or _compares_with_outside(test, handler, project))


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        yield from ast.walk(statement)


def _mutates(node: ast.AST, entities: set[str]) -> bool:
    """Whether a statement sets an attribute of one of these."""
    return not entities.isdisjoint(_mutated(node))


def _mutated(node: ast.AST) -> set[str]:
    """The objects that a statement sets an attribute of; the address of a thing is presentation."""
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return set()
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    changed = {written(target.value) for target in targets if isinstance(target, ast.Attribute)}
    return set() if changed and node.value is not None and ADDRESS.search(written(node.value)) else changed


def _is_mapping(change: ast.AST, test: str) -> bool:
    """Whether an attribute takes over the very value that a condition compared it with."""
    if not isinstance(change, ast.Assign) or isinstance(change.value, ast.Constant):
        return False
    return all(written(node) in test for node in (*change.targets, change.value))


def _state_of_entity(node: ast.Attribute, handler: Function, project: Project) -> Sure:
    """How plainly an attribute is the state of an entity that the handler loaded."""
    root: ast.expr = node.value
    while isinstance(root, ast.Attribute | ast.NamedExpr):
        root = root.target if isinstance(root, ast.NamedExpr) else root.value
    if not isinstance(root, ast.Name) or _is_called(node) or _is_handed_on(node, handler, project):
        return Sure.NO
    target = project.resolver.lookup(root.id, handler, root.lineno)
    if not isinstance(target, Variable) or target.binding.scope is not handler:
        return _of_parameter(target, project)
    surest = Sure.NO
    for binding in _reaching(root, handler):
        surest = max(surest, _of_local(root.id, binding, handler, project))
        if surest is Sure.YES:
            break
    return surest


def _is_called(node: ast.Attribute) -> bool:
    around = parent(node)
    return isinstance(around, ast.Call) and around.func is node


def _is_handed_on(node: ast.expr, handler: Function, project: Project) -> bool:
    """Whether an expression stands in an argument of a question, which somebody else answers.

    What measures a value, such as ``len()``, only says what the handler itself then judges by.
    """
    part: ast.AST = node
    around = parent(node)
    while isinstance(around, ast.expr | ast.keyword | ast.comprehension):
        if isinstance(around, ast.Call) and part is not around.func:
            called = project.resolver.resolve(around.func, handler)
            if not isinstance(called, str) or called not in MEASURES:
                return True
        part, around = around, parent(around)
    return False


def _reaching(name: ast.Name, handler: Function) -> Iterator[Binding]:
    """The bindings that a name may have where it is read: the last one, and those before that it may skip."""
    around = set(_blocks(name))
    bindings = handler.names.get(name.id, [])
    for place in _spans(handler, name.id).holding(name.lineno):
        yield bindings[place]
        if parent(bindings[place].node) in around:
            return


@lru_cache(maxsize=16)  # a name may be bound, and read, thousands of times
def _spans(handler: Function, name: str) -> Spans:
    """From where on each binding of a name may hold."""
    return Spans([(getattr(binding.node, "lineno", 0), inf) for binding in handler.names.get(name, [])])


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    around = parent(node)
    while around is not None:
        yield around
        around = parent(around)


def _of_parameter(target: Target | None, project: Project) -> Sure:
    """How plainly a parameter is an entity: one that a dependency loaded, unless it is who is asking."""
    if not isinstance(target, Variable) or target.binding.kind != "parameter":
        return Sure.NO
    of = project.resolver.annotated(target.binding.annotation, target.binding.scope)
    mapped = is_mapped(of, project.resolver)
    if not isinstance(of, Class) or not (mapped or is_pydantic(of, project.resolver)):
        return Sure.NO
    if _loads(target, project):
        asks = PERSON.search(target.name.lower()) or PERSON.search(of.name.lower())
        return Sure.PERHAPS if asks else Sure.YES
    return Sure.PERHAPS if mapped else Sure.NO


def _loads(target: Variable, project: Project) -> bool:
    """Whether a parameter comes from a dependency of the project that asks a service or the database."""
    provider = _provider(target, project)
    return provider is not None and any(
        _is_below_router(project.resolver.resolve(call.func, provider), project)
        or session_method(call, provider, project.resolver)
        for call in provider.nodes(ast.Call)
    )


def _provider(target: Variable, project: Project) -> Function | None:
    """The function that gives a parameter its value by ``Depends``, in its default or its annotation."""
    for call, scope in _injections(target, project):
        given = call.args[0] if call.args else None
        return project.callable(given, scope) if given is not None else None
    return None


def _injections(target: Variable, project: Project) -> Iterator[tuple[ast.Call, Scope]]:
    """The calls of ``Depends`` or ``Security`` that a parameter is declared with, through aliases."""
    binding = target.binding
    declared: list[tuple[ast.expr | None, Scope]] = [(binding.value, binding.scope)]
    declared += metadata(binding.annotation, binding.scope, project)
    for node, scope in declared:
        if isinstance(node, ast.Call) and project.is_depends(node, scope):
            yield node, scope


def _is_below_router(called: object, project: Project) -> bool:
    layers = {Layer.SERVICE, Layer.REPOSITORY}
    return isinstance(called, Function) and project.layer(called.module) in layers


def _of_local(name: str, binding: Binding, handler: Function, project: Project) -> Sure:
    """How plainly a local name is an entity: a mapped object, or a schema of one that a service gave."""
    if binding.kind == "for":
        return Sure.PERHAPS if _is_loaded(binding.value, handler, project) else Sure.NO
    value = _unawaited(binding.value)
    if binding.kind != "value" or not isinstance(value, ast.Call):
        return Sure.NO
    called = project.resolver.resolve(value.func, handler)
    if isinstance(called, Class):
        return Sure.NO
    of = project.resolver.infer(value, handler)
    if is_mapped(of, project.resolver) or is_record(of, project.resolver):
        return Sure.YES
    loaded = _is_below_router(called, project)
    if isinstance(of, Class) and is_pydantic(of, project.resolver):
        is_result = RESULT.search(of.name.lower()) or RESULT.search(name.lower())
        return (Sure.PERHAPS if is_result else Sure.YES) if loaded else Sure.NO
    return Sure.PERHAPS if loaded else Sure.NO


def _is_loaded(node: ast.expr | None, handler: Function, project: Project) -> bool:
    """Whether an expression is what a service or a repository gave, or a part of it."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Call):
        return _is_below_router(project.resolver.resolve(node.func, handler), project)
    if isinstance(node, ast.Name):
        target = project.resolver.lookup(node.id, handler, node.lineno)
        if (
            isinstance(target, Variable)
            and target.binding.kind == "value"
            and target.binding.value is not node
        ):
            value = target.binding.value
            is_call = isinstance(value, ast.Await | ast.Call)
            return is_call and _is_loaded(value, handler, project)
    return False


def _parameters_in(
    test: ast.expr, handler: Function, project: Project
) -> Iterator[tuple[ast.Name, Variable]]:
    for node in ast.walk(test):
        if isinstance(node, ast.Name):
            target = project.resolver.lookup(node.id, handler, node.lineno)
            if isinstance(target, Variable) and target.binding.kind == "parameter":
                yield node, target


def _asks_for_permission(test: ast.expr, handler: Function, project: Project) -> bool:
    """Whether a condition compares with who is asking, which is a matter of access."""
    given = list(_parameters_in(test, handler, project))
    entities = {t.name for _, t in given if _of_parameter(t, project) is Sure.YES}
    for node, target in given:
        if len(entities) == 1 and target.name in entities:
            continue
        of = project.resolver.infer(node, handler)
        if isinstance(of, Class) and (
            project.layer(of.module) is Layer.SERVICE or is_settings(of, project.resolver)
        ):
            continue
        asks = is_mapped(of, project.resolver) or ASKER.search(node.id.lower())
        if asks or any(_injections(target, project)):
            return True
    return False


def _compares_with_outside(test: ast.expr, handler: Function, project: Project) -> bool:
    """Whether a condition compares an entity's state with something else than constants and entities."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare):
            roots = [_root(side) for side in (node.left, *node.comparators)]
            outside = (r for r in roots if r is not None and not _is_entity(r, handler, project))
            if any(outside):
                return True
    return False


def _root(node: ast.expr) -> ast.expr | None:
    """What the parts of an expression are read from; None for constants."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return None if isinstance(node, ast.Constant) else node


def _is_entity(node: ast.expr, handler: Function, project: Project) -> bool:
    if not isinstance(node, ast.Name):
        return False
    found = (_of_local(node.id, binding, handler, project) for binding in _reaching(node, handler))
    return any(found)


# sums over entities


def _sums(handler: Function, project: Project) -> Iterator[Finding]:
    for loop in handler.nodes(ast.For, ast.AsyncFor):
        names = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        computes = [
            inner
            for inner in _inside(loop.body)
            if isinstance(inner, ast.AugAssign)
            and _reads_attribute(inner.value, names)
            and not _gathers(inner, handler, project)
        ]
        mutates = [inner for inner in _inside(loop.body) if _mutates(inner, names)]
        if computes or mutates:
            yield _sum(handler, loop.iter, "a loop over entities that computes", project)
    for call in handler.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in TOTALS and call.args:
            entities = _summed(call.args[0])
            if entities is not None:
                yield _sum(handler, entities, f"{call.func.id}() over entities", project, call)


def _summed(series: ast.expr) -> ast.expr | None:
    """Of what a series gives an attribute of each, by a comprehension or by ``map``; None for others."""
    if isinstance(series, ast.GeneratorExp | ast.ListComp):
        target = series.generators[0].target
        names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
        return series.generators[0].iter if _reads_attribute(series.elt, names) else None
    if not isinstance(series, ast.Call) or written(series.func) != "map" or len(series.args) != 2:
        return None
    given, entities = series.args
    if not isinstance(given, ast.Lambda):
        return None
    names = {argument.arg for argument in given.args.args}
    return entities if _reads_attribute(given.body, names) else None


def _gathers(statement: ast.AugAssign, handler: Function, project: Project) -> bool:
    """Whether ``+=`` makes a text or a list longer, which is presentation and no sum."""
    parts: list[ast.expr] = [statement.target, statement.value]
    while isinstance(parts[-1], ast.BinOp):
        last = parts.pop()
        assert isinstance(last, ast.BinOp)
        parts += [last.right, last.left]
    return any(project.resolver.infer(part, handler) in {"str", "bytes", "list"} for part in parts)


def _reads_attribute(node: ast.expr, names: set[str]) -> bool:
    return any(
        isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in names
        for inner in ast.walk(node)
    )


def _sum(
    handler: Function, series: ast.expr, found: str, project: Project, node: ast.AST | None = None
) -> Finding:
    finding = RULE.violation if _is_loaded(series, handler, project) else RULE.note
    return finding(
        handler.module, node or series, f"{found}, in a handler", expected="the service to compute"
    )


# several services at once


def _orchestration(handler: Function, project: Project) -> Iterator[Finding]:
    used: dict[Module, list[ast.Call]] = {}
    for call in sorted(handler.nodes(ast.Call), key=lambda node: (node.lineno, node.col_offset)):
        owner = _service_called(call, handler, project)
        if owner is not None:
            used.setdefault(owner, []).append(call)
    pairs, several = _together(used)
    if not pairs:
        return
    first, second = pairs[0]
    plain = several or any(_feeds_a_command(used[one], used[other], handler) for one, other in pairs)
    yield (RULE.violation if plain else RULE.note)(
        handler.module,
        used[second][0],
        f"a handler that works with several services, {first.name} and {second.name}",
        expected="one call of one service",
    )


def _service_called(call: ast.Call, handler: Function, project: Project) -> Module | None:
    """The service's module that a call works with; None for guards and for what only watches."""
    target = project.resolver.resolve(call.func, handler)
    if not isinstance(target, Function) or target.name == "__init__":
        return None
    if project.layer(target.module) is not Layer.SERVICE or not _does_work(target):
        return None
    of = project.resolver.infer(call.func.value, handler) if isinstance(call.func, ast.Attribute) else None
    owner = of.module if isinstance(of, Class) else target.module
    return None if ASIDE.intersection(owner.stem.lower().split("_")) else owner


@dataclass(slots=True)
class _Stand:
    """Where a call stands among the branches of its handler.

    Attributes:
        line: its line.
        around: the conditions around it.
        inside: those in whose first branch it stands.
        leaving: those of these whose first branch ends the handler.
        beside: those in whose other branch it stands.
    """

    line: int
    around: set[ast.AST]
    inside: set[ast.AST]
    leaving: set[ast.AST]
    beside: set[ast.AST]

    def excludes(self, other: "_Stand") -> bool:
        """Whether the two calls stand in branches of which only one runs."""
        one, later = (self, other) if self.line <= other.line else (other, self)
        return not one.inside.isdisjoint(later.beside) or not one.leaving <= later.around


def _stand(call: ast.Call) -> _Stand:
    found = _Stand(call.lineno, set(), set(), set(), set())
    node: ast.AST = call
    for around in _blocks(call):
        if isinstance(around, ast.If):
            found.around.add(around)
            if node in around.body:
                found.inside.add(around)
                if isinstance(around.body[-1], ast.Return | ast.Raise):
                    found.leaving.add(around)
            elif node is not around.test:
                found.beside.add(around)
        node = around
    return found


def _together(used: dict[Module, list[ast.Call]]) -> tuple[list[tuple[Module, Module]], bool]:
    """Which services one run of a handler can call, as the first four calls of each tell.

    Returns:
        The pairs of them, in the order of their first calls; and whether there are three.
    """
    stands = [(module, _stand(call)) for module, calls in used.items() for call in calls[:4]]
    after: list[int] = []
    pairs: dict[Module, set[Module]] = {module: set() for module in used}
    for place, (module, one) in enumerate(stands):
        mask = 0
        for number in range(place + 1, len(stands)):
            other_module, other = stands[number]
            if other_module is not module and not one.excludes(other):
                mask |= 1 << number
                pairs[module].add(other_module)
        after.append(mask)
    several = any(
        mask & after[number]
        for mask in after
        for number in range(len(stands) if mask else 0)
        if mask >> number & 1
    )
    in_order = [(one, other) for one, other in combinations(used, 2) if other in pairs[one]]
    return in_order, several


def _does_work(called: Function) -> bool:
    """Whether a service's function is more than a guard or a helper that only computes a value."""
    works = (
        called.owner is not None
        or called.is_async
        or any(argument.arg in {"db", "session", "db_session"} for argument, _ in called.parameters)
    )
    return works and not called.name.startswith(GUARDS)


def _called_name(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _feeds_a_command(first: list[ast.Call], second: list[ast.Call], handler: Function) -> bool:
    """Whether what one service gave is handed to the other, and more than reads."""
    commands = [call for call in (*first, *second) if not _called_name(call).startswith(READS)]
    return len(commands) > 1 and (_feeds(first, second, handler) or _feeds(second, first, handler))


def _feeds(first: list[ast.Call], second: list[ast.Call], handler: Function) -> bool:
    """Whether what one service gave is handed to the other, under a name that still stands for it."""
    given = set(first)
    for call in second:
        for argument in (*call.args, *(k.value for k in call.keywords)):
            for node in ast.walk(argument):
                if isinstance(node, ast.Name) and any(
                    _unawaited(binding.value) in given for binding in _reaching(node, handler)
                ):
                    return True
    return False


def _unawaited(node: ast.expr | None) -> ast.expr | None:
    return node.value if isinstance(node, ast.Await) else node


# passwords


def _hashing(handler: Function, blocking: Blocking, project: Project) -> Iterator[Finding]:
    for call in handler.nodes(ast.Call):
        name = _hash_of(call, handler, blocking, project)
        if name:
            checks = name.rpartition(".")[2] in VERIFIES or _is_compared(call, handler, project)
            words = {"expected": "the service to deal with passwords"}
            finding = RULE.note if checks else RULE.violation
            does = "checked" if checks else "hashed"
            yield finding(handler.module, call, f"a password {does} in a handler", **words)


def _is_compared(call: ast.Call, handler: Function, project: Project) -> bool:
    """Whether what a call gives is compared with something: a hash that is made to be compared is a check."""
    around = parent(call)
    around = parent(around) if isinstance(around, ast.Await) else around
    if isinstance(around, ast.Call):
        return project.resolver.resolve(around.func, handler) in COMPARES
    return isinstance(around, ast.Compare)


def _hash_of(call: ast.Call, handler: Function, blocking: Blocking, project: Project) -> str:
    """The hashing that a call does itself or by a helper for passwords; empty when it does none."""
    target = project.resolver.resolve(call.func, handler)
    if isinstance(target, str):
        return target if target in HASHING or PASSLIB.fullmatch(target) else ""
    if not isinstance(target, Function) or _is_below_router(target, project):
        return ""
    if target.module is handler.module and project.role(target) is Layer.ROUTER:
        return ""  # the helper itself is looked into
    calls = (project.resolver.resolve(inner, target) for inner in target.nodes(ast.Attribute, ast.Name))
    direct = next((name for name in calls if isinstance(name, str) and name in HASHING), "")
    inner = blocking.of_function(target) if not target.is_async and not direct else None
    name = direct or (inner.name if inner is not None and inner.sort == "hashing" else "")
    if not name:
        return target.name if HASHES.fullmatch(target.name) else ""
    return name if _is_for_hashing(target, project) else f"{name}.{VERIFIES[0]}"


def _is_for_hashing(helper: Function, project: Project) -> bool:
    """Whether a helper that comes to hash is there to do it, by its name or as an entity's own method."""
    if CHECKS.search(helper.name):
        return False
    of_entity = helper.owner is not None and is_mapped(helper.owner, project.resolver)
    return bool(HELPER.search(helper.name)) or (of_entity and "password" in helper.name)
