"""What is said to the database: statements that are built, and the methods of sessions that are called."""

import ast
import re
from typing import Final

from checks.source.kinds import is_mapped, is_record
from checks.source.resolver import Resolver, Variable
from checks.source.scopes import Class, Function, Scope, parent

TABLE: Final = "sqlalchemy.Table"
BUILDERS: Final = frozenset(
    f"sqlalchemy.{name}"
    for name in [
        "select",
        "insert",
        "update",
        "delete",
        "text",
        "union",
        "union_all",
        "exists",
        "lambda_stmt",
    ]
) | {
    *("sqlalchemy.dialects.postgresql.insert", "sqlalchemy.dialects.sqlite.insert", "sqlalchemy.orm.Query"),
    *(f"{TABLE}.{name}" for name in ("select", "insert", "update", "delete")),
}
SESSIONS: Final = frozenset({"sqlalchemy.ext.asyncio.AsyncSession", "sqlalchemy.orm.Session"})
QUERIES: Final = frozenset(
    [
        "execute",
        "scalar",
        "scalars",
        "exec",
        "query",
        "stream",
        "stream_scalars",
        "get",
        "get_one",
        "connection",
    ]
)
CHANGES: Final = frozenset(["add", "add_all", "delete", "merge"])
TRANSACTION: Final = frozenset(
    ["commit", "rollback", "flush", "refresh", "begin", "begin_nested", "close", "expunge", "expire"]
)
NAMES: Final = frozenset(
    ["session", "db", "db_session", "dbsession", "sess", "async_session", "database_session"]
)
RECORDED: Final = frozenset(
    [
        *("get", "get_or_none", "get_or_create", "get_by_id", "first", "last", "earliest", "latest"),
        *("find", "find_one", "find_many", "find_all", "filter", "exclude", "all", "select", "raw"),
        *("in_bulk", "count", "exists", "aggregate", "annotate", "distinct", "select_for_update"),
        *("create", "bulk_create", "insert", "insert_one", "insert_many", "save", "save_changes", "upsert"),
        *("update", "update_all", "update_or_create", "bulk_update", "set", "inc", "replace", "replace_many"),
        *("delete", "delete_all", "delete_by_id", "delete_instance", "remove", "refresh_from_db", "reload"),
        *("fetch_related", "fetch_link", "fetch_all_links", "load", "load_all", "save_related", "refresh"),
        *("objects", "sync"),
    ]
)
"""Methods by which libraries of active record let an entity ask the database."""
PROBE: Final = re.compile(r"SELECT 1\b|SELECT\((LITERAL\()?1\)", re.IGNORECASE)
SENDS: Final = frozenset(
    [
        *("execute", "executemany", "execute_many", "fetch", "fetchrow", "fetchval", "execute_fetchall"),
        *("fetch_all", "fetch_one", "fetch_val"),
    ]
)
"""Methods by which drivers of databases take a statement."""
SQL: Final = re.compile(
    r"\s*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|CREATE|ALTER|DROP)\s", re.IGNORECASE
)
DATA: Final = re.compile(r"\s*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH)\s", re.IGNORECASE)
STATEMENT: Final = re.compile(
    r"\s*(?:SELECT\s.+?\sFROM\s|INSERT\s+INTO\s|UPDATE\s.+?\sSET\s|DELETE\s+FROM\s|WITH\s.+?\sAS\s*\()",
    re.DOTALL,
)
"""What no sentence of a language begins like: a whole statement, in capitals."""
METHODS: Final = QUERIES | CHANGES | {"refresh", "expunge"}


def is_named_session(node: ast.expr) -> bool:
    """Whether a name or an attribute is called as sessions are."""
    name = getattr(node, "id", "") or getattr(node, "attr", "")
    return name.strip("_") in NAMES


def is_session(node: ast.expr, scope: Scope, resolver: Resolver) -> bool:
    """Whether an expression is a session: by its class or, where that cannot be told, by its name."""
    of = resolver.infer(node, scope)
    return resolver.is_kind(of, *SESSIONS) if of is not None else is_named_session(node)


def session_method(call: ast.Call, scope: Scope, resolver: Resolver) -> str:
    """The session's method that is called; empty for other calls.

    Where the session has no type, its name tells, together with what it is asked for: an entity or a
    statement of SQLAlchemy.
    """
    target = resolver.resolve(call.func, scope)
    if isinstance(target, str):
        owner, _, method = target.rpartition(".")
        if owner in SESSIONS:
            return method
    func = call.func
    is_unknown = target is None or (isinstance(target, str) and _is_of_a_library(target))
    if not is_unknown or not isinstance(func, ast.Attribute) or func.attr not in METHODS or not call.args:
        return ""
    named = is_named_session(func.value) and resolver.infer(func.value, scope) is None
    return func.attr if named and _is_database_matter(call.args[0], scope, resolver) else ""


def _is_of_a_library(name: str) -> bool:
    """Whether a library of which nothing is known has a session of its own: ``library.db.session.get``."""
    parts = name.split(".")
    return len(parts) > 2 and parts[-2].strip("_") in NAMES and parts[0] != "sqlalchemy"


def record_method(call: ast.Call, scope: Scope, resolver: Resolver) -> str:
    """The method of its library by which an entity asks the database itself; empty for other calls.

    What the project writes into the entity under such a name is no method of the library's.
    """
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(resolver.resolve(func, scope), str):
        return ""
    holder: ast.expr = func.value
    if isinstance(holder, ast.Attribute) and holder.attr == "objects":
        holder = holder.value
    elif func.attr not in RECORDED:
        return ""
    named = resolver.resolve(holder, scope)
    of = named if isinstance(named, Class) else resolver.infer(holder, scope)
    return func.attr if is_record(of, resolver) else ""


def _is_database_matter(node: ast.expr, scope: Scope, resolver: Resolver) -> bool:
    """Whether an argument is an entity's class, a column of it, one of its objects or a statement."""
    named = named_class(node, scope, resolver)
    if named is not None:
        return is_mapped(named, resolver)
    of = resolver.infer(node, scope)
    if isinstance(of, str):
        return any(of == name or of.startswith(f"{name}.") for name in BUILDERS)
    return is_mapped(of, resolver)


def named_class(node: ast.expr, scope: Scope, resolver: Resolver) -> Class | None:
    """The project's class that an expression names, through its module too, or of which it names a column."""
    named = resolver.resolve(node, scope)
    if not isinstance(named, Class) and isinstance(node, ast.Attribute):
        named = resolver.resolve(node.value, scope)
    return named if isinstance(named, Class) else None


def sent_text(call: ast.Call, scope: Scope, resolver: Resolver) -> str:
    """The SQL that a driver is given as text by one of its methods; else empty."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in SENDS:
        return ""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "query"), None)
    return _text(call.args[0] if call.args else named, scope, resolver)


def written_text(call: ast.Call, scope: Scope, resolver: Resolver) -> str:
    """The SQL that SQLAlchemy's ``text()`` is given; empty for other calls."""
    is_text = bool(call.args) and resolver.resolve(call.func, scope) == "sqlalchemy.text"
    return _text(call.args[0], scope, resolver) if is_text else ""


def _text(given: ast.expr | None, scope: Scope, resolver: Resolver) -> str:
    """The text of a statement where it is written as such, with a mark for what is put into it."""
    target = resolver.resolve(given, scope) if isinstance(given, ast.Name) else None
    if isinstance(target, Variable):
        given = target.binding.value
    if isinstance(given, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in given.values)
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""


def takes_statement(call: ast.Call, scope: Scope, resolver: Resolver) -> bool:
    """Whether anything is given a text that is plainly a statement of SQL, whoever sends it then."""
    named = (keyword.value for keyword in call.keywords if keyword.arg in {"query", "sql", "statement"})
    given = (*call.args[:1], *named)
    return any(STATEMENT.match(_text(argument, scope, resolver)) for argument in given)


def sends_rendered(function: Function, resolver: Resolver) -> bool:
    """Whether a function sends what something else made of a statement that is written there."""
    calls = function.nodes(ast.Call)
    sends = any(
        isinstance(parent(call), ast.Await) and getattr(call.func, "attr", "") in SENDS for call in calls
    )
    return sends and any(takes_statement(call, function, resolver) for call in calls)


def holds_query(function: Function, resolver: Resolver) -> bool:
    """Whether a function builds a statement that asks for data or changes them, or sends one as text."""
    calls = function.nodes(ast.Call)
    return any(_is_query(call, function, resolver) for call in calls) or sends_rendered(function, resolver)


def _is_query(call: ast.Call, scope: Scope, resolver: Resolver) -> bool:
    text = sent_text(call, scope, resolver) or written_text(call, scope, resolver)
    if text:
        return DATA.match(text) is not None and not PROBE.match(text.strip())
    target = resolver.resolve(call.func, scope)
    if target in BUILDERS:
        is_constant = all(isinstance(argument, ast.Constant) for argument in call.args)
        return target != "sqlalchemy.text" and not (target == "sqlalchemy.select" and is_constant)
    return session_method(call, scope, resolver) in {"query", "get", "get_one"}
