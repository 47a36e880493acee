"""The exceptions that the learner's code meets, also those that it keeps to itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType

TOOL_ID = 4
"""One of the numbers of `sys.monitoring` that no kind of tool has by name."""


@contextmanager
def raised_below(folder: Path) -> Iterator[list[Exception]]:
    """Hear of the exceptions that arrive in the files of a folder for as long as the block runs.

    Args:
        folder: the learner's.

    Yields:
        A list to which each exception is added once, in the order in which they arrive.
    """
    raised: list[Exception] = []

    def arrives(code: CodeType, _offset: int, error: BaseException) -> None:
        known = any(error is other for other in raised)
        if isinstance(error, Exception) and not known and Path(code.co_filename).is_relative_to(folder):
            raised.append(error)

    monitoring = sys.monitoring
    monitoring.use_tool_id(TOOL_ID, __name__)
    try:
        monitoring.register_callback(TOOL_ID, monitoring.events.RAISE, arrives)
        monitoring.set_events(TOOL_ID, monitoring.events.RAISE)
        yield raised
    finally:
        monitoring.set_events(TOOL_ID, monitoring.events.NO_EVENTS)
        monitoring.register_callback(TOOL_ID, monitoring.events.RAISE, None)
        monitoring.free_tool_id(TOOL_ID)
