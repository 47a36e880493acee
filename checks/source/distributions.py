"""The distributions of a repository, and which of them only stand beside the application."""

import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Final

from checks.source.graph import is_for_a_queue
from checks.source.scopes import Module

Folder = tuple[str, ...]
"""The parts of a folder, counted from the root."""
_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")
_NAMED: Final = re.compile(rb"^\[(?:project|tool\.poetry|metadata)\]|\bsetup\(", re.MULTILINE)
"""What says that a file describes a distribution, and does not only configure tools."""
_WEB: Final = re.compile(rb"^\s*(?:from|import)\s+(?:fastapi|starlette)\b", re.MULTILINE)
_DECLARED: Final = re.compile(rb"\b(?:fastapi|starlette)\b", re.IGNORECASE)
_PLUGINS: Final = re.compile(
    rb"\[project\.entry-points\b|\[tool\.poetry\.plugins\b|\bentry_points\b(?!.{0,40}console_scripts)",
    re.DOTALL,
)
_IMPORTED: Final = re.compile(rb"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_OF_ANYBODY: Final = frozenset({"tests", "test", "setup", "conftest", "docs", "examples", "scripts"})


def has_project_file(folder: Path) -> bool:
    """Whether a folder has the file of a distribution."""
    return any(folder.joinpath(file).is_file() for file in _FILES)


def distributions(modules: Iterable[Module], root: Path) -> dict[Folder, list[Module]]:
    """The modules by the innermost folder round them that is a distribution, or else by the root."""

    @cache
    def around(folder: Folder) -> Folder:
        is_one = not folder or _NAMED.search(_declared(root, folder))
        return folder if is_one else around(folder[:-1])

    found: dict[Folder, list[Module]] = {}
    for module in modules:
        found.setdefault(around(module.folder), []).append(module)
    return found


def without_web(parts: dict[Folder, list[Module]], root: Path) -> dict[Folder, list[Module]]:
    """The distributions below the root that neither declare nor import FastAPI."""
    return {
        folder: modules
        for folder, modules in parts.items()
        if folder and not _DECLARED.search(_declared(root, folder)) and not any(map(_imports_web, modules))
    }


def beside_application(
    parts: dict[Folder, list[Module]], root: Path, importers: Collection[Module]
) -> frozenset[Module]:
    """The modules of distributions that only share the application's repository: commands, clients, data.

    Such a one knows no FastAPI, and nothing else imports it. Plugins are part of the application all the
    same, for it finds them by their names, and so are the workers of a queue.

    Args:
        parts: folder of a distribution to its modules.
        root: the folder of the project.
        importers: the modules whose imports count: no tests, and no scripts.
    """
    plain = without_web(parts, root)
    if not plain or not any(map(_imports_web, importers)):
        return frozenset()
    return frozenset(
        module
        for folder, modules in plain.items()
        if _runs_by_itself(modules, _declared(root, folder)) and not _is_imported(modules, folder, importers)
        for module in modules
    )


def _declared(root: Path, folder: Folder) -> bytes:
    """What the files of a distribution say of it."""
    return b"\n".join(_read(root.joinpath(*folder, file)) for file in _FILES)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() else b""
    except OSError:
        return b""


def _imports_web(module: Module) -> bool:
    has_name = b"fastapi" in module.content or b"starlette" in module.content
    return has_name and _WEB.search(module.content) is not None


def _runs_by_itself(modules: list[Module], declared: bytes) -> bool:
    """Whether a distribution has nothing that an application finds by its name: no plugins, and no tasks."""
    return not _PLUGINS.search(declared) and not any(map(is_for_a_queue, modules))


def _is_imported(modules: list[Module], folder: Folder, importers: Collection[Module]) -> bool:
    """Whether a module outside a distribution imports one of its packages, however that is installed."""
    inside = [module.parts[len(folder) :] for module in modules]
    tops = [tail[1] if tail[0] == "src" and len(tail) > 1 else tail[0] for tail in inside if tail]
    names = {name.encode() for name in tops if name not in _OF_ANYBODY}
    own = frozenset(modules)
    return any(
        not names.isdisjoint(_IMPORTED.findall(module.content)) for module in importers if module not in own
    )
