"""The parts of a repository that have a project file of their own, and which of them serve no requests."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from checks.source.aside import aside
from checks.source.graph import is_for_a_queue
from checks.source.scopes import Module

Folder = tuple[str, ...]
_FILES: Final = ("pyproject.toml", "setup.cfg", "setup.py")
_DEEPEST: Final = 4
"""How many folders below the root a project file is looked for."""
_WEB: Final = re.compile(r"\b(?:fastapi|starlette)\b", re.IGNORECASE)
_WEB_CODE: Final = re.compile(rb"^\s*(?:import|from) (?:fastapi|starlette)\b", re.MULTILINE)
_SCRIPTS: Final = re.compile(r"^\[(?:project|tool\.poetry)\.scripts\]|console_scripts", re.MULTILINE)
_COMMAND_LINE: Final = re.compile(
    rb"^\s*(?:import|from) (?:argparse|click|typer|fire|docopt|cyclopts|rich_click)\b", re.MULTILINE
)


def without_web(modules: Collection[Module], root: Path) -> Mapping[Folder, str]:
    """The distributions below the root that know no web framework, each with the text of its project file.

    Args:
        modules: all modules of the project.
        root: its folder.
    """
    folders = {m.folder[:length] for m in modules for length in range(1, min(len(m.folder), _DEEPEST) + 1)}
    found = {folder: text for folder in folders if (text := _declared(root.joinpath(*folder)))}
    of_web = {
        folder
        for module in modules
        if found and (folder := around(module, found)) and _WEB_CODE.search(module.content)
    }
    return {f: text for f, text in found.items() if f not in of_web and not _WEB.search(text)}


def around(module: Module, distributions: Collection[Folder]) -> Folder:
    """The innermost of these distributions that a module belongs to; empty where there is none."""
    folder = module.folder
    while folder and folder not in distributions:
        folder = folder[:-1]
    return folder


def commands(modules: Collection[Module], distributions: Mapping[Folder, str]) -> frozenset[Module]:
    """The modules of command-line programs: distributions of which no other code imports anything.

    Args:
        modules: all modules of the project.
        distributions: those without a web framework.
    """
    scripted = {folder for folder, text in distributions.items() if _SCRIPTS.search(text)}
    inside: dict[Folder, list[Module]] = {}
    for module in modules if scripted else ():
        if folder := around(module, scripted):
            inside.setdefault(folder, []).append(module)
    programs = {
        folder: own
        for folder, own in inside.items()
        if any(_COMMAND_LINE.search(m.content) for m in own) and not any(map(is_for_a_queue, own))
    }
    outside = [m for m in modules if programs and aside(m) is None and not around(m, programs)]
    return frozenset(
        module
        for folder, own in programs.items()
        if not _is_imported(own, len(folder), outside)
        for module in own
    )


def _is_imported(own: list[Module], depth: int, others: list[Module]) -> bool:
    """Whether others name one of a distribution's packages in an import."""
    below = (module.parts[depth:] for module in own if aside(module) is None)
    names = {parts[1] if parts[0] == "src" and len(parts) > 1 else parts[0] for parts in below if parts}
    if not names:
        return False
    named = re.compile(rf"^\s*(?:from|import) (?:{'|'.join(sorted(names))})\b".encode(), re.MULTILINE)
    return any(named.search(module.content) for module in others)


def _declared(folder: Path) -> str:
    """The text of a folder's project file; empty where there is none."""
    for name in _FILES:
        file = folder / name
        if file.is_file():
            try:
                return file.read_text(encoding="utf-8", errors="replace") or name
            except OSError:
                return name
    return ""
