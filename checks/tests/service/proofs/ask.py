"""A quick client in a process of its own: `python -m proofs.ask URL URL…`.

Asks all URLs in turn, a few times each, again and again, and writes how many requests a second each of them
answers one after the other, as JSON. In turns, because whatever else the machine does then slows all of them
alike; a few times each, because what one leaves to be done after its answer would slow the next; and by the
median, because a machine has its moments.
"""

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

TURNS = 70
REQUESTS_A_TURN = 20
WARMING_UP = 5


class Connection:
    """A kept-alive connection that sends the same GET again and again."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(url)
        self._request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._reader, self._writer = reader, writer

    async def requests_a_second(self) -> float:
        """How many answers there are in a second, by one turn."""
        started = time.perf_counter()
        for _ in range(REQUESTS_A_TURN):
            await self._ask()
        return REQUESTS_A_TURN / (time.perf_counter() - started)

    async def _ask(self) -> None:
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self._reader.readexactly(int(length.partition(b":")[2]))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def connect(url: str) -> Connection:
    """Open a connection to the host of a URL."""
    parts = urlsplit(url)
    return Connection(url, *await asyncio.open_connection(parts.hostname, parts.port))


async def compare(urls: list[str]) -> list[float]:
    """How many requests a second each URL answers."""
    connections = [await connect(url) for url in urls]
    turns = [[await connection.requests_a_second() for connection in connections] for _ in range(TURNS)]
    for connection in connections:
        await connection.close()
    return [statistics.median(column) for column in zip(*turns[WARMING_UP:], strict=True)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(compare(sys.argv[1:]))))
