"""A domain module has its files.

## Rule

A domain, that is a folder that serves routes and keeps data of its own, has a `router.py`, a `service.py`
and a `repository.py`, with its ORM models in `models.py` and its schemas in `schemas.py`. `dependencies.py`
is there when something needs it. Folders in place of the files are as good.

## Why

A newcomer who knows one domain knows them all: where the query is, where the rule is, where the route is.

## Bad

```python
# app/books/router.py
from fastapi import APIRouter  # <-- here

from app.books.models import Book

router = APIRouter(prefix="/books")


@router.get("/kind")
async def kind() -> str:
    return Book.__tablename__

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```

## Good

```python
# app/health/router.py
from fastapi import APIRouter

router = APIRouter(prefix="/health")


@router.get("/live")
async def live() -> str:
    return "ok"

# app/books/router.py
from fastapi import APIRouter

from app.books.service import title

router = APIRouter(prefix="/books")


@router.get("/title")
async def get_title() -> str:
    return await title()

# app/books/service.py
async def title() -> str: ...

# app/books/repository.py
async def load() -> str: ...

# app/books/models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
```
"""

import ast
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding, Place
from checks.source import Area, Class, Layer, Module, Project, written
from checks.source.kinds import is_entity, is_mapped, is_pydantic
from checks.source.layers import ROOTS, inner
from checks.source.sessions import BUILDERS, QUERIES, session_method

KINDS: Final = frozenset(
    [
        "router",
        "routers",
        "route",
        "routes",
        "api",
        "apis",
        "views",
        "view",
        "endpoints",
        "endpoint",
        "controllers",
        "controller",
        "service",
        "services",
        "repository",
        "repositories",
        "repo",
        "repos",
        "crud",
        "schema",
        "schemas",
        "model",
        "models",
        "dependencies",
        "deps",
        "rest",
        "http",
        "web",
        "public",
        "internal",
        "admin",
        "handlers",
    ]
)
ROUTERS: Final = frozenset(
    {"router", "routers", "routes", "api", "apis", "endpoints", "views", "controllers"}
)
LOWER: Final = frozenset(
    [
        *("service", "services", "manager", "managers", "use_cases", "usecases"),
        *("repository", "repositories", "repo", "repos", "crud", "model", "models", "database", "db"),
    ]
)
"""Folders named for what lies below the router."""
LAYERS: Final = frozenset(
    {Layer.ROUTER, Layer.SERVICE, Layer.REPOSITORY, Layer.MODELS, Layer.SCHEMAS, Layer.DEPENDENCIES}
)
RULE = Rule(
    __name__,
    expected="router, service, repository, models and schemas, each in its own place",
    why="Who knows one domain then knows them all: where a query is, and where a rule.",
    next="Give each part of this domain the file that the other domains have for it",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds domains that lack a layer, or keep one in the router."""
    noted = False
    found = project.fact(domains)
    for folder, modules in found.items():
        routers = [m for m in modules if project.layer(m) is Layer.ROUTER and m in project.registering]
        if not routers or not _keeps_data(modules, project) or _gathers(folder, routers, project):
            continue
        router = min(routers, key=lambda m: (m.stem != "router", m.file))
        if _is_by_kind(folder, modules, routers, project):
            if not noted:
                noted = True
                yield RULE.note_in(
                    _first_line(router),
                    "a project laid out by kind instead of by domain",
                    expected="a folder for each domain",
                    next="Nothing has to be moved; a new domain can start as a folder of its own",
                )
            continue
        faults = [*_missing(folder, modules, project), *_in_router(routers, project)]
        if faults:
            yield RULE.violation_in(_first_line(router), f"a domain with {' and '.join(faults)}")


def subjects(project: Project) -> int:
    """Counts the folders outside the shared code that hold a layer's file."""
    return len(project.fact(domains))


def domains(project: Project) -> dict[tuple[str, ...], list[Module]]:
    """Folder to the modules of its layers; folders that are named for a layer count for the folder around."""
    found: dict[tuple[str, ...], list[Module]] = {}
    for module in project.application:
        if project.area(module) is Area.DOMAIN and project.layer(module) in LAYERS:
            folder = module.folder
            while folder and folder not in project.named_domains and _is_kind(folder[-1]):
                folder = folder[:-1]
            found.setdefault(folder, []).append(module)
    return dict(sorted(found.items()))


def _is_kind(name: str) -> bool:
    return name.lower() in KINDS or _is_version(name)


def _is_version(name: str) -> bool:
    return name[:1] == "v" and name[1:].isdecimal()


def _gathers(folder: tuple[str, ...], routers: list[Module], project: Project) -> bool:
    """Whether the one router of a folder gathers the routes of several domains below it."""
    if len(routers) > 1 or b"include_router" not in routers[0].content:
        return False
    return project.fact(_serving_below)[folder] > 1


def _serving_below(project: Project) -> Counter[tuple[str, ...]]:
    """Folder to how many of the domains directly in it have routers."""
    return Counter(
        folder[:-1]
        for folder, modules in project.fact(domains).items()
        if any(project.layer(module) is Layer.ROUTER for module in modules)
    )


def _is_by_kind(
    folder: tuple[str, ...], modules: list[Module], routers: list[Module], project: Project
) -> bool:
    """Whether a folder holds the routers of a project whose folders are named for layers."""
    several = len(routers) > 1
    if _is_root(folder, project):
        deeper = any(len(module.folder) > len(folder) for module in routers)
        above = next((n for n, part in enumerate(folder) if part.lower() in ROUTERS), None)
        below = above is not None and folder[:above] in project.fact(_above_kinds)
        return several or deeper or (below and not _serves_itself(folder, modules, project))
    if several and _is_package_beside_main(folder, routers, project):
        return True
    only = all(project.layer(module) in {Layer.ROUTER, Layer.DEPENDENCIES} for module in modules)
    beside = folder[:-1] in project.fact(_above_kinds)
    return several and only and (beside or _stands_apart(project))


def _stands_apart(project: Project) -> bool:
    """Whether the routers of a project have a branch of their own, and so have services and repositories.

    That is so in a hexagonal layout: ``adapters/inbound/``, ``adapters/outbound/``, ``application/``. With a
    folder that has a router and what lies below it, all of them would be domains.
    """
    layers = [{project.layer(module) for module in modules} for modules in project.fact(domains).values()]
    serving = [found for found in layers if Layer.ROUTER in found]
    below = {Layer.SERVICE, Layer.REPOSITORY}
    return len(serving) == 1 and not serving[0] & below and below <= set().union(*layers)


def _serves_itself(folder: tuple[str, ...], modules: list[Module], project: Project) -> bool:
    """Whether a folder among the routers' has its own service, and no other folder the repositories."""
    beside = {project.layer(module) for module in modules if module.folder == folder}
    return {Layer.ROUTER, Layer.SERVICE} <= beside and project.fact(_repositories) <= set(modules)


def _repositories(project: Project) -> frozenset[Module]:
    return frozenset(m for m in project.application if project.layer(m) is Layer.REPOSITORY)


def _is_package_beside_main(folder: tuple[str, ...], routers: list[Module], project: Project) -> bool:
    """Whether a folder is the whole package, with the application made outside it and kinds as folders."""
    deeper = all(len(module.folder) > len(folder) for module in routers)
    alone = project.fact(_serving_below)[folder[:-1]] == 1 and folder[:-1] not in project.fact(domains)
    outside = any(project.layer(m) is Layer.MAIN and m.folder == folder[:-1] for m in project.application)
    return deeper and alone and outside and folder in project.fact(_above_kinds)


def _above_kinds(project: Project) -> frozenset[tuple[str, ...]]:
    """The folders below which folders of services, of queries or of models stand, with no domain between."""
    found: set[tuple[str, ...]] = set()
    for folder in {module.folder for module in project.application}:
        first = ""
        for place in range(len(folder) - 1, -1, -1):
            part = folder[place].lower()
            first = first if part in ROOTS else part
            if first in LOWER:
                found.add(folder[:place])
    return frozenset(found)


def _is_root(folder: tuple[str, ...], project: Project) -> bool:
    """Whether a folder is the package itself and no domain in it."""
    if folder in project.named_domains:
        return False
    names = [part.lower() for part in folder]
    if not names or names[-1] in ROOTS or KINDS.intersection(inner(names)):
        return True
    return folder in project.fact(_outer) and folder not in project.fact(_with_domains_below)


def _with_domains_below(project: Project) -> frozenset[tuple[str, ...]]:
    """The folders that are domains among others by their own files, even with more below them."""
    above_main = {
        module.folder[:length]
        for module in project.application
        if project.layer(module) is Layer.MAIN
        for length in range(len(module.folder) + 1)
    }
    beside = project.fact(_serving_below)
    return frozenset(
        folder
        for folder, modules in project.fact(domains).items()
        if folder not in above_main and beside[folder[:-1]] > 1 and _has_own_files(folder, modules)
    )


def _has_own_files(folder: tuple[str, ...], modules: list[Module]) -> bool:
    names = {module.stem for module in modules if module.folder == folder}
    return {"router", "service"} <= names and not names.isdisjoint({"schemas", "models"})


def _outer(project: Project) -> frozenset[tuple[str, ...]]:
    """The folders around a domain's own, and those in which an application is made."""
    around = {folder[:length] for folder in project.fact(domains) for length in range(len(folder))}
    return frozenset(around | {m.folder for m in project.application if project.layer(m) is Layer.MAIN})


def _keeps_data(modules: list[Module], project: Project) -> bool:
    return any(_has_entities(m, project) or _has_queries(m, project) for m in modules)


def _has_entities(module: Module, project: Project) -> bool:
    return any(is_entity(cls, project.resolver) for cls in module.classes)


def _has_queries(module: Module, project: Project) -> bool:
    if (
        b"sqlalchemy" not in module.content
        and b"sqlmodel" not in module.content
        and b"ession" not in module.content
    ):
        return False
    for call, scope in module.every(ast.Call):
        builds = project.resolver.resolve(call.func, scope) in BUILDERS
        if builds or session_method(call, scope, project.resolver) in QUERIES:
            statement = written(call).upper()
            if "SELECT 1" not in statement and "(1)" not in statement:
                return True
    return False


def _missing(folder: tuple[str, ...], modules: list[Module], project: Project) -> list[str]:
    layers = {project.layer(module) for module in modules}
    prefix = "/".join(folder)
    files = project.fact(_unread)
    begin = bisect_left(files, prefix)
    unread = [file.lower() for file in takewhile(lambda f: f.startswith(prefix), islice(files, begin, None))]
    return [
        f"no {layer}"
        for layer in (Layer.SERVICE, Layer.REPOSITORY)
        if layer not in layers and not any(layer[:4] in file for file in unread)
    ]


def _unread(project: Project) -> list[str]:
    return sorted(unparsed.file for unparsed in project.unparsed)


def _in_router(routers: list[Module], project: Project) -> list[str]:
    classes: list[Class] = [cls for router in routers for cls in router.classes]
    faults = []
    if any(is_mapped(cls, project.resolver) for cls in classes):
        faults.append("models written in the router")
    if any(is_pydantic(c, project.resolver) and not is_mapped(c, project.resolver) for c in classes):
        faults.append("schemas written in the router")
    return faults


def _first_line(module: Module) -> Place:
    return Place(module.file, 1, 1, 1, len(module.lines[0]) + 1)
