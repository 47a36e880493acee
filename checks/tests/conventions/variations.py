"""Ways to write a small case differently that must not change what is found in it.

Each takes the files of a case and gives new files and, for each file, how its lines and its name moved; or
None where it does not apply.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Varied:
    """A case written differently.

    Attributes:
        files: path to content.
        moved: (old path, old line) to (new path, new line).
    """

    files: Files
    moved: Callable[[str, int], tuple[str, int]]


def _stay(file: str, line: int) -> tuple[str, int]:
    return file, line


def _trees(files: Files) -> dict[str, ast.Module]:
    trees = {}
    for name, content in files.items():
        if name.endswith(".py"):
            try:
                trees[name] = ast.parse(content)
            except SyntaxError:
                continue
    return trees


def _is_library(node: ast.ImportFrom) -> bool:
    root = (node.module or "").partition(".")[0]
    return node.level == 0 and root not in {"app", "tests", "src", "backend", "__future__"}


def _taken(files: Files, own: str) -> set[str]:
    """Names that other files import from somewhere."""
    others = "\n".join(content for name, content in files.items() if name != own)
    return set(re.findall(r"\w+", " ".join(re.findall(r"import (.*)", others)))) | (
        {"*"} if "import *" in others else set()
    )


def under_other_names(files: Files) -> Varied | None:
    """Imports from libraries under another local name."""
    varied = dict(files)
    for name, tree in _trees(files).items():
        taken = _taken(files, name)
        if "*" not in taken:
            varied[name] = _renamed(files[name], tree, taken)
    return Varied(varied, _stay) if varied != files else None


def _renamed(content: str, tree: ast.Module, taken: set[str]) -> str:
    bound = {
        n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    texts = " ".join(
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    )
    edits: list[tuple[int, int, int, str]] = []
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or not _is_library(node):
            continue
        for alias in node.names:
            if alias.asname or alias.name == "*" or alias.name in bound | taken or alias.name in texts:
                continue
            other = f"{alias.name}_1"
            edits.append(
                (alias.lineno, alias.col_offset, alias.end_col_offset or 0, f"{alias.name} as {other}")
            )
            edits += [
                (use.lineno, use.col_offset, use.end_col_offset or 0, other)
                for use in ast.walk(tree)
                if isinstance(use, ast.Name) and use.id == alias.name
            ]
    lines = content.split("\n")
    for line, start, end, text in sorted(edits, reverse=True):
        lines[line - 1] = lines[line - 1][:start] + text + lines[line - 1][end:]
    return "\n".join(lines)


def through_a_re_export(files: Files) -> Varied | None:
    """Imports from libraries through a package of the project."""
    varied = dict(files)
    exported: dict[str, set[str]] = {}
    for name, tree in _trees(files).items():
        lines = files[name].split("\n")
        for node in tree.body:
            if not isinstance(node, ast.ImportFrom) or not _is_library(node) or not node.module:
                continue
            if any(alias.name == "*" for alias in node.names) or node.module == "typing":
                continue
            exported.setdefault(node.module, set()).update(alias.name for alias in node.names)
            first = lines[node.lineno - 1]
            lines[node.lineno - 1] = first.replace(f"from {node.module} ", f"from {_bridge(node.module)} ", 1)
        varied[name] = "\n".join(lines)
    for module, names in exported.items():
        imports = "".join(f"from {module} import {name}\n" for name in sorted(names))
        varied[_bridge(module).replace(".", "/") + ".py"] = imports
    return Varied(varied, _stay) if exported else None


def _bridge(module: str) -> str:
    return f"bridge.{module.replace('.', '_')}_names"


def in_a_folder(files: Files) -> Varied | None:
    """The whole project one folder deeper."""
    if any(not name.endswith(".py") for name in files):
        return None
    return Varied(
        {f"services/{name}": content for name, content in files.items()},
        lambda file, line: (f"services/{file}", line),
    )


def under_another_package_name(files: Files) -> Varied | None:
    """The package ``app`` called ``library``."""
    if not any(name.startswith("app/") for name in files):
        return None
    imports = re.compile(r"^(\s*(?:from|import) )app\b", re.MULTILINE)
    texts = re.compile(r'(?<=")app(?=\.main)')
    whole = re.compile(r"^import app\.\w+$|\bapp\.\w+\.models\.", re.MULTILINE)
    if any(whole.search(content) for content in files.values()):
        return None
    varied = {
        re.sub(r"^app/", "library/", name): texts.sub("library", imports.sub(r"\1library", content))
        for name, content in files.items()
    }
    return Varied(varied, lambda file, line: (re.sub(r"^app/", "library/", file), line))


def under_a_comment(files: Files) -> Varied | None:
    """A comment and a blank line before everything, and Windows line ends."""
    varied = {
        name: f"# One line.\n\n{content}".replace("\n", "\r\n") if name.endswith(".py") else content
        for name, content in files.items()
    }
    return Varied(varied, lambda file, line: (file, line + 2 if file.endswith(".py") else line))


def with_another_decorator(files: Files) -> Varied | None:
    """A decorator of unknown origin below every other decorator of a function."""
    varied, inserted = dict(files), {}
    for name, tree in _trees(files).items():
        after = {
            (node.decorator_list[-1].end_lineno or 0, node.col_offset)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list
        }
        lines = files[name].split("\n")
        for line, column in sorted(after, reverse=True):
            lines.insert(line, " " * column + "@elsewhere.observed")
        varied[name] = "\n".join(lines) + ("\nimport elsewhere\n" if after else "")
        inserted[name] = sorted(line for line, _ in after)
    if not any(inserted.values()):
        return None
    return Varied(
        varied, lambda file, line: (file, line + sum(after < line for after in inserted.get(file, ())))
    )


def inside_a_function(files: Files) -> Varied | None:
    """The module moved into a function, for cases of one file without relative or star imports."""
    if len(files) != 1:
        return None
    ((name, content),) = files.items()
    if "import *" in content or "from __future__" in content or name not in _trees(files) or '"""' in content:
        return None
    lines = [
        "def build():",
        *(f"    {line}" if line else "" for line in content.split("\n")),
        "    return locals()",
        "",
    ]
    return Varied({name: "\n".join(lines)}, lambda file, line: (file, line + 1))


VARIATIONS: Final[dict[str, Callable[[Files], Varied | None]]] = {
    function.__name__: function
    for function in (
        under_other_names,
        through_a_re_export,
        in_a_folder,
        under_another_package_name,
        under_a_comment,
        with_another_decorator,
        inside_a_function,
    )
}

NOT_THE_SAME: Final[dict[str, frozenset[str]]] = {
    "inside_a_function": frozenset(
        {
            "lifespan",
            "no-app-import",
            "migrations",
            "no-blocking-calls",
            "async-tests",
            "sqlalchemy-2",
            "module-layout",
        }
    ),
    "with_another_decorator": frozenset({"no-blocking-calls", "pydantic-v2", "annotated-dependencies"}),
    "in_a_folder": frozenset({"stack"}),
    "under_another_package_name": frozenset({"stack"}),
    "through_a_re_export": frozenset({"module-layout", "pydantic-v2"}),
    "under_a_comment": frozenset({"module-layout", "stack"}),
}
"""Variation to the conventions for which it makes another case: code in a function is no set-up any more."""
