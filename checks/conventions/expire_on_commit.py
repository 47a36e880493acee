"""Sessions are made with expire_on_commit=False.

## Rule

Give every `async_sessionmaker` (or `AsyncSession` made by hand) `expire_on_commit=False`.

## Why

By default, a commit expires every object of the session. The next look at an attribute then loads it again,
and that load is not awaited: async code gets `MissingGreenlet` instead of a value. The flag does not cure
lazy relationships: load those with `selectinload`, and mark them `lazy="raise"`.

## Bad

```python
# app/core/database.py
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("sqlite+aiosqlite://")
session_factory = async_sessionmaker(engine)  # <-- here
```

## Good

```python
# app/core/database.py
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker


def make_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessionmaker(engine, expire_on_commit=False)
```
"""

import ast
from collections.abc import Iterator

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Function, Project, Scope, Variable
from checks.source.kinds import literal_keywords

ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
FACTORY = "sqlalchemy.ext.asyncio.async_sessionmaker"
FLAG = "expire_on_commit"
SINGLETONS = ("Singleton", "ThreadSafeSingleton", "ThreadLocalSingleton")
MAKING_LATER = {"functools.partial"} | {
    f"dependency_injector.providers.{kind}" for kind in ("Factory", "Callable", "Resource", *SINGLETONS)
}
"""What is given a factory first, and its arguments after that."""
RULE = Rule(
    __name__,
    expected="expire_on_commit=False where the session is made",
    why="A commit would expire every object; the next attribute read is a load that nobody awaits.",
    next="Set the flag once, in the place that makes the sessions",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds the places that make sessions whose objects expire."""
    for call, scope in project.fact(makers):
        keywords, hidden = literal_keywords(call, scope, project.resolver)
        flag = keywords.get(FLAG)
        if flag is None:
            if not hidden and not _set_elsewhere(call, keywords, scope, project):
                yield RULE.violation(scope.module, call.func, "sessions made without the flag")
        elif _is_true(flag, scope, project):
            yield RULE.violation(scope.module, flag, "the flag set to True")


def subjects(project: Project) -> int:
    """Counts the places that make asynchronous sessions."""
    return len(project.fact(makers))


def makers(project: Project) -> list[tuple[ast.Call, Scope]]:
    """The calls that make an asynchronous session or a factory of them."""
    resolver = project.resolver
    found: list[tuple[ast.Call, Scope]] = []
    for module in project.application:
        if b"ession" not in module.content:
            continue
        for call, scope in module.every(ast.Call):
            target = resolver.resolve(call.func, scope)
            if target in MAKING_LATER and call.args:
                target = resolver.resolve(call.args[0], scope)
            made = target if isinstance(target, Class | str) else None
            if (
                resolver.is_kind(made, FACTORY, ASYNC_SESSION)
                and made != "sqlalchemy.ext.asyncio.async_scoped_session"
            ) or (made == "sqlalchemy.orm.sessionmaker" and resolver.is_async_maker(call, scope)):
                found.append((call, scope))
    return found


def _is_true(flag: ast.expr, scope: Scope, project: Project) -> bool:
    target = project.resolver.resolve(flag, scope)
    if isinstance(target, Variable) and target.binding.kind == "value" and target.binding.value is not None:
        flag = target.binding.value
    return isinstance(flag, ast.Constant) and flag.value is not False


def _set_elsewhere(call: ast.Call, keywords: dict[str, ast.expr], scope: Scope, project: Project) -> bool:
    """Whether the flag comes from a session class of the project, ``configure`` or the factory's calls."""
    made = project.resolver.resolve(keywords.get("class_", call.func), scope)
    if isinstance(made, Class):
        init = project.resolver.attribute(made, "__init__")
        if isinstance(init, Function) and _mentions_flag(init):
            return True
    return not project.fact(_flagged).isdisjoint(_names_of(call))


def _mentions_flag(function: Function) -> bool:
    given = any(keyword.arg == FLAG for call in function.nodes(ast.Call) for keyword in call.keywords)
    return given or any(constant.value == FLAG for constant in function.nodes(ast.Constant))


def _names_of(call: ast.Call) -> set[str]:
    """The names to which the result of a call is assigned."""
    statement = getattr(call, "parent", None)
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {getattr(t, "id", "") or getattr(t, "attr", "") for t in targets if t is not None} - {""}


def _flagged(project: Project) -> set[str]:
    """The names of factories that are called, or configured, with the flag set to False."""
    return {
        _name_of_factory(call)
        for module in project.modules
        if FLAG.encode() in module.content
        for call, _ in module.every(ast.Call)
        for keyword in call.keywords
        if keyword.arg == FLAG and isinstance(keyword.value, ast.Constant) and keyword.value.value is False
    }


def _name_of_factory(call: ast.Call) -> str:
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "configure":
        func = func.value
    return getattr(func, "id", "") or getattr(func, "attr", "")
