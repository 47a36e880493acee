"""Projects of any size to audit, made from this repository's own code under other names."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

from checks.lesson import Course

FAULTY: Final = '''"""What the audit and the tools beside it have to find."""

import time

import requests
from fastapi import APIRouter

router = APIRouter()


@router.get("/sync")
def sync() -> dict[str, str]:
    return {}


@router.get("/slow")
async def slow() -> dict[str, str]:
    time.sleep(1)
    requests.get("https://example.org/books", timeout=1)
    with open("books.txt") as books:
        return {"books": books.read()}
'''


def write_tree(course: Course, folder: Path, lines: int) -> Path:
    """Write copies of the finished service and of the workshop itself, until there are so many lines.

    Each copy is a package with a name of its own, and has one module with faults.

    Args:
        course: where the service is.
        folder: is made, and filled.
        lines: how many; the last file is written whole.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    written = 0
    for name, text in _files(course):
        if written >= lines:
            break
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written += text.count("\n")
    return folder


def _files(course: Course) -> Iterator[tuple[str, str]]:
    state = course.state(course.all_lessons[-1])
    service = {name: path for name, path in sorted(state.items()) if name.endswith(".py")}
    workshop = {path.relative_to(course.root).as_posix(): path for path in _modules(course.root / "checks")}
    for number in count():
        yield f"service{number}/faulty/router.py", FAULTY
        yield from _renamed(service, "app", f"service{number}", f"project{number}")
        yield from _renamed(workshop, "checks", f"workshop{number}", f"project{number}")


def _modules(package: Path) -> list[Path]:
    return sorted(path for path in package.rglob("*.py") if "tests" not in path.parts)


def _renamed(files: dict[str, Path], package: str, name: str, beside: str) -> Iterator[tuple[str, str]]:
    """The files with the package under another name, and what stands beside it in a folder of its own."""
    imports = re.compile(rf"^(\s*(?:from|import) ){package}\b", re.MULTILINE)
    for file, path in files.items():
        inside = file.removeprefix(f"{package}/")
        text = imports.sub(rf"\g<1>{name}", path.read_text(encoding="utf-8"))
        yield (f"{name}/{inside}" if inside != file else f"{beside}/{file}"), text
