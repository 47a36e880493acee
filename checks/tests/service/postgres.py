"""A PostgreSQL server for the length of a test run: private, on the loopback, gone afterwards."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

OWNER = "library"
START_SECONDS = 30


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`: on the path, or where Debian keeps them. The newest wins.

    None on Windows: there, the server does not run for an administrator, which CI is and a learner may be.
    """
    if sys.platform == "win32":
        return None
    on_path = shutil.which("postgres")
    if on_path and shutil.which("initdb"):
        return Path(on_path).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    return folders[-1] if folders else None


class Server:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._names = (f"proof{number}" for number in count(1))

    def new_database(self) -> str:
        """Make an empty database; gives its URL in SQLAlchemy's words."""
        name = next(self._names)
        asyncio.run(self.execute(f"CREATE DATABASE {name}"))
        return f"postgresql+asyncpg://{OWNER}@127.0.0.1:{self.port}/{name}"

    async def execute(self, statement: str) -> None:
        """Run one statement as the owner of everything."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, database="postgres", ssl=False
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """Start a server with an empty cluster, and stop it when the block ends."""
    # Not below pytest's own folder: the server may run as another user, who cannot enter there.
    home = Path(tempfile.mkdtemp(prefix="library-postgres-"))
    user = _user_for_the_server()
    if user:
        shutil.chown(home, user)
    try:
        data = home / "data"
        options = ["--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "--pgdata", data, *options],
            check=True,
            capture_output=True,
            user=user,
            cwd=home,
        )
        with _server_process(binaries, data, user) as server:
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _server_process(binaries: Path, data: Path, user: str | None) -> Iterator[Server]:
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": 60,
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options], stdout=log, stderr=log, user=user, cwd=data.parent
        )
    try:
        server = Server(port)
        _wait_for(server, process, data.parent / "log")
        yield server
    finally:
        # An interrupt ends the server's connections; a plain end would wait for them.
        process.send_signal(signal.SIGINT)
        process.wait(timeout=START_SECONDS)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            asyncio.run(server.execute("SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.1)
        else:
            return


def _user_for_the_server() -> str | None:
    """PostgreSQL refuses to run as root: somebody without rights takes its place."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
