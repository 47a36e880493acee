"""Newer grammar is read as what it means, at its own lines and columns."""

import ast
from pathlib import Path

import pytest

from checks.source import parse
from checks.source.newer import parse_newer


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("try:\n    x\nexcept A, b.C, D: y\n", "try:\n    x\nexcept (A, b.C, D): y\n"),
        ("try:\n    x\nexcept* A, B:\n    y\n", "try:\n    x\nexcept* (A, B):\n    y\n"),
        ("x = t'a {b}', 'é'\n", "x = f'a {b}', 'é'\n"),
        ('x = rt"""\n{a["b"]}"""\n', 'x = rf"""\n{a["b"]}"""\n'),
        ("class A[T: int = bool, *Ts = *tuple[int]](B): ...\n", "class A[T: int, *Ts](B): ...\n"),
        ("def f[T = dict[str, int]](x: T = 1): ...\n", "def f[T](x: T = 1): ...\n"),
        ("type X[T = int] = list[T]\n", "type X[T] = list[T]\n"),
    ],
)
def test_newer_grammar(newer: str, older: str) -> None:
    tree = parse_newer(newer.encode())
    assert tree is not None
    assert ast.dump(tree) == ast.dump(ast.parse(older))


def test_lines_and_columns_are_those_of_the_file() -> None:
    tree = parse_newer('"é"; t"é"\ntry:\n    x\nexcept Left, Right: after()\n'.encode())
    assert tree is not None
    names = {n.id: (n.lineno, n.col_offset) for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert names == {"x": (3, 4), "Left": (4, 7), "Right": (4, 13), "after": (4, 20)}
    (both,) = (n for n in ast.walk(tree) if isinstance(n, ast.Tuple))
    assert (both.col_offset, both.end_col_offset) == (7, 18)


@pytest.mark.parametrize(
    "source",
    [
        "print 'x'\n",
        "try:\n    x\nexcept Error, error:\n    y\n",
        "try:\n    x\nexcept A, B as error:\n    y\n",
        "x = [y = 1]\n",
        "x = (\n",
        "x = t'\n",
        "# coding: nonsense\nx = t''\n",
    ],
)
def test_what_no_python_reads_stays_unread(source: str) -> None:
    assert parse_newer(source.encode()) is None


def test_a_file_in_newer_grammar_is_judged_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("try:\n    x\nexcept A, B:\n    call()\n", encoding="utf-8")
    parsed = parse(tmp_path)
    assert parsed.unparsed == ()
    (call,) = (call for call, _ in parsed.modules[0].every(ast.Call))
    assert parsed.modules[0].place(call).line == 4


def test_an_unread_file_says_who_imports_it(tmp_path: Path) -> None:
    files = {
        "app/deps.py": "def broken(:\n",
        "app/alone.py": "def broken(:\n",
        "app/router.py": "from .deps import db\n",
        "app/main.py": "import app.router\nimport app.deps\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    alone, deps = parse(tmp_path).unparsed
    assert (alone.importers, deps.importers) == (0, 2)
    assert deps.message.endswith("; 2 other files import it")
    assert "import" not in alone.message
