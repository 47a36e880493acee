"""What blocks the event loop: directly, or through functions of the project that an async function calls."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from checks.source.aside import aside
from checks.source.resolver import DEPTH, Resolver
from checks.source.scopes import Class, Function, Scope, parent, written

_VERBS: Final = ["get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream"]
_PATH_IO: Final = [
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "exists",
    "is_file",
    "is_dir",
    "is_symlink",
    "mkdir",
    "unlink",
    "rmdir",
    "touch",
    "stat",
    "lstat",
    "iterdir",
    "glob",
    "rglob",
    "walk",
    "rename",
    "replace",
    "chmod",
    "samefile",
    "symlink_to",
    "hardlink_to",
    "owner",
    "group",
]
_OS_IO: Final = [
    "remove",
    "unlink",
    "rename",
    "renames",
    "replace",
    "mkdir",
    "makedirs",
    "listdir",
    "scandir",
    "walk",
    "stat",
    "lstat",
    "rmdir",
    "removedirs",
    "system",
    "popen",
    "chmod",
    "chown",
    "link",
    "symlink",
    "truncate",
    "fsync",
    "access",
    "utime",
    "open",
    "read",
    "write",
]
_OS_PATH_IO: Final = [
    "exists",
    "isfile",
    "isdir",
    "islink",
    "getsize",
    "getmtime",
    "getctime",
    "getatime",
    "lexists",
    "samefile",
]
_SHUTIL: Final = [
    "copy",
    "copy2",
    "copyfile",
    "copyfileobj",
    "copytree",
    "move",
    "rmtree",
    "make_archive",
    "unpack_archive",
    "disk_usage",
]
_PROCESS: Final = ["run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "Popen"]

HTTP: Final = frozenset(
    [f"requests.{verb}" for verb in _VERBS]
    + [f"requests.Session.{verb}" for verb in _VERBS]
    + [f"httpx.{verb}" for verb in _VERBS]
    + [f"httpx.Client.{verb}" for verb in _VERBS]
    + ["httpx.Client", "urllib.request.urlopen", "urllib.request.urlretrieve", "urllib3.request"]
    + [
        "urllib3.PoolManager.request",
        "http.client.HTTPConnection.request",
        "http.client.HTTPSConnection.request",
    ]
)
FILES: Final = frozenset(
    ["open", "io.open", "codecs.open", "gzip.open"]
    + [f"pathlib.Path.{name}" for name in _PATH_IO]
    + [f"os.{name}" for name in _OS_IO]
    + [f"os.path.{name}" for name in _OS_PATH_IO]
    + [f"shutil.{name}" for name in _SHUTIL]
)
OTHERS: Final = frozenset(
    ["time.sleep", "input", "sqlite3.connect", "psycopg2.connect", "psycopg.connect", "pymysql.connect"]
    + ["MySQLdb.connect", "mysql.connector.connect", "smtplib.SMTP", "smtplib.SMTP_SSL", "ftplib.FTP"]
    + ["socket.create_connection", "socket.gethostbyname", "socket.getaddrinfo", "paramiko.SSHClient.connect"]
    + [f"subprocess.{name}" for name in _PROCESS]
)
HASHING: Final = frozenset(
    f"{kind}.{name}"
    for kind in ("passlib.context.CryptContext", "pwdlib.PasswordHash", "argon2.PasswordHasher")
    for name in ("hash", "verify", "verify_and_update", "encrypt")
) | {
    "bcrypt.hashpw",
    "bcrypt.checkpw",
    "hashlib.pbkdf2_hmac",
    "hashlib.scrypt",
    "werkzeug.security.generate_password_hash",
    "werkzeug.security.check_password_hash",
}
SLOW: Final = frozenset(
    [
        "tempfile.NamedTemporaryFile",
        "tempfile.TemporaryDirectory",
        "tempfile.mkdtemp",
        "glob.glob",
        "zipfile.ZipFile",
        "pandas.read_csv",
        "pandas.read_excel",
        "PIL.Image.open",
        "fastapi.UploadFile.file.read",
        "fastapi.UploadFile.file.seek",
        "fastapi.UploadFile.file.write",
    ]
)
_CLIENTS: Final = (
    "sqlite3.connect.",
    "psycopg2.connect.",
    "smtplib.SMTP.",
    "smtplib.SMTP_SSL.",
    "boto3.client.",
    "redis.Redis.",
    "redis.StrictRedis.",
    "redis.from_url.",
    "redis.client.Redis.",
    "openai.OpenAI.",
    "anthropic.Anthropic.",
    "minio.Minio.",
    "elasticsearch.Elasticsearch.",
)
_HARMLESS: Final = (
    "generate_presigned",
    "get_paginator",
    "exceptions",
    "close",
    "pipeline",
    "from_url",
    "meta",
)
_READS: Final = "get|list|create|update|delete|fetch|search|retrieve|send|publish"
_VERBS_OF: Final[dict[str, re.Pattern[str]]] = {
    "stripe.": re.compile(rf"(?:{_READS}|modify|capture|confirm|cancel|pay)(?!\w)"),
    "twilio.rest.Client.": re.compile(rf"(?:{_READS})"),
    "sendgrid.SendGridAPIClient.": re.compile(r"send"),
    "google.cloud.": re.compile(
        r"(?:upload|download|list|get|create|delete|insert|load|access)_\w+|query|result|reload|exists|stream|delete"
    ),
    "boto3.resource.": re.compile(r"[a-z]\w*"),
    "boto3.session.Session.client.": re.compile(r"(?!generate_|get_paginator|get_waiter|close|meta)[a-z]\w*"),
    "boto3.Session.client.": re.compile(r"(?!generate_|get_paginator|get_waiter|close|meta)[a-z]\w*"),
    "pymongo.MongoClient.": re.compile(
        r"find_\w+|insert_\w+|update_\w+|delete_\w+|replace_one|aggregate|count_\w+|command|distinct|bulk_write"
        r"|create_index|drop\w*|list_\w+|server_info"
    ),
    "opensearchpy.OpenSearch.": re.compile(r"(?!close)[a-z]\w*"),
    "qdrant_client.QdrantClient.": re.compile(r"(?!close)[a-z]\w*"),
    "supabase.create_client.": re.compile(r"execute|upload|download|sign_\w+|get_user"),
    "groq.Groq.": re.compile(r"create|list|retrieve"),
    "openai.chat.completions.": re.compile(r"create"),
    "openai.ChatCompletion.": re.compile(r"create"),
    "openai.Completion.": re.compile(r"create"),
    "openai.AzureOpenAI.": re.compile(r"create|list|retrieve|delete|generate"),
    "psycopg.connect.": re.compile(r"execute|commit|rollback|fetch\w+"),
    "pymysql.connect.": re.compile(r"execute|commit|rollback|fetch\w+"),
    "mysql.connector.connect.": re.compile(r"execute|commit|rollback|fetch\w+"),
}
"""Clients that wait for a network in some methods only: the beginning of their names to those methods."""
_VERBED: Final = tuple(_VERBS_OF)


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that holds the event loop.

    Attributes:
        name: the library's call, such as ``requests.get``.
        sort: ``http``, ``files``, ``other``, ``hashing`` or ``slow``.
        via: the functions of the project on the way to it, outermost first.
    """

    name: str
    sort: str
    via: tuple[Function, ...] = ()


def sort_of(name: str) -> str:
    """What sort of blocking call a library's name is; empty when it does not block."""
    for sort, names in (
        ("http", HTTP),
        ("files", FILES),
        ("other", OTHERS),
        ("hashing", HASHING),
        ("slow", SLOW),
    ):
        if name in names:
            return sort
    if name.startswith(_CLIENTS):
        method = name.rpartition(".")[2]
        return "" if method.startswith(_HARMLESS) else "other"
    if name.startswith(_VERBED) and "Async" not in name:
        method = name.rpartition(".")[2]
        waits = any(name.startswith(p) and verbs.fullmatch(method) for p, verbs in _VERBS_OF.items())
        return "other" if waits else ""
    return ""


class Blocking:
    """Finds blocking calls in the functions of one project, through calls of its own functions.

    Args:
        resolver: the project's resolver.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[Function, Blocker | None] = {}
        self._derived: dict[Class, list[Class]] | None = None
        self._depth = 0

    def in_scope(self, scope: Scope) -> Iterator[tuple[ast.Call, Blocker]]:
        """The calls directly in a function that block while they run."""
        for call in scope.nodes(ast.Call):
            blocker = self.of_call(call, scope)
            if blocker is not None:
                yield call, blocker

    def of_call(self, call: ast.Call, scope: Scope) -> Blocker | None:
        """What a call waits for, or None when it does not block."""
        target = self._resolver.resolve(call.func, scope)
        if isinstance(target, str):
            if isinstance(parent(call), ast.Await):
                return None
            sort = sort_of(target)
            return Blocker(target, sort) if sort else None
        if isinstance(target, Class):
            made = self._resolver.attribute(target, "__init__")
            target = made if isinstance(made, Function) else None
        if not isinstance(target, Function) or target.is_async:
            return None
        if target.decorators and isinstance(parent(call), ast.Await):
            return None
        return self._through(target) or self._behind(target)

    def _through(self, function: Function) -> Blocker | None:
        inner = self.of_function(function)
        return Blocker(inner.name, inner.sort, (function, *inner.via)) if inner else None

    def _behind(self, function: Function) -> Blocker | None:
        """What the implementations of an abstract method wait for, if every one of them blocks."""
        found = [self._implemented(method) for method in self._implementations(function)]
        return found[0] if all(found) and found else None

    def _implementations(self, function: Function) -> list[Function]:
        """The methods that do something where an abstract one is called."""
        owner = function.owner
        if owner is None or _does_something(function) or not self._is_abstract(function, owner):
            return []
        methods = (cls.method(function.name) for cls in self._subclasses(owner))
        return [method for method in methods if method is not None and _does_something(method)]

    def _is_abstract(self, function: Function, owner: Class) -> bool:
        marks = any("abstractmethod" in written(decorator) for decorator in function.decorators)
        return marks or bool(function.nodes(ast.Raise)) or self._resolver.is_kind(owner, "typing.Protocol")

    def _implemented(self, method: Function) -> Blocker | None:
        return None if method.is_async else self._through(method)

    def _subclasses(self, of: Class) -> list[Class]:
        """The classes that derive from one; what tests put in its place runs on no server's loop."""
        if self._derived is None:
            self._derived = {}
            for cls in self._resolver.classes():
                for base in self._resolver.mro(cls)[1:] if aside(cls.module) is None else ():
                    if isinstance(base, Class):
                        self._derived.setdefault(base, []).append(cls)
        return self._derived.get(of, [])

    def called_from(self, functions: Iterable[Function]) -> set[Function]:
        """The functions of the project, and those that a chain of calls leads to from them.

        What is only handed on, as to a thread, is not called.
        """
        found = set(functions)
        pending = list(found)
        while pending:
            function = pending.pop()
            for call in function.nodes(ast.Call):
                new = {called for called in self._called(call, function) if called not in found}
                found |= new
                pending += new
        return found

    def _called(self, call: ast.Call, scope: Scope) -> Iterator[Function]:
        """The project's functions that may run when a call does."""
        target = self._resolver.resolve(call.func, scope)
        if isinstance(target, Function):
            yield target
            yield from self._implementations(target)
        elif isinstance(target, Class):
            is_entered = isinstance(parent(call), ast.withitem)
            for name in ("__init__", "__enter__", "__exit__") if is_entered else ("__init__",):
                method = self._resolver.attribute(target, name)
                if isinstance(method, Function):
                    yield method

    def of_function(self, function: Function) -> Blocker | None:
        """The first thing that a synchronous function waits for."""
        if function not in self._known:
            if self._depth > DEPTH:
                return None
            self._known[function] = None
            self._depth += 1
            found = [blocker for _, blocker in self.in_scope(function)]
            self._depth -= 1
            found.sort(key=lambda blocker: blocker.sort in {"slow", "hashing"})
            self._known[function] = found[0] if found else None
        return self._known[function]


def _does_something(function: Function) -> bool:
    """Whether a body is more than a docstring, ``...``, ``pass`` and ``raise NotImplementedError``."""
    if isinstance(function.node, ast.Lambda):
        return True
    return any(
        not isinstance(statement, ast.Pass)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        and not (isinstance(statement, ast.Raise) and "NotImplemented" in written(statement))
        for statement in function.node.body
    )
