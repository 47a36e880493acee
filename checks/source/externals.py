"""What is known about libraries outside the project, so that nothing of them has to be imported.

Libraries re-export the same class from several modules; a convention should meet it under one name only.
"""

import sys
from functools import cache
from typing import Final

_ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
_SAME: Final[dict[str, str]] = {
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    "fastapi.routing.APIRouter": "fastapi.APIRouter",
    "fastapi.exceptions.HTTPException": "fastapi.HTTPException",
    "fastapi.exceptions.WebSocketException": "fastapi.WebSocketException",
    "fastapi.requests.Request": "fastapi.Request",
    "fastapi.requests.HTTPConnection": "starlette.requests.HTTPConnection",
    "fastapi.websockets.WebSocket": "fastapi.WebSocket",
    "fastapi.responses.Response": "starlette.responses.Response",
    "fastapi.Response": "starlette.responses.Response",
    "starlette.requests.Request": "fastapi.Request",
    "starlette.websockets.WebSocket": "fastapi.WebSocket",
    "fastapi.background.BackgroundTasks": "fastapi.BackgroundTasks",
    "starlette.background.BackgroundTasks": "fastapi.BackgroundTasks",
    "fastapi.testclient.TestClient": "starlette.testclient.TestClient",
    "fastapi.concurrency.run_in_threadpool": "starlette.concurrency.run_in_threadpool",
    "fastapi.concurrency.asynccontextmanager": "contextlib.asynccontextmanager",
    "fastapi.param_functions.Depends": "fastapi.Depends",
    "fastapi.params.Depends": "fastapi.Depends",
    "fastapi.params.Security": "fastapi.Security",
    "sqlmodel.ext.asyncio.session.AsyncSession": _ASYNC_SESSION,
    "sqlmodel.Session": "sqlalchemy.orm.Session",
    "sqlmodel.create_engine": "sqlalchemy.create_engine",
    "sqlmodel.orm.session.Session": "sqlalchemy.orm.Session",
    "sqlalchemy.engine.create_engine": "sqlalchemy.create_engine",
    "sqlalchemy.future.create_engine": "sqlalchemy.create_engine",
    "sqlalchemy.ext.declarative.declarative_base": "sqlalchemy.orm.declarative_base",
    "sqlalchemy.ext.declarative.as_declarative": "sqlalchemy.orm.as_declarative",
    "sqlalchemy.schema.Column": "sqlalchemy.Column",
    "sqlalchemy.future.select": "sqlalchemy.select",
    "sqlalchemy.sql.select": "sqlalchemy.select",
    "sqlalchemy.sql.text": "sqlalchemy.text",
    "sqlalchemy.exc.IntegrityError": "sqlalchemy.exc.IntegrityError",
    "pydantic.main.BaseModel": "pydantic.BaseModel",
    "pydantic.v1.BaseModel": "pydantic.BaseModel",
    "pydantic.generics.GenericModel": "pydantic.BaseModel",
    "pydantic.BaseSettings": "pydantic_settings.BaseSettings",
    "pydantic.env_settings.BaseSettings": "pydantic_settings.BaseSettings",
    "pydantic.v1.BaseSettings": "pydantic_settings.BaseSettings",
    "pydantic_settings.main.BaseSettings": "pydantic_settings.BaseSettings",
    "pydantic_settings.main.SettingsConfigDict": "pydantic_settings.SettingsConfigDict",
    "sqlmodel.main.SQLModel": "sqlmodel.SQLModel",
    "httpx2.AsyncClient": "httpx.AsyncClient",
    "pathlib.PosixPath": "pathlib.Path",
    "pathlib.WindowsPath": "pathlib.Path",
    "typing_extensions.Annotated": "typing.Annotated",
    "requests.sessions.Session": "requests.Session",
    "requests.session": "requests.Session",
    "requests.api.get": "requests.get",
    "requests.api.post": "requests.post",
    "requests.api.request": "requests.request",
    "anyio.Path": "anyio.Path",
    "psycopg2.extensions.connection": "psycopg2.connection",
    **{
        f"sqlmodel.{name}": f"sqlalchemy.{name}"
        for name in (
            *("select", "insert", "update", "delete", "text", "union", "union_all", "exists", "except_"),
            *(
                "intersect",
                "func",
                "and_",
                "or_",
                "not_",
                "case",
                "cast",
                "column",
                "table",
                "values",
                "Column",
            ),
            *("ForeignKey", "MetaData", "Table", "inspect", "Engine", "Connection"),
        )
    },
}
_PREFIXES: Final = (
    ("sqlalchemy.orm.session.", "sqlalchemy.orm."),
    ("sqlalchemy.orm.decl_api.", "sqlalchemy.orm."),
    ("sqlalchemy.ext.asyncio.session.", "sqlalchemy.ext.asyncio."),
    ("sqlalchemy.ext.asyncio.engine.", "sqlalchemy.ext.asyncio."),
    ("sqlalchemy.orm.scoped_session.", "sqlalchemy.orm.Session."),
    ("sqlalchemy.ext.asyncio.async_scoped_session.", f"{_ASYNC_SESSION}."),
    ("sqlalchemy.sql.expression.", "sqlalchemy."),
    ("sqlalchemy.sql.schema.", "sqlalchemy."),
    ("sqlalchemy.sql.functions.func", "sqlalchemy.func"),
    ("fastapi.responses.", "starlette.responses."),
    ("fastapi.param_functions.", "fastapi."),
    ("fastapi.params.", "fastapi."),
    ("typing_extensions.", "typing."),
    ("collections.abc.", "typing."),
    ("pydantic.class_validators.", "pydantic."),
    ("pydantic.functional_validators.", "pydantic."),
    ("pydantic.v1.", "pydantic."),
    ("os.path.", "os.path."),
    ("posixpath.", "os.path."),
    ("sqlmodel.sql.expression.", "sqlalchemy."),
    ("httpx2.", "httpx."),
)

_SESSIONS_OF_MIDDLEWARE: Final = ("fastapi_sqlalchemy.db.session", "fastapi_sqlalchemy.middleware.db.session")
_ASYNC_SESSIONS_OF_MIDDLEWARE: Final = (
    "fastapi_async_sqlalchemy.db.session",
    "fastapi_async_sqlalchemy.middleware.db.session",
)
"""The session of a request, which a middleware opens."""

GIVING_OWN_KIND: Final = frozenset(
    [
        *("model_validate", "model_validate_json", "model_validate_strings", "model_construct", "model_copy"),
        *("parse_obj", "parse_raw", "parse_file", "from_orm", "construct", "copy"),
    ]
)
"""Methods of Pydantic's models that give an object of the class they are called on."""
_PATH = "pathlib.Path"
RETURNS: Final[dict[str, str]] = {
    **{
        f"{_PATH}.{name}": _PATH
        for name in (
            *("parent", "joinpath", "resolve", "absolute", "cwd", "home", "with_suffix", "with_name"),
            *("with_stem", "expanduser", "relative_to", "rename", "replace"),
        )
    },
    **{f"pathlib.PurePath.{name}": _PATH for name in ("parent", "joinpath", "with_suffix", "with_name")},
    "sqlalchemy.ext.asyncio.async_sessionmaker.begin": _ASYNC_SESSION,
    "sqlalchemy.orm.sessionmaker.begin": "sqlalchemy.orm.Session",
    "requests.Session.__enter__": "requests.Session",
    "pwdlib.PasswordHash.recommended": "pwdlib.PasswordHash",
    "sqlalchemy.ext.asyncio.create_async_engine": "sqlalchemy.ext.asyncio.AsyncEngine",
    "sqlalchemy.ext.asyncio.create_async_pool_from_url": "sqlalchemy.ext.asyncio.AsyncEngine",
    "sqlalchemy.ext.asyncio.async_engine_from_config": "sqlalchemy.ext.asyncio.AsyncEngine",
    "sqlalchemy.create_engine": "sqlalchemy.Engine",
    "sqlalchemy.engine_from_config": "sqlalchemy.Engine",
    "sqlalchemy.orm.object_session": "sqlalchemy.orm.Session",
    "sqlalchemy.ext.asyncio.async_object_session": _ASYNC_SESSION,
    **dict.fromkeys(_SESSIONS_OF_MIDDLEWARE, "sqlalchemy.orm.Session"),
    **dict.fromkeys(_ASYNC_SESSIONS_OF_MIDDLEWARE, _ASYNC_SESSION),
    "importlib.resources.files": _PATH,
    "asyncio.get_event_loop": "asyncio.AbstractEventLoop",
    "asyncio.get_running_loop": "asyncio.AbstractEventLoop",
}
"""What a call (or a property) of a library gives back, where it is not an object of its own name."""

PROPERTIES: Final = frozenset(
    [
        *(f"{_PATH}.parent", "pathlib.PurePath.parent"),
        *_SESSIONS_OF_MIDDLEWARE,
        *_ASYNC_SESSIONS_OF_MIDDLEWARE,
    ]
)
"""Names in `RETURNS` that are read and not called."""

SUBSCRIPTED: Final = ("pymongo.MongoClient",)
"""The beginnings of names whose parts may be had by an index as well: ``client["shop"]["books"]``."""

BASES: Final[dict[str, tuple[str, ...]]] = {
    "sqlmodel.SQLModel": ("pydantic.BaseModel",),
    "pydantic_settings.BaseSettings": ("pydantic.BaseModel",),
    "pydantic.RootModel": ("pydantic.BaseModel",),
    "beanie.Document": ("pydantic.BaseModel",),
    "beanie.View": ("pydantic.BaseModel",),
    "odmantic.Model": ("pydantic.BaseModel",),
    "fastapi.security.HTTPBasicCredentials": ("pydantic.BaseModel",),
    "fastapi.security.HTTPAuthorizationCredentials": ("pydantic.BaseModel",),
    "fastapi.HTTPException": ("starlette.exceptions.HTTPException",),
    "starlette.exceptions.HTTPException": ("Exception",),
    "fastapi.WebSocketException": ("starlette.exceptions.WebSocketException",),
    "fastapi.FastAPI": ("starlette.applications.Starlette",),
    "fastapi.APIRouter": ("starlette.routing.Router",),
    **{
        f"starlette.responses.{name}": ("starlette.responses.Response",)
        for name in (
            *("JSONResponse", "HTMLResponse", "PlainTextResponse", "RedirectResponse", "FileResponse"),
            *("StreamingResponse", "ORJSONResponse", "UJSONResponse", "EventSourceResponse"),
        )
    },
    "sse_starlette.sse.EventSourceResponse": ("starlette.responses.StreamingResponse",),
    "sse_starlette.EventSourceResponse": ("starlette.responses.StreamingResponse",),
    "fastapi.sse.EventSourceResponse": ("starlette.responses.StreamingResponse",),
    "starlette.templating._TemplateResponse": ("starlette.responses.HTMLResponse",),
    _ASYNC_SESSION: (),
    "sqlalchemy.ext.asyncio.async_scoped_session": (_ASYNC_SESSION,),
    "sqlalchemy.orm.scoped_session": ("sqlalchemy.orm.Session",),
}
"""Base classes of library classes, as far as a convention asks for them."""

RECORDS: Final = (
    *("tortoise.models.Model", "tortoise.Model", "beanie.Document", "bunnet.Document"),
    *("ormar.Model", "piccolo.table.Table", "peewee.Model"),
)
"""The bases of entities that ask the database themselves: active record."""

STARRED: Final[dict[str, frozenset[str]]] = {
    "fastapi": frozenset(
        [
            "APIRouter",
            "BackgroundTasks",
            "Body",
            "Cookie",
            "Depends",
            "FastAPI",
            "File",
            "Form",
            "HTTPException",
            "Header",
            "Path",
            "Query",
            "Request",
            "Response",
            "Security",
            "UploadFile",
            "WebSocket",
            "WebSocketDisconnect",
            "status",
        ]
    ),
    "sqlalchemy": frozenset(
        [
            "Boolean",
            "Column",
            "DateTime",
            "Float",
            "ForeignKey",
            "Integer",
            "String",
            "Text",
            "create_engine",
            "delete",
            "func",
            "insert",
            "or_",
            "and_",
            "select",
            "text",
            "update",
            "Table",
            "MetaData",
        ]
    ),
    "sqlalchemy.orm": frozenset(
        [
            "DeclarativeBase",
            "Mapped",
            "Session",
            "declarative_base",
            "joinedload",
            "mapped_column",
            "relationship",
            "selectinload",
            "sessionmaker",
        ]
    ),
    "sqlalchemy.ext.asyncio": frozenset(
        ["AsyncEngine", "AsyncSession", "async_sessionmaker", "create_async_engine"]
    ),
    "sqlmodel": frozenset(
        [
            "Field",
            "Relationship",
            "SQLModel",
            "Session",
            "create_engine",
            "select",
            "delete",
            "insert",
            "update",
        ]
    ),
    "pydantic": frozenset(
        ["BaseModel", "BaseSettings", "Field", "root_validator", "validator", "field_validator", "EmailStr"]
    ),
    "requests": frozenset(["get", "post", "put", "patch", "delete", "head", "request", "Session"]),
    "os": frozenset(["environ", "getenv", "path"]),
    "time": frozenset({"sleep"}),
}
"""Names that ``from library import *`` is known to bring."""

FOREIGN: Final = sys.stdlib_module_names | frozenset(
    [
        "aiofiles",
        "aiohttp",
        "aiosqlite",
        "alembic",
        "anyio",
        "asyncpg",
        "boto3",
        "celery",
        "fastapi",
        "httpx",
        "httpx2",
        "jose",
        "jwt",
        "loguru",
        "motor",
        "numpy",
        "pandas",
        "passlib",
        "psycopg",
        "psycopg2",
        "pwdlib",
        "pydantic",
        "pydantic_settings",
        "pymongo",
        "pytest",
        "redis",
        "requests",
        "sentry_sdk",
        "sqlalchemy",
        "sqlmodel",
        "starlette",
        "structlog",
        "typer",
        "typing_extensions",
        "uvicorn",
        "yaml",
    ]
)
"""Top-level modules that are never the project's own, whatever its files are called."""


@cache
def canonical(name: str) -> str:
    """The one name under which conventions know a library's object."""
    same = _SAME.get(name)
    if same is not None:
        return same
    for prefix, short in _PREFIXES:
        if name.startswith(prefix):
            shorter = short + name[len(prefix) :]
            return _SAME.get(shorter, shorter)
    return name
