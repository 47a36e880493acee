"""From an exception to the words that a learner reads.

Every function here answers one question of `diagnose`: whose code is to blame, at which line, and what kind
of failure it is.
"""

import builtins
import difflib
import importlib.metadata
import inspect
import linecache
import re
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from checks.expect import Unmet, described
from checks.finding import Place
from checks.readable import syntax_problem
from checks.report import Kind, Problem, workshop_fault
from checks.subject.own import Folder

HINT = "workshop hint"
NEVER_AWAITED = re.compile(r"coroutine '(?P<name>[^']+)' was never awaited")


@dataclass(frozen=True, slots=True)
class Check:
    """What the failing check says of itself.

    Attributes:
        title: what should hold, in a few words.
        why: why it matters.
        next: what to do when it does not hold.
    """

    title: str
    why: str = ""
    next: str = ""

    @classmethod
    def of(cls, function: object, fallback: str) -> "Check":
        """Read a check's docstring: a headline, then paragraphs that begin with ``Why:`` and ``Next:``."""
        paragraphs = (inspect.getdoc(function) or fallback).split("\n\n")
        parts = {"Why": "", "Next": ""}
        for paragraph in paragraphs[1:]:
            for line in paragraph.split("\n"):
                name, colon, rest = line.partition(":")
                if colon and name in parts:
                    current = name
                    parts[name] = rest.strip()
                elif parts["Why"] or parts["Next"]:
                    parts[current] += " " + line.strip()
        return cls(" ".join(paragraphs[0].split()).rstrip("."), parts["Why"], parts["Next"])


class Diagnosis:
    """Turns what a check raised into a `Problem`.

    Args:
        root: the clone's root, to which places are relative.
        project: the learner's folder, below the root.
        makers: file of the project to the lesson that makes it, so that a stub names the right brief.
    """

    def __init__(self, root: Path, project: Path, makers: Mapping[str, str]) -> None:
        self.root = root
        self.project = project
        self.makers = makers
        self.brief = "the lesson's README.md"
        self._own = Folder(project)
        self._lessons = Folder(root / "lessons")
        self._workshop = Folder(Path(__file__).parents[1])

    def diagnose(self, error: BaseException, check: Check) -> Problem:
        """The failure in words.

        Args:
            error: what the check, or the learner's code below it, raised.
            check: what the check is about.
        """
        error = _innermost(error)
        place = self._blamed_place(error) or self.place_of(getattr(error, "endpoint", None))
        problem = (
            self._unmet(error, check)
            or self._syntax(error)
            or self._stub(error, place)
            or self._import(error, place)
            or self._left(error, place)
            or self._raised(error, check, place)
        )
        return replace(problem, cause=problem.cause or f"{problem.kind} {problem.place} {problem.found}")

    def _unmet(self, error: BaseException, check: Check) -> Problem | None:
        if isinstance(error, Unmet):
            expected, found, place = error.expected, error.found, self.place_of(error.at)
        elif isinstance(error, AssertionError) and self._blamed_place(error) is None:
            expected, found, place = check.title, str(error).split("\n")[0] or "it is not so", None
        else:
            return None
        return Problem(
            kind=Kind.UNMET,
            title=check.title,
            expected=expected,
            found=found,
            why=check.why,
            next=check.next or f"Read the step in {self.brief} again",
            place=place,
            cause=f"{check.title} {place} {found}",
        )

    def _syntax(self, error: BaseException) -> Problem | None:
        if not isinstance(error, SyntaxError) or not error.filename or not self._is_ours(error.filename):
            return None
        return syntax_problem(self._shown(error.filename), error)

    def _stub(self, error: BaseException, place: Place | None) -> Problem | None:
        frame = self._blamed_frame(error)
        if not isinstance(error, NotImplementedError) or frame is None or place is None:
            return None
        name = frame[0].f_code.co_qualname.replace(".<locals>", "")
        name = "this module's part" if name == "<module>" else name
        return Problem(
            kind=Kind.STUB,
            title=f"Not written yet: {name}",
            expected=f"{name} does what its docstring says, without this line",
            found=f"not written yet: {place}, {name}",
            why="The other checks of this lesson run once this part is there.",
            next=f"{str(error).rstrip('.') or 'Write it'}; the steps are in {self._brief_of(place)} · {HINT}",
            place=place,
            cause=f"stub {place}",
        )

    def _brief_of(self, place: Place) -> str:
        file = (self.root / place.file).relative_to(self.project).as_posix()
        return f"lessons/{self.makers[file]}/README.md" if file in self.makers else self.brief

    def _import(self, error: BaseException, place: Place | None) -> Problem | None:
        if not isinstance(error, ImportError):
            return None
        message = str(error)
        if "partially initialized module" in message or "circular import" in message:
            return self._circular(error, place)
        name = error.name or ""
        if name.partition(".")[0] == "app":
            return self._missing_of_app(error, place)
        if isinstance(error, ModuleNotFoundError):
            return self._missing_library(name, place)
        return None

    def _circular(self, error: ImportError, place: Place | None) -> Problem:
        return Problem(
            kind=Kind.IMPORT,
            title="Two modules import each other",
            expected="imports that go one way: from the outer layers to the inner ones",
            found=f"a circular import: {error.name} is imported again while it is still being read",
            why="Python runs a module from top to bottom; what stands further down is not there yet.",
            next="Find the module that needs the other less; drop that import, or move what both need",
            place=place,
        )

    def _missing_of_app(self, error: ImportError, place: Place | None) -> Problem:
        wanted = error.name_from if not isinstance(error, ModuleNotFoundError) else None
        module = error.name or "app"
        if wanted:
            nearest = nearest_name(wanted, _names_in(module))
            found = f"no name {wanted!r} in {module}{_but(nearest)}"
            expected = f"{module} defines {wanted}"
        else:
            nearest = nearest_name(module.rpartition(".")[2], self._modules_beside(module))
            found = f"no module {module}{_but(nearest)}"
            expected = f"a file {module.replace('.', '/')}.py in project/"
        return Problem(
            kind=Kind.NAME,
            title=f"{wanted or module} cannot be imported",
            expected=expected,
            found=found,
            why="An import runs when the module is first used; until it works, nothing else can.",
            next=f"Compare the name with the one in {self.brief}",
            place=place,
        )

    def _missing_library(self, name: str, place: Place | None) -> Problem:
        library = name.partition(".")[0]
        if inside := self._as_part_of_app(name):
            return Problem(
                kind=Kind.IMPORT,
                title=f"{name} is not this module's name",
                expected=f"from {inside} import ..., as uvicorn finds it in project/",
                found=f"import of {name!r}",
                why="uvicorn runs in project/: there, the application's modules are below app.",
                next="Begin the names of the application's own modules with app",
                place=place,
                cause=f"outside {place}",
            )
        if library in _declared_modules():
            return Problem(
                kind=Kind.SETUP,
                title=f"the library {library} is not installed",
                expected=f"{library} in the environment that runs pytest",
                found=f"none in {sys.prefix}",
                why="The workshop's environment is incomplete, or pytest runs in another one.",
                next="Run `uv sync` in the workshop's folder, then `uv run pytest` again",
                cause=f"library {library}",
            )
        near = nearest_name(library, sys.stdlib_module_names)
        return Problem(
            kind=Kind.IMPORT,
            title=f"There is no library called {library}",
            expected="imports of the standard library, of the workshop's libraries or of app",
            found=f"import of {name!r}{_but(near)}",
            why="A module that is not installed cannot be imported, and nothing after that line runs.",
            next="Check the spelling; the lessons need no library that `uv sync` does not install",
            place=place,
        )

    def _as_part_of_app(self, name: str) -> str:
        """The module of the application that an import from elsewhere meant, or the empty string."""
        parts = name.split(".")
        if parts[0] == "project":
            return ".".join(parts[1:]) or "app"
        path = self.project.joinpath("app", *parts)
        return ".".join(("app", *parts)) if path.is_dir() or path.with_suffix(".py").is_file() else ""

    def _left(self, error: BaseException, place: Place | None) -> Problem | None:
        """An exception with which code tries to end the run or the check instead of answering."""
        name = type(error).__name__
        if name in {"Skipped", "SkipTest", "XFailed"}:
            kind, title = Kind.SKIPPED, "The application asked for this check to be skipped"
            why = "Application code never skips a check; a skipped check has shown nothing."
        elif isinstance(error, SystemExit | KeyboardInterrupt | GeneratorExit) or name == "Exit":
            kind, title = Kind.ENDED, "The application tried to end the run"
            why = "A server that leaves the process takes every other request with it."
        else:
            return None
        return Problem(
            kind=kind,
            title=title,
            expected="an answer, or an exception that the application handles",
            found=f"{name} raised" + (f" at {place}" if place else "") + (f": {error}" if str(error) else ""),
            why=why,
            next="Take that line out, or raise an exception of the application's own",
            place=place,
        )

    def _raised(self, error: BaseException, check: Check, place: Place | None) -> Problem:
        found = described(error)
        if place is None and (line := self._line_of_lesson(error)):
            return Problem(
                kind=Kind.RAISED,
                title=check.title,
                expected="objects that can be used as the brief says",
                found=f"{found}, where the check used what your code gave it",
                why=check.why,
                next=check.next or f"Read the step in {self.brief} again",
                detail=f"The check stopped at {line}. If your code is right there, please report it.",
                cause=f"used {check.title} {found}",
            )
        if place is None:
            return workshop_fault(
                "a check stopped before it could judge",
                expected=check.title,
                found=found,
                why="None of your lines is in the traceback, so this is ours to look at.",
                detail="".join(traceback.format_exception(error)),
            )
        if (number := self._line_without_type(error, place)) is not None:
            place = Place(place.file, number)
            found = found.partition("; if ")[0]
        return Problem(
            kind=Kind.RAISED,
            title=check.title,
            expected="this line to run without an exception",
            found=found,
            why=check.why or "An exception that nothing handles becomes a 500, or stops the start-up.",
            next=self._advice(error) or check.next or f"Read the step in {self.brief} again",
            place=place,
            cause=f"raised {place} {type(error).__name__}",
        )

    def _line_without_type(self, error: BaseException, place: Place) -> int | None:
        """The line of the field for which a Pydantic model misses a type; Pydantic names the class alone."""
        name = re.search(r"`(\w+) = ", str(error))
        if name is None or getattr(error, "code", "") != "model-field-missing-annotation":
            return None
        lines = (self.root / place.file).read_text(encoding="utf-8").splitlines()
        fields = (n for n, line in enumerate(lines, 1) if re.match(rf"\s+{name[1]}\s*=", line))
        return next((line for line in fields if line > place.line), None)

    def _line_of_lesson(self, error: BaseException) -> str:
        """Where a lesson's check was when something that it was given did not work, if that is so.

        A check is proven on the reference; what fails in it fails because of what it was given. An error in
        the workshop's package itself is ours.
        """
        frames = [(frame.f_code.co_filename, line) for frame, line, _ in _frames(error.__traceback__)]
        ours = [(f, line) for f, line in frames if self._lessons.holds(f) or self._workshop.holds(f)]
        if not ours or not self._lessons.holds(ours[-1][0]):
            return ""
        file, line = ours[-1]
        return f"{self._shown(file)}:{line}"

    def _advice(self, error: BaseException) -> str:
        if getattr(error, "code", "") == "model-field-missing-annotation":
            return "A field of a model has a type: `name: type`"
        if isinstance(error, NameError) and error.name:
            near = next(filter(None, (misspelt_name(error.name, n) for n in self._names_near(error))), "")
            if near:
                return f"The nearest name there is {near!r}"
            return f"{error.name!r} is neither defined nor imported in this file"
        if isinstance(error, AttributeError) and error.name and error.obj is not None:
            return _attribute_advice(error.name, error.obj)
        return ""

    def _names_near(self, error: BaseException) -> Iterator[Iterable[str]]:
        """The names that could be meant, the nearest scope first, builtins last."""
        blamed = self._blamed_frame(error)
        if blamed is not None:
            yield blamed[0].f_locals
            yield blamed[0].f_globals
            yield dir(builtins)

    def _modules_beside(self, module: str) -> set[str]:
        folder = self.project.joinpath(*module.split(".")[:-1])
        return {path.stem for path in folder.glob("*") if path.suffix == ".py" or path.is_dir()} - {
            "__pycache__"
        }

    def not_awaited(self, warned: Iterable[warnings.WarningMessage], problem: Problem) -> Problem:
        """The problem itself, or the call without await that Python warned of in the learner's code.

        Args:
            warned: the warnings of the check that failed.
            problem: what the check said.
        """
        for warning in warned:
            match = NEVER_AWAITED.match(str(warning.message))
            if match and problem.kind in {Kind.UNMET, Kind.RAISED} and self._is_ours(warning.filename):
                place = Place(self._shown(warning.filename), warning.lineno)
                return replace(
                    problem,
                    expected=f"the coroutine {match['name'].rpartition('.')[2]}() to be awaited",
                    found="a call without await, so that nothing of it ran",
                    next="A call of an async function only makes a coroutine: what has to wait for it?",
                    place=place,
                    cause=f"not awaited {place}",
                )
        return problem

    def blames_learner(self, error: BaseException) -> bool:
        """Whether a line of the learner's has a part in an exception."""
        return self._blamed_frame(error) is not None

    # -- whose line ------------------------------------------------------------------------------------

    def place_of(self, thing: object) -> Place | None:
        """The line of the learner's code where something is defined; None if it is not the learner's.

        Args:
            thing: a function, class, module, code object, ``"app/main.py"`` or ``("app/main.py", 14)``.
        """
        if isinstance(thing, str):
            return Place(self._shown(str(self.project / thing)), 1)
        if isinstance(thing, tuple):
            return Place(self._shown(str(self.project / str(thing[0]))), int(str(thing[1])))
        if thing is None:
            return None
        try:
            unwrapped = inspect.unwrap(thing) if callable(thing) else thing
            file = inspect.getsourcefile(unwrapped)  # type: ignore[arg-type]
            line = 1 if inspect.ismodule(unwrapped) else inspect.getsourcelines(unwrapped)[1]  # type: ignore[arg-type]
        except (TypeError, OSError):
            return None
        return Place(self._shown(file), line) if file and self._is_ours(file) else None

    def _blamed_place(self, error: BaseException) -> Place | None:
        blamed = self._blamed_frame(error)
        if blamed is None:
            return None
        frame, line, positions = blamed
        file = self._shown(frame.f_code.co_filename)
        if positions is None:
            return Place(file, line)
        linecache.checkcache(frame.f_code.co_filename)
        source = linecache.getline(frame.f_code.co_filename, line).encode()
        column, end = (len(source[:offset].decode(errors="replace")) for offset in positions)
        return Place(file, line, column + 1, line, end + 1)

    def _blamed_frame(self, error: BaseException) -> tuple[FrameType, int, tuple[int, int] | None] | None:
        """The innermost frame of the learner's code: of the error itself, or else of what led to it."""
        for cause in _causes(error):
            frames = [
                (frame, line, _columns(frame.f_code, lasti, line))
                for frame, line, lasti in _frames(cause.__traceback__)
                if self._is_ours(frame.f_code.co_filename)
            ]
            if frames:
                return frames[-1]
        return None

    def _is_ours(self, file: str) -> bool:
        return self._own.holds(file)

    def _shown(self, file: str) -> str:
        path = Path(file)
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()


def nearest_name(wanted: str, names: Iterable[str]) -> str:
    """The name that comes closest to the wanted one, or the empty string."""
    close = difflib.get_close_matches(wanted, list(names), n=1, cutoff=0.6)
    return close[0] if close else ""


def misspelt_name(wanted: str, names: Iterable[str]) -> str:
    """The name that the wanted one is a slip of the keyboard for, or the empty string.

    Stricter than `nearest_name`: among all builtins something is always near.
    """
    alike = [name for name in names if abs(len(name) - len(wanted)) <= 2 and not name.startswith("__")]
    close = difflib.get_close_matches(wanted, alike, n=1, cutoff=0.8)
    return close[0] if close else ""


def _attribute_advice(name: str, thing: object) -> str:
    near = misspelt_name(name, dir(thing))
    if near:
        return f"The nearest attribute there is {near!r}"
    if inspect.iscoroutine(thing):
        return "This is a coroutine, not yet its result: what waits for it?"
    if inspect.ismodule(thing):
        return f"This is the module {thing.__name__}; was something inside it meant?"
    if inspect.isroutine(thing) or hasattr(thing, "__wrapped__"):
        return "This is a function, not what it returns: who calls it?"
    return ""


def _but(nearest: str) -> str:
    return f"; the nearest is {nearest!r}" if nearest else ""


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _frames(tb: TracebackType | None) -> Iterator[tuple[FrameType, int, int]]:
    while tb is not None:
        yield tb.tb_frame, tb.tb_lineno, tb.tb_lasti
        tb = tb.tb_next


def _columns(code: CodeType, lasti: int, line: int) -> tuple[int, int] | None:
    """Start and end of the instruction in bytes from the line's start, if it lies on one line."""
    positions = list(code.co_positions())
    if lasti // 2 >= len(positions):
        return None
    first, last, column, end = positions[lasti // 2]
    if first != line or last != line or column is None or end is None:
        return None
    return column, end


def _names_in(module: str) -> set[str]:
    return (
        {name for name in vars(sys.modules[module]) if not name.startswith("__")}
        if module in sys.modules
        else set()
    )


def _declared_modules() -> set[str]:
    """Top-level modules of the libraries that the workshop itself asks for."""
    try:
        requirements = importlib.metadata.requires("fastapi-layer-by-layer") or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    names = {requirement.split(">")[0].split("[")[0].split(";")[0].strip() for requirement in requirements}
    return {name.replace("-", "_") for name in names} | {"jwt", "multipart", "greenlet", "argon2"}
