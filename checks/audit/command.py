"""What the command line asks of an audit, and what it answers."""

import errno
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from checks.audit import Audit, AuditError, Options, audit
from checks.audit.formats import FORMATS, render
from checks.report import glyphs_for

CLOSED: Final = (errno.EPIPE, errno.EINVAL)
"""What the system says when the reader of a pipe has closed it; Windows says the second."""


def run(  # noqa: PLR0913 - the options of one command line
    path: Path,
    style: str,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    baseline: Path | None = None,
    write_baseline: bool = False,
    explain: bool = False,
) -> int:
    """Audits a project, prints the outcome and gives the exit code: 0, or 1 when there are violations.

    Args:
        path: the project's folder, or one file of it.
        style: the format, one of `FORMATS`, in small or capital letters.
        select: slugs to run, each word one or several with commas between.
        ignore: slugs to leave out, likewise.
        baseline: the file with known findings.
        write_baseline: whether to write that file anew.
        explain: whether the text gives the rules too.

    Raises:
        AuditError: the words cannot be understood, the path cannot be audited, or, after the report on it,
            nothing of it could be judged.
    """
    style = style.lower()
    if style not in FORMATS:
        raise AuditError(f"There is no format {style!r}; there are {', '.join(FORMATS)}.")
    options = Options(
        select=_words(select), ignore=_words(ignore), baseline=baseline, write_baseline=write_baseline
    )
    gc.disable()  # the syntax trees live as long as this process: looking for garbage among them is lost time
    outcome = audit(path, options)
    _write(render(outcome, style, explain=explain, glyphs=glyphs_for(_encoding())), style)
    gc.freeze()
    if outcome.is_blind and not outcome.violations:
        raise AuditError(_blind(outcome))
    return outcome.exit_code


def _words(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for part in given for word in part.split(",") if word.strip())


def _blind(outcome: Audit) -> str:
    """That the report on nothing is no pass, why, and the way out."""
    first = outcome.unparsed[0]
    return (
        "Nothing was judged: expected a Python file that can be parsed and is not empty, found"
        f" {first.file}, line {first.line}: {first.message}. The audit parses as Python"
        f" {sys.version_info.major}.{sys.version_info.minor} does: mend what is in the way, or run it with"
        " the Python that the project is written for."
    )


def _encoding() -> str:
    """How the console writes; a process may have been started without one."""
    return getattr(sys.stdout, "encoding", None) or "ascii"


def _write(text: str, style: str) -> None:
    """Writes people what their console can show, and programs UTF-8.

    A reader that closes early, such as `head`, changes nothing of the verdict.

    Raises:
        AuditError: the report cannot be written.
    """
    if sys.stdout is None:
        return
    encoding = _encoding() if style == "text" else "utf-8"
    buffer = getattr(sys.stdout, "buffer", None)
    try:
        if buffer is None:
            sys.stdout.write(text)
        else:
            sys.stdout.flush()
            buffer.write(text.encode(encoding, errors="replace"))
            buffer.flush()
    except OSError as error:
        _write_nowhere()
        if error.errno not in CLOSED:
            raise AuditError(f"The report cannot be written: {error.strerror or error}.") from error


def _write_nowhere() -> None:
    """Keeps Python from complaining at its end about what it could not write."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
