"""Modules, classes and functions of a parsed project, and what each binds.

One walk per module builds all of it: the tree of scopes, the names that each scope binds, and an index of
the syntax nodes by type that every convention shares.
"""

import ast
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, overload

from checks.finding import Place
from checks.source.files import decode

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
KEPT: Final = frozenset(
    {
        ast.AnnAssign, ast.Assign, ast.AsyncFor, ast.AsyncWith, ast.Attribute, ast.AugAssign, ast.Await,
        ast.Call, ast.Constant, ast.Delete, ast.ExceptHandler, ast.For, ast.If, ast.Import, ast.ImportFrom,
        ast.Name, ast.Raise, ast.Return, ast.Subscript, ast.Try, ast.While, ast.With, ast.Yield,
        ast.YieldFrom,
    }
)  # fmt: skip
_LEAVES: Final = frozenset({"ctx", "op", "ops", "kind", "type_comment", "type_ignores", "conversion"})
_FIELDS: Final[dict[type, tuple[str, ...]]] = {}  # last field first, as the walk's stack wants them
for _kind in vars(ast).values():
    if isinstance(_kind, type) and issubclass(_kind, ast.AST):
        _FIELDS[_kind] = tuple(field for field in reversed(_kind._fields) if field not in _LEAVES)
for _kind in (ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Pass):
    _FIELDS[_kind] = ()
_FIELDS[ast.Attribute] = _FIELDS[ast.NamedExpr] = ("value",)
_FIELDS[ast.keyword] = ("value",)


class Binding:
    """One way in which a name of a scope comes to stand for something.

    Attributes:
        kind: ``import``, ``from``, ``class``, ``function``, ``value``, ``with``, ``parameter``, ``type`` or
            ``opaque`` (bound, but to nothing that can be told from the source).
        node: the syntax that binds.
        scope: where the value and the annotation are to be read.
        value: the assigned expression, the parameter's default or the context manager.
        annotation: the declared type.
        target: the imported module, or the `Class` or `Function` that is defined.
        attribute: the name taken from the imported module.
    """

    __slots__ = ("annotation", "attribute", "kind", "node", "scope", "target", "value")

    def __init__(  # noqa: PLR0913 - a plain record, with slots for the sake of memory
        self,
        kind: str,
        node: ast.AST,
        scope: "Scope",
        *,
        value: ast.expr | None = None,
        annotation: ast.expr | None = None,
        target: Any = None,
        attribute: str = "",
    ) -> None:
        self.kind = kind
        self.node = node
        self.scope = scope
        self.value = value
        self.annotation = annotation
        self.target = target
        self.attribute = attribute


class Scope:
    """A module, class or function with the names it binds and the nodes directly inside it.

    Attributes:
        name: the name it was defined under; ``<lambda>`` for a lambda, the dotted name for a module.
        node: its syntax.
        parent: the scope around it; None for a module.
        module: the module it stands in.
        names: name to its bindings, in the order of the source.
        children: the scopes defined directly inside.
    """

    __slots__ = ("_nodes", "children", "module", "name", "names", "node", "outward", "parent")

    def __init__(self, name: str, node: ast.AST, parent: "Scope | None") -> None:
        self.name = name
        self.node = node
        self.parent = parent
        self.module: Module = parent.module if parent else self  # type: ignore[assignment]
        self.names: dict[str, list[Binding]] = {}
        self.outward: dict[str, Scope] = {}
        self.children: list[Scope] = []
        self._nodes: dict[type, list[Any]] = {}

    @overload
    def nodes[N: ast.AST](self, kind: type[N], /) -> list[N]: ...

    @overload
    def nodes(self, *kinds: type[ast.AST]) -> list[Any]: ...

    def nodes(self, *kinds: type[ast.AST]) -> list[Any]:
        """The nodes of these types directly in this scope, not in scopes inside it."""
        if len(kinds) == 1:
            return self._nodes.get(kinds[0], [])
        return [node for kind in kinds for node in self._nodes.get(kind, ())]

    def within(self) -> Iterator["Scope"]:
        """This scope and all scopes inside it, in no promised order."""
        pending: list[Scope] = [self]
        while pending:
            scope = pending.pop()
            yield scope
            pending.extend(scope.children)

    def bind(self, name: str, binding: Binding) -> None:
        """Adds a binding, heeding ``global`` and ``nonlocal``."""
        scope = self.outward.get(name, self)
        found = scope.names.get(name)
        if found is None:
            scope.names[name] = [binding]
        else:
            found.append(binding)

    @property
    def owner(self) -> "Class | None":
        """The class whose body this scope stands in directly."""
        return self.parent if isinstance(self.parent, Class) else None

    @property
    def function(self) -> "Function | None":
        """The innermost function around (or at) this scope."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope, Function):
            scope = scope.parent
        return scope

    @property
    def path(self) -> str:
        """The dotted name inside the module, such as ``BookService.get``."""
        parts = []
        scope: Scope | None = self
        while scope is not None and scope.parent is not None:
            parts.append(scope.name)
            scope = scope.parent
        return ".".join(reversed(parts))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.module.file}:{self.path}>"


class Class(Scope):
    """A class of the project.

    Attributes:
        attributes: names set on ``self`` in its methods, to their bindings.
    """

    __slots__ = ("attributes",)
    node: ast.ClassDef

    def __init__(self, node: ast.ClassDef, parent: Scope) -> None:
        super().__init__(node.name, node, parent)
        self.attributes: dict[str, list[Binding]] = {}

    @property
    def methods(self) -> "list[Function]":
        """The functions defined directly in the class."""
        return [child for child in self.children if isinstance(child, Function) and child.name != "<lambda>"]

    def method(self, name: str) -> "Function | None":
        """The method of that name defined in this very class."""
        return next((method for method in self.methods if method.name == name), None)


class Function(Scope):
    """A function, method or lambda of the project."""

    __slots__ = ()
    node: FunctionNode

    def __init__(self, node: FunctionNode, parent: Scope) -> None:
        super().__init__("<lambda>" if isinstance(node, ast.Lambda) else node.name, node, parent)
        node.function = self  # type: ignore[union-attr]

    @property
    def is_async(self) -> bool:
        """Whether it is written ``async def``."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def is_generator(self) -> bool:
        """Whether it yields."""
        return bool(self.nodes(ast.Yield) or self.nodes(ast.YieldFrom))

    @property
    def returns(self) -> ast.expr | None:
        """The return annotation."""
        return None if isinstance(self.node, ast.Lambda) else self.node.returns

    @property
    def decorators(self) -> list[ast.expr]:
        """The decorators, outermost first."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list

    @property
    def parameters(self) -> list[tuple[ast.arg, ast.expr | None]]:
        """Every parameter with its default."""
        arguments = self.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = list(zip(positional, [*padding, *arguments.defaults], strict=True))
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        return pairs + [(extra, None) for extra in (arguments.vararg, arguments.kwarg) if extra]

    @property
    def is_static(self) -> bool:
        """Whether it is a ``staticmethod``."""
        return any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.decorators)

    @property
    def receiver(self) -> str:
        """The name of ``self`` or ``cls`` in a method; empty elsewhere."""
        arguments = self.node.args
        first = [*arguments.posonlyargs, *arguments.args][:1]
        return first[0].arg if first and self.owner and not self.is_static else ""


class Module(Scope):
    """One file of the project.

    Attributes:
        file: path relative to the project's root, with forward slashes.
        content: its bytes.
        parts: the dotted name as parts, counted from the project's root.
        scopes: the module itself and every class and function in it, outer before inner.
        stars: modules whose every name is imported.
    """

    __slots__ = ("_lines", "content", "file", "is_package", "parts", "scopes", "stars", "traits")
    node: ast.Module

    def __init__(self, file: str, content: bytes, tree: ast.Module) -> None:
        parts = file.removesuffix(".py").split("/")
        self.is_package = parts[-1] == "__init__"
        self.parts = tuple(parts[:-1] if self.is_package else parts)
        super().__init__(".".join(self.parts), tree, None)
        self.file = file
        self.content = content
        self.scopes: list[Scope] = [self]
        self.stars: list[tuple[str, int]] = []
        self.traits: dict[str, Any] = {}
        self._lines: list[str] | None = None
        _index(self)

    @property
    def stem(self) -> str:
        """The last part of the module's name."""
        return self.parts[-1] if self.parts else ""

    @property
    def folder(self) -> tuple[str, ...]:
        """The parts of the folder that the file stands in."""
        return self.parts if self.is_package else self.parts[:-1]

    @property
    def lines(self) -> list[str]:
        """The source lines as Python counts them."""
        if self._lines is None:
            text = decode(self.content).removeprefix("\ufeff")
            self._lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return self._lines

    @property
    def functions(self) -> Iterator[Function]:
        """Every function, method and lambda."""
        return (scope for scope in self.scopes if isinstance(scope, Function))

    @property
    def classes(self) -> Iterator[Class]:
        """Every class, nested ones included."""
        return (scope for scope in self.scopes if isinstance(scope, Class))

    @overload
    def every[N: ast.AST](self, kind: type[N], /) -> Iterator[tuple[N, Scope]]: ...

    @overload
    def every(self, *kinds: type[ast.AST]) -> Iterator[tuple[Any, Scope]]: ...

    def every(self, *kinds: type[ast.AST]) -> Iterator[tuple[Any, Scope]]:
        """All nodes of these types in the module, each with the scope that it stands in directly."""
        for scope in self.scopes:
            for kind in kinds:
                for node in scope.nodes(kind):
                    yield node, scope

    def place(self, node: ast.AST) -> Place:
        """Where a node stands; for a function or class, its name in the ``def`` or ``class`` line."""
        line, end_line = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        column, end_column = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
        text = self._line(line)
        start = self._characters(text, column)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found = text.find(node.name, start)
            start = max(found, start)
            return Place(self.file, line, start + 1, line, start + 1 + len(node.name) * (found >= 0))
        end = self._characters(self._line(end_line), end_column)
        return Place(self.file, line, start + 1, end_line, end + 1)

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if number <= len(self.lines) else ""

    @staticmethod
    def _characters(text: str, column: int) -> int:
        return column if text.isascii() else len(text.encode("utf-8")[:column].decode("utf-8", "replace"))


def parent(node: ast.AST) -> ast.AST | None:
    """The syntax node that holds this one."""
    return getattr(node, "parent", None)


def function_of(node: ast.AST) -> Function | None:
    """The function that a definition or a lambda makes; None for other nodes."""
    return getattr(node, "function", None)


class TypingBranch(NamedTuple):
    """The side of an ``if TYPE_CHECKING:`` on which something stands.

    Attributes:
        test: the ``if`` statement.
        is_for_typing: whether it is the side that never runs.
    """

    test: ast.If
    is_for_typing: bool


def typing_branch(node: ast.AST) -> TypingBranch | None:
    """The side of the innermost ``if TYPE_CHECKING:`` around a node; None where there is no such test."""
    around = parent(node)
    while around is not None:
        if isinstance(around, ast.If) and _asks_for_typing(around.test):
            is_turned = isinstance(around.test, ast.UnaryOp)
            return TypingBranch(around, (node in around.orelse) is is_turned)
        node, around = around, parent(around)
    return None


def _asks_for_typing(test: ast.expr) -> bool:
    names = (getattr(node, "id", "") or getattr(node, "attr", "") for node in ast.walk(test))
    return any("TYPE_CHECKING" in name for name in names)


def written(node: ast.AST) -> str:
    """The source text of a node, made anew; empty where it is nested too deeply for that."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""


def _index(module: Module) -> None:
    start: list[Any] = list(module.node.body)
    queue: list[tuple[Scope, list[Any]]] = [(module, start)]
    for statement in start:
        statement.parent = module.node
    position = 0
    while position < len(queue):
        scope, start = queue[position]
        queue[position] = (scope, [])
        position += 1
        _walk(scope, start, module, queue)


def _walk(  # noqa: C901, PLR0912 - the one hot loop: calls would double its time
    scope: Scope, start: list[Any], module: Module, queue: list[tuple[Scope, list[Any]]]
) -> None:
    stack = start[::-1]
    pop, push = stack.pop, stack.append
    kept, special, fields_of, nodes = KEPT, _SPECIAL, _FIELDS, scope._nodes  # noqa: SLF001
    while stack:
        node = pop()
        kind = node.__class__
        if kind in kept:
            if kind in nodes:
                nodes[kind].append(node)
            else:
                nodes[kind] = [node]
        if kind in special:
            inner = special[kind](node, scope)
            if inner is not None:
                child, outside, inside = inner
                scope.children.append(child)
                module.scopes.append(child)
                for part in inside:
                    part.parent = node
                for part in reversed(outside):
                    part.parent = node
                    push(part)
                queue.append((child, inside))
                continue
        for field in fields_of.get(kind, ()):
            value = getattr(node, field, None)
            if value.__class__ is list:
                for part in reversed(value):
                    if part.__class__ in fields_of:
                        part.parent = node  # type: ignore[attr-defined]
                        push(part)
            elif value.__class__ in fields_of:
                value.parent = node  # type: ignore[attr-defined]
                push(value)


Inner = tuple[Scope, list[Any], list[Any]] | None


def _function(node: Any, scope: Scope) -> Inner:
    function = Function(node, scope)
    arguments = node.args
    outside: list[ast.AST] = [*getattr(node, "decorator_list", ())]
    outside += [default for default in (*arguments.defaults, *arguments.kw_defaults) if default]
    for argument, default in function.parameters:
        argument.parent = node  # type: ignore[attr-defined]
        if argument.annotation:
            outside.append(argument.annotation)
        function.bind(
            argument.arg,
            Binding(
                "parameter", argument, scope, value=default, annotation=argument.annotation, target=function
            ),
        )
    if getattr(node, "returns", None):
        outside.append(node.returns)
    if isinstance(node, ast.Lambda):
        return function, outside, [node.body]
    scope.bind(node.name, Binding("function", node, scope, target=function))
    return function, outside, list(node.body)


def _class(node: Any, scope: Scope) -> Inner:
    cls = Class(node, scope)
    scope.bind(node.name, Binding("class", node, scope, target=cls))
    return cls, [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)], list(node.body)


def _import(node: Any, scope: Scope) -> Inner:
    for alias in node.names:
        if alias.asname:
            scope.bind(alias.asname, Binding("import", node, scope, target=(alias.name, 0)))
        else:
            top = alias.name.partition(".")[0]
            scope.bind(top, Binding("import", node, scope, target=(top, 0)))
    return None


def _import_from(node: Any, scope: Scope) -> Inner:
    source = (node.module or "", node.level)
    for alias in node.names:
        if alias.name == "*":
            scope.module.stars.append(source)
        else:
            scope.bind(
                alias.asname or alias.name,
                Binding("from", node, scope, target=source, attribute=alias.name),
            )
    return None


def _bind_target(target: ast.expr, binding: Callable[[], Binding], scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, binding())
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        method = scope.function
        if method and method.receiver == target.value.id and method.owner:
            method.owner.attributes.setdefault(target.attr, []).append(binding())
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            _bind_target(part, lambda: Binding("opaque", target, scope), scope)
    elif isinstance(target, ast.Starred):
        _bind_target(target.value, lambda: Binding("opaque", target, scope), scope)


def _assign(node: Any, scope: Scope) -> Inner:
    for target in node.targets:
        value = node.value
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for one, its in zip(target.elts, value.elts, strict=True):
                _bind_target(one, lambda its=its: Binding("value", node, scope, value=its), scope)  # type: ignore[misc]
        else:
            _bind_target(target, lambda value=value: Binding("value", node, scope, value=value), scope)  # type: ignore[misc]
    return None


def _annotated(node: Any, scope: Scope) -> Inner:
    _bind_target(
        node.target,
        lambda: Binding("value", node, scope, value=node.value, annotation=node.annotation),
        scope,
    )
    return None


def _named(node: Any, scope: Scope) -> Inner:
    _bind_target(node.target, lambda: Binding("value", node, scope, value=node.value), scope)
    return None


def _type_alias(node: Any, scope: Scope) -> Inner:
    if isinstance(node.name, ast.Name):
        scope.bind(node.name.id, Binding("type", node, scope, value=node.value))
    return None


def _loop(node: Any, scope: Scope) -> Inner:
    _bind_target(node.target, lambda: Binding("for", node, scope, value=node.iter), scope)
    return None


def _with(node: Any, scope: Scope) -> Inner:
    for item in node.items:
        if item.optional_vars is not None:
            value = item.context_expr
            _bind_target(
                item.optional_vars,
                lambda value=value: Binding("with", node, scope, value=value),  # type: ignore[misc]
                scope,
            )
    return None


def _except(node: Any, scope: Scope) -> Inner:
    if node.name:
        scope.bind(node.name, Binding("opaque", node, scope, annotation=node.type))
    return None


def _global(node: Any, scope: Scope) -> Inner:
    for name in node.names:
        scope.outward[name] = scope.module
    return None


def _nonlocal(node: Any, scope: Scope) -> Inner:
    outer = scope.parent
    for name in node.names:
        around = outer
        while around is not None and name not in around.names:
            around = around.parent
        if around is not None:
            scope.outward[name] = around
    return None


_SPECIAL: Final[dict[type, Callable[[Any, Scope], Inner]]] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Lambda: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.NamedExpr: _named,
    ast.TypeAlias: _type_alias,
    ast.For: _loop,
    ast.AsyncFor: _loop,
    ast.comprehension: _loop,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.ExceptHandler: _except,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}
