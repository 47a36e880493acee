"""An audit's time grows with the lines and no faster; processor time, which a busy machine does not spoil."""

import math
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checks.audit import audit
from checks.benchmark import audit as benchmark
from checks.lesson import find_course


def copies(folder: Path, number: int) -> Path:
    """So many copies of the finished service, each a package with a name of its own."""
    course = find_course(Path(__file__).parent)
    state = course.state(course.all_lessons[-1])
    for copy in range(number):
        for name, path in state.items():
            if name.startswith("app/") and name.endswith(".py"):
                target = folder / name.replace("app/", f"service{copy}/", 1)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8").replace("from app.", f"from service{copy}.")
                target.write_text(text, encoding="utf-8")
    return folder


ATTEMPTS = 4
"""How often a measurement is repeated that a busy machine may have spoilt."""


def seconds(folder: Path) -> float:
    """The processor time of an audit."""
    before = time.process_time()
    audit(folder)
    return time.process_time() - before


def grows_by(small: Path, large: Path, bound: float) -> float:
    """How many times longer the large audit takes: the least of some attempts, measured in turns.

    Args:
        small, large: the two folders.
        bound: what is good enough to ask no further.
    """
    took_small = took_large = math.inf
    for _ in range(ATTEMPTS):
        took_small, took_large = min(took_small, seconds(small)), min(took_large, seconds(large))
        if took_large / took_small < bound:
            break
    return took_large / took_small


def test_time_is_linear_in_lines(tmp_path: Path) -> None:
    few = copies(tmp_path / "few", 4)
    many = copies(tmp_path / "many", 16)
    audit(few)
    ratio = grows_by(few, many, 4 * 1.6)
    shutil.rmtree(many)
    assert ratio < 4 * 1.6


HEAD = """\
import os, time, httpx
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from pydantic_settings import BaseSettings
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.testclient import TestClient
from app.service import BookService
router = APIRouter()
async def reader() -> None: ...
"""
SERVICE = """\
from sqlalchemy.orm import DeclarativeBase, Mapped
class Base(DeclarativeBase): ...
class Book(Base):
    __tablename__ = "books"
    status: Mapped[str]
class BookService:
    async def get(self) -> Book: ...
"""
HANDLER = """\
@router.get("/")
async def handler(service: BookService = Depends(BookService)):
    book = await service.get()
"""


@dataclass(frozen=True)
class Shape:
    """A way in which a file, or a folder of files, may be large.

    Attributes:
        file: where each part stands; with a number in braces, each has a file of its own.
        part: what is repeated, with its number.
        before: what stands once before the parts of one file.
        after: what stands once after them.
        beside: other files, which do not grow.
    """

    part: str
    before: str = HEAD
    after: str = ""
    file: str = "app/router.py"
    number: int = 200
    beside: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path, times: int) -> Path:
        """Writes a project with so many times the shape's number of parts."""
        files = {"app/service.py": SERVICE, **self.beside}
        for number in range(self.number * times):
            file = self.file.replace("{}", str(number))
            files[file] = files.get(file, self.before) + self.part.replace("{}", str(number))
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            ending = "" if name in {"app/service.py", *self.beside} else self.after
            path.write_text(text + ending, encoding="utf-8")
        return folder


SHAPES = {
    "handlers with faults": Shape(
        '@router.get("/{}")\ndef h{}(session: AsyncSession = Depends(BookService)):\n'
        '    time.sleep(1)\n    return session.execute(select(os.environ["A"]))\n'
    ),
    "clients in coroutines": Shape("async def f{}():\n    client = httpx.AsyncClient()\n"),
    "names bound again and again": Shape(
        "    response = httpx.get(book.status)\n    value = response.json()\n", before=HEAD + HANDLER
    ),
    "branches": Shape(
        "    elif book.status == {}:\n        service.get()\n",
        before=HEAD + HANDLER + "    if book is None: ...\n",
        number=200,  # Python's parser knows no more than some thousand
    ),
    "cases": Shape(
        "        case {}:\n            book.status = {}\n",
        before=HEAD + HANDLER + "    match book.status:\n",
        number=500,
    ),
    "one statement of many calls": Shape("    select({}),\n", before=HEAD + "QUERIES = [\n", after="]\n"),
    "a table of data": Shape(
        '    "k{}": {"a": [{}, "x"], "b": ("c", {})},\n', before="TABLE = {\n", after="}\n", number=2000
    ),
    "a long string": Shape("line {}\n", before='TEXT = """\n', after='"""\n', number=20_000),
    "settings classes": Shape('class S{}(BaseSettings):\n    secret_key: str = "abc"\n'),
    "session makers": Shape("maker{} = async_sessionmaker()\nmaker{}(expire_on_commit=True)\n"),
    "helpers that register": Shape(
        'def add{}(path, endpoint): router.add_api_route(path, endpoint)\nadd{}("/{}", reader)\n'
    ),
    "allowed findings": Shape(
        '@router.get("/{}")\ndef h{}(): ...  # audit: allow async-handlers (the reason)\n'
    ),
    "domains": Shape(HANDLER + "class Own(BaseModel): ...\n", file="app/domain{}/router.py", number=60),
    "tests": Shape(
        "def test_{}(client): client.get('/')\ndef test_open():\n"
        "    with TestClient(None) as opened: opened.websocket_connect('/')\n",
        file="tests/test_{}.py",
        number=60,
    ),
    "helpers of a lifespan": Shape(
        "def start{}() -> None: ...\n",
        before="from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n",
        after="@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    start0()\n    yield\n"
        "app = FastAPI(lifespan=lifespan)\n",
    ),
    "lifespans that share their helpers": Shape(
        "@asynccontextmanager\nasync def lifespan{}(app: FastAPI):\n    connect{}()\n    tell()\n    yield\n"
        "app{} = FastAPI(lifespan=lifespan{})\ndef connect{}() -> None: tell()\n",
        before="from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
        "def tell() -> None: ...\n",
        file="app/main.py",
    ),
    "a lifespan that opens much": Shape(
        "    client{} = httpx.AsyncClient()\n    await client{}.get('/')\n",
        before=HEAD + "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n",
        after="    yield\nfrom contextlib import asynccontextmanager\napp = FastAPI(lifespan=lifespan)\n",
        file="app/main.py",
    ),
    "names of comprehensions": Shape(
        "    rows = [book for book in rows]\n    print(book.status)\n",
        before=HEAD + HANDLER + "    rows = []\n",
    ),
    "decisions one after the other": Shape(
        "    book = await service.get()\n    if book.status == {}:\n        return 1\n    raise ValueError\n",
        before=HEAD + HANDLER,
    ),
    "decisions on what branches loaded": Shape(
        "    if book.status == {}:\n        book = await service.get()\n        book.status = 1\n",
        before=HEAD + HANDLER,
        number=100,
    ),
    "a handler of many services": Shape(
        "    elif kind == {}:\n        return await Service{}().start()\n",
        before=HEAD
        + "".join(f"from app.services.s{number} import Service{number}\n" for number in range(150))
        + HANDLER
        + "    if kind is None: ...\n",
        number=30,
        beside={
            f"app/services/s{number}.py": f"class Service{number}:\n    async def start(self): ...\n"
            for number in range(150)
        },
    ),
    "hashing helpers": Shape(
        "    hash_password{}(book)\n    encode(book)\n",
        before=HEAD + "from app.security import *\n" + HANDLER,
        beside={"app/security.py": "def encode(text):\n" + "    text.encode()\n" * 200},
    ),
    "imports of HTTP in a service": Shape(
        "def f{}():\n    from fastapi import HTTPException\n    raise HTTPException({})\n",
        before="",
        file="app/book_service.py",
    ),
    "objects of HTTP in a service": Shape(
        "def f{}(request: fastapi.Request): return fastapi.Response({})\n",
        before="import fastapi\n",
        file="app/book_service.py",
    ),
    "one import of many names": Shape(
        "    handler{},\n", before="from app.service import (\n", after=")\n", number=500
    ),
    "shared code that imports domains": Shape(
        "from app.domain{}.router import router as router{}\nfrom app.domain{}.dependencies import get\n"
        "from app.domain{}.models import Book\n",
        before=HEAD,
        file="app/core/registry.py",
        number=100,
    ),
    "values of the environment": Shape("value{} = os.environ['VALUE{}']\ncopy{} = dict(os.environ)\n"),
    "dependencies that a factory makes": Shape(
        "async def g{}(x = Depends(maker({}))): ...\n",
        before=HEAD
        + "def maker(kind):\n    async def inner(): ...\n"
        + "    if kind: return None\n" * 200
        + "    return inner\n",
    ),
    "what a protocol hides": Shape(
        "class Store{}(Store):\n    def read(self): return open('x')\n"
        "async def f{}(store: Store): return store.read()\n",
        before="from typing import Protocol\nclass Store(Protocol):\n    def read(self): ...\n",
    ),
    "managers": Shape(
        "from app import tools\nfrom app.service import Book\nclass Manager{}: ...\n",
        before="",
        file="app/managers/manager{}.py",
        number=60,
    ),
    "lambdas as handlers": Shape("router.add_api_route('/{}', lambda: {})\n"),
    "handlers wrapped again": Shape("async def f(): ...\nf = router.get('/{}')(f)\n"),
    "attributes set again and again": Shape(
        "        self.value = BookService()\n        self.value.get()\n",
        before=HEAD + "class A:\n    def run(self):\n",
    ),
    "elements of a table": Shape(
        "first{} = TABLE[0].get()\n",
        before=HEAD + "TABLE = [" + "BookService(), " * 500 + "]\n",
        after="first = TABLE[1]\n",
    ),
    "exceptions that are caught": Shape(
        "class Fault{}(Exception): ...\ndef f{}():\n    try: raise Fault{}\n    except Fault{}: ...\n",
        before="",
        file="app/book_service.py",
    ),
    "revisions": Shape(
        "revision = 'r{}'\ndown_revision = None\ndef upgrade(): op.create_table('t{}')\n",
        before="",
        file="alembic/versions/r{}.py",
        number=60,
    ),
    "environments": Shape(
        "from alembic import context\nimport app.service\ntarget_metadata = app.service.Base.metadata\n",
        before="",
        file="app{}/alembic/env.py",
        number=60,
    ),
    "workers": Shape(
        "from app.service import Book\n@celery.task\ndef run(): ...\n",
        before="import celery\n",
        file="app/tasks/task{}.py",
        number=60,
    ),
    "applications": Shape("app = FastAPI()\napp.include_router(router)\n", file="app{}/main.py", number=60),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_takes_time_by_the_square_of_its_size(shape: str, tmp_path: Path) -> None:
    small = SHAPES[shape].write(tmp_path / "small", 1)
    large = SHAPES[shape].write(tmp_path / "large", 5)
    audit(small)
    assert not audit(large).unparsed
    assert grows_by(small, large, 5 * 1.8) < 5 * 1.8


def test_the_benchmark_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "SMALL", 100)
    monkeypatch.setattr(benchmark, "SIZES", (200, 400))
    benchmark.audit_alone(find_course(Path(__file__).parent), tmp_path, 1)  # so few lines keep no promise
    sizes = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.split()[0].isdigit()]
    assert sizes == ["100", "200", "400"]
