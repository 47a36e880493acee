"""The `workshop` command: parses, calls one method of the guide, prints its answer.

Exit codes: 0 done; 1 it cannot be done now; 2 the words were not understood; 70 a fault of the workshop.
"""

import os
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from checks import guide as guides
from checks import screens
from checks.guide import Guide
from checks.lesson import LessonError, UnknownLessonError
from checks.terminal import Screen, standard_error, standard_output
from checks.workspace import UnknownSnapshotError, WorkspaceError

CANNOT = 1
NOT_UNDERSTOOD = 2
FAULT = 70
STOPPED = 130
SHOW_TRACEBACK = "WORKSHOP_TRACEBACK"

USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
"""What the parser of the command line raises: Click's own, or that of the copy which a newer Typer brings."""

NOT_ASKED = {"help": False}
"""The default of `--help`: without one, Typer imports Pydantic (100 ms) to convert its absence."""

DEFAULTS = {**NOT_ASKED, "status": NOT_ASKED}
"""Of `workshop` and `workshop status`: all others may be given a word, for which Typer imports Pydantic."""

MEANT = {"lesson": "start", "next": "start", "restart": "reset", "solution": "solve", "help": "--help"}
"""Words that people try, and the command that does it."""


class Commands(TyperGroup):
    """The commands as a group: whatever goes wrong becomes a line for people and an exit code."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command, or name the nearest one."""
        if args[0] not in self.commands:
            ctx.fail(_no_such_command(args[0], list(self.commands)))
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and leave with its exit code."""
        extra["standalone_mode"] = False
        try:
            code = super().main(*args, **extra)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place that can explain it
            code = _explain(error)
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 88,
        "default_map": DEFAULTS,
    },
    epilog="Exit codes: 0 done, 1 cannot be done now, 2 not understood, 70 a fault of the workshop.",
)

LessonWord = Annotated[str, typer.Argument(metavar="N", help="A lesson, such as 3 or 03_lifespan.")]
MaybeLessonWord = Annotated[
    str | None, typer.Argument(metavar="N", help="A lesson; the furthest that you started, if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print data for programs.")]


@app.callback(invoke_without_command=True)
def here(
    ctx: typer.Context,
    as_json: AsJson = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """FastAPI, layer by layer. Without a command: where you are, and the one next step."""
    if version:
        _print_version()
    elif ctx.invoked_subcommand is None:
        _answer(_guide().position(), screens.show_position, as_json=as_json)
    elif as_json:
        ctx.fail(f"--json belongs after the command: workshop {ctx.invoked_subcommand} --json.")


@app.command()
def start(n: LessonWord, as_json: AsJson = False) -> None:
    """Add a lesson's starter files to your project.

    Again: puts the starter back over what you wrote; your version is saved. `workshop undo` brings it back.
    """
    _answer(_guide().start(n), screens.show_result, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """List the lessons, and how far you are."""
    _answer(_guide().status(), screens.show_status, as_json=as_json)


@app.command()
def hint(
    n: MaybeLessonWord = None,
    again: Annotated[bool, typer.Option("--again", help="Show the hints that you have seen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the next hint; each tells a little more."""
    _answer(_guide().hint(n, again=again), screens.show_hints, as_json=as_json)


@app.command()
def explain(
    slug: Annotated[
        str | None, typer.Argument(metavar="SLUG", help="A convention, such as async-session.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain a convention: the rule, why, and examples."""
    _answer(guides.explain(slug), screens.show_explanation, as_json=as_json)


@app.command()
def diff(
    n: MaybeLessonWord = None,
    spoil: Annotated[bool, typer.Option("--spoil", help="Show it before the lesson is green.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare your files of a lesson with the solution.

    Before the lesson is green, that takes --spoil.
    """
    _answer(_guide().diff(n, spoil=spoil), screens.show_comparison, as_json=as_json)


@app.command()
def reset(n: LessonWord, as_json: AsJson = False) -> None:
    """Put a lesson's files back to its start.

    Files of earlier lessons that this one changes become what they were then, too. The former state is saved.
    """
    _answer(_guide().reset(n), screens.show_result, as_json=as_json)


@app.command()
def solve(n: LessonWord, as_json: AsJson = False) -> None:
    """Put a lesson's solution in your project.

    Your own files of this lesson are replaced. The former state is saved.
    """
    _answer(_guide().solve(n), screens.show_result, as_json=as_json)


@app.command()
def catchup(n: LessonWord, as_json: AsJson = False) -> None:
    """Bring your project to the start of a lesson.

    Files of earlier lessons become the reference's, this lesson's the starter. Other files stay. The former
    state is saved.
    """
    _answer(_guide().catchup(n), screens.show_result, as_json=as_json)


@app.command()
def undo(
    to: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="Bring back this copy: its number or name.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the copies, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring your project back to before the last command.

    That is one of start, reset, solve, catchup and undo itself; a run of pytest is none. What you wrote since
    is saved first.
    """
    if listed and to is not None:
        raise typer.BadParameter("--list changes nothing and --to does: one of them at a time")
    if listed:
        _answer(_guide().copies(), screens.show_copies, as_json=as_json)
    else:
        _answer(_guide().undo(to), screens.show_result, as_json=as_json)


@app.command()
def audit(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A project's folder, or one file of it.")
    ] = Path(),
    style: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="text, json, sarif, github or junit.")
    ] = "text",
    select: Annotated[list[str] | None, typer.Option(metavar="SLUG", help="Only these conventions.")] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="SLUG", help="All but these conventions.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(metavar="FILE", help="Findings that are known.")] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write to that file what this run finds.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Add the rules that have findings.")] = False,
) -> None:
    """Judge any FastAPI project by the conventions.

    Reads the source and runs none of it. Leaves with 1 when there are violations, 2 when nothing was judged.
    """
    from checks.audit import AuditError, command

    try:
        code = command.run(
            path,
            style,
            select=select or (),
            ignore=ignore or (),
            baseline=baseline,
            write_baseline=write_baseline,
            explain=explain,
        )
    except AuditError as error:
        raise guides.UnknownWordError(str(error)) from error
    raise typer.Exit(code)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="workshop")


def _guide() -> Guide:
    guide = guides.open_guide()
    if recovered := guide.recovered():
        screens.show_recovery(standard_error(), recovered)
    return guide


def _answer[T](answer: T, show: Callable[[Screen, T], None], *, as_json: bool) -> None:
    if as_json:
        import json

        sys.stdout.write(json.dumps(_as_data(answer), indent=2) + "\n")
    else:
        show(standard_output(), answer)


def _as_data(value: Any) -> Any:
    """A record of the guide as JSON has it: an object, not the list that a tuple would be."""
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        items = [_as_data(item) for item in value]
        return dict(zip(names, items, strict=True)) if names else items
    return value


def _print_version() -> None:
    from importlib.metadata import version

    sys.stdout.write(f"workshop {version('fastapi-layer-by-layer')}\n")


def _no_such_command(word: str, commands: list[str]) -> str:
    if word.isdecimal():
        return f"There is no command {word!r}. Did you mean `workshop start {word}`?"
    nearest = [MEANT[word]] if word in MEANT else get_close_matches(word, commands, n=1)
    if nearest:
        return f"There is no command {word!r}. Did you mean `workshop {nearest[0]}`?"
    return f"There is no command {word!r}. The commands are {', '.join(commands)}."


def _explain(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it."""
    screen = standard_error()
    if os.environ.get(SHOW_TRACEBACK):
        traceback.print_exception(error)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return STOPPED
    if isinstance(error, USAGE_ERROR):
        screen.paragraph(_usage(error))
        return NOT_UNDERSTOOD
    if isinstance(error, (UnknownLessonError, UnknownSnapshotError, guides.UnknownWordError)):
        screen.paragraph(str(error))
        return NOT_UNDERSTOOD
    if isinstance(error, (LessonError, WorkspaceError, guides.GuideError)):
        screen.paragraph(str(error))
        return CANNOT
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        screen.paragraph(f"{where}{error.strerror or error}.")
        return CANNOT
    _show_fault(screen, error)
    return FAULT


def _usage(error: Any) -> str:
    """One line about words that were not understood."""
    message = str(error.format_message())
    if message.endswith("?"):
        return message
    path = error.ctx.command_path if error.ctx else "workshop"
    return f"{message.rstrip('.')}. `{path} --help` shows how it is used."


def _show_fault(screen: Screen, error: BaseException) -> None:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    screen.paragraph(f"**A fault of the workshop, not of your code:** {type(error).__name__}: {error}")
    screen.entry("Found", [f"{frame.filename}:{frame.lineno}"])
    screen.entry("More", [f"set the environment variable {SHOW_TRACEBACK}=1 and run it again"])
    screen.entry("Report", ["that text, to the issue tracker of the repository that you cloned"])
