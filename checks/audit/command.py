"""What the command line asks of an audit, and what it answers."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from checks.audit import AuditError, Options, audit
from checks.audit.formats import FORMATS, render
from checks.report import glyphs_for


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
        style: the format, one of `FORMATS`.
        select: slugs to run, each word one or several with commas between.
        ignore: slugs to leave out, likewise.
        baseline: the file with known findings.
        write_baseline: whether to write that file anew.
        explain: whether the text gives the rules too.

    Raises:
        AuditError: the words cannot be understood, or the path cannot be audited.
    """
    if style not in FORMATS:
        raise AuditError(f"There is no format {style!r}; there are {', '.join(FORMATS)}.")
    if write_baseline and baseline is None:
        raise AuditError("--write-baseline needs --baseline FILE, the file to write.")
    options = Options(
        select=_words(select), ignore=_words(ignore), baseline=baseline, write_baseline=write_baseline
    )
    gc.disable()  # the syntax trees live as long as this process: looking for garbage among them is lost time
    outcome = audit(path, options)
    _write(render(outcome, style, explain=explain, glyphs=glyphs_for(sys.stdout.encoding)), style)
    gc.freeze()
    return outcome.exit_code


def _words(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.strip() for part in given for word in part.split(",") if word.strip())


def _write(text: str, style: str) -> None:
    """Writes people what their console can show, and programs UTF-8."""
    sys.stdout.flush()
    encoding = (sys.stdout.encoding or "ascii") if style == "text" else "utf-8"
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
        return
    buffer.write(text.encode(encoding, errors="replace"))
    buffer.flush()
