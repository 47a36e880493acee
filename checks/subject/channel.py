"""Messages between the judging process and the subject: one JSON object a line."""

import json
from typing import IO, Any

MARK = b"\x1elayer "
"""Begins each message, so that stray output on the same stream is told apart from it."""

END = b"\x1eend\n"
"""Stands on the subject's standard output after all that a check has printed."""


def send(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Write one message and flush it.

    Raises:
        OSError: the other side is gone.
    """
    stream.write(MARK + json.dumps(message).encode("ascii") + b"\n")
    stream.flush()


def parse(line: bytes) -> dict[str, Any] | None:
    """The message on a line that was read, or None if the line is something else."""
    if not line.startswith(MARK):
        return None
    try:
        message = json.loads(line[len(MARK) :])
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
