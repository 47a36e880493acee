"""The first check of every lesson, once its files can be read: they import, and have the promised names."""

import importlib
import re
from collections.abc import Iterable, Mapping
from types import ModuleType

from checks.report import Kind, Problem
from checks.subject.diagnosis import Check, Diagnosis, nearest_name

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
