"""The first check of every lesson: the project can be read and imported, and has the names it promised."""

import ast
import importlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from checks.finding import Place
from checks.report import Kind, Problem
from checks.subject.diagnosis import (
    Check,
    Diagnosis,
    file_problem,
    nearest_name,
    syntax_problem,
    unreadable_problem,
)

CHECK = Check("The application can be imported")
STUB_NAME = re.compile(r"(?:async\s+def|def|class)?\s*(?P<name>[A-Za-z_][\w.]*)")


class BrokenContractError(Exception):
    """The project cannot be used as the lesson needs it.

    Attributes:
        problem: what is wrong, for the learner.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.found)
        self.problem = problem


def require_readable(root: Path, project: Path, files: Iterable[str]) -> None:
    """Look at the project's files without running them.

    Args:
        root: the clone's root, to which reported places are relative.
        project: the learner's folder.
        files: what the lessons up to now have made, relative to the project.

    Raises:
        BrokenContractError: a file is missing, a folder, empty, unreadable, not UTF-8, or no valid Python.
    """
    wanted = {file: project / file for file in files if file.endswith(".py")}
    found = {path.relative_to(project).as_posix(): path for path in sorted((project / "app").rglob("*.py"))}
    for file, path in (wanted | found).items():
        shown = path.relative_to(root).as_posix()
        source = _read(shown, path)
        if file in wanted and not source.strip() and path.name != "__init__.py":
            raise BrokenContractError(
                file_problem(
                    shown,
                    "the code that the lesson asks for",
                    "is empty",
                    "Write it, or get the starter back with `workshop reset`",
                )
            )
        try:
            ast.parse(source, filename=str(path))
        except SyntaxError as error:
            null = source.partition("\0")[0].count("\n") + 1
            raise BrokenContractError(syntax_problem(shown, error, null)) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise BrokenContractError(unreadable_problem(Place(shown, 1), str(error))) from None


def _read(shown: str, path: Path) -> str:
    if path.is_dir():
        problem = file_problem(
            shown, "a file", "is a folder", "Rename the folder; then `workshop reset` brings the file back"
        )
    elif not path.exists():
        problem = file_problem(
            shown,
            "a file of this lesson",
            "is missing",
            "`pytest` with the lesson's name puts missing files back",
        )
    else:
        try:
            return path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = file_problem(
                shown,
                "text in UTF-8",
                f"is not UTF-8 (byte {error.start})",
                "Save it again with the encoding UTF-8 in your editor",
            )
        except OSError as error:
            problem = file_problem(
                shown,
                "a file that can be read",
                f"cannot be opened: {error.strerror or error}",
                "Look at its permissions",
            )
    raise BrokenContractError(problem)


def require_names(contract: Mapping[str, Iterable[str]], diagnosis: Diagnosis) -> None:
    """Import the project's modules and look for the names that the lessons promise.

    Args:
        contract: module to stub lines, as `checks.lesson.Lesson.contract` has them.
        diagnosis: turns an exception of the import into words.

    Raises:
        BrokenContractError: an import fails, or a name is not there.
    """
    for module_name, stubs in contract.items():
        try:
            module = importlib.import_module(module_name)
        except BaseException as error:  # noqa: BLE001 - the learner's module may raise anything
            raise BrokenContractError(diagnosis.diagnose(error, CHECK)) from None
        for stub in stubs:
            match = STUB_NAME.match(stub)
            if match and not _has(module, match["name"]):
                raise BrokenContractError(_missing(module, match["name"], stub, diagnosis))


def _has(module: ModuleType, name: str) -> bool:
    thing: object = module
    for part in name.split("."):
        if part in getattr(thing, "model_fields", {}) or any(
            part in getattr(base, "__annotations__", {}) for base in getattr(thing, "__mro__", ())
        ):
            return True
        if not hasattr(thing, part):
            return False
        thing = getattr(thing, part)
    return True


def _missing(module: ModuleType, name: str, stub: str, diagnosis: Diagnosis) -> Problem:
    owner_name, _, last = name.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    names = {*vars(owner), *getattr(owner, "model_fields", {}), *getattr(owner, "__annotations__", {})}
    nearest = nearest_name(last, sorted(n for n in names if not n.startswith("_")))
    place = diagnosis.place_of(owner)
    where = f"{module.__name__}.{owner_name}" if owner_name else module.__name__
    return Problem(
        kind=Kind.NAME,
        title=f"{where} has no {last}",
        expected=stub,
        found=f"no {last!r} in {where}" + (f"; the nearest is {nearest!r}" if nearest else ""),
        why="Later layers and the checks use this name.",
        next=f"Give it the name that {diagnosis.brief} asks for",
        place=place,
        cause=f"name {module.__name__}.{name}",
    )
