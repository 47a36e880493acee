"""Names that differ in letters only, which macOS and Windows see as one: `Books` and `books`.

A command moves what is in the way before it puts something there. With such names, the one thing would be in
the way of itself. So they are made equal first, and nothing after that has to know of them.
"""

import os
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from checks.workspace.model import HOME
from checks.workspace.tree import Tree


def folded(path: str) -> str:
    """The same text for all paths that some disk may see as one."""
    return unicodedata.normalize("NFC", path).casefold()


def other_letters(root: Path, now: Tree, wanted: Tree) -> dict[str, str]:
    """What stands in a project under one name and is wanted under another that the disk sees as the same.

    Returns:
        Path to wanted path, in an order in which the things can be renamed: a folder comes before what is in
        it, and that is named as it is by then.
    """
    missing = {folded(path): path for path in wanted.keys() - now.keys()}
    if not missing:
        return {}
    names: dict[str, str] = {}
    moved: dict[str, str] = {}
    for path in sorted(now.keys() - wanted.keys(), key=_depth):
        folder, _, name = path.rpartition("/")
        folder = moved.get(folder, folder)
        here = moved[path] = f"{folder}/{name}" if folder else name
        other = missing.get(folded(path))
        if (
            other
            and other != here
            and other.rpartition("/")[0] == folder
            and is_same(root / path, root / other)
        ):
            names[here] = moved[path] = other
    return names


def renamed(tree: Tree, names: dict[str, str]) -> Tree:
    """A tree in which each of these things, and what is in it, has its new name."""
    for former, new in names.items():
        tree = {_renamed(path, former, new): entry for path, entry in tree.items()}
    return tree


def one_on_disk(root: Path, paths: Iterable[str]) -> tuple[str, str] | None:
    """Two of the paths that cannot stand beside each other in this project; None where there are none."""
    ordered = sorted(paths, key=lambda path: (folded(path), path))
    twins = ((one, other) for one, other in pairwise(ordered) if folded(one) == folded(other))
    pair = next(twins, None)
    return pair if pair and is_same(root / HOME, root / HOME.upper()) else None


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same thing, or the same link."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except OSError:
        return False


def _renamed(path: str, former: str, new: str) -> str:
    is_meant = path == former or path.startswith(f"{former}/")
    return new + path[len(former) :] if is_meant else path


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path
