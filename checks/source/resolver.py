"""What a name, an attribute or a call stands for, across the files of a project."""

import ast
import builtins
from bisect import bisect_right
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from checks.source.externals import (
    BASES,
    FOREIGN,
    GIVING_OWN_KIND,
    PROPERTIES,
    RETURNS,
    STARRED,
    SUBSCRIPTED,
    canonical,
)
from checks.source.loads import LOADING, each_loaded, loaded
from checks.source.scopes import Binding, Class, Function, Module, Scope, parent, typing_branch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUILTINS: Final = frozenset(vars(builtins))
_NOT_IMPORTED: Final = frozenset({"test", "tests", "docs", "examples", "scripts"})
"""Packages that many distributions have beside their own, and that are no part of them."""
DEPTH: Final = 24
HOPS: Final = 60
"""How many names in a row are followed from one to the next before Python's own limit is in sight."""


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A name that stands for a value: assigned, passed in or bound by a statement.

    Attributes:
        name: the name.
        binding: how it came to be bound.
    """

    name: str
    binding: Binding


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class, as far as the source tells.

    Attributes:
        of: the class of the project, or the library's name for it.
    """

    of: "Class | str"


Target = Module | Class | Function | Variable | Instance | str
"""What an expression stands for; a library's object is its canonical dotted name."""


class Spans:
    """Stretches of lines in some order, ready to be asked which of them hold a line.

    Args:
        spans: the first and the last line of each, nearly in the order of the first lines.
    """

    __slots__ = ("_firsts", "_latest", "_longest", "_spans")

    def __init__(self, spans: "list[tuple[int, float]]") -> None:
        self._spans = spans
        order = sorted(range(len(spans)), key=spans.__getitem__)
        self._firsts = [spans[place][0] for place in order]
        self._latest = list(accumulate(order, max))
        self._longest = list(accumulate((last for _, last in spans), max))

    def holding(self, line: int) -> "Iterator[int]":
        """The places of those that hold a line, last first."""
        begun = bisect_right(self._firsts, line)
        for place in range(self._latest[begun - 1] if begun else -1, -1, -1):
            if self._longest[place] < line:
                return
            first, last = self._spans[place]
            if first <= line <= last:
                yield place


class History:
    """The bindings of one name in one scope that tell something of its value, ready to be asked for a line.

    A name may be bound thousands of times in one function, and be read after each: a search through all of
    them for every reading would take time by the square of the function's length. The loop of a comprehension
    binds its name on the comprehension's own lines alone.

    Args:
        bindings: all bindings of the name, in the order of the walk, which is nearly that of the lines.
    """

    __slots__ = ("_first", "_inner", "_inner_spans", "_plain", "_plain_spans")

    def __init__(self, bindings: list[Binding]) -> None:
        for_readers = _without_stand_ins(bindings)
        telling = [pair for pair in enumerate(for_readers) if not _says_nothing(pair[1])]
        self._first = min(map(_line_of, bindings))
        self._plain = [pair for pair in telling if not isinstance(pair[1].node, ast.comprehension)]
        self._plain_spans = Spans([(_line_of(binding), inf) for _, binding in self._plain])
        self._inner = [pair for pair in telling if isinstance(pair[1].node, ast.comprehension)]
        self._inner_spans = Spans([_lines_of(binding.node) for _, binding in self._inner])

    def latest(self, line: int) -> "Iterator[Binding]":
        """The bindings at or before a line, last first; all of them when the name is bound only after it.

        Args:
            line: where the name is read; 0 for anywhere but in a comprehension.
        """
        if not line or line < self._first:
            return (binding for _, binding in reversed(self._plain))
        plain = (self._plain[place] for place in self._plain_spans.holding(line))
        inner = (self._inner[place] for place in self._inner_spans.holding(line))
        both = merge(plain, inner, key=itemgetter(0), reverse=True) if self._inner else plain
        return (binding for _, binding in both)


def _line_of(binding: Binding) -> int:
    return getattr(binding.node, "lineno", 0)


def _lines_of(node: ast.AST) -> tuple[int, int]:
    """The first and the last line of the comprehension that a loop belongs to."""
    around: Any = getattr(node, "parent", None)
    return (around.lineno, around.end_lineno) if around is not None else (1, 0)


def _says_nothing(binding: Binding) -> bool:
    """Whether a binding tells nothing of its value: it is opaque, or only a placeholder."""
    value = binding.value
    is_none = isinstance(value, ast.Constant) and value.value is None
    return binding.annotation is None and (binding.kind == "opaque" or (binding.kind == "value" and is_none))


def _without_stand_ins(bindings: list[Binding]) -> list[Binding]:
    """The bindings without those that stand in at run time for what ``if TYPE_CHECKING:`` declares."""
    if b"TYPE_CHECKING" not in bindings[0].scope.module.content:
        return bindings
    branches = [typing_branch(binding.node) for binding in bindings]
    declared = {branch.test for branch in branches if branch is not None and branch.is_for_typing}
    return [
        binding
        for binding, branch in zip(bindings, branches, strict=True)
        if branch is None or branch.is_for_typing or branch.test not in declared
    ]


def _is_read_by(binding: Binding, node: ast.Name) -> bool:
    """Whether the assignment that binds a name reads it, too, as ``data = data.dict()`` does."""
    statement: Any = binding.node
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        return False
    if not statement.lineno <= node.lineno <= (statement.end_lineno or 0):
        return False
    around: ast.AST | None = node
    while around is not None and around is not statement:
        around = parent(around)
    return around is statement


def _type_parameter(name: str, scope: Scope) -> Variable | None:
    """The type variable that a class or a function around declares in square brackets."""
    around: Scope | None = scope
    while around is not None:
        for parameter in getattr(around.node, "type_params", ()):
            if parameter.name == name:
                bound = getattr(parameter, "bound", None)
                return Variable(name, Binding("type", parameter, around, value=bound))
        around = around.parent
    return None


class Resolver:
    """Resolves names and infers classes in one project.

    Nothing is imported or run. Where the source does not tell, the answer is None.

    Args:
        modules: dotted parts, counted from the root, to module.
        aliases: import names under which the root folder itself may be known, as parts.
        is_distribution: whether a folder has the file of a project of its own, which others may install.
    """

    def __init__(
        self,
        modules: "Mapping[tuple[str, ...], Module]",
        aliases: tuple[tuple[str, ...], ...],
        is_distribution: "Callable[[tuple[str, ...]], bool]" = lambda _: False,
    ) -> None:
        self._modules = modules
        self._aliases = aliases
        self._folders = {parts[:length] for parts in modules for length in range(len(parts))}
        self._packages = {module.parts for module in modules.values() if module.is_package}
        self._is_distribution = is_distribution
        self._siblings: dict[str, list[tuple[str, ...]]] | None = None
        self._found: dict[tuple[tuple[str, ...], str], Module | tuple[str, ...] | None] = {}
        self._members: dict[tuple[Module, str], Target | None] = {}
        self._busy: set[object] = set()
        self._resolved: dict[int, Target | None] = {}
        self.imported: dict[Module, set[Module]] = {}
        self._types: dict[int, Class | str | None] = {}
        self._mro: dict[Class, list[Class | str]] = {}
        self._histories: dict[int, History] = {}
        self._annotated: dict[tuple[Class, str], Binding | None] = {}
        self._annotations: dict[str, ast.expr | None] = {}

    # modules

    def module(self, name: str, origin: Module, level: int = 0) -> "Module | str | None":
        """The module of an import statement: the project's own, or the library's dotted name.

        Args:
            name: the dotted name as it is written.
            origin: the module that imports.
            level: how many dots stand before the name.
        """
        found = self._locate(name, origin, level)
        if isinstance(found, Module):
            return found
        return None if level or isinstance(found, tuple) else canonical(name)

    def _locate(self, name: str, origin: Module, level: int) -> "Module | tuple[str, ...] | None":
        parts = tuple(name.split(".")) if name else ()
        if level:
            base = origin.folder[: len(origin.folder) - level + 1] if level > 1 else origin.folder
            if level - 1 > len(origin.folder):
                return None
            return self._at((*base, *parts))
        key = (origin.folder, name)
        if key not in self._found:
            self._found[key] = self._search(parts, origin)
        return self._found[key]

    def _at(self, parts: tuple[str, ...]) -> "Module | tuple[str, ...] | None":
        return self._modules.get(parts) or (parts if parts in self._folders else None)

    def _search(self, parts: tuple[str, ...], origin: Module) -> "Module | tuple[str, ...] | None":
        if parts[0] in FOREIGN:
            return None
        folder = origin.folder
        bases = [folder[:length] for length in range(len(folder) + 1)]
        bases.sort(key=lambda base: base in self._packages and base != ())
        bare: tuple[str, ...] | None = None
        for base in (*bases[:1], ("src",), *bases[1:]):
            found = self._at((*base, *parts))
            if isinstance(found, Module):
                if bare is None or self._hides_folder(found, base):
                    return found
            else:
                bare = bare or found
        if bare is not None:
            return bare
        for alias in self._aliases:
            if parts[: len(alias)] == alias and (found := self._at(parts[len(alias) :])):
                return found
        return self._beside(parts)

    def _hides_folder(self, found: Module, base: tuple[str, ...]) -> bool:
        """Whether Python takes a package, on whatever path, before a folder of that name without a file."""
        return found.is_package and base not in self._packages

    def _beside(self, parts: tuple[str, ...]) -> "Module | tuple[str, ...] | None":
        """The module of another distribution in the same repository, if only one has a package so called."""
        if self._siblings is None:
            self._siblings = {}
            for package in self._packages:
                if package and package[-1] not in _NOT_IMPORTED and self._is_installed(package[:-1]):
                    self._siblings.setdefault(package[-1], []).append(package)
        found = self._siblings.get(parts[0], ())
        return self._at((*found[0], *parts[1:])) if len(found) == 1 else None

    def _is_installed(self, folder: tuple[str, ...]) -> bool:
        """Whether the packages in a folder are imported from anywhere: the folder is a distribution's.

        It has a project file, or it is the ``src`` of such a one, or its name is none that could be imported.
        """
        above = folder[:-1] if folder[-1:] == ("src",) else folder
        return bool(above) and (not above[-1].isidentifier() or self._is_distribution(above))

    def classes(self) -> "Iterator[Class]":
        """Every class of the project."""
        for module in self._modules.values():
            yield from module.classes

    def packages_around(self, module: Module) -> set[Module]:
        """The packages whose ``__init__`` runs before a module is imported."""
        around = (self._modules.get(module.parts[:length]) for length in range(1, len(module.parts)))
        return {package for package in around if package is not None and package.is_package}

    # names

    def lookup(self, name: str, scope: Scope, line: int = 0, node: ast.Name | None = None) -> "Target | None":
        """What a bare name stands for where it is read.

        Args:
            name: the name.
            scope: where it is read.
            line: the line of the reading, to choose among several local assignments.
            node: the reading itself: in the statement that binds the name anew, it has the value from before.
        """
        around: Scope | None = scope
        while around is not None:
            if around is scope or not isinstance(around, Class):
                bindings = around.names.get(name)
                if bindings:
                    if isinstance(around, Module):
                        return self.member(around, name)
                    return self._choose(name, bindings, line if around is scope else 0, node)
            around = around.parent
        if scope.module.stars and (starred := self._starred(scope.module, name)):
            return starred
        return name if name in BUILTINS else _type_parameter(name, scope)

    def _choose(
        self, name: str, bindings: list[Binding], line: int, node: ast.Name | None = None
    ) -> "Target | None":
        for binding in bindings if len(bindings) == 1 else self._latest(bindings, line):
            if node is not None and len(bindings) > 1 and _is_read_by(binding, node):
                continue
            target = self._bound(name, binding)
            if target is not None:
                return target
        return Variable(name, bindings[-1])

    def _latest(self, bindings: list[Binding], line: int) -> "Iterator[Binding]":
        history = self._histories.get(id(bindings))
        if history is None:
            history = self._histories[id(bindings)] = History(bindings)
        return history.latest(line)

    def before(self, name: str, binding: Binding) -> "Target | None":
        """What a name stood for before a statement bound it anew."""
        bindings = binding.scope.names.get(name, [])
        earlier = bindings[: bindings.index(binding)] if binding in bindings else []
        for other in reversed(earlier):
            if isinstance(other.node, ast.comprehension) or _says_nothing(other):
                continue
            target = self._bound(name, other)
            if target is not None:
                return target
        return Variable(name, earlier[-1]) if earlier else None

    def member(self, module: Module, name: str) -> "Target | None":
        """What a name of a module stands for, seen from outside: re-exports and star imports included."""
        key = (module, name)
        if key in self._members:
            return self._members[key]
        if key in self._busy or len(self._busy) > HOPS:
            return None
        self._busy.add(key)
        try:
            target = self._member(module, name)
        finally:
            self._busy.discard(key)
        self._members[key] = target
        return target

    def _member(self, module: Module, name: str) -> "Target | None":
        bindings = module.names.get(name)
        if bindings:
            target = self._choose(name, bindings, 0)
            if target is not None:
                return target
        elif module.stars and (starred := self._starred(module, name)):
            return starred
        if module.is_package:
            found = self._at((*module.parts, name))
            return found if isinstance(found, Module) else None
        return None

    def _starred(self, module: Module, name: str) -> "Target | None":
        for source, level in reversed(module.stars):
            found = self._locate(source, module, level)
            if isinstance(found, Module):
                if found is not module and not name.startswith("_") and (target := self.member(found, name)):
                    return target
            elif name in STARRED.get(source, ()):
                return canonical(f"{source}.{name}")
        return None

    def _bound(self, name: str, binding: Binding) -> "Target | None":
        if binding.kind in {"import", "from"}:
            source, level = binding.target
            if binding.kind == "import":
                return self._imported(source, binding.scope.module)
            return self._imported_from(source, level, binding.attribute, binding.scope.module)
        if binding.kind in {"class", "function"}:
            return binding.target  # type: ignore[no-any-return]
        if binding.kind == "value" and binding.annotation is None:
            return self._alias(name, binding)
        return Variable(name, binding)

    def _alias(self, name: str, binding: Binding) -> "Target | None":
        key = id(binding)
        is_name = isinstance(binding.value, ast.Name | ast.Attribute)
        if not is_name or key in self._busy or len(self._busy) > HOPS:
            return Variable(name, binding)
        self._busy.add(key)
        try:
            target = self.resolve(binding.value, binding.scope)
        finally:
            self._busy.discard(key)
        return target if isinstance(target, Class | Function | Module | str) else Variable(name, binding)

    def _imported(self, name: str, origin: Module) -> "Target | None":
        found = self._locate(name, origin, 0)
        if isinstance(found, Module):
            return found
        return f"{'.'.join(found)}/" if found else canonical(name)

    def _imported_from(self, source: str, level: int, attribute: str, origin: Module) -> "Target | None":
        found = self._locate(source, origin, level)
        if isinstance(found, Module):
            return self.member(found, attribute) or self._submodule(found.folder, attribute, found)
        if isinstance(found, tuple):
            return self._submodule(found, attribute, None)
        return None if level else canonical(f"{source}.{attribute}" if source else attribute)

    def _submodule(self, folder: tuple[str, ...], name: str, module: Module | None) -> "Target | None":
        if module is not None and not module.is_package:
            return None
        found = self._at((*folder, name))
        return f"{'.'.join(found)}/" if isinstance(found, tuple) else found

    # expressions

    def resolve(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> "Target | None":
        """What an expression stands for: a module, class, function, variable, instance or library name.

        Args:
            node: the expression.
            scope: the scope in which it stands.
            depth: how many steps led here; the search ends at `DEPTH`.

        Answers are remembered by node. An annotation that was written as a string has no place in the tree,
        and stands for something else in each module: its answers are not.
        """
        key = id(node)
        if key in self._resolved:
            return self._resolved[key]
        target = self._resolve(node, scope, depth)
        if not depth and not self._busy and hasattr(node, "parent"):
            self._resolved[key] = target
        return target

    def _resolve(  # noqa: PLR0911 - one answer for each form of expression
        self, node: ast.AST | None, scope: Scope, depth: int
    ) -> "Target | None":
        if depth > DEPTH:
            return None
        if isinstance(node, ast.Name):
            return self.lookup(node.id, scope, node.lineno, node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, scope, depth + 1)
        if isinstance(node, ast.Subscript) and not isinstance(node.value, ast.Call | ast.Await):
            return self.resolve(node.value, scope, depth + 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.resolve(self.unquote(node.value), scope, depth + 1)
        if isinstance(node, _VALUES):
            of = self.infer(node, scope, depth + 1)
            return Instance(of) if of is not None else None
        return None

    def plain(self, node: ast.expr) -> ast.expr:
        """An annotation without its quotes."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.unquote(node.value) or node
        return node

    def unquote(self, text: str) -> ast.expr | None:
        """The expression inside an annotation written as a string; None when it is not one."""
        if text not in self._annotations:
            try:
                self._annotations[text] = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._annotations[text] = None
        return self._annotations[text]

    def _attribute(  # noqa: PLR0911 - one answer for each kind of owner
        self, node: ast.Attribute, scope: Scope, depth: int
    ) -> "Target | None":
        base = self.resolve(node.value, scope, depth)
        if isinstance(base, Module):
            return self.member(base, node.attr) or self._submodule(base.folder, node.attr, base)
        if isinstance(base, Class):
            return self.attribute(base, node.attr)
        if isinstance(base, str):
            if base.endswith("/"):
                return self._submodule(tuple(base[:-1].split(".")), node.attr, None)
            return canonical(f"{RETURNS[base] if base in PROPERTIES else base}.{node.attr}")
        of = base.of if isinstance(base, Instance) else None
        if isinstance(base, Variable):
            of = self.infer(node.value, scope, depth)
        if isinstance(of, str):
            return canonical(f"{of}.{node.attr}")
        found = self.attribute(of, node.attr) if of else None
        if isinstance(found, Function) and self.is_property(found):
            given = self.returned(found, depth + 1)
            return Instance(given) if given is not None else None
        return found

    def attribute(self, cls: Class, name: str) -> "Target | None":
        """An attribute of a class or of its objects, looked up along its bases."""
        for base in self.mro(cls):
            if isinstance(base, str):
                if base != "object" and not base.startswith("typing."):
                    return canonical(f"{base}.{name}")
                continue
            bindings = base.names.get(name) or base.attributes.get(name)
            if bindings:
                typed = self._typed(base, name, bindings)
                return self._choose(name, bindings, 0) if typed is None else Variable(name, typed)
        return None

    def _typed(self, cls: Class, name: str, bindings: list[Binding]) -> Binding | None:
        """The first binding of an attribute that says its type."""
        key = (cls, name)
        if key not in self._annotated:
            every = (*bindings, *cls.attributes.get(name, ()))
            self._annotated[key] = next((b for b in every if b.annotation is not None), None)
        return self._annotated[key]

    def is_property(self, function: Function) -> bool:
        """Whether a method is read like an attribute."""
        around = function.parent or function
        return any(self.resolve(d, around) in _PROPERTY for d in function.decorators)

    # classes

    def mro(self, cls: Class) -> "list[Class | str]":
        """The class and all its bases, nearest first; library classes by name."""
        if cls in self._mro:
            return self._mro[cls]
        order: list[Class | str] = []
        seen: set[Class | str] = set()
        self._mro[cls] = order
        pending: list[Class | str] = [cls]
        while pending:
            current = pending.pop(0)
            if current in seen:
                continue
            seen.add(current)
            order.append(current)
            if isinstance(current, str):
                pending[:0] = BASES.get(current, ())
            else:
                bases = (self._base(base, current) for base in current.node.bases)
                pending[:0] = [base for base in bases if base is not None]
        return order

    def _base(self, node: ast.expr, cls: Class) -> "Class | str | None":
        target = self.resolve(node, cls.parent or cls.module)
        if isinstance(target, Variable) and isinstance(target.binding.value, ast.Call):
            made = self.resolve(target.binding.value.func, target.binding.scope)
            return f"{made}()" if isinstance(made, str) else None
        if isinstance(target, Instance):
            call = node.func if isinstance(node, ast.Call) else None
            made = self.resolve(call, cls.parent or cls.module) if call else None
            return f"{made}()" if isinstance(made, str) else None
        return target if isinstance(target, Class | str) else None

    def is_kind(self, of: "Class | str | None", *names: str) -> bool:
        """Whether a class is one of these library classes, or derives from one."""
        if isinstance(of, Class):
            return any(isinstance(base, str) and base in names for base in self.mro(of))
        pending = [of] if of else []
        while pending:
            name = pending.pop()
            if name in names:
                return True
            pending.extend(BASES.get(name, ()))
        return False

    # what an expression is an object of

    def infer(self, node: ast.AST | None, scope: Scope, depth: int = 0) -> "Class | str | None":
        """The class of the object that an expression evaluates to; None when the source does not tell."""
        if node is None or depth > DEPTH:
            return None
        key = id(node)
        if key in self._types:
            return self._types[key]
        busy = ("type", key)
        if busy in self._busy:
            return None
        self._busy.add(busy)
        try:
            of = self._infer(node, scope, depth + 1)
        finally:
            self._busy.discard(busy)
        if hasattr(node, "parent"):
            self._types[key] = of
        return of

    def _infer(self, node: Any, scope: Scope, depth: int) -> "Class | str | None":  # noqa: PLR0911
        if isinstance(node, ast.Call):
            return self._result(node, scope, depth)
        if isinstance(node, ast.Await):
            return self.infer(node.value, scope, depth)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._object(node, scope, depth)
        if isinstance(node, ast.BinOp):
            left = self.infer(node.left, scope, depth)
            return left if left == "pathlib.Path" else None
        if isinstance(node, ast.BoolOp):
            found = (self.infer(value, scope, depth) for value in node.values)
            return next((of for of in found if of is not None), None)
        if isinstance(node, ast.IfExp):
            return self.infer(node.body, scope, depth) or self.infer(node.orelse, scope, depth)
        if isinstance(node, ast.NamedExpr):
            return self.infer(node.value, scope, depth)
        if isinstance(node, ast.Subscript):
            return None if isinstance(node.slice, ast.Slice) else self._item(node, scope, depth)
        return _LITERALS.get(type(node)) or (
            type(node.value).__name__ if isinstance(node, ast.Constant) and node.value is not None else None
        )

    def _item(self, node: ast.Subscript, scope: Scope, depth: int) -> "Class | str | None":
        """What an index gives: an element, or the same kind of thing where a library names its parts so."""
        of = self.element(node.value, scope, depth)
        if of is None and isinstance(holder := self.infer(node.value, scope, depth), str):
            return holder if holder.startswith(SUBSCRIPTED) else None
        return of

    def _object(self, node: ast.expr, scope: Scope, depth: int) -> "Class | str | None":
        if isinstance(node, ast.Name):
            function = scope.function
            while function is not None and node.id not in function.names:
                function = function.parent.function if function.parent else None
            if function and function.receiver == node.id and function.owner:
                return self._given_as_receiver(function, depth) or function.owner
        target = self.resolve(node, scope, depth)
        if isinstance(target, Variable):
            return self._variable(target, depth)
        if isinstance(target, Function) and isinstance(node, ast.Attribute) and self.is_property(target):
            return self.returned(target, depth)
        if isinstance(target, str):
            return RETURNS.get(target)
        return target.of if isinstance(target, Instance) else None

    def _given_as_receiver(self, method: Function, depth: int) -> str | None:
        """The library's class that a first parameter is annotated with, unless the owner derives from it.

        Such a method is called through its class, ``Books.every(session)``, as if it were static.
        """
        first = method.parameters[0][0]
        if first.annotation is None or method.owner is None:
            return None
        of = self.annotated(first.annotation, method.parent or method, depth)
        return of if isinstance(of, str) and "." in of and of not in self.mro(method.owner) else None

    def _variable(self, variable: Variable, depth: int) -> "Class | str | None":
        binding = variable.binding
        if binding.annotation is not None and binding.kind != "opaque":
            of = self.annotated(binding.annotation, binding.scope, depth)
            if of in _MAPPINGS:
                of = self._beside_mapping(binding.annotation, binding.scope, depth) or of
            if of is not None:
                return of
        if binding.kind == "for":
            return self.element(binding.value, binding.scope, depth)
        if binding.kind in {"value", "with"} or (binding.kind == "parameter" and binding.value):
            if provider := self._provider(binding.value, binding.scope):
                return self.returned(provider, depth)
            return self.infer(binding.value, binding.scope, depth)
        return None

    def element(self, node: ast.expr | None, scope: Scope, depth: int = 0) -> "Class | str | None":
        """The class of what an iterable gives, from its annotation or from the literal that it is."""
        if isinstance(node, ast.Await):
            return self.element(node.value, scope, depth)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            found = {self.infer(part, scope, depth + 1) for part in node.elts}
            return found.pop() if len(found) == 1 else None
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return self.infer(node.elt, scope, depth + 1)
        if not isinstance(node, ast.Call | ast.Name | ast.Attribute) or depth > DEPTH:
            return None
        called = node.func if isinstance(node, ast.Call) else node
        target = self.resolve(called, scope, depth + 1)
        if isinstance(node, ast.Call):
            return self._element_of_call(target, node, scope, depth)
        return self._element_of_variable(target, depth) if isinstance(target, Variable) else None

    def _element_of_call(
        self, target: "Target | None", call: ast.Call, scope: Scope, depth: int
    ) -> "Class | str | None":
        if isinstance(target, str) and target.startswith(LOADING):
            return each_loaded(target, call, scope, self, depth)
        if not isinstance(target, Function):
            return None
        around = target.parent or target
        part = self._element_part(target.returns, around, depth)
        of = self._by_subclass(part, target, call, scope, depth)
        of = of or self.annotated(part, around, depth + 1)
        return self._as_receiver(of, target, call, scope, depth)

    def _element_of_variable(self, variable: Variable, depth: int) -> "Class | str | None":
        binding = variable.binding
        if binding.annotation is None:
            return self.element(binding.value, binding.scope, depth + 1) if binding.kind == "value" else None
        part = self._element_part(binding.annotation, binding.scope, depth)
        return self.annotated(part, binding.scope, depth + 1)

    def _element_part(self, node: ast.expr | None, scope: Scope, depth: int) -> ast.expr | None:
        """What the container holds that an annotation names: the ``X`` of ``list[X] | None``."""
        if node is None or depth > DEPTH:
            return None
        node = self.plain(node)
        if isinstance(node, ast.BinOp):
            left = self._element_part(node.left, scope, depth + 1)
            return left or self._element_part(node.right, scope, depth + 1)
        if not isinstance(node, ast.Subscript):
            return None
        base = self.resolve(node.value, scope, depth + 1)
        inner = _arguments(node)
        if base in {"typing.Annotated", "typing.Optional", "sqlalchemy.orm.Mapped"}:
            return self._element_part(inner[0], scope, depth + 1)
        is_many = base not in {"tuple", "typing.Tuple"} or (
            len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...
        )
        return inner[0] if is_many and base in _ITERABLES else None

    def _provider(self, node: ast.expr | None, scope: Scope) -> Function | None:
        if not isinstance(node, ast.Call) or not node.args:
            return None
        if self.resolve(node.func, scope) not in {"fastapi.Depends", "fastapi.Security"}:
            return None
        target = self.resolve(node.args[0], scope)
        return target if isinstance(target, Function) else None

    def _result(self, node: ast.Call, scope: Scope, depth: int) -> "Class | str | None":
        if isinstance(node.func, ast.Name) and (made := _class_around(node.func, scope)):
            return made
        target = self.resolve(node.func, scope, depth)
        if isinstance(target, Class):
            return target
        if isinstance(target, Function):
            if target.name == "__init__" and target.owner:
                return target.owner
            of = self._by_subclass(target.returns, target, node, scope, depth) or self.returned(target, depth)
            return self._as_receiver(of, target, node, scope, depth)
        if isinstance(target, str):
            return self._external(target, node, scope, depth)
        of = self._variable(target, depth) if isinstance(target, Variable) else None
        if isinstance(target, Instance):
            of = target.of
        return self._called(of, depth)

    def _external(self, name: str, node: ast.Call, scope: Scope, depth: int) -> "Class | str | None":
        if name == "typing.cast" and node.args:
            return self.annotated(node.args[0], scope, depth)
        if name == "super" and scope.function and scope.function.owner:
            bases = self.mro(scope.function.owner)[1:]
            return bases[0] if bases else None
        if name in {"sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.scoped_session"} and self.is_async_maker(
            node, scope
        ):
            return "sqlalchemy.ext.asyncio.async_sessionmaker"
        if name.startswith(LOADING) and (of := loaded(name, node, scope, self, depth)) is not None:
            return of
        return self._of_own_kind(name, node, scope, depth) or RETURNS.get(name, name)

    def _of_own_kind(self, name: str, node: ast.Call, scope: Scope, depth: int) -> Class | None:
        """The model on which one of Pydantic's methods is called that give a model of that kind."""
        owner, _, method = name.rpartition(".")
        if method not in GIVING_OWN_KIND or not isinstance(node.func, ast.Attribute):
            return None
        if not self.is_kind(owner, "pydantic.BaseModel"):
            return None
        of = self._receiver(node.func, scope, depth)
        return of if isinstance(of, Class) else None

    def _called(self, of: "Class | str | None", depth: int) -> "Class | str | None":
        if of == "sqlalchemy.ext.asyncio.async_sessionmaker":
            return "sqlalchemy.ext.asyncio.AsyncSession"
        if of in {"sqlalchemy.orm.sessionmaker", "sqlalchemy.orm.scoped_session"}:
            return "sqlalchemy.orm.Session"
        if isinstance(of, Class):
            call = self.attribute(of, "__call__")
            return self.returned(call, depth) if isinstance(call, Function) else None
        return None

    def _by_subclass(
        self, node: ast.expr | None, method: Function, call: ast.Call, scope: Scope, depth: int
    ) -> "Class | str | None":
        """What the receiver's class puts in for a type variable of the generic base that has the method."""
        base = method.owner
        if base is None or node is None or not isinstance(call.func, ast.Attribute) or depth > DEPTH:
            return None
        name = _first_of_union(self.plain(node))
        if not name or name not in self._type_variables(base):
            return None
        of = self._receiver(call.func, scope, depth)
        return self._put_in(of, base, name, depth) if isinstance(of, Class) else None

    def _receiver(self, method: ast.Attribute, scope: Scope, depth: int) -> "Class | str | None":
        """The class on which, or on an object of which, a method is called."""
        owner = self.resolve(method.value, scope, depth + 1)
        return owner if isinstance(owner, Class) else self.infer(method.value, scope, depth + 1)

    def _as_receiver(
        self, of: "Class | str | None", method: Function, call: ast.Call, scope: Scope, depth: int
    ) -> "Class | str | None":
        """What a method gives; the receiver's own class, where it gives back what it is called on."""
        if of is None or of is not method.owner or not isinstance(call.func, ast.Attribute) or depth > DEPTH:
            return of
        if not self._gives_own_kind(method):
            return of
        receiver = self._receiver(call.func, scope, depth)
        return receiver if isinstance(receiver, Class) and of in self.mro(receiver) else of

    def _gives_own_kind(self, method: Function) -> bool:
        """Whether a method gives an object of its receiver's class: by ``Self``, ``cls(...)`` or ``self``."""
        if method.returns is not None:
            around = method.parent or method
            names = (
                n for n in ast.walk(self.plain(method.returns)) if isinstance(n, ast.Name | ast.Attribute)
            )
            return any(self.resolve(name, around) in _SELF for name in names)
        given = (node.value for node in method.nodes(ast.Return, ast.Yield))
        made = (value.func if isinstance(value, ast.Call) else value for value in given)
        return any(isinstance(node, ast.Name) and node.id == method.receiver for node in made)

    def _put_in(self, of: Class, base: Class, name: str, depth: int) -> "Class | str | None":
        if depth > DEPTH:
            return None
        for child in self.mro(of):
            if isinstance(child, str):
                continue
            around = child.parent or child.module
            for node in child.node.bases:
                if not isinstance(node, ast.Subscript) or self.resolve(node.value, around) is not base:
                    continue
                given = dict(zip(self._type_variables(base), _arguments(node), strict=False)).get(name)
                found = self.annotated(given, around, depth + 1)
                if found is None and isinstance(given, ast.Name) and child is not of:
                    return self._put_in(of, child, given.id, depth + 1)
                return found
        return None

    def _type_variables(self, of: Class) -> list[str]:
        """The names of a generic class's parameters, in order."""
        if of.node.type_params:
            return [parameter.name for parameter in of.node.type_params]  # type: ignore[attr-defined]
        listed = [base for base in of.node.bases if isinstance(base, ast.Subscript)]
        around = of.parent or of.module
        generic = [
            b for b in listed if self.resolve(b.value, around) in {"typing.Generic", "typing.Protocol"}
        ]
        parts = [
            part for base in generic or listed for part in _arguments(base) if isinstance(part, ast.Name)
        ]
        return [part.id for part in parts if isinstance(self.resolve(part, around), Variable)]

    def is_async_maker(self, node: ast.Call, scope: Scope) -> bool:
        """Whether a call of ``sessionmaker`` makes asynchronous sessions (``class_=AsyncSession``)."""
        for keyword in node.keywords:
            if keyword.arg == "class_":
                target = self.resolve(keyword.value, scope)
                of = target if isinstance(target, Class | str) else None
                return self.is_kind(of, "sqlalchemy.ext.asyncio.AsyncSession")
        return False

    def returned(self, function: Function, depth: int = 0) -> "Class | str | None":
        """What a call of the function gives; for a generator or a context manager, what it yields."""
        if depth > DEPTH:
            return None
        if function.returns is not None:
            annotated = self.annotated(function.returns, function.parent or function, depth)
            if annotated is not None or not isinstance(function.returns, ast.Name):
                return annotated
        key = id(function)
        if key in self._types:
            return self._types[key]
        if ("returned", key) in self._busy:
            return None
        self._busy.add(("returned", key))
        try:
            of = self._by_body(function, depth + 1)
        finally:
            self._busy.discard(("returned", key))
        self._types[key] = of
        return of

    def _by_body(self, function: Function, depth: int) -> "Class | str | None":
        if isinstance(function.node, ast.Lambda):
            return self.infer(function.node.body, function, depth)
        given = [node.value for node in function.nodes(ast.Yield, ast.Return) if node.value]
        found = (self.infer(value, function, depth) for value in given)
        return next((of for of in found if of is not None), None)

    # annotations

    def annotated(  # noqa: PLR0911 - one answer for each form of annotation
        self, node: ast.expr | None, scope: Scope, depth: int = 0
    ) -> "Class | str | None":
        """The class that an annotation names: through Annotated, Optional, unions, quotes and aliases."""
        if node is None or depth > DEPTH:
            return None
        if isinstance(node, ast.Constant):
            inner = self.unquote(node.value) if isinstance(node.value, str) else None
            return self.annotated(inner, scope, depth + 1)
        if isinstance(node, ast.BinOp):
            return self._union(_parts_of(node), scope, depth + 1)
        if isinstance(node, ast.Subscript):
            return self._generic(node, scope, depth + 1)
        target = self.resolve(node, scope, depth)
        if isinstance(target, Variable):
            return self._alias_type(target, depth + 1)
        if target in _SELF:
            return scope if isinstance(scope, Class) else scope.owner
        return target if isinstance(target, Class | str) else None

    def _alias_type(self, variable: Variable, depth: int) -> "Class | str | None":
        binding = variable.binding
        if binding.kind not in {"value", "type"}:
            return None
        if isinstance(binding.value, ast.Call):
            return self._new_type(binding.value, binding.scope, depth)
        return self.annotated(binding.value, binding.scope, depth)

    def _new_type(self, node: ast.Call, scope: Scope, depth: int) -> "Class | str | None":
        made = self.resolve(node.func, scope)
        if made == "typing.NewType" and len(node.args) == 2:
            return self.annotated(node.args[1], scope, depth)
        if made == "typing.TypeVar":
            bound = (keyword.value for keyword in node.keywords if keyword.arg == "bound")
            return self.annotated(next(bound, None), scope, depth)
        return None

    def _generic(self, node: ast.Subscript, scope: Scope, depth: int) -> "Class | str | None":
        base = self.resolve(node.value, scope, depth)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(base, Variable):
            return self._alias_type(base, depth)
        if base in {"typing.Optional", "typing.Annotated", *_YIELDING}:
            return self.annotated(inner[0], scope, depth) if inner else None
        if base == "typing.Union":
            return self._union(inner, scope, depth)
        if base in {"typing.Type", "type"}:
            return None
        return base if isinstance(base, Class | str) else None

    def _union(self, parts: list[ast.expr], scope: Scope, depth: int) -> "Class | str | None":
        """The first part of a union that is known; of several classes of the project what they share."""
        known = [of for part in parts if (of := self.annotated(part, scope, depth)) is not None]
        first = known[0] if known else None
        others = [of for of in known if isinstance(of, Class) and of is not first]
        if not isinstance(first, Class) or not others:
            return first
        shared = set(self.mro(first)).intersection(*map(self.mro, others)) - _SAYING_NOTHING
        return next((base for base in self.mro(first) if base in shared), None)

    def alternatives(self, node: ast.expr, scope: Scope) -> list[Class]:
        """The project's classes of which an object may be, where its annotation names several."""
        target = self.resolve(node, scope)
        if isinstance(target, Variable) and target.binding.annotation is None:
            value = target.binding.value  # perhaps a parameter that an attribute keeps
            target = self.resolve(value, target.binding.scope) if isinstance(value, ast.Name) else None
        if not isinstance(target, Variable) or target.binding.annotation is None:
            return []
        binding = target.binding
        annotation = self.plain(target.binding.annotation)
        parts = _parts_of(annotation)
        if isinstance(annotation, ast.Subscript):
            is_union = self.resolve(annotation.value, binding.scope) == "typing.Union"
            parts = _arguments(annotation) if is_union else []
        found = [of for part in parts if isinstance(of := self.annotated(part, binding.scope), Class)]
        return found if len(found) > 1 else []

    def _beside_mapping(self, node: ast.expr, scope: Scope, depth: int) -> "Class | str | None":
        """What an object is if it is no dictionary: what is done with it is mostly done with the other."""
        node = self.plain(node)
        parts = _parts_of(node)
        if isinstance(node, ast.Subscript) and self.resolve(node.value, scope) == "typing.Union":
            parts = _arguments(node)
        others = [part for part in parts if self.annotated(part, scope, depth) not in _MAPPINGS]
        return self._union(others, scope, depth) if len(others) < len(parts) else None


_PROPERTY: Final = frozenset(
    {"property", "functools.cached_property", "sqlalchemy.ext.hybrid.hybrid_property"}
)
_YIELDING: Final = frozenset(
    f"typing.{name}"
    for name in [
        "AsyncGenerator",
        "AsyncIterator",
        "AsyncIterable",
        "Generator",
        "Iterator",
        "Iterable",
        "Awaitable",
        "Coroutine",
    ]
) | {
    "contextlib.AbstractAsyncContextManager",
    "contextlib.AbstractContextManager",
    "typing.ClassVar",
    "typing.Final",
}
_ITERABLES: Final = frozenset(
    f"typing.{name}"
    for name in (
        *("List", "Set", "FrozenSet", "Tuple", "Deque", "Sequence", "MutableSequence", "Collection"),
        *("Iterable", "Iterator", "Generator", "AsyncIterable", "AsyncIterator", "AsyncGenerator"),
    )
) | {"list", "set", "frozenset", "tuple", "collections.deque"}
_MAPPINGS: Final = frozenset({"dict", "typing.Dict", "typing.Mapping", "typing.MutableMapping"})
_SAYING_NOTHING: Final = frozenset({"object", "abc.ABC", "typing.Generic", "typing.Protocol"})
_SELF: Final = frozenset({"typing.Self", "typing_extensions.Self"})
_VALUES: Final = (ast.Call, ast.Await, ast.BinOp, ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Subscript)
_LITERALS: Final[dict[type, str]] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.Tuple: "tuple",
    ast.JoinedStr: "str",
    ast.GeneratorExp: "generator",
}


def _parts_of(node: ast.expr) -> list[ast.expr]:
    """The parts of ``A | B | C``, in order."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _first_of_union(node: ast.expr) -> str:
    """The name that an annotation begins with: the ``M`` of ``M | None``."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Optional":
        node = node.slice
    return node.id if isinstance(node, ast.Name) else ""


def _arguments(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _class_around(node: ast.Name, scope: Scope) -> Class | None:
    """The class whose method makes an object by ``cls(...)``."""
    method = scope if isinstance(scope, Function) else None
    if method is None or method.receiver != node.id or len(method.names[node.id]) > 1:
        return None
    is_own = any(isinstance(d, ast.Name) and d.id == "classmethod" for d in method.decorators)
    return method.owner if is_own else None
