"""What an application writes to its log."""

import logging
import re
from pathlib import Path


def exception_in(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record tells, in whatever way it was handed over."""
    told = [record.exc_info[1]] if isinstance(record.exc_info, tuple) else []
    given = record.args if isinstance(record.args, tuple) else ()
    return next((one for one in (*told, *given, record.msg) if isinstance(one, BaseException)), None)


def tells_reason(record: logging.LogRecord, said: set[str]) -> bool:
    """Whether a record holds an exception, or the text or type of what the database said."""
    places = {"name", "pathname", "filename", "module", "funcName"}
    told = " ".join(
        [record.getMessage(), *(str(vars(record)[name]) for name in vars(record).keys() - places)]
    )
    if said:
        return exception_in(record) is not None or holds(told, said | {"TimeoutError"})
    # The driver was asked directly: nobody else heard what it said.
    return (
        exception_in(record) is not None or re.search(r"[a-z]Error\b|no active connection", told) is not None
    )


def holds(text: str, words: set[str]) -> bool:
    """Whether a text holds one of some words, in capitals or not."""
    text = text.casefold()
    return any(word.casefold() in text for word in words)


def logging_line(records: list[logging.LogRecord], project: Path) -> tuple[str, int] | None:
    """The learner's line that logged the last of some records."""
    own = (record for record in reversed(records) if Path(record.pathname).is_relative_to(project))
    return next(((Path(one.pathname).relative_to(project).as_posix(), one.lineno) for one in own), None)
