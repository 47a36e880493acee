"""Configuration comes from BaseSettings with .env support.

## Rule

Read every setting through a subclass of `BaseSettings` that names an `env_file`. No other module looks into
the environment. A secret has no default that would work.

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
from collections.abc import Iterator
from typing import Final

from checks.conventions._rule import Rule
from checks.finding import Finding
from checks.source import Class, Module, Project, Scope, Variable, parent, written
from checks.source.kinds import is_settings, literal_keywords

NAMES: Final = frozenset({"getenv", "environ", "getenvb", "environb"})
SOURCES: Final = frozenset(f"os.{name}" for name in NAMES)
WRITES: Final = frozenset(
    {"setdefault", "update", "copy", "pop", "clear", "putenv", "items", "keys", "values"}
)
MARKS: Final = (b"environ", b"getenv", b"onfig", b"dotenv_values")
OTHER_READERS: Final = frozenset(
    {"starlette.config.Config", "decouple.config", "environs.Env", "environ.Env"}
)
SECRET: Final = re.compile(
    r"(?:.*_)?(?:secret|secret_key|password|passwd|passphrase|api_key|apikey|private_key|access_key|jwt_key|signing_key"
    r"|encryption_key|auth_token|access_token|bot_token|api_token|client_secret|jwt_secret|token|pepper)",
    re.IGNORECASE,
)
STAGE: Final = re.compile(r"(?:[A-Z0-9]+_)*(?:ENV|ENVIRONMENT|STAGE|ENV_FILE|DOTENV)")
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
    for cls in project.fact(settings_classes):
        yield from _env_file(cls, project)
        yield from _secrets(cls, project)
        yield from _old_config(cls)


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
    for node, scope in module.every(ast.Attribute, ast.Name):
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        if name in names:
            target = project.resolver.resolve(node, scope)
            if target in SOURCES:
                yield from _looks(node, scope, f"the environment read with {target}", project)
        elif name in {"Config", "config", "Env"} and isinstance(parent(node), ast.Call):
            call = parent(node)
            if isinstance(call, ast.Call) and call.func is node:
                target = project.resolver.resolve(node, scope)
                if target in OTHER_READERS:
                    yield RULE.note(module, call, f"configuration read by {target}")
    if b"dotenv_values" in module.content:
        for call, scope in module.every(ast.Call):
            if project.resolver.resolve(call.func, scope) == "dotenv.dotenv_values":
                yield from _looks(call, scope, "the .env file read with dotenv.dotenv_values", project)


def _looks(node: ast.expr, scope: Scope, found: str, project: Project) -> Iterator[Finding]:
    """The looks into the environment, itself or a copy of it, that start at an expression."""
    held = _copied(node)
    for look in [held] if _is_read(held) else _by_name(held):
        lenient = _runs_as_script(look) or _chooses_settings(look, scope, project)
        yield (RULE.note if lenient else RULE.violation)(scope.module, _whole(look), found)


def _copied(node: ast.expr) -> ast.expr:
    """The copy that is made of a mapping at once, as by ``dict(...)``; else the mapping itself."""
    around = parent(node)
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
    uses: list[ast.expr] = [
        node
        for node in ast.walk(_block_around(around))
        if isinstance(node, ast.Name) and node is not name and node.id == name.id
    ]
    return uses if all(_is_read(use) for use in uses) else []


def _block_around(node: ast.AST) -> ast.AST:
    """The function or module in which a statement stands."""
    around = parent(node)
    while around is not None and not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
        around = parent(around)
    return around or node


def _chooses_settings(node: ast.expr, scope: Scope, project: Project) -> bool:
    """Whether the variable says which settings to take: in the settings' configuration, or beside them."""
    if _configures(node, scope, project):
        return True
    names = (inner.value for inner in ast.walk(_whole(node)) if isinstance(inner, ast.Constant))
    if not any(isinstance(name, str) and STAGE.fullmatch(name) for name in names):
        return False
    return not isinstance(scope, Class) and any(
        is_settings(c, project.resolver) for c in scope.module.classes
    )


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
        return around.attr not in WRITES
    if isinstance(around, ast.Subscript):
        return isinstance(around.ctx, ast.Load) if around.value is node else True
    if isinstance(around, ast.Call):
        return around.func is node
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


def _runs_as_script(node: ast.AST | None) -> bool:
    while node is not None:
        if isinstance(node, ast.If) and "__name__" in written(node.test):
            return True
        node = parent(node)
    return False


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
        finding = RULE.note if lenient else RULE.violation
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
        return "env_file" in inner.names or (None if inner.node.bases else False)
    for keyword in cls.node.keywords:
        if keyword.arg == "env_file":
            return True
    for binding in cls.names.get("model_config", ()):
        if binding.value is not None:
            return _in_options(binding.value, cls, project)
    return False


def _in_options(value: ast.expr, scope: Scope, project: Project) -> bool | None:
    wrapped = ast.Call(func=ast.Name(id="dict"), args=[], keywords=[ast.keyword(arg=None, value=value)])
    if isinstance(value, ast.Call):
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


def _other_names(module: Module) -> set[str]:
    """The local names of the environment: ``from os import environ as env``, and ``env = os.environ``."""
    imported = {
        alias.asname
        for node, _ in module.every(ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in NAMES
    }
    assigned = {
        getattr(target, "id", "") or getattr(target, "attr", "")
        for node, _ in module.every(ast.Assign)
        for target in node.targets
        if (getattr(node.value, "id", "") or getattr(node.value, "attr", "")) in NAMES | imported
    }
    return (imported | assigned) - {""}


def _parts(project: Project) -> set[Class | str | None]:
    """The classes of the fields of settings classes."""
    return {
        of
        for cls in project.fact(settings_classes)
        for statement in cls.node.body
        if isinstance(statement, ast.AnnAssign)
        and (of := project.resolver.annotated(statement.annotation, cls)) is not cls
    }


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
        value = getattr(statement, "value", None)
        if not name or name.startswith("_") or value is None:
            continue
        text = _default_text(value, cls, project)
        if text is None or not text.strip():
            continue
        words = {
            "expected": "a secret without a default",
            "why": "A default that works ends up in production, where everybody can read it.",
            "next": "Let the settings ask for it, and keep its value out of the source",
        }
        if SECRET.fullmatch(name):
            yield RULE.violation(cls.module, statement, f"{name}, a secret with a usable default", **words)
        elif CREDENTIALS.match(text):
            yield RULE.note(cls.module, statement, f"a password in the default of {name}", **words)


def _field_name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""


def _default_text(value: ast.expr, scope: Scope, project: Project) -> str | None:
    """The text of a field's default: a literal, wrapped in Field or SecretStr, or a constant's value."""
    if isinstance(value, ast.Constant):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, ast.Call):
        target = project.resolver.resolve(value.func, scope)
        if target not in {"pydantic.Field", "pydantic.SecretStr"}:
            return None
        default = next((k.value for k in value.keywords if k.arg == "default"), None)
        given = value.args[0] if value.args else default
        return _default_text(given, scope, project) if given is not None else None
    target = project.resolver.resolve(value, scope) if isinstance(value, ast.Name) else None
    if isinstance(target, Variable) and isinstance(target.binding.value, ast.Constant):
        return _default_text(target.binding.value, scope, project)
    return None


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
