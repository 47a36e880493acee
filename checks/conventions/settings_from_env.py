"""Configuration comes from BaseSettings with .env support.

## Rule

Read every setting through a subclass of `BaseSettings` that names an `env_file`. No other module looks into
the environment. A secret has no default that would work, nor has one in a model that is a part of the
settings; a text that only holds the place of another service's key is a note, and so are variables that the
project itself sets for the processes it starts.

## Why

One class says what can be configured, of what type, and fails at start-up when a value is missing or wrong.
A look into `os.environ` somewhere else is found out only when that line runs. A secret with a default ends
up in production.

## Bad

```python
# app/books/service.py
import os

PAGE_SIZE = int(os.getenv("PAGE_SIZE", "20"))  # <-- here
```

```python
# app/core/config.py
from pydantic_settings import BaseSettings


class Settings(BaseSettings):  # <-- here
    database_url: str
    secret_key: str = "do-not-tell"  # <-- here
```

## Good

```python
# app/core/config.py
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    database_url: str = "sqlite+aiosqlite:///library.db"
    secret_key: SecretStr
```
"""

import ast
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from checks.conventions._helpers import metadata, runs_as_script
from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Function, Module, Project, Scope, Variable, parent, written
from checks.source.kinds import is_pydantic, is_settings, literal_keywords

NAMES: Final = frozenset({"getenv", "environ", "getenvb", "environb"})
SOURCES: Final = frozenset(f"os.{name}" for name in NAMES)
WRITES: Final = frozenset(
    {"setdefault", "update", "copy", "pop", "clear", "putenv", "items", "keys", "values"}
)
SECRET_MARKS: Final = (b"SECRET", b"_KEY", b"PASSWORD", b"_PASS", b"_PW", b"TOKEN", b"PEPPER")
MARKS: Final = (b"environ", b"getenv", b"onfig", b"dotenv_values")
OTHER_READERS: Final = frozenset(
    {"starlette.config.Config", "decouple.config", "environs.Env", "environ.Env"}
)
READERS: Final = frozenset(name.rpartition(".")[2] for name in OTHER_READERS)
EMPTY: Final = frozenset({"object", "pydantic.BaseConfig"})
"""Bases of a ``Config`` that name no file themselves."""
CONTAINED: Final = "dependency_injector.providers.Configuration."
DEFAULT_AT: Final[dict[str, int]] = {"starlette.config.Config": 2}
"""Where a reader takes its default by position; the second place where it is not named here."""
VALIDATORS: Final = (
    "pydantic.field_validator",
    "pydantic.model_validator",
    "pydantic.validator",
    "pydantic.root_validator",
)
SECRET: Final = re.compile(
    r"(?:.*_)?(?:secret|secret_key|password|passwd|passphrase|api_key|apikey|private_key|access_key|jwt_key|signing_key"
    r"|encryption_key|auth_token|access_token|bot_token|api_token|client_secret|jwt_secret|token|pepper|passcode)"
    r"|.+_(?:pass|pwd|pw)",
    re.IGNORECASE,
)
OUTSIDE: Final = re.compile(
    r"(?:.*_)?(?:api_?key|access_key|(?:auth_|access_|bot_|api_)?token|client_secret)", re.IGNORECASE
)
"""Secrets that another service gave: a text that only holds their place opens nothing."""
PLACEHOLDER: Final = re.compile(
    r"[<\s]|change|replace|update|your|dummy|example|placeholder|todo|fill|insert|set.?me|xxx", re.IGNORECASE
)
STAND_IN: Final = re.compile(r"(?:.*_)?(?:placeholder|example|sample|dummy|fake)(?:_.*)?", re.IGNORECASE)
"""Names of what only stands for a secret, to be compared with or shown."""
STAGE: Final = re.compile(r"(?:[A-Z0-9]+_)*(?:ENV|ENVIRONMENT|STAGE|ENV_FILE|DOTENV|SECRETS_DIR)")
SYSTEM: Final = re.compile(
    r"HOME|PATH|PYTHON[A-Z]+|VIRTUAL_ENV|PWD|USER|USERNAME|USERPROFILE|LOGNAME|SHELL|LANG|TERM|TZ|TMP|TEMP|TMPDIR"
    r"|HOSTNAME|COMPUTERNAME|WINDIR|SYSTEMROOT|COMSPEC|APPDATA|LOCALAPPDATA|DISPLAY|SSH_AUTH_SOCK|XDG_\w+"
    r"|PROGRAM(?:FILES|DATA|W6432)(?:\(X86\))?|SYSTEMDRIVE|HOMEDRIVE|HOMEPATH|ALLUSERSPROFILE|PATHEXT"
    r"|PYTEST_CURRENT_TEST",
    re.IGNORECASE,
)
"""Variables of the operating system or of a tool: nobody sets them to configure the application."""
IMPORTED: Final = frozenset({"from", "import"})
INFRASTRUCTURE: Final = frozenset({"aws_cdk", "cdktf", "constructs", "pulumi", "troposphere"})
"""Libraries of programs that set up servers: these run where no application does, and are not set by it."""
DIVIDED: Final = re.compile(rb"[A-Z0-9]+__\w+")
"""Names as processes leave them for their children, and as settings are called that have parts."""
CERTAIN: Final = re.compile(
    r"(?:\w+_)?(?:SECRET_KEY|JWT_SECRET|JWT_KEY|SIGNING_KEY|ENCRYPTION_KEY|PRIVATE_KEY|CLIENT_SECRET|PEPPER)"
)
VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z][A-Z0-9]*)+")
"""How the name of a variable is written, under which a secret is looked for."""
KEY: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+=!@#$%^&*.~-]{12,}")
CREDENTIALS: Final = re.compile(r"[\w+]+://[^:/@\s]+:[^@/\s{}$]+@")
RULE = Rule(
    __name__,
    expected="a field of the settings class",
    why="One settings class checks every value at start-up; other looks fail later, and elsewhere.",
    next="Declare the value in the settings class and ask the settings for it",
)


def check(project: Project) -> Iterator[Finding]:
    """Finds settings that are read past the settings class, and settings classes that do half their work."""
    for module in project.application:
        if any(mark in module.content for mark in MARKS):
            yield from _reads(module, project)
        if b".from_env(" in module.content:
            yield from _provided(module, project)
        if any(mark in module.content for mark in SECRET_MARKS):
            yield from _constants(module, project)
    for cls in project.fact(settings_classes):
        yield from _env_file(cls, project)
        yield from _secrets(cls, project)
        yield from _old_config(cls)
    for cls in project.fact(_nested):
        yield from _secrets(cls, project)


def subjects(project: Project) -> int:
    """Counts the settings classes and the looks into the environment."""
    reads = sum(
        len(list(_reads(module, project))) for module in project.application if b"env" in module.content
    )
    return len(project.fact(settings_classes)) + reads


def settings_classes(project: Project) -> list[Class]:
    """The application's subclasses of BaseSettings."""
    return [
        cls for module in project.application for cls in module.classes if is_settings(cls, project.resolver)
    ]


def _reads(module: Module, project: Project) -> Iterator[Finding]:
    names = NAMES | _other_names(module)
    readers = READERS | {alias.asname for alias in _imported(module) if alias.name in READERS}
    for node, scope in module.every(ast.Attribute, ast.Name):
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        if name in names:
            target = project.resolver.resolve(node, scope)
            if target in SOURCES:
                yield from _looks(node, scope, f"the environment read with {target}", project)
        elif name in readers and isinstance(parent(node), ast.Call):
            call = parent(node)
            if isinstance(call, ast.Call) and call.func is node:
                target = project.resolver.resolve(node, scope)
                if target in OTHER_READERS:
                    yield RULE.note(module, call, f"configuration read by {target}")
    if b"dotenv_values" in module.content:
        for call, scope in module.every(ast.Call):
            if project.resolver.resolve(call.func, scope) == "dotenv.dotenv_values":
                yield from _looks(call, scope, "the .env file read with dotenv.dotenv_values", project)


def _provided(module: Module, project: Project) -> Iterator[Finding]:
    """What a container's configuration of dependency_injector reads, with the secrets that it makes up."""
    for call, scope in module.every(ast.Call):
        if getattr(call.func, "attr", "") != "from_env":
            continue
        target = project.resolver.resolve(call.func, scope)
        if not isinstance(target, str) or not target.startswith(CONTAINED):
            continue
        name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        named = next((keyword.value for keyword in call.keywords if keyword.arg == "default"), None)
        given = call.args[1] if len(call.args) > 1 else named
        text = _default_text(given, scope, project) if given is not None else None
        if isinstance(name, str) and SECRET.fullmatch(name) and text and text.strip():
            opens_nothing = OUTSIDE.fullmatch(name) and PLACEHOLDER.search(text)
            finding = RULE.note if opens_nothing else RULE.violation
            yield finding(module, call, f"{name}, a secret with a usable default", **NO_DEFAULT)
        else:
            yield RULE.note(module, call, "configuration read by dependency_injector's from_env()")


def _looks(node: ast.expr, scope: Scope, found: str, project: Project) -> Iterator[Finding]:
    """The looks into the environment, itself or a copy of it, that start at an expression."""
    held = _copied(node)
    if not _is_read(held) and _is_handed_on(held, scope, project):
        yield RULE.note(scope.module, held, f"{found}, where it is handed to")
    for look in [held] if _is_read(held) else _by_name(held):
        lenient = (
            runs_as_script(look)
            or _chooses_settings(look, scope, project)
            or _is_of_the_system(look)
            or _is_left_for_children(look, project)
            or _ends_as(look, _is_for_child)
            or _feeds_settings(scope, project)
            or scope.module in project.fact(_infrastructure)
        )
        yield (RULE.note if lenient else RULE.violation)(scope.module, _whole(look), found)


def _is_handed_on(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether the environment itself is given to a function of the project, which may read it."""
    around = parent(node)
    call = parent(around) if isinstance(around, ast.keyword) else around
    if not isinstance(call, ast.Call) or call.func is node:
        return False
    target = project.resolver.resolve(call.func, scope)
    return isinstance(target, Function) or (
        isinstance(target, Class) and not is_settings(target, project.resolver)
    )


def _is_of_the_system(node: ast.expr) -> bool:
    """Whether the variable that is read belongs to the operating system."""
    return bool(SYSTEM.fullmatch(_variable_of(node)))


def _variable_of(node: ast.expr) -> str:
    """The name of the variable that is read, if it is written there."""
    names = (inner.value for inner in ast.walk(_whole(node)) if isinstance(inner, ast.Constant))
    first = next(names, "")
    return first if isinstance(first, str) else ""


def _is_left_for_children(node: ast.expr, project: Project) -> bool:
    """Whether the project itself writes the variable that is read, for a process that it starts."""
    name = _variable_of(node)
    return "__" in name and name in project.fact(_written_for_children)


def _written_for_children(project: Project) -> frozenset[str]:
    """The variables like ``SHOP__RUN_ID`` that the project writes: into its own environment or a table."""
    return frozenset(
        text.value
        for module in project.application
        if b"__" in module.content and DIVIDED.search(module.content)
        for text, _ in module.every(ast.Constant)
        if isinstance(text.value, str) and "__" in text.value and _is_key(text)
    )


def _is_key(node: ast.expr) -> bool:
    """Whether something is put under this key, into a table that is written out or by assignment."""
    around = parent(node)
    if isinstance(around, ast.Dict):
        return node in around.keys
    return isinstance(around, ast.Subscript) and isinstance(around.ctx, ast.Store)


def _copied(node: ast.expr) -> ast.expr:
    """What stands for a mapping at once, a copy as by ``dict(...)`` or a choice; else the mapping itself."""
    around = parent(node)
    if isinstance(around, ast.NamedExpr | ast.BoolOp | ast.IfExp) and node is not getattr(
        around, "test", None
    ):
        return _copied(around)
    if isinstance(around, ast.Call) and node in around.args and written(around.func) == "dict":
        return _copied(around)
    if isinstance(around, ast.Dict) and any(
        key is None and value is node for key, value in zip(around.keys, around.values, strict=True)
    ):
        return _copied(around)
    if isinstance(around, ast.Attribute) and around.attr == "copy":
        call = parent(around)
        return _copied(call) if isinstance(call, ast.Call) and call.func is around else node
    return node


def _by_name(held: ast.expr) -> list[ast.expr]:
    """The looks into a copy that has a name, where it is used for nothing else.

    A copy that is written to, or handed on, is made for another process.
    """
    around = parent(held)
    if not isinstance(held, ast.Call | ast.Dict) or not isinstance(around, ast.Assign):
        return []
    name = around.targets[0]
    if not isinstance(name, ast.Name):
        return []
    uses: list[ast.expr] = [use for use in _names_in(_block_around(around))[name.id] if use is not name]
    return uses if all(_is_read(use) for use in uses) else []


def _block_around(node: ast.AST) -> ast.AST:
    """The function or module in which a statement stands."""
    around = parent(node)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        around = parent(around)
    return around or node


def _chooses_settings(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether the variable says which settings to take: in the settings' configuration, or beside them."""
    if _configures(node, scope, project) or _ends_as(node, _is_source):
        return True
    names = (inner.value for inner in ast.walk(_whole(node)) if isinstance(inner, ast.Constant))
    if not any(isinstance(name, str) and STAGE.fullmatch(name) for name in names):
        return False
    return not isinstance(scope, Class) and scope.module in project.fact(_with_settings)


def _with_settings(project: Project) -> frozenset[Module]:
    return frozenset(cls.module for cls in project.fact(settings_classes))


def _feeds_settings(scope: Scope, project: Project) -> bool:
    """Whether code stands in a source of settings, from which the settings class itself reads."""
    owner = scope.function.owner if scope.function is not None else None
    bases = project.resolver.mro(owner) if owner is not None else ()
    names = (base for base in bases if isinstance(base, str))
    return any(name.startswith("pydantic_settings.") and name.endswith("Source") for name in names)


def _infrastructure(project: Project) -> frozenset[Module]:
    """The modules of programs that set up where the application will run."""
    marks = [name.encode() for name in INFRASTRUCTURE]
    if not any(mark in module.content for module in project.modules for mark in marks):
        return frozenset()
    return frozenset(m for m in project.application if _builds_infrastructure(m, project))


def _builds_infrastructure(module: Module, project: Project) -> bool:
    for scope in module.scopes:
        imported = [n for n, bindings in scope.names.items() if any(b.kind in IMPORTED for b in bindings)]
        for name in imported:
            target = project.resolver.lookup(name, scope)
            if isinstance(target, str) and target.partition(".")[0] in INFRASTRUCTURE:
                return True
    return False


def _ends_as(node: ast.expr, is_end: Callable[[ast.AST | None], bool]) -> bool:
    """Whether the value ends, by itself or under one name, as a certain argument."""
    around: ast.AST | None = node
    while isinstance(around, ast.expr | ast.keyword | ast.comprehension):
        if is_end(around):
            return True
        around = parent(around)
    target = around.targets[0] if isinstance(around, ast.Assign) else getattr(around, "target", None)
    if isinstance(target, ast.Subscript):
        target = target.value
    if not isinstance(target, ast.Name) or around is None:
        return False
    return any(is_end(parent(use)) for use in _names_in(_block_around(around))[target.id])


@lru_cache(maxsize=16)  # a block may hold thousands of looks
def _names_in(block: ast.AST) -> dict[str, list[ast.Name]]:
    """The names in a function or a module, by their text."""
    found: dict[str, list[ast.Name]] = {}
    for node in ast.walk(block):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(node)
    return found


def _is_source(node: ast.AST | None) -> bool:
    """Whether something is given as ``_env_file=`` or ``_secrets_dir=``."""
    return isinstance(node, ast.keyword) and (node.arg or "").startswith(("_env_", "_secrets_"))


def _is_for_child(node: ast.AST | None) -> bool:
    """Whether something is given as the environment of another process."""
    return isinstance(node, ast.keyword) and node.arg in {"env", "environment"}


def _configures(node: ast.AST, scope: Scope, project: Project) -> bool:
    """Whether an expression stands in the configuration of a settings class, where no field is."""
    if not isinstance(scope, Class):
        return False
    if scope.name == "Config" and isinstance(scope.parent, Class):
        return is_settings(scope.parent, project.resolver)
    statement: ast.AST | None = node
    while statement is not None and not isinstance(statement, ast.Assign | ast.AnnAssign):
        statement = parent(statement)
    bound = scope.names.get("model_config", ())
    return any(binding.node is statement for binding in bound) and is_settings(scope, project.resolver)


def _is_read(node: ast.expr) -> bool:
    around = parent(node)
    if isinstance(around, ast.Attribute):
        call = parent(around)
        gives = around.attr in {"setdefault", "pop"} and not isinstance(parent(call or around), ast.Expr)
        return around.attr not in WRITES or (gives and isinstance(call, ast.Call))
    if isinstance(around, ast.Subscript):
        return isinstance(around.ctx, ast.Load) if around.value is node else True
    if isinstance(around, ast.Call):
        is_function = (getattr(node, "attr", "") or getattr(node, "id", "")) in {"getenv", "getenvb"}
        return around.func is node or is_function
    return isinstance(around, ast.Compare)


def _whole(node: ast.expr) -> ast.AST:
    """The expression round a name that shows what is read, such as ``os.environ["PORT"]``."""
    around = parent(node)
    while isinstance(around, ast.Attribute | ast.Subscript | ast.Call) and node in {
        getattr(around, "value", None),
        getattr(around, "func", None),
    }:
        node, around = around, parent(around)
    return node


def _env_file(cls: Class, project: Project) -> Iterator[Finding]:
    inherited = any(
        is_settings(base, project.resolver) and _has_fields(base) for base in _bases(cls, project)
    )
    if _has_fields(cls) and not inherited and _names_env_file(cls, project) is False:
        words = {
            "expected": "an `env_file` in the settings' configuration",
            "why": "Without it, the values of a .env file never reach the application.",
            "next": "Say in the class's configuration which file holds the local values",
        }
        lenient = cls in project.fact(_parts) or cls.module in project.fact(_with_dotenv)
        finding = RULE.note if lenient or _takes_outer(cls) else RULE.violation
        yield finding(cls.module, cls.node, f"{cls.name}, which reads no .env file", **words)


def _has_fields(cls: Class) -> bool:
    return any(
        isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        for statement in cls.node.body
    )


def _names_env_file(cls: Class, project: Project) -> bool | None:
    """Whether the class, its kin or its makers name a file; None where it cannot be told."""
    answer: bool | None = False
    for base in project.resolver.mro(cls):
        if not isinstance(base, Class):
            answer = None if base.startswith("?") else answer
            continue
        named = _configured(base, project)
        if named:
            return True
        answer = None if named is None else answer
    if answer is None or cls in project.fact(_with_file_elsewhere):
        return answer is not None or None
    return answer


def _configured(cls: Class, project: Project) -> bool | None:
    if "settings_customise_sources" in cls.names:
        return None
    inner = next(
        (child for child in cls.children if isinstance(child, Class) and child.name == "Config"), None
    )
    if inner is not None:
        bases = (project.resolver.resolve(base, cls) for base in inner.node.bases)
        return "env_file" in inner.names or (None if any(base not in EMPTY for base in bases) else False)
    for keyword in cls.node.keywords:
        if keyword.arg == "env_file":
            return True
    for binding in cls.names.get("model_config", ()):
        if binding.value is not None:
            scope = (cls.parent or cls.module) if _takes_outer(cls) else cls
            return _in_options(binding.value, scope, project)
    return False


def _takes_outer(cls: Class) -> bool:
    """Whether a class says ``model_config = model_config``: others share it, and may complete it."""
    values = (binding.value for binding in cls.names.get("model_config", ()))
    return any(isinstance(value, ast.Name) and value.id == "model_config" for value in values)


def _in_options(value: ast.expr, scope: Scope, project: Project) -> bool | None:
    wrapped = ast.Call(func=ast.Name(id="dict"), args=[], keywords=[ast.keyword(arg=None, value=value)])
    if isinstance(value, ast.Call):
        if not isinstance(project.resolver.resolve(value.func, scope), str):
            return None  # a helper of the project's, which may name a file
        found, hidden = literal_keywords(value, scope, project.resolver)
        if value.args and not found:
            return None
    else:
        target = project.resolver.resolve(value, scope)
        if isinstance(target, Variable) and isinstance(target.binding.value, ast.Call):
            return _in_options(target.binding.value, target.binding.scope, project)
        found, hidden = literal_keywords(wrapped, scope, project.resolver)
    file = found.get("env_file")
    if file is None:
        return None if hidden else False
    return not (isinstance(file, ast.Constant) and file.value is None)


def _with_file_elsewhere(project: Project) -> set[Class | str]:
    """The classes that get their file where they are made, or from a class derived from them."""
    found: set[Class | str] = set()
    for module in project.application:
        if b"env_file" not in module.content:
            continue
        for call, scope in module.every(ast.Call):
            if any(keyword.arg == "_env_file" for keyword in call.keywords):
                made = project.resolver.resolve(call.func, scope)
                found.update(project.resolver.mro(made) if isinstance(made, Class) else ())
    for derived in project.fact(settings_classes):
        if _configured(derived, project) is not False:
            found.update(project.resolver.mro(derived)[1:])
    return found


def _imported(module: Module) -> Iterator[ast.alias]:
    return (alias for node, _ in module.every(ast.ImportFrom) for alias in node.names)


def _other_names(module: Module) -> set[str]:
    """The local names of the environment: ``from os import environ as env``, and ``env = os.environ``."""
    imported = {alias.asname for alias in _imported(module) if alias.asname and alias.name in NAMES}
    known = NAMES | imported
    assigned = {
        _last(target)
        for node, _ in module.every(ast.Assign)
        for target in node.targets
        if _last(node.value) in known
    }
    named = {
        name
        for scope in module.scopes
        for name, bindings in scope.names.items()
        if any(isinstance(b.node, ast.NamedExpr) and _last(b.value) in known for b in bindings)
    }
    return (imported | assigned | named) - {""}


def _last(node: ast.expr | None) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _parts(project: Project) -> set[Class | str | None]:
    """The classes of the fields of settings classes."""
    return {of for cls in project.fact(settings_classes) for of in _of_fields(cls, project)}


def _of_fields(cls: Class, project: Project) -> Iterator[Class | str | None]:
    for statement in cls.node.body:
        if isinstance(statement, ast.AnnAssign):
            of = project.resolver.annotated(statement.annotation, cls)
            if of is not cls:
                yield of


def _nested(project: Project) -> dict[Class, None]:
    """The models that are parts of the settings, at any depth: the environment fills their fields as well."""
    found: dict[Class, None] = {}
    pending = list(project.fact(settings_classes))
    while pending:
        for of in _of_fields(pending.pop(), project):
            if not isinstance(of, Class) or of in found or is_settings(of, project.resolver):
                continue
            if is_pydantic(of, project.resolver):
                found[of] = None
                pending.append(of)
    return found


def _with_dotenv(project: Project) -> frozenset[Module]:
    """The modules in which something else reads a .env file for the settings classes."""
    if any(b"load_dotenv(" in module.content for module in project.modules):
        return frozenset(project.application)
    others = (b"starlette.config", b"decouple", b"environs")
    return frozenset(m for m in project.application if any(name in m.content for name in others))


def _bases(cls: Class, project: Project) -> list[Class]:
    return [base for base in project.resolver.mro(cls)[1:] if isinstance(base, Class)]


def _secrets(cls: Class, project: Project) -> Iterator[Finding]:
    for statement in cls.node.body:
        name = _field_name(statement)
        if not name or name.startswith("_"):
            continue
        text = _text_of_field(statement, cls, project)
        if text is None or not text.strip():
            continue
        if SECRET.fullmatch(name):
            opens_nothing = OUTSIDE.fullmatch(name) and PLACEHOLDER.search(text)
            finding = RULE.note if opens_nothing or _is_refused(text, cls, project) else RULE.violation
            yield finding(cls.module, statement, f"{name}, a secret with a usable default", **NO_DEFAULT)
        elif CREDENTIALS.match(text):
            yield RULE.note(cls.module, statement, f"a password in the default of {name}", **NO_DEFAULT)


def _text_of_field(statement: ast.stmt, cls: Class, project: Project) -> str | None:
    """The default of a field where it is a text, also one that a ``Field`` in its annotation gives."""
    value = getattr(statement, "value", None)
    if value is not None:
        return _default_text(value, cls, project)
    if not isinstance(statement, ast.AnnAssign):
        return None
    texts = (
        _default_text(node, scope, project)
        for node, scope in metadata(statement.annotation, cls, project)
        if isinstance(node, ast.Call) and project.resolver.resolve(node.func, scope) == "pydantic.Field"
    )
    return next((text for text in texts if text is not None), None)


NO_DEFAULT: Final = {
    "expected": "a secret without a default",
    "why": "A default that works ends up in production, where everybody can read it.",
    "next": "Let the settings ask for it, and keep its value out of the source",
}


def _is_refused(text: str, cls: Class, project: Project) -> bool:
    """Whether a class that validates its values, or the settings that it is a part of, refuses a default."""
    judging = [cls, *project.fact(settings_classes)] if cls in project.fact(_nested) else [cls]
    return any(_refuses(text, each, project) for each in judging)


def _refuses(text: str, cls: Class, project: Project) -> bool:
    """Whether a class that validates its values knows the default's text, and raises."""
    classes = [base for base in project.resolver.mro(cls) if isinstance(base, Class)]
    methods = [method for base in classes for method in base.methods]
    validates = any(
        project.resolver.resolve(getattr(decorator, "func", decorator), method.parent or cls) in VALIDATORS
        for method in methods
        for decorator in method.decorators
    ) or any(method.name == "model_post_init" for method in methods)
    return validates and any(_knows(text, method, project) for method in methods if method.nodes(ast.Raise))


def _knows(text: str, method: Function, project: Project) -> bool:
    """Whether a method has a text, or a part of it, or the constant that holds it."""
    for node in method.nodes(ast.Constant, ast.Name):
        known = node.value if isinstance(node, ast.Constant) else _default_text(node, method, project)
        if isinstance(known, str) and len(known) > 3 and known.lower() in text.lower():
            return True
    return False


def _constants(module: Module, project: Project) -> Iterator[Finding]:
    """Secrets in the source of a module or of a plain class."""
    classes = (c for c in module.classes if not _is_of_settings(c, project) and not _is_enum(c, project))
    for scope in (module, *classes):
        for statement in scope.node.body:  # type: ignore[attr-defined]
            name = _field_name(statement)
            value = getattr(statement, "value", None)
            if not name.isupper() or value is None or not SECRET.fullmatch(name) or STAND_IN.fullmatch(name):
                continue
            text = _default_text(value, scope, project)
            if text is None or not _is_a_secret(text, name) or _is_name_of_one(text, name, module):
                continue
            reader = _reader_of(value, scope, project) if isinstance(value, ast.Call) else ""
            if reader.startswith("os."):
                continue  # the look itself is found
            certain = bool(reader) or (
                CERTAIN.fullmatch(name) and not name.startswith("DEFAULT_") and not _is_a_name(text)
            )
            finding = RULE.violation if certain else RULE.note
            found = f"{name}, a secret with a usable default" if reader else f"{name}, a secret in the source"
            yield finding(module, statement, found, **NO_DEFAULT)


def _is_a_secret(text: str, name: str) -> bool:
    """Whether a text may be the secret itself, and not the name of a header, a field or a place."""
    if any(mark in text for mark in ("{{", "/", " ", "<")) or not text.strip():
        return False
    plain = re.sub(r"[\W_]", "", text).lower()
    if plain in re.sub(r"[\W_]", "", name).lower():
        return False
    return bool(CERTAIN.fullmatch(name)) or bool(KEY.fullmatch(text))


def _is_of_settings(cls: Class, project: Project) -> bool:
    return is_settings(cls, project.resolver) or cls in project.fact(_nested)


def _is_a_name(text: str) -> bool:
    """Whether a text is written as the name of a variable, which may hold the secret, and fills no place."""
    return bool(VARIABLE.fullmatch(text)) and not PLACEHOLDER.search(text)


def _is_name_of_one(text: str, name: str, module: Module) -> bool:
    """Whether a constant certainly holds a name: it speaks of no secret, or something is looked up by it."""
    if not _is_a_name(text):
        return False
    return not SECRET.fullmatch(text) or any(map(_is_looked_up, _names_in(module.node)[name]))


def _is_looked_up(node: ast.Name) -> bool:
    around = parent(node)
    if isinstance(around, ast.Call):
        function = getattr(around.func, "attr", "") or getattr(around.func, "id", "")
        return function in {"get", "pop", "getenv", "setdefault"} and around.args[:1] == [node]
    if isinstance(around, ast.Compare):
        return around.left is node and isinstance(around.ops[0], ast.In | ast.NotIn)
    return (isinstance(around, ast.Subscript) and around.slice is node) or (
        isinstance(around, ast.Dict) and node in around.keys
    )


def _is_enum(cls: Class, project: Project) -> bool:
    return any(str(base).startswith("enum.") for base in project.resolver.mro(cls))


def _reader_of(call: ast.Call, scope: Scope, project: Project) -> str:
    """What reads a variable by this call, such as starlette's Config; empty where nothing does."""
    target = project.resolver.resolve(call.func, scope)
    if isinstance(target, str):
        owner = target.rpartition(".")[0]
        if target in {"os.getenv", "os.environ.get", *OTHER_READERS}:
            return target
        return owner if owner in OTHER_READERS else ""
    of = project.resolver.infer(call.func, scope)
    return of if isinstance(of, str) and of in OTHER_READERS else ""


def _field_name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""


def _default_text(value: ast.expr, scope: Scope, project: Project) -> str | None:
    """The text of a field's default: a literal, wrapped in Field or SecretStr, or a constant's value."""
    if isinstance(value, ast.Constant):
        text = value.value.decode(errors="replace") if isinstance(value.value, bytes) else value.value
        return text if isinstance(text, str) else None
    if isinstance(value, ast.Call):
        given = _default_of(value, scope, project)
        return _default_text(given, scope, project) if given is not None else None
    target = project.resolver.resolve(value, scope) if isinstance(value, ast.Name) else None
    if isinstance(target, Variable) and isinstance(target.binding.value, ast.Constant):
        return _default_text(target.binding.value, scope, project)
    return None


def _default_of(call: ast.Call, scope: Scope, project: Project) -> ast.expr | None:
    """The default inside a call that makes a field, wraps a secret or reads a variable."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "default"), None)
    target = project.resolver.resolve(call.func, scope)
    if target in {"pydantic.Field", "pydantic.SecretStr", "starlette.datastructures.Secret"}:
        return call.args[0] if call.args else named
    reader = _reader_of(call, scope, project)
    place = DEFAULT_AT.get(reader, 1)
    return (call.args[place] if len(call.args) > place else named) if reader else None


def _old_config(cls: Class) -> Iterator[Finding]:
    for child in cls.children:
        if isinstance(child, Class) and child.name == "Config":
            yield RULE.note(
                cls.module,
                child.node,
                "an inner class Config, the way of Pydantic 1",
                expected="`model_config = SettingsConfigDict(...)`",
                why="Pydantic 2 reads the inner class only for old code's sake.",
                next="Move its entries to the configuration that Pydantic 2 documents",
            )
