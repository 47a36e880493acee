"""Routers hold no business logic.

## Rule

A handler takes the request apart, calls one service and gives its answer back. Mapping to and from schemas,
pagination, cookies, headers and the status code are its work. Decisions about the state of an entity, sums
over entities and password hashing belong to the service.

## Why

A rule that stands in a route is checked for that route alone. The next route, the worker and the import
script each need it again, and one of them will lack it. This is a heuristic: where the source leaves doubt,
it gives a note.

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
from enum import IntEnum
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Binding, Class, Function, Layer, Module, Project, Target, Variable, written
from checks.source.calls import HASHING, Blocking
from checks.source.kinds import is_mapped, is_pydantic

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
HELPER: Final = re.compile(r"hash|encrypt|bcrypt")
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
    """Finds decisions, sums, orchestration and hashing in handlers."""
    blocking = Blocking(project.resolver)
    for handler in project.handlers:
        if isinstance(handler.node, ast.Lambda):
            continue
        yield from _decisions(handler, project)
        yield from _sums(handler, project)
        yield from _orchestration(handler, project)
        yield from _hashing(handler, blocking, project)


def subjects(project: Project) -> int:
    """Counts the handlers."""
    return len(project.handlers)


# decisions on the state of an entity


def _decisions(handler: Function, project: Project) -> Iterator[Finding]:
    raised, changed = _raised(handler), _changed(handler)
    for branch in handler.nodes(ast.If):
        states = [
            (node, sure)
            for node in ast.walk(branch.test)
            if isinstance(node, ast.Attribute) and (sure := _state_of_entity(node, handler, project))
        ]
        if not states:
            continue
        first, last = branch.body[0], (branch.orelse or branch.body)[-1]
        entities = {written(node.value) for node, _ in states}
        raises = _stands_between(raised, first, branch.body[-1])
        mutates = any(_stands_between(changed.get(entity, []), first, last) for entity in entities)
        if not raises and not mutates:
            continue
        plain = any(sure is Sure.YES for _, sure in states) and not _asks_for_permission(
            branch.test, handler, project
        )
        does = "raises" if raises else "changes it"
        found = f"a handler that looks at {written(states[0][0])} and {does}"
        yield (RULE.violation if plain else RULE.note)(handler.module, branch.test, found)


def _raised(handler: Function) -> list[tuple[int, int]]:
    """Where something is raised in a handler and the functions inside it, sorted."""
    return sorted(_start(node) for scope in handler.within() for node in scope.nodes(ast.Raise))


def _changed(handler: Function) -> dict[str, list[tuple[int, int]]]:
    """The text of an object to the places, sorted, where an attribute of it is assigned."""
    found: dict[str, list[tuple[int, int]]] = {}
    for scope in handler.within():
        for node in scope.nodes(ast.Assign, ast.AugAssign, ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Attribute):
                    found.setdefault(written(target.value), []).append(_start(node))
    for places in found.values():
        places.sort()
    return found


def _start(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _stands_between(places: list[tuple[int, int]], first: ast.stmt, last: ast.stmt) -> bool:
    """Whether one of the sorted places is in the stretch from one statement to the end of another."""
    nearest = bisect_left(places, _start(first))
    end = (last.end_lineno or last.lineno, last.end_col_offset or last.col_offset)
    return nearest < len(places) and places[nearest] < end


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        yield from ast.walk(statement)


def _mutates(node: ast.AST, entities: set[str]) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return False
    return any(isinstance(t, ast.Attribute) and written(t.value) in entities for t in targets)


def _state_of_entity(node: ast.Attribute, handler: Function, project: Project) -> Sure:
    """How plainly an attribute is the state of an entity that the handler loaded."""
    root: ast.expr = node.value
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name) or isinstance(getattr(node, "parent", None), ast.Call):
        return Sure.NO
    target = project.resolver.lookup(root.id, handler, root.lineno)
    if not isinstance(target, Variable) or target.binding.scope is not handler:
        return _of_parameter(target, project)
    return _of_local(target.binding, root, handler, project)


def _of_parameter(target: Target | None, project: Project) -> Sure:
    if (
        isinstance(target, Variable)
        and target.binding.kind == "parameter"
        and target.binding.annotation is not None
    ):
        of = project.resolver.annotated(target.binding.annotation, target.binding.scope)
        return Sure.PERHAPS if is_mapped(of, project.resolver) else Sure.NO
    return Sure.NO


def _of_local(binding: Binding, root: ast.Name, handler: Function, project: Project) -> Sure:
    if binding.kind == "for":
        return Sure.PERHAPS if _is_loaded(binding.value, handler, project) else Sure.NO
    value = binding.value.value if isinstance(binding.value, ast.Await) else binding.value
    if binding.kind != "value" or not isinstance(value, ast.Call):
        return Sure.NO
    of = project.resolver.infer(root, handler)
    if is_mapped(of, project.resolver):
        return Sure.YES
    called = project.resolver.resolve(value.func, handler)
    loaded = isinstance(called, Function) and project.layer(called.module) in {
        Layer.SERVICE,
        Layer.REPOSITORY,
    }
    if isinstance(of, Class) and is_pydantic(of, project.resolver):
        return Sure.YES if loaded and not isinstance(called, Class) else Sure.NO
    return Sure.PERHAPS if loaded else Sure.NO


def _is_loaded(node: ast.expr | None, handler: Function, project: Project) -> bool:
    """Whether an expression is what a service or a repository gave, or a part of it."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if isinstance(node, ast.Await):
        node = node.value
    if isinstance(node, ast.Call):
        called = project.resolver.resolve(node.func, handler)
        return isinstance(called, Function) and project.layer(called.module) in {
            Layer.SERVICE,
            Layer.REPOSITORY,
        }
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


def _asks_for_permission(test: ast.expr, handler: Function, project: Project) -> bool:
    """Whether a condition compares with who is asking, which is a matter of access."""
    for node in ast.walk(test):
        if isinstance(node, ast.Name):
            target = project.resolver.lookup(node.id, handler, node.lineno)
            if isinstance(target, Variable) and target.binding.kind == "parameter":
                name = node.id.lower()
                of = project.resolver.infer(node, handler)
                asks = is_mapped(of, project.resolver) or "user" in name or "current" in name
                if asks or "Depends" in written(target.binding.value or ast.Pass()):
                    return True
    return False


# sums over entities


def _sums(handler: Function, project: Project) -> Iterator[Finding]:
    for loop in handler.nodes(ast.For, ast.AsyncFor):
        names = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        computes = [
            inner
            for inner in _inside(loop.body)
            if isinstance(inner, ast.AugAssign) and _reads_attribute(inner.value, names)
        ]
        mutates = [inner for inner in _inside(loop.body) if _mutates(inner, names)]
        if computes or mutates:
            yield _sum(handler, loop.iter, "a loop over entities that computes", project)
    for call in handler.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in TOTALS and call.args:
            series = call.args[0]
            if isinstance(series, ast.GeneratorExp | ast.ListComp):
                target = series.generators[0].target
                names = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
                if _reads_attribute(series.elt, names):
                    yield _sum(
                        handler, series.generators[0].iter, f"{call.func.id}() over entities", project, call
                    )


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
        target = project.resolver.resolve(call.func, handler)
        if not isinstance(target, Function) or target.name == "__init__":
            continue
        if project.layer(target.module) is Layer.SERVICE and _does_work(target):
            of = (
                project.resolver.infer(call.func.value, handler)
                if isinstance(call.func, ast.Attribute)
                else None
            )
            owner = of.module if isinstance(of, Class) else target.module
            used.setdefault(owner, []).append(call)
    if len(used) < 2:
        return
    calls = list(used.values())
    commands = [call for group in calls for call in group if not _called_name(call).startswith(READS)]
    plain = len(used) > 2 or (len(commands) > 1 and _feeds(calls[0], calls[1], handler))
    finding = RULE.violation if plain else RULE.note
    names = " and ".join(module.name for module in list(used)[:2])
    yield finding(
        handler.module,
        calls[1][0],
        f"a handler that works with several services, {names}",
        expected="one call of one service",
    )


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


def _feeds(first: list[ast.Call], second: list[ast.Call], handler: Function) -> bool:
    """Whether what one service gave is handed to the other."""
    given: set[str] = set()
    for assignment in handler.nodes(ast.Assign):
        value = assignment.value.value if isinstance(assignment.value, ast.Await) else assignment.value
        if value in first:
            given |= {target.id for target in assignment.targets if isinstance(target, ast.Name)}
    return any(
        isinstance(node, ast.Name) and node.id in given
        for call in second
        for argument in (*call.args, *(k.value for k in call.keywords))
        for node in ast.walk(argument)
    )


# passwords


def _hashing(handler: Function, blocking: Blocking, project: Project) -> Iterator[Finding]:
    for call in handler.nodes(ast.Call):
        name = _hash_of(call, handler, blocking, project)
        if name:
            checks = name.rpartition(".")[2] in VERIFIES
            words = {"expected": "the service to deal with passwords"}
            finding = RULE.note if checks else RULE.violation
            does = "checked" if checks else "hashed"
            yield finding(handler.module, call, f"a password {does} in a handler", **words)


def _hash_of(call: ast.Call, handler: Function, blocking: Blocking, project: Project) -> str:
    target = project.resolver.resolve(call.func, handler)
    if isinstance(target, str):
        return target if target in HASHING else ""
    if not isinstance(target, Function) or project.layer(target.module) in {Layer.SERVICE, Layer.REPOSITORY}:
        return ""
    calls = (project.resolver.resolve(inner, target) for inner in target.nodes(ast.Attribute, ast.Name))
    direct = next((name for name in calls if isinstance(name, str) and name in HASHING), "")
    inner = blocking.of_function(target) if not target.is_async and not direct else None
    name = direct or (inner.name if inner is not None and inner.sort == "hashing" else "")
    return name if not name or HELPER.search(target.name) else f"{name}.{VERIFIES[0]}"
