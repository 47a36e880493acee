"""Names stand for what Python would find, across files and whatever the layout."""

import ast
import os
import sys
from pathlib import Path

import pytest

from checks.source import Class, Function, Module, Project, parse


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return parse(folder)


def meaning(parsed: Project, file: str, name: str) -> str:
    """What a name of a module stands for, as text."""
    module = parsed.find(file)
    assert module is not None
    target = parsed.resolver.lookup(name, module)
    if isinstance(target, Class | Function):
        return f"{target.module.file}:{target.path}"
    return target.file if isinstance(target, Module) else str(target)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from app.books.service import Service", "Service"),
        ("from app.books import Service", "Service"),
        ("from app.books import Service as S", "S"),
        ("from .books.service import Service", "Service"),
        ("from .books import Service", "Service"),
        ("from app.books.service import *", "Service"),
        ("from app.books import *", "Service"),
        ("import app.books.service\nName = app.books.service.Service", "Name"),
        ("import app.books.service as s\nName = s.Service", "Name"),
        ("from app import books\nName = books.Service", "Name"),
        ("from app import books\nName = books.service.Service", "Name"),
        ("from app.again import Renamed", "Renamed"),
        ("try:\n    from app.books import Service\nexcept ImportError:\n    Service = None", "Service"),
        ("if True:\n    from app.books.service import Service", "Service"),
    ],
)
@pytest.mark.parametrize("layout", ["", "src/", "backend/", "services/one/"])
@pytest.mark.parametrize("packages", [True, False], ids=["packages", "namespaces"])
def test_imports(tmp_path: Path, statement: str, name: str, layout: str, packages: bool) -> None:
    init = "from .service import Service\nfrom . import service\n"
    files = {
        f"{layout}app/books/service.py": "class Service: ...\n",
        f"{layout}app/books/__init__.py": init,
        f"{layout}app/again.py": "from app.books.service import Service as First\nRenamed = First\n",
        f"{layout}app/main.py": statement + "\n",
    }
    if packages:
        files[f"{layout}app/__init__.py"] = ""
    parsed = project(tmp_path, files)
    assert meaning(parsed, f"{layout}app/main.py", name) == f"{layout}app/books/service.py:Service"


def test_root_that_is_the_package_itself(tmp_path: Path) -> None:
    parsed = project(
        tmp_path / "app",
        {"__init__.py": "", "books.py": "class Book: ...\n", "main.py": "from app.books import Book\n"},
    )
    assert meaning(parsed, "main.py", "Book") == "books.py:Book"


def test_two_applications_of_the_same_name(tmp_path: Path) -> None:
    files = {}
    for one in ("a", "b"):
        files[f"{one}/app/books.py"] = f"class Book{one}: ...\nclass Book: ...\n"
        files[f"{one}/app/main.py"] = "from app.books import Book\n"
    parsed = project(tmp_path, files)
    assert meaning(parsed, "a/app/main.py", "Book") == "a/app/books.py:Book"
    assert meaning(parsed, "b/app/main.py", "Book") == "b/app/books.py:Book"


def test_a_file_named_like_a_library_does_not_hide_it(tmp_path: Path) -> None:
    parsed = project(
        tmp_path,
        {"app/books/redis.py": "class Redis: ...\n", "app/books/main.py": "from redis import Redis\n"},
    )
    assert meaning(parsed, "app/books/main.py", "Redis") == "redis.Redis"


MONOREPO = {
    "packages/blue-shapes/blue_shapes/__init__.py": "class Shape: ...\n",
    "packages/blue-shapes/tests/__init__.py": "class Shape: ...\n",
    "packages/red/pyproject.toml": "",
    "packages/red/src/red/__init__.py": "",
    "packages/red/src/red/lines.py": "class Line: ...\n",
    "packages/inner/stripe/__init__.py": "class Charge: ...\n",
    "one-app/twice/__init__.py": "class Twice: ...\n",
    "two-app/twice/__init__.py": "class Twice: ...\n",
}


@pytest.mark.parametrize(
    ("statement", "name", "found"),
    [
        ("from blue_shapes import Shape", "Shape", "packages/blue-shapes/blue_shapes/__init__.py:Shape"),
        ("from red.lines import Line", "Line", "packages/red/src/red/lines.py:Line"),
        ("from tests import Shape", "Shape", "tests.Shape"),
        ("from stripe import Charge", "Charge", "stripe.Charge"),
        ("from twice import Twice", "Twice", "twice.Twice"),
        ("from blue_shapes.missing import Shape", "Shape", "blue_shapes.missing.Shape"),
    ],
)
def test_distributions_side_by_side(tmp_path: Path, statement: str, name: str, found: str) -> None:
    parsed = project(tmp_path, {**MONOREPO, "packages/web/web/api.py": statement + "\n"})
    assert meaning(parsed, "packages/web/web/api.py", name) == found


def test_a_package_goes_before_a_folder_of_its_name_above(tmp_path: Path) -> None:
    files = {
        "back/app/app/__init__.py": "",
        "back/app/app/crud.py": "def load(): ...\n",
        "back/app/app/main.py": "from app import crud\nload = crud.load\n",
    }
    assert meaning(project(tmp_path, files), "back/app/app/main.py", "load") == "back/app/app/crud.py:load"


def test_a_folder_inside_a_package_hides_none_above(tmp_path: Path) -> None:
    files = {
        "parts/load.py": "def load(): ...\n",
        "app/__init__.py": "",
        "app/parts/__init__.py": "def load(): ...\n",
        "app/main.py": "from parts.load import load\n",
    }
    assert meaning(project(tmp_path, files), "app/main.py", "load") == "parts/load.py:load"


def test_cyclic_imports_and_re_exports_end(tmp_path: Path) -> None:
    parsed = project(
        tmp_path,
        {
            "app/a.py": "from app.b import thing\nfrom app.b import *\n",
            "app/b.py": "from app.a import thing\nfrom app.a import *\n",
            "app/c.py": "from app.a import other\nclass A(A): ...\nx = x\ny = z\nz = y\n",
        },
    )
    assert meaning(parsed, "app/a.py", "thing").startswith("Variable")
    module = parsed.find("app/c.py")
    assert module is not None
    for name in ("other", "A", "x", "y", "z"):
        parsed.resolver.lookup(name, module)
    cls = next(module.classes)
    assert parsed.resolver.mro(cls)[0] is cls


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("make()", "Service"),
        ("Service()", "Service"),
        ("(Service() or None)", "Service"),
        ("holder.service", "Service"),
        ("holder.made", "Service"),
        ("holder.lazy", "Service"),
        ("holder.build()", "Service"),
        ("Holder().service", "Service"),
        ("typed", "Service"),
        ("quoted", "Service"),
        ("optional", "Service"),
        ("aliased", "Service"),
        ("annotated", "Service"),
        ("cast(Service, 1)", "Service"),
        ("Holder.default()", "Holder"),
        ("Holder.bare()", "Holder"),
        ("Holder().bare()", "Holder"),
        ("listed()[0]", "Service"),
        ("(await waited())[0]", "Service"),
        ("holder.many[-1]", "Service"),
        ("[make(), Service()][1]", "Service"),
        ("[make() for _ in '12'][1]", "Service"),
        ("finder.by_id(1)", "Service"),
        ("finder.all()[0]", "Service"),
        ("Finders.by_id(finder, 1)", "Service"),
        ("newer.by_id(1)", "Service"),
        ("below.by_id(1)", "Service"),
        ("Special.default()", "Special"),
        ("Special.bare()", "Special"),
        ("Special().bare()", "Special"),
        ("Special.fixed()", "Holder"),
        ("Special().itself().itself()", "Special"),
        ("Special.many_of()[0]", "Special"),
        ("Special.maybe()", "Special"),
        ("bounded", "Service"),
        ("Box().inner", "Service"),
        ("dictionary_or", "Service"),
        ("older_dictionary_or", "Service"),
        ("siblings", "Holder"),
    ],
)
def test_objects(tmp_path: Path, expression: str, kind: str) -> None:
    text = f"""
from functools import cached_property
from collections.abc import Sequence
from typing import Annotated, Any, Generic, Optional, Self, TypeVar, Union, cast

class Service: ...
Alias = Annotated[Service, "x"]
def make(): return Service()
class Holder:
    service: Service
    def __init__(self): self.made = Service()
    @cached_property
    def lazy(self) -> Service: ...
    def build(self): return make()
    many: "list[Service] | None"
    @classmethod
    def default(cls) -> Self: ...
    @classmethod
    def bare(cls): return cls()
    @classmethod
    def fixed(cls): return Holder()
    @classmethod
    def many_of(cls) -> list[Self]: ...
    @classmethod
    def maybe(cls) -> "Self | None": ...
    def itself(self): return self
class Special(Holder): ...
class Other(Holder): ...
S = TypeVar("S", bound=Service)
class Box[B: Service]:
    inner: B

def listed() -> list[Service]: ...
async def waited() -> Sequence["Service"]: ...

M = TypeVar("M")
class Finder(Generic[M]):
    def by_id(self, number: int) -> M | None: ...
    def all(self) -> list[M]: ...
class Finders(Finder[Service]): ...
class Newer[T]:
    def by_id(self, number: int) -> Optional[T]: ...
class NewerOnes(Newer[Service]): ...
class Middle(Newer[M]): ...
class Below(Middle[Service]): ...

async def use(holder: Holder, typed: Service, quoted: "Service", optional: Optional[Service],
        bounded: S, dictionary_or: dict[str, Any] | S, siblings: Special | Other,
        older_dictionary_or: Union[dict[str, Any], S, None],
        aliased: Alias, annotated: Annotated[Service | None, 1],
        finder: Finders, newer: NewerOnes, below: Below):
    found = {expression}
"""
    parsed = project(tmp_path, {"app/x.py": text})
    module = parsed.find("app/x.py")
    assert module is not None
    use = next(f for f in module.functions if f.name == "use")
    value = use.names["found"][0].value
    of = parsed.resolver.infer(value, use)
    assert isinstance(of, Class)
    assert of.name == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("item: First = source\n    item", "First"),
        ("item: First | Second = source\n    item", None),
        ("item = First()\n    item = second_of(item)\n    item", "Second"),
        ("item = First()\n    item = second_of(\n        item,  # read\n    )", "First"),
        ("item = First()\n    item = [\n        item for _ in (1,)\n    ]", "First"),
        ("item = First(); item = second_of(item)", "First"),
        ("item: First\n    while item: item = item", "First"),
    ],
)
def test_a_name_that_is_bound_anew(tmp_path: Path, body: str, kind: str | None) -> None:
    text = f"""
class First: ...
class Second: ...
def second_of(first: First) -> Second: ...

def use(source):
    {body}
"""
    module = project(tmp_path, {"x.py": text}).modules[0]
    names = [(node, scope) for node, scope in module.every(ast.Name) if node.id == "item"]
    name, scope = [pair for pair in names if isinstance(pair[0].ctx, ast.Load)][-1]
    of = parse(tmp_path).resolver.infer(name, scope)
    assert (of.name if isinstance(of, Class) else None) == kind


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        ("if TYPE_CHECKING:\n    item: First\nelse:\n    item = Second()", "First"),
        ("if typing.TYPE_CHECKING:\n    item: First\nelse:\n    item = Second()", "First"),
        ("if not TYPE_CHECKING:\n    item = Second()\nelse:\n    item: First", "First"),
        ("if TYPE_CHECKING:\n    item = First()\nelse:\n    with open():\n        item = Second()", "First"),
        ("if TYPE_CHECKING:\n    other: First\nelse:\n    item = Second()", "Second"),
        ("if TYPE_CHECKING:\n    item: First\nelse:\n    item = 1\nitem = Second()", "Second"),
        ("if first:\n    item = First()\nelse:\n    item = Second()", "Second"),
    ],
)
def test_what_is_declared_for_type_checkers(tmp_path: Path, statements: str, kind: str) -> None:
    head = "import typing\nfrom typing import TYPE_CHECKING\nclass First: ...\nclass Second: ...\n"
    files = {"a.py": f"{head}{statements}\n", "b.py": "from a import item\nfound = item\n"}
    parsed = project(tmp_path, files)
    module = parsed.find("b.py")
    assert module is not None
    of = parsed.resolver.infer(module.names["found"][0].value, module)
    assert isinstance(of, Class)
    assert of.name == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("for item in many: item", "Item"),
        ("async for item in stream(): item", "Item"),
        ("for item in [Item(), Item()]: item", "Item"),
        ("for item in [Item(), 1]: item", None),
        ("for item in pairs: item", None),
        ("for item in by_name: item", None),
        ("found = await load()\n    for item in found: item", "Item"),
        ("[item for item in order.items]", "Item"),
        ("item = Other()\n    [1 for item in many]\n    item", "Other"),
    ],
)
def test_what_loops_go_through(tmp_path: Path, body: str, kind: str | None) -> None:
    text = f"""
from collections.abc import AsyncIterator, Iterable
from sqlalchemy.orm import Mapped
class Item: ...
class Other: ...
class Order:
    items: Mapped[list["Item"]]
async def stream() -> AsyncIterator[Item]: ...
async def load() -> list[Item] | None: ...

async def use(many: Iterable[Item], pairs: tuple[Item, int], by_name: dict[str, Item], order: Order):
    {body}
"""
    module = project(tmp_path, {"x.py": text}).modules[0]
    use = next(f for f in module.functions if f.name == "use")
    name = [node for node in use.nodes(ast.Name) if node.id == "item" and isinstance(node.ctx, ast.Load)][-1]
    of = parse(tmp_path).resolver.infer(name, use)
    assert (of.name if isinstance(of, Class) else None) == kind


class TestFiles:
    def test_odd_files_are_reported_and_never_fatal(self, tmp_path: Path) -> None:
        (tmp_path / "nul.py").write_bytes(b"x = 1\ny = '\0'\n")
        (tmp_path / "latin.py").write_bytes("x = 'ä'\n".encode("latin-1"))
        (tmp_path / "declared.py").write_bytes("# coding: latin-1\nx = 'ä'\n".encode("latin-1"))
        (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
        (tmp_path / "older.py").write_text("try:\n    x\nexcept A, b:\n    y\n", encoding="utf-8")
        (tmp_path / "deep.py").write_text("x = " + "(" * 5000 + ")" * 5000, encoding="utf-8")
        (tmp_path / "tabs.py").write_text("if 1:\n\tx = 1\n", encoding="utf-8")
        (tmp_path / "crlf.py").write_bytes(b"x = 1\r\ny = 2\r\n")
        (tmp_path / "empty.py").write_bytes(b"")
        (tmp_path / "unicode_é.py").write_text("x = 1\n", encoding="utf-8")
        (tmp_path / "folder.py").mkdir()
        parsed = parse(tmp_path)
        assert {u.file for u in parsed.unparsed} == {"nul.py", "latin.py", "older.py", "deep.py"}
        assert {u.file: u.line for u in parsed.unparsed}["nul.py"] == 2
        assert len(parsed.files) == 10
        assert parsed.find("crlf.py").lines == ["x = 1", "y = 2", ""]  # type: ignore[union-attr]

    def test_thousands_of_terms_in_one_expression(self, tmp_path: Path) -> None:
        (tmp_path / "long.py").write_text("x = " + " + ".join(["1"] * 3000) + "\n", encoding="utf-8")
        parsed = parse(tmp_path)
        assert len(parsed.files) == 1

    def test_environments_and_hidden_folders_are_left_out(self, tmp_path: Path) -> None:
        for folder in (".venv/lib", "node_modules", "__pycache__", "env", "app"):
            (tmp_path / folder).mkdir(parents=True)
            (tmp_path / folder / "x.py").write_text("", encoding="utf-8")
        (tmp_path / "env" / "pyvenv.cfg").write_text("", encoding="utf-8")
        assert parse(tmp_path).files == ("app/x.py",)

    @pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
    def test_loops_of_links_end(self, tmp_path: Path) -> None:
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "x.py").write_text("", encoding="utf-8")
        (tmp_path / "app" / "again").symlink_to(tmp_path / "app", target_is_directory=True)
        (tmp_path / "app" / "gone.py").symlink_to(tmp_path / "nothing.py")
        parsed = parse(tmp_path)
        assert parsed.files == ("app/gone.py", "app/x.py")
        assert [u.file for u in parsed.unparsed] == ["app/gone.py"]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_unreadable_files_are_reported(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.py"
        secret.write_text("", encoding="utf-8")
        secret.chmod(0)
        assert [u.file for u in parse(tmp_path).unparsed] == ["secret.py"]

    def test_columns_count_characters(self, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text("é = 'ü'; call('ö')\n", encoding="utf-8")
        module = parse(tmp_path).find("x.py")
        assert module is not None
        call = next(node for node, _ in module.every(ast.Call))
        assert (module.place(call).column, module.place(call).end_column) == (10, 19)

    def test_nothing_of_the_code_is_run(self, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text("raise SystemExit('it ran')\n", encoding="utf-8")
        parse(tmp_path)

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(NotADirectoryError):
            parse(tmp_path / "nowhere")


def test_the_same_words_in_quotes_mean_something_else_in_each_module(tmp_path: Path) -> None:
    files = {
        f"app/{name}.py": 'class Book: ...\nasync def get(book: "Book") -> "Book": ...\nfound = get\n'
        for name in ("one", "two")
    }
    parsed = project(tmp_path, files)
    for module in parsed.modules:
        function = next(module.functions)
        for _ in range(2):
            of = parsed.resolver.annotated(function.returns, module)
            assert isinstance(of, Class)
            assert of.module is module
            target = parsed.resolver.resolve(function.returns, module)
            assert target is of
