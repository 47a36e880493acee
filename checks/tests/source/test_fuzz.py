"""Whatever a file holds, it is judged, left alone or reported; nothing crashes."""

import ast
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.conventions import load, slugs
from checks.source import Project, parse
from checks.tests.conventions.corpora import Case, cases

CASES = [case for slug in slugs() for case in cases(slug)]
WORDS = sorted({word for case in CASES for text in case.files.values() for word in text.split()})
QUIET = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def judge(files: dict[str, bytes]) -> Project:
    """Parses the files and runs every convention over them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        parsed = parse(Path(folder))
        for slug in slugs():
            for finding in load(slug).check(parsed):
                assert finding.place.line >= 1
                assert finding.place.column >= 1
                assert (Path(folder) / finding.place.file).is_file()
                parsed.frame(finding.place)
            assert load(slug).subjects(parsed) >= 0
    return parsed


@QUIET
@given(st.binary(max_size=300))
def test_bytes(content: bytes) -> None:
    parsed = judge({"app/router.py": content})
    assert len(parsed.files) == 1
    assert len(parsed.modules) + len(parsed.unparsed) == 1


@QUIET
@given(st.text(max_size=300))
def test_text(text: str) -> None:
    judge({"app/service.py": text.encode("utf-8", "surrogatepass")})


@QUIET
@given(
    st.lists(st.sampled_from(WORDS), max_size=60),
    st.lists(st.sampled_from(" \n\t(,)=:."), min_size=60, max_size=60),
)
def test_words_in_any_order(words: list[str], between: list[str]) -> None:
    text = "".join(word + gap for word, gap in zip(words, between, strict=False))
    judge({"app/books/repository.py": text.encode()})


@QUIET
@given(st.sampled_from(CASES), st.integers(0, 2**32))
def test_damaged_projects(case: Case, seed: int) -> None:
    chance = random.Random(seed)
    files = {}
    for name, text in case.files.items():
        lines = text.split("\n")
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(lines))
            damage = chance.choice(("drop", "double", "swap", "cut", "indent"))
            if damage == "drop":
                lines[at] = ""
            elif damage == "double":
                lines.insert(at, lines[at])
            elif damage == "swap":
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            elif damage == "cut":
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            else:
                lines[at] = "    " + lines[at]
        files[name] = "\n".join(lines).encode()
    judge(files)


class Scrambler(ast.NodeTransformer):
    """Puts expressions in each other's places, so that the tree is one that no person would write."""

    def __init__(self, chance: random.Random, spare: list[ast.expr]) -> None:
        self.chance = chance
        self.spare = spare

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Replaces some of the expressions."""
        replaceable = isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if replaceable and self.chance.random() < 0.15:
            return self.chance.choice(self.spare)
        return super().generic_visit(node)


@QUIET
@given(st.sampled_from(CASES), st.integers(0, 2**32))
def test_scrambled_trees(case: Case, seed: int) -> None:
    chance = random.Random(seed)
    files = {}
    for name, text in case.files.items():
        if not name.endswith(".py"):
            continue
        try:
            tree = ast.parse(text)
            spare = [n for n in ast.walk(tree) if isinstance(n, ast.expr) and not hasattr(n, "ctx")]
            spare += [
                ast.parse(word, mode="eval").body for word in ("x", "x.y", "f(x)", "None", "'a'", "lambda: 1")
            ]
            files[name] = ast.unparse(Scrambler(chance, spare).visit(tree)).encode()
        except (SyntaxError, ValueError, RecursionError, AttributeError, TypeError):
            continue
    judge(files)


def test_deep_and_huge() -> None:
    nested = "".join("    " * level + f"def f{level}():\n" for level in range(90)) + "    " * 90 + "pass\n"
    chained = "x = a" + ".b" * 900 + "\n"
    called = "y = " + "f(" * 80 + ")" * 80 + "\n"
    wide = "Z = [" + ", ".join(f"Depends(f{number})" for number in range(20_000)) + "]\n"
    many = "".join(
        f"@router.get('/{number}')\nasync def h{number}(): return {number}\n" for number in range(3000)
    )
    router = "from fastapi import APIRouter, Depends\nrouter = APIRouter()\n"
    parsed = judge(
        {
            "app/nested.py": nested.encode(),
            "app/chained.py": chained.encode(),
            "app/called.py": called.encode(),
            "app/wide.py": (router + wide).encode(),
            "app/router.py": (router + many).encode(),
        }
    )
    assert len(parsed.routes) == 3000


def test_names_in_circles() -> None:
    files = {
        "app/a.py": "from .b import *\nfrom .b import x as y\nclass A(B): ...\nx = y\nz: 'Z' = z\n",
        "app/b.py": (
            "from .a import *\nfrom .a import y as x\nclass B(A): ...\n"
            "def f(): return g()\ndef g(): return f()\n"
        ),
        "app/router.py": (
            "from .b import x, f\nfrom .a import A\n@x.get('/')\nasync def h(a: A = f()) -> 'h': return h\n"
        ),
        "app/settings.py": (
            "from pydantic_settings import BaseSettings\n"
            "class S(BaseSettings):\n    model_config = model_config\n"
        ),
    }
    judge({name: text.encode() for name, text in files.items()})


def test_an_expression_of_thousands_of_terms() -> None:
    terms = " + ".join(["'a'"] * 2500)
    text = (
        "from fastapi import APIRouter\nfrom sqlalchemy import select\nrouter = APIRouter()\n"
        f"@router.get('/')\nasync def handle():\n    select(1, {terms})\n"
        f"    if {terms}: raise ValueError\n    return {terms}\n"
    )
    parsed = judge({"app/router.py": text.encode()})
    assert len(parsed.files) == 1
