"""What blocks the event loop: directly, or through functions of the project that an async function calls."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from checks.source.aside import aside
from checks.source.clients import is_lazy, waits
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
    ["open", "io.open", "codecs.open", "gzip.open", "glob.glob"]
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
        "zipfile.ZipFile",
        "pandas.read_csv",
        "pandas.read_excel",
        "PIL.Image.open",
        "fastapi.UploadFile.file.read",
        "fastapi.UploadFile.file.seek",
        "fastapi.UploadFile.file.write",
    ]
)
_QUEUES: Final = frozenset(
    f"{queue}.{method}"
    for queue in ("queue.Queue", "queue.SimpleQueue", "queue.LifoQueue", "queue.PriorityQueue")
    for method in ("get", "join")
)
_MAKING: Final = frozenset({"httpx.Client"})
"""What waits for nothing itself, and shows where it stands in a coroutine that its author means to wait."""
_TAKING: Final = frozenset({"list", "tuple", "set", "sorted", "next"})
_AWAITABLE: Final = frozenset({"typing.Awaitable", "typing.Coroutine", "asyncio.Future", "asyncio.Task"})


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that holds the event loop.

    Attributes:
        name: the library's call, such as ``requests.get``.
        sort: ``http``, ``files``, ``other``, ``hashing`` or ``slow``; what only may block is slow.
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
    return "other" if waits(name) else ""


def _sort_of_use(name: str, call: ast.Call) -> str:
    """What sort of blocking call a name is by the way in which it is called; empty when it is none."""
    if name in _QUEUES:
        return "" if _is_impatient(call) or _is_asked_before(call) else "other"
    return "other" if is_lazy(name) and _is_gone_through(call) else ""


def _is_impatient(call: ast.Call) -> bool:
    """Whether ``get(block=False)`` is said, which waits for nothing."""
    told = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "block")]
    return any(isinstance(value, ast.Constant) and not value.value for value in told)


def _is_asked_before(call: ast.Call) -> bool:
    """Whether the call stands below a test of what the queue holds, as in ``while not queue.empty():``."""
    around = parent(call)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(around, ast.If | ast.While):
            names = {getattr(node, "attr", "") for node in ast.walk(around.test)}
            if names & {"empty", "qsize"}:
                return True
        around = parent(around)
    return False


def _is_gone_through(call: ast.Call) -> bool:
    """Whether a loop, a ``with`` or a call such as ``list(...)`` takes the result at once."""
    around = parent(call)
    if isinstance(around, ast.For | ast.comprehension):
        return around.iter is call
    return isinstance(around, ast.withitem) or (
        isinstance(around, ast.Call) and getattr(around.func, "id", "") in _TAKING
    )


def _of_all(found: list[Blocker | None]) -> Blocker | None:
    """What several methods wait for of which one is called: certain if every one of them blocks."""
    blocking = [blocker for blocker in found if blocker is not None]
    if len(blocking) < len(found):
        blocking = [replace(blocker, sort="slow") for blocker in blocking]
    return blocking[0] if blocking else None


class Blocking:
    """Finds blocking calls in the functions of one project, through calls of its own functions.

    Args:
        resolver: the project's resolver.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[Function, Blocker | None] = {}
        self._hidden: dict[Function, Blocker | None] = {}
        self._derived: dict[Class, list[Class]] | None = None
        self._busy: set[Function] = set()
        self._cuts = 0

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
            sort = sort_of(target) or _sort_of_use(target, call)
            return Blocker(target, sort) if sort else None
        if isinstance(target, Class):
            made = self._resolver.attribute(target, "__init__")
            target = made if isinstance(made, Function) else None
        if target is None:
            return self._of_alternatives(call, scope)
        if not isinstance(target, Function) or target.is_async:
            return None
        if isinstance(parent(call), ast.Await) and not self._gives_awaitable(target):
            return None
        return self._through(target) or self._hidden_by(target)

    def _gives_awaitable(self, function: Function) -> bool:
        """Whether a plain function says that what it gives can be awaited: otherwise it is not this one."""
        if function.name == "__init__":
            return True
        if function.decorators or not isinstance(function.returns, ast.Subscript):
            return False
        return self._resolver.resolve(function.returns.value, function.parent or function) in _AWAITABLE

    def _through(self, function: Function) -> Blocker | None:
        inner = self.of_function(function)
        return Blocker(inner.name, inner.sort, (function, *inner.via)) if inner else None

    def _hidden_by(self, function: Function) -> Blocker | None:
        """What stands behind an abstract method; kept where no circle of calls cut the search short."""
        if function in self._hidden:
            return self._hidden[function]
        before = self._cuts
        found = self._behind(function)
        if self._cuts == before:
            self._hidden[function] = found
        return found

    def _behind(self, function: Function) -> Blocker | None:
        """What the implementations of an abstract method wait for."""
        return _of_all([self._implemented(method) for method in self._implementations(function)])

    def _of_alternatives(self, call: ast.Call, scope: Scope) -> Blocker | None:
        """What a method of an object waits for that may be of several classes, as in ``Disk | Cloud``."""
        func = call.func
        if not isinstance(func, ast.Attribute) or isinstance(parent(call), ast.Await):
            return None
        classes = self._resolver.alternatives(func.value, scope)
        methods = [self._resolver.attribute(cls, func.attr) for cls in classes]
        return _of_all([self._implemented(m) if isinstance(m, Function) else None for m in methods])

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
        """What a synchronous function waits for most plainly: of several things the nearest."""
        if function in self._busy or len(self._busy) > DEPTH:
            self._cuts += function not in self._known
            return self._known.get(function)
        if function not in self._known:
            self._busy.add(function)
            found = [blocker for _, blocker in self.in_scope(function) if blocker.name not in _MAKING]
            self._busy.discard(function)
            self._known[function] = _nearest(found)
        return self._known[function]


def _nearest(found: list[Blocker]) -> Blocker | None:
    """The blocking call that the fewest functions stand before; what is no plain violation comes last.

    HTTP that other waiting comes before, as where a server is started, is no plainer than that.
    """
    plain = [blocker for blocker in found if blocker.sort not in {"slow", "hashing"}] or found
    nearest = min(plain, key=lambda blocker: len(blocker.via), default=None)
    if nearest is None or nearest is plain[0] or nearest.sort != "http":
        return nearest
    return replace(nearest, sort="other")


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
