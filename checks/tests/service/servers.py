"""Servers that run in processes of their own while a test asks them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

START_SECONDS = 30


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(project: Path, env: dict[str, str], *arguments: str) -> Iterator[None]:
    """Run Python in a project for the length of the block. What it writes goes to the file `log` there."""
    with (project / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=project, env=env, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def wait_for(url: str) -> None:
    """Wait until a URL answers."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"{url} does not answer")
