"""What blocks the event loop: directly, or through functions of the project that an async function calls."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from checks.source.resolver import DEPTH, Resolver
from checks.source.scopes import Class, Function, Scope, parent

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
    return ""


class Blocking:
    """Finds blocking calls in the functions of one project, through calls of its own functions.

    Args:
        resolver: the project's resolver.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[Function, Blocker | None] = {}
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
        inner = self.of_function(target)
        return Blocker(inner.name, inner.sort, (target, *inner.via)) if inner else None

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
