"""Lesson 02: versions of its reference, wrong and right."""

from textwrap import indent

from checks.lesson import LOAD
from checks.report import Kind
from checks.tests.lessons.judging import Line, Right, Wrong

MAIN = "app/main.py"
CONFIG = "app/core/config.py"
EXAMPLE = ".env.example"
FIRST_STUB = (CONFIG, "Settings")
CLASS = Line(CONFIG, "class Settings")
MODEL_CONFIG = 'model_config = SettingsConfigDict(env_file=".env", extra="ignore", hide_input_in_errors=True)'
KEY = "secret_key: SecretStr = Field(min_length=32)"
CACHED = "@lru_cache\ndef get_settings() -> Settings:"
MADE = "return Settings()"
APPLICATION = "app = FastAPI(title=settings.app_name, debug=settings.debug)"

ENVIRONMENT_BY_HAND = '''
"""Settings without pydantic-settings."""

import os
from functools import lru_cache

from pydantic import BaseModel, Field, SecretStr


class Settings(BaseModel):
    app_name: str = Field(default_factory=lambda: os.getenv("APP_NAME", "Lending library"))
    debug: bool = Field(default_factory=lambda: os.getenv("DEBUG", "false") == "true")
    database_url: str = Field(default_factory=lambda: os.getenv("DATABASE_URL", "sqlite+aiosqlite:///./library.db"))
    secret_key: SecretStr = Field(default_factory=lambda: SecretStr(os.environ["SECRET_KEY"]), min_length=32)


@lru_cache
def get_settings() -> Settings:
    return Settings()
'''


def member(source: str) -> tuple[str, str]:
    """The edit that gives the settings one more member."""
    return "\n\n@lru_cache", indent(source, "    ") + "\n\n@lru_cache"


ENV_FILE_FIRST = """
@classmethod
def settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, **others):
    return init_settings, dotenv_settings, env_settings
"""

ALL_SOURCES = """
@classmethod
def settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, **others):
    return init_settings, env_settings, dotenv_settings, *others.values()
"""

SHOWN = """
def __str__(self) -> str:
    return self.secret_key.get_secret_value()
"""

COMPUTED = """
@computed_field
@property
def is_sqlite(self) -> bool:
    return self.database_url.startswith("sqlite")
"""

SETTINGS = "settings = get_settings()"
SHORT_KEY_TOLD = """secret_key: SecretStr

    @field_validator("secret_key")
    @classmethod
    def long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 32:
            print("too short:", key.get_secret_value())
            raise ValueError("at least 32 characters")
        return key
"""
CHAINED = """try:
        return Settings()
    except ValueError as error:
        raise RuntimeError("the settings are not valid") from error
"""

WRONG = [
    Wrong(
        "no return from get_settings",
        {CONFIG: ("    return Settings()", "    Settings()"), MAIN: (APPLICATION, "app = FastAPI()")},
        "test_environment_reaches_the_settings",
        Line(CONFIG, "@lru_cache"),
    ),
    Wrong(
        "the class in the place of an object",
        {CONFIG: ("    return Settings()", "    return Settings"), MAIN: (APPLICATION, "app = FastAPI()")},
        "test_environment_reaches_the_settings",
        Line(CONFIG, "@lru_cache"),
    ),
    Wrong(
        "a key that may be missing",
        {CONFIG: (KEY, "secret_key: SecretStr | None = Field(default=None, min_length=32)")},
        "test_missing_key_is_refused",
        CLASS,
    ),
    Wrong(
        "the environment read by hand",
        {CONFIG: ENVIRONMENT_BY_HAND},
        "settings-from-env",
        Line(CONFIG, "os.getenv"),
    ),
    Wrong(
        "the key read by hand elsewhere",
        {
            MAIN: [
                ("from fastapi import FastAPI", "import os\n\nfrom fastapi import FastAPI"),
                (APPLICATION, APPLICATION + '\n    app.state.key = os.environ["SECRET_KEY"]'),
            ]
        },
        "settings-from-env",
        Line(MAIN, "os.environ"),
    ),
    Wrong("no .env", {CONFIG: ('env_file=".env", ', "")}, "test_env_file_is_read", CLASS),
    Wrong("no .env, as the convention sees it", {CONFIG: ('env_file=".env", ', "")}, "settings-from-env"),
    Wrong(
        "another file's name", {CONFIG: ('env_file=".env"', 'env_file="env"')}, "test_env_file_is_read", CLASS
    ),
    Wrong(
        "a file next to the module",
        {
            CONFIG: [
                ('env_file=".env"', 'env_file=Path(__file__).parent / ".env"'),
                ("from functools", "from pathlib import Path\nfrom functools"),
            ]
        },
        "test_env_file_is_read",
        CLASS,
    ),
    Wrong(
        ".env over the environment",
        {CONFIG: member(ENV_FILE_FIRST)},
        "test_environment_wins_over_env_file",
        CLASS,
    ),
    Wrong(
        ".env loaded over the environment",
        {
            CONFIG: [
                ("from functools", "from dotenv import load_dotenv\nfrom functools"),
                (MADE, 'load_dotenv(".env", override=True)\n    return Settings()'),
            ]
        },
        "test_environment_wins_over_env_file",
        CLASS,
    ),
    Wrong(
        "extra lines forbidden",
        {CONFIG: ('extra="ignore", ', "")},
        "test_env_file_may_hold_other_variables",
        CLASS,
    ),
    Wrong(
        "a key in the source",
        {CONFIG: (KEY, 'secret_key: SecretStr = SecretStr("change-me-change-me-change-me-change-me")')},
        "test_missing_key_is_refused",
        CLASS,
    ),
    Wrong(
        "a key in the source, as the convention sees it",
        {CONFIG: (KEY, 'secret_key: SecretStr = SecretStr("change-me-change-me-change-me-change-me")')},
        "settings-from-env",
        Line(CONFIG, "change-me"),
    ),
    Wrong(
        "a key that may be missing",
        {CONFIG: (KEY, "secret_key: SecretStr | None = None")},
        "test_missing_key_is_refused",
        CLASS,
    ),
    Wrong(
        "a key that is made at each start",
        {
            CONFIG: [
                (KEY, "secret_key: SecretStr = Field(default_factory=lambda: SecretStr(token_hex()))"),
                ("from functools", "from secrets import token_hex\nfrom functools"),
            ]
        },
        "test_missing_key_is_refused",
        CLASS,
    ),
    Wrong(
        "a key of any length", {CONFIG: (KEY, "secret_key: SecretStr")}, "test_short_key_is_refused", CLASS
    ),
    Wrong(
        "a key one character shorter",
        {CONFIG: ("min_length=32", "min_length=31")},
        "test_short_key_is_refused",
        CLASS,
    ),
    Wrong(
        "a key one character longer",
        {CONFIG: ("min_length=32", "min_length=33")},
        "test_environment_reaches_the_settings",
        Line(CONFIG, MADE),
        Kind.RAISED,
    ),
    Wrong(
        "a key in plain sight",
        {CONFIG: ("secret_key: SecretStr", "secret_key: str")},
        "test_key_is_not_shown",
        CLASS,
    ),
    Wrong(
        "a key that __str__ shows",
        {CONFIG: member(SHOWN)},
        "test_key_is_not_shown",
        CLASS,
    ),
    Wrong(
        "a key in the error",
        {CONFIG: (", hide_input_in_errors=True", "")},
        "test_refusal_does_not_show_the_key",
        CLASS,
    ),
    Wrong(
        "a key in the error that led to the error",
        {CONFIG: [(", hide_input_in_errors=True", ""), (MADE, CHAINED)]},
        "test_refusal_does_not_show_the_key",
        CLASS,
    ),
    Wrong(
        "a short key that is printed",
        {CONFIG: [(KEY, SHORT_KEY_TOLD), ("import Field,", "import Field, field_validator,")]},
        "test_refusal_does_not_show_the_key",
        Line(CONFIG, "print("),
    ),
    Wrong(
        "a key that is printed",
        {
            CONFIG: (
                MADE,
                (
                    "settings = Settings()\n"
                    "    print(settings.secret_key.get_secret_value())\n"
                    "    return settings"
                ),
            )
        },
        "test_start_does_not_show_the_key",
        Line(CONFIG, "print("),
    ),
    Wrong(
        "a key that is logged",
        {
            MAIN: [
                (SETTINGS, SETTINGS + "\n    logging.info(settings.secret_key.get_secret_value())"),
                ("from fastapi import", "import logging\n\nfrom fastapi import"),
            ]
        },
        "test_start_does_not_show_the_key",
        Line(MAIN, "logging.info"),
    ),
    Wrong(
        "a service that starts all the same",
        {
            MAIN: (
                SETTINGS,
                "try:\n        settings = get_settings()\n    except Exception:\n        return FastAPI()",
            )
        },
        "test_service_without_key_does_not_start",
        Line(MAIN, "except"),
    ),
    Wrong(
        "another name by default",
        {CONFIG: ('"Lending library"', '"FastAPI"')},
        "test_defaults_are_those_of_the_brief",
        CLASS,
    ),
    Wrong(
        "another database by default",
        {CONFIG: ("aiosqlite:///./library.db", "aiosqlite://")},
        "test_defaults_are_those_of_the_brief",
        CLASS,
    ),
    Wrong(
        "an example in another encoding",
        {EXAMPLE: "DEBUG=false\n".encode("utf-16").decode("utf-8", "surrogateescape")},
        "test_example_names_every_setting",
        Line(EXAMPLE, ""),
    ),
    Wrong(
        "an example without a word",
        {EXAMPLE: "APP_NAME=Library\nDEBUG=false\nDATABASE_URL=sqlite+aiosqlite:///./a.db\nSECRET_KEY=\n"},
        "test_example_names_every_setting",
        Line(EXAMPLE, "APP_NAME"),
    ),
    Wrong(
        "an example with a driver that blocks",
        {EXAMPLE: ("\nDATABASE_URL=sqlite+aiosqlite:", "\nDATABASE_URL=sqlite:")},
        "test_example_becomes_a_working_env_file",
        Line(EXAMPLE, "DATABASE_URL=sqlite:"),
    ),
    Wrong(
        "an example without a title",
        {EXAMPLE: ("APP_NAME=Lending library", "APP_NAME=")},
        "test_example_becomes_a_working_env_file",
        Line(EXAMPLE, "# Copy"),
    ),
    Wrong(
        "a key for development",
        {
            CONFIG: [
                (
                    "from pydantic import Field, SecretStr",
                    "from pydantic import Field, SecretStr, model_validator",
                ),
                (
                    KEY,
                    KEY
                    + """

    @model_validator(mode="before")
    @classmethod
    def fall_back(cls, values: dict[str, str]) -> dict[str, str]:
        if str(values.get("debug")).lower() == "true":
            values.setdefault("secret_key", "for-development-for-development-1")
        return values
""",
                ),
            ]
        },
        "test_missing_key_is_refused",
        CLASS,
    ),
    Wrong(
        "anything but true is false",
        {
            CONFIG: [
                ("debug: bool = False", "debug: Annotated[bool, BeforeValidator(strict)] = False"),
                ("from pydantic import Field", "from pydantic import BeforeValidator, Field"),
                (
                    "from functools import lru_cache\n",
                    "from functools import lru_cache\nfrom typing import Annotated\n",
                ),
                (
                    "class Settings",
                    'def strict(value: object) -> bool:\n    return value == "true"\n\n\nclass Settings',
                ),
            ]
        },
        "test_bad_value_is_refused",
        Line(CONFIG, "class Settings"),
    ),
    Wrong(
        "settings past the function",
        {
            MAIN: [
                ("import get_settings", "import Settings"),
                (SETTINGS, "settings = Settings()"),
            ]
        },
        "test_application_uses_the_one_object",
        Line(MAIN, "Settings()"),
    ),
    Wrong(
        "the beginning of the key in the error",
        {
            CONFIG: [
                (
                    "from pydantic import Field, SecretStr",
                    "from pydantic import Field, SecretStr, field_validator",
                ),
                (
                    KEY,
                    """secret_key: SecretStr

    @field_validator("secret_key")
    @classmethod
    def check_length(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if len(key) < 32:
            raise ValueError(f"the key {key[:7]}... is too short")
        return value
""",
                ),
            ]
        },
        "test_refusal_does_not_show_the_key",
    ),
    Wrong("no example", {EXAMPLE: None}, "test_example_names_every_setting"),
    Wrong(
        "settings read each time",
        {CONFIG: ("@lru_cache\n", "")},
        "test_settings_are_read_once",
        Line(CONFIG, "def get_settings"),
    ),
    Wrong(
        "debug on by default",
        {CONFIG: ("debug: bool = False", "debug: bool = True")},
        "test_debug_is_off_by_default",
        CLASS,
    ),
    Wrong(
        "debug as a text",
        {CONFIG: ("debug: bool = False", 'debug: str = ""')},
        "test_environment_reaches_the_settings",
        CLASS,
    ),
    Wrong(
        "a driver that blocks",
        {CONFIG: ("sqlite+aiosqlite:", "sqlite:")},
        "test_default_database_has_an_async_driver",
        CLASS,
    ),
    Wrong(
        "values that are handed over and ignore the environment",
        {CONFIG: (MADE, 'return Settings(app_name="Lending library", debug=False)')},
        "test_environment_reaches_the_settings",
        CLASS,
    ),
    Wrong(
        "a prefix nobody knows of",
        {CONFIG: ('env_file=".env", ', 'env_file=".env", env_prefix="LIBRARY_", ')},
        LOAD,
        Line(CONFIG, MADE),
        Kind.RAISED,
    ),
    Wrong(
        "a setting without a default",
        {CONFIG: ('app_name: str = "Lending library"', "app_name: str")},
        LOAD,
        Line(CONFIG, MADE),
        Kind.RAISED,
    ),
    Wrong(
        "another name for a setting", {CONFIG: ("database_url: str", "db_url: str")}, LOAD, CLASS, Kind.NAME
    ),
    Wrong(
        "a title in the source",
        {MAIN: ("title=settings.app_name", 'title="Lending library"')},
        "test_title_comes_from_the_settings",
        Line(MAIN, "FastAPI("),
    ),
    Wrong(
        "a factory that returns nothing",
        {MAIN: ("    return app\n", "")},
        "test_title_comes_from_the_settings",
        Line(MAIN, "def create_app"),
    ),
    Wrong(
        "a debug mode that nobody sets",
        {MAIN: (", debug=settings.debug", "")},
        "test_debug_reaches_the_application",
        Line(MAIN, "FastAPI("),
    ),
    Wrong(
        "a debug mode that is always on",
        {MAIN: ("debug=settings.debug", "debug=True")},
        "test_debug_reaches_the_application",
        Line(MAIN, "FastAPI("),
    ),
    Wrong(
        "an example with a setting missing",
        {EXAMPLE: ("DEBUG=false\n", "")},
        "test_example_names_every_setting",
        Line(EXAMPLE, "# Copy"),
    ),
    Wrong(
        "an example with a key that works",
        {EXAMPLE: ("\nSECRET_KEY=", "\nSECRET_KEY=please-change-this-key-before-you-go-live")},
        "test_example_holds_no_usable_key",
    ),
    Wrong(
        "an example with a value that is refused",
        {EXAMPLE: ("DEBUG=false", "DEBUG=")},
        "test_example_becomes_a_working_env_file",
        Line(EXAMPLE, "# Copy"),
    ),
    Wrong(
        "a function that is still to be written",
        {CONFIG: (MADE, 'raise NotImplementedError("later")')},
        LOAD,
        Line(CONFIG, "raise"),
        Kind.STUB,
    ),
]

BESIDE = """app = FastAPI(
        title=settings.app_name,
        debug=settings.debug,
        description=(Path(__file__).parents[1] / "about.md").read_text(encoding="utf-8"),
    )
    app.mount("/static", StaticFiles(directory=Path(__file__).parents[1] / "static"))"""

RIGHT = [
    Right(
        "a file with the settings of a server",
        {"gunicorn.conf.py": 'import os\n\nbind = os.environ.get("BIND", "127.0.0.1:8000")\n'},
    ),
    Right(
        "an example that explains everything at its top",
        {
            EXAMPLE: """# Copy this file to .env.
# APP_NAME is the title of the documentation, DEBUG shows tracebacks,
# DATABASE_URL says where the data is, and SECRET_KEY signs the tokens.

APP_NAME=Lending library
DEBUG=false
DATABASE_URL=postgresql+asyncpg://user:password@localhost/library
SECRET_KEY=
"""
        },
    ),
    Right(
        "an example that explains each line beside it",
        {
            EXAMPLE: """APP_NAME="Lending library"  # the title
DEBUG=false  # tracebacks
DATABASE_URL=sqlite+aiosqlite:///./library.db  # the data
SECRET_KEY=  # at least 32 characters
"""
        },
    ),
    Right(
        "settings of which there are several classes",
        {
            CONFIG: [
                ("class Settings(BaseSettings):", "class Base(BaseSettings):"),
                ("\n\n@lru_cache", "\n\nclass Settings(Base):\n    pass\n\n\n@lru_cache"),
            ]
        },
    ),
    Right(
        "files that stand beside app/",
        {
            "about.md": "Books to borrow",
            "static/style.css": "",
            MAIN: [
                (
                    "from fastapi import FastAPI\n",
                    (
                        "from pathlib import Path\n\n"
                        "from fastapi import FastAPI\nfrom fastapi.staticfiles import StaticFiles\n"
                    ),
                ),
                (APPLICATION, BESIDE),
            ],
        },
    ),
    Right(
        "an error in words of its own that keeps its cause",
        {CONFIG: (MADE, CHAINED)},
    ),
    Right(
        "settings that the log tells",
        {
            MAIN: [
                (SETTINGS, SETTINGS + '\n    logging.info("starting with %r", settings)'),
                ("from fastapi import", "import logging\n\nfrom fastapi import"),
            ]
        },
    ),
    Right(
        "settings that are asked for at the start-up, too",
        {
            MAIN: [
                (
                    "def create_app",
                    (
                        "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n"
                        "    app.state.settings = get_settings()\n    yield\n\n\ndef create_app"
                    ),
                ),
                ("debug=settings.debug)", "debug=settings.debug, lifespan=lifespan)"),
                ("from fastapi import", "from contextlib import asynccontextmanager\n\nfrom fastapi import"),
            ]
        },
    ),
    Right(
        "a file found from the module, wherever the service is started",
        {
            CONFIG: [
                ('env_file=".env"', 'env_file=Path(__file__).resolve().parents[2] / ".env"'),
                ("from functools", "from pathlib import Path\nfrom functools"),
            ]
        },
    ),
    Right(
        "one object at the module's end",
        {
            CONFIG: [
                (CACHED, "def get_settings() -> Settings:"),
                (MADE, "return settings\n\n\nsettings = Settings()"),
                ("from functools import lru_cache\n\n", ""),
            ]
        },
    ),
    Right(
        "a cache of its own",
        {
            CONFIG: [
                (CACHED, "_known: list[Settings] = []\n\n\ndef get_settings() -> Settings:"),
                (MADE, "if not _known:\n        _known.append(Settings())\n    return _known[0]"),
            ]
        },
    ),
    Right(
        "the file named where the object is made",
        {CONFIG: [('env_file=".env", ', ""), (MADE, 'return Settings(_env_file=".env")')]},
    ),
    Right(
        "two classes, several files, the limit in a validator",
        {
            CONFIG: [
                (
                    "class Settings(BaseSettings):",
                    (
                        "class FromEnvironment(BaseSettings):\n"
                        "    model_config = SettingsConfigDict(\n"
                        '        env_file=(".env", ".env.local"), extra="ignore", hide_input_in_errors=True\n'
                        "    )\n\n\n"
                        "class Settings(FromEnvironment):"
                    ),
                ),
                ("    " + MODEL_CONFIG + "\n\n", ""),
                (
                    KEY,
                    (
                        "secret_key: SecretStr\n\n"
                        '    @field_validator("secret_key")\n'
                        "    @classmethod\n"
                        "    def long_enough(cls, key: SecretStr) -> SecretStr:\n"
                        "        if len(key.get_secret_value()) < 32:\n"
                        '            raise ValueError("at least 32 characters")\n'
                        "        return key"
                    ),
                ),
                ("import Field, SecretStr", "import Field, SecretStr, field_validator"),
            ]
        },
    ),
    Right(
        "the limit in the annotation, the names as aliases",
        {
            CONFIG: [
                (
                    KEY,
                    'secret_key: Annotated[SecretStr, Field(min_length=32, validation_alias="SECRET_KEY")]',
                ),
                ("from functools", "from typing import Annotated\nfrom functools"),
            ]
        },
    ),
    Right(
        "a refusal in words of its own",
        {
            CONFIG: (
                MADE,
                (
                    "try:\n        return Settings()\n    except ValueError:\n"
                    '        raise SystemExit("The settings are not valid: see .env.example") from None'
                ),
            )
        },
    ),
    Right(
        "sources that are listed, secrets in files among them",
        {CONFIG: member(ALL_SOURCES)},
    ),
    Right(
        "an application that is told its settings",
        {
            MAIN: [
                (
                    "def create_app() -> FastAPI:",
                    "def create_app(settings: Settings | None = None) -> FastAPI:",
                ),
                ("settings = get_settings()", "settings = settings or get_settings()"),
                ("import get_settings", "import Settings, get_settings"),
            ]
        },
    ),
    Right(
        "an example with comments after its values",
        {
            EXAMPLE: (
                "\nSECRET_KEY=",
                "\n# export LOG_LEVEL=info\nexport SECRET_KEY=  # at least 32 characters, see above",
            )
        },
    ),
    Right(
        "a field that is computed",
        {
            CONFIG: [
                ("import Field, SecretStr", "import Field, SecretStr, computed_field"),
                member(COMPUTED),
            ]
        },
    ),
    Right(
        "the configuration as keywords of the class",
        {
            CONFIG: [
                (
                    "class Settings(BaseSettings):",
                    (
                        'class Settings(BaseSettings, env_file=".env", extra="ignore",'
                        " hide_input_in_errors=True):"
                    ),
                ),
                ("    " + MODEL_CONFIG + "\n\n", ""),
                ("import BaseSettings, SettingsConfigDict", "import BaseSettings"),
            ]
        },
    ),
    Right(
        "a function that is made from the class",
        {CONFIG: (CACHED, "get_settings = lru_cache(Settings)\n\n\ndef _fresh() -> Settings:")},
    ),
]
