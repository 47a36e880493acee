"""A parsed project: its modules, routes and layers, and the lines round a place."""

import ast
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from checks.finding import Place
from checks.source.aside import aside, only_called_aside
from checks.source.distributions import around, commands, without_web
from checks.source.files import Unparsed, decode, find, quiet, read_tree
from checks.source.graph import imports, reachable, workers
from checks.source.layers import (
    Area,
    Layer,
    above_programs,
    area_of,
    is_named_for_business,
    layer_of,
    named_domains,
)
from checks.source.registrations import followed
from checks.source.resolver import Resolver, Target
from checks.source.routes import Route, handler_of, routes_of
from checks.source.scopes import Class, Function, Module, Scope

ASIDE = frozenset({Layer.TESTS, Layer.MIGRATIONS, Layer.SCRIPTS})
"""Layers that are no part of the running application."""


@dataclass(eq=False)
class Project:
    """The Python files of one folder, parsed once and never run.

    Attributes:
        root: the folder.
        files: every Python file seen, relative to the root, with forward slashes.
        unparsed: the files and folders that could not be looked into, and why.
        modules: the files that could, in the order of their names.
        resolver: what names stand for.
    """

    root: Path
    files: tuple[str, ...]
    unparsed: tuple[Unparsed, ...]
    modules: tuple[Module, ...]
    resolver: Resolver
    _layers: dict[Module, Layer] = field(default_factory=dict, repr=False)
    _plain_layers: dict[Module, Layer] = field(default_factory=dict, repr=False)
    _facts: dict[Callable[["Project"], Any], Any] = field(default_factory=dict, repr=False)

    def fact[T](self, find: Callable[["Project"], T]) -> T:
        """What a function finds out about the whole project, found out once, however often it is asked for.

        Args:
            find: a function of a module, under which its answer is kept; it gives a collection, no iterator.
        """
        if find not in self._facts:
            self._facts[find] = find(self)
        return self._facts[find]  # type: ignore[no-any-return]

    def frame(self, place: Place, context: int = 1) -> list[tuple[int, str]]:
        """The source lines round a place, verbatim, each with its number.

        Args:
            place: where, in a file of this project.
            context: how many lines to show before the first and after the last.
        """
        module = self._by_file.get(place.file)
        lines = module.lines if module else self._read_lines(place.file)
        first = max(1, place.line - context)
        last = min(len(lines), max(place.line, place.end_line) + context)
        return [(number, lines[number - 1]) for number in range(first, last + 1)]

    def _read_lines(self, file: str) -> list[str]:
        try:
            text = decode((self.root / file).read_bytes())
        except OSError:
            return []
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def _by_file(self) -> dict[str, Module]:
        return {module.file: module for module in self.modules}

    def find(self, file: str) -> Module | None:
        """The module of a file, given relative to the root; None when it was not parsed."""
        return self._by_file.get(file)

    def layer(self, module: Module) -> Layer:
        """What the module is responsible for."""
        layer = self._layers.get(module)
        if layer is None:
            layer = self._layers[module] = self._layer_of(module)
        return layer

    def _layer_of(self, module: Module) -> Layer:
        beside = aside(module)
        if beside is not None and module not in self._only_called_aside:
            return beside
        if module in self._commands:
            return Layer.SCRIPTS
        layer = self._plain_layer(module)
        acts = layer is Layer.OTHER and is_named_for_business(module) and self._acts_as_service(module)
        return Layer.SERVICE if acts else layer

    def _plain_layer(self, module: Module) -> Layer:
        """The layer that a module has by itself, whoever uses it."""
        layer = self._plain_layers.get(module)
        if layer is None:
            layer = self._plain_layers[module] = layer_of(module, self.resolver, self.named_domains)
        return layer

    def _acts_as_service(self, module: Module) -> bool:
        """Whether routers use a module, no service does, and it uses repositories or models."""
        if module not in self._used_by_routers or module in self._used_by_services:
            return False
        below = {self._plain_layer(other) for other in imports(module, self.resolver)}
        return bool(below & {Layer.REPOSITORY, Layer.MODELS})

    @cached_property
    def _used_by_routers(self) -> frozenset[Module]:
        return self._used_by(Layer.ROUTER)

    @cached_property
    def _used_by_services(self) -> frozenset[Module]:
        return self._used_by(Layer.SERVICE)

    def _used_by(self, layer: Layer) -> frozenset[Module]:
        """What modules of a layer import, also through a package that hands its names on."""
        used: set[Module] = set()
        pending = [user for user in self.modules if aside(user) is None and self._plain_layer(user) is layer]
        while pending:
            new = imports(pending.pop(), self.resolver) - used
            used |= new
            pending += [module for module in new if module.is_package and aside(module) is None]
        return frozenset(used)

    @cached_property
    def _only_called_aside(self) -> frozenset[Module]:
        return only_called_aside(self.modules, self.resolver)

    @cached_property
    def _without_web(self) -> Mapping[tuple[str, ...], str]:
        return without_web(self.modules, self.root)

    @cached_property
    def _commands(self) -> frozenset[Module]:
        return commands(self.modules, self._without_web)

    def serves(self, module: Module) -> bool:
        """Whether a module belongs to a part of the repository that knows a web framework."""
        return not around(module, self._without_web)

    @cached_property
    def named_domains(self) -> frozenset[tuple[str, ...]]:
        """The folders that are called like a layer, such as ``service``, and are domains or hold programs."""
        above = above_programs(self.modules, self.resolver)
        return named_domains(self.modules, self.resolver) | above

    def area(self, module: Module) -> Area:
        """Whether the module is shared code or part of the application proper."""
        return area_of(module)

    @cached_property
    def application(self) -> tuple[Module, ...]:
        """The modules of the running application: no tests, scripts or migrations."""
        return tuple(module for module in self.modules if self.layer(module) not in ASIDE)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every route of the application, in the order of files and lines."""
        registered = (
            route
            for module in self.application
            if _may_route(module)
            for route in routes_of(module, self.resolver)
        )
        return tuple(followed(registered, self.application, self.resolver))

    @cached_property
    def registering(self) -> frozenset[Module]:
        """The modules in which routes are registered."""
        return frozenset(route.module for route in self.routes)

    @cached_property
    def web(self) -> frozenset[Module]:
        """The modules that the web application (or other asynchronous code) reaches by imports."""
        roots = [
            module
            for module in self.application
            if module in self.registering
            or self.layer(module) is Layer.MAIN
            or any(function.is_async for function in module.functions)
        ]
        return frozenset(reachable(roots, self.resolver, self.workers).intersection(self.application))

    @cached_property
    def workers(self) -> frozenset[Module]:
        """The modules of the application that run in a process of their own: a queue's workers, jobs."""
        starting = {module for module in self.application if self.layer(module) is Layer.MAIN}
        return workers(self.application, self.registering, starting, self.resolver)

    @cached_property
    def handlers(self) -> dict[Function, list[Route]]:
        """Handler to the routes that it serves."""
        found: dict[Function, list[Route]] = {}
        for route in self.routes:
            if route.handler is not None:
                found.setdefault(route.handler, []).append(route)
        return found

    @cached_property
    def dependencies(self) -> dict[Function, list[ast.Call]]:
        """Function to the ``Depends(...)`` calls that name it."""
        found: dict[Function, list[ast.Call]] = {}
        made: dict[Function, Function | None] = {}
        for module in self.application:
            if b"Depends" not in module.content and b"Security" not in module.content:
                continue
            for call, scope in module.every(ast.Call):
                if call.args and self.is_depends(call, scope):
                    target = self.callable(call.args[0], scope) or self._made_by(call.args[0], scope, made)
                    if target is not None:
                        found.setdefault(target, []).append(call)
        return found

    def _made_by(self, node: ast.AST, scope: Scope, made: dict[Function, Function | None]) -> Function | None:
        """The inner function that a factory gives back, as in ``Depends(require("admin"))``."""
        factory = self.resolver.resolve(node.func, scope) if isinstance(node, ast.Call) else None
        if not isinstance(factory, Function):
            return None
        if factory not in made:
            returns = factory.nodes(ast.Return)
            given = (self.resolver.resolve(statement.value, factory) for statement in returns)
            inner = (f for f in given if isinstance(f, Function) and f.parent is factory)
            made[factory] = next(inner, None)
        return made[factory]

    def is_depends(self, call: ast.Call, scope: Scope) -> bool:
        """Whether a call is FastAPI's ``Depends`` or ``Security``."""
        name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
        if not name:
            return False
        return self.resolver.resolve(call.func, scope) in {"fastapi.Depends", "fastapi.Security"}

    def callable(self, node: ast.AST, scope: Scope) -> Function | None:
        """The project's function that runs when the object of this expression is called."""
        target: Target | None = self.resolver.resolve(node, scope)
        if isinstance(target, Class):
            made = self.resolver.attribute(target, "__init__")
            return made if isinstance(made, Function) else None
        return handler_of(node, scope, self.resolver) if isinstance(node, ast.expr) else None

    def role(self, function: Function) -> Layer:
        """The layer in which a function works: a handler is router code wherever it stands."""
        around: Function | None = function
        while around is not None:
            if around in self.handlers:
                return Layer.ROUTER
            if around in self.dependencies:
                return Layer.DEPENDENCIES
            around = around.parent.function if around.parent else None
        return self.layer(function.module)


def _may_route(module: Module) -> bool:
    content = module.content
    return any(mark in content for mark in (b"@", b"add_api", b"APIRoute", b")("))


@contextmanager
def _without_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse(root: Path, *, package: str | None = None) -> Project:
    """Parses every Python file below a folder; imports and runs none of it.

    Args:
        root: the folder of the project, or one file.
        package: the import name of the root folder itself, where it is a package; found out from the
            names of the folders when left out.

    Raises:
        NotADirectoryError: there is neither a folder nor a Python file at the given path.
    """
    if not root.exists():
        raise NotADirectoryError(f"{root} does not exist")
    unparsed: list[Unparsed] = []
    modules: list[Module] = []
    with _without_collector(), quiet():
        files = sorted(find(root, unparsed))
        for file, path in files:
            tree = read_tree(path, file)
            if isinstance(tree, Unparsed):
                unparsed.append(tree)
            else:
                modules.append(Module(file, *tree))
    aliases = _aliases(root, package)
    resolver = Resolver(
        {module.parts: module for module in modules},
        aliases,
        lambda parts: _has_project_file(root.joinpath(*parts)),
    )
    return Project(
        root=root if root.is_dir() else root.parent,
        files=tuple(file for file, _ in files),
        unparsed=tuple(sorted(_with_importers(unparsed, modules, aliases))),
        modules=tuple(modules),
        resolver=resolver,
    )


def _has_project_file(folder: Path) -> bool:
    return any(folder.joinpath(file).is_file() for file in ("pyproject.toml", "setup.py", "setup.cfg"))


def _with_importers(
    unparsed: list[Unparsed], modules: list[Module], aliases: tuple[tuple[str, ...], ...]
) -> Iterator[Unparsed]:
    """The unparsed files, each with how many others import it: those are judged without what it holds."""
    if not unparsed:
        return
    empty = {u.file: Module(u.file, b"", ast.parse("")) for u in unparsed if u.file.endswith(".py")}
    resolver = Resolver({m.parts: m for m in (*empty.values(), *modules)}, aliases)
    imported = [imports(module, resolver) for module in modules]
    for one in unparsed:
        stand_in = empty.get(one.file)
        count = sum(stand_in in of_one for of_one in imported)
        told = f"; {count} other file{'s import' if count > 1 else ' imports'} it" if count else ""
        yield replace(one, message=one.message + told, importers=count)


def _aliases(root: Path, package: str | None) -> tuple[tuple[str, ...], ...]:
    if package:
        return (tuple(package.split(".")),)
    folder = root.resolve() if root.is_dir() else root.resolve().parent
    parts = folder.parts[1:]
    return tuple(parts[-length:] for length in range(1, min(4, len(parts)) + 1))
