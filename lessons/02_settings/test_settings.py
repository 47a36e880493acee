"""Lesson 02: settings from the environment and from .env, checked before anything starts."""

import importlib
import inspect
import json
import logging
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.apart import blame
from checks.expect import Unmet, described, expect, line_matching, line_with
from checks.serving import serving

if TYPE_CHECKING:
    from fastapi import FastAPI

    from checks.fixtures import Load

pytestmark = pytest.mark.usefixtures("apart")

EXAMPLE = ".env.example"
MAIN = "app/main.py"
CONFIG_FILE = "app/core/config.py"
TALKS = (r"\bprint\(", r"\.(debug|info|warning|error|exception|critical|log)\(", r"\.write\(")
CONFIG = "app.core.config"
KEY = "0123456789abcdef0123456789abcdef"
TELLING = 6
"""Characters of a key, one after the other, that nobody should see."""
SYNC_DRIVERS = {"", "pysqlite", "psycopg2", "pg8000", "pymysql", "mysqldb"}
NAMES = ("APP_NAME", "DEBUG", "DATABASE_URL", "SECRET_KEY")
NOTHING_SET = dict.fromkeys(NAMES)

Read = Callable[..., Any]
LoadApp = Callable[..., "FastAPI"]


@pytest.fixture
def read(load: "Load") -> Read:
    """``read(SECRET_KEY=KEY)``: what `get_settings` returns under that environment and no more."""

    def read(**environment: str) -> Any:
        get_settings = load(CONFIG, **NOTHING_SET | environment).get_settings
        settings = get_settings()
        expect(
            settings is not None and not isinstance(settings, type),
            expected="get_settings() to return an object of the class Settings",
            found="it returned None" if settings is None else f"it returned the class {settings!r} itself",
            at=inspect.unwrap(get_settings),
        )
        return settings

    return read


@pytest.fixture
def settings_class(apart: Path) -> Callable[[], object]:
    """Where the class stands in the learner's file, for the failures to point at."""

    def place() -> object:
        module = sys.modules.get(CONFIG)
        settings: object = getattr(module, "Settings", None)
        return CONFIG_FILE if settings is None else blame(settings, apart)

    return place


Place = Callable[[], object]


@pytest.fixture
def overheard(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was printed or logged since the last call; the log is heard at every level."""
    caplog.set_level(logging.DEBUG)

    def overheard() -> str:
        printed, logged = capsys.readouterr(), caplog.text
        caplog.clear()
        return printed.out + printed.err + logged

    return overheard


Overheard = Callable[[], str]


def test_environment_reaches_the_settings(read: Read, settings_class: Place) -> None:
    """Each setting comes from its environment variable

    Why: The same code runs on every machine; only its environment differs.

    Next: Step 1 lists the names and types; a field is read from the variable of its name, in capitals.
    """
    environment = {
        "APP_NAME": "Reading room",
        "DEBUG": "true",
        "DATABASE_URL": "sqlite+aiosqlite:///./other.db",
        "SECRET_KEY": KEY,
    }
    settings = read(**environment)
    found = {
        "APP_NAME": settings.app_name,
        "DEBUG": settings.debug,
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": revealed(settings.secret_key),
    }
    for name, expected in (environment | {"DEBUG": True}).items():
        expect(
            found[name] == expected,
            expected=f"{name.lower()} to be {expected!r} when {name}={environment[name]}",
            found=f"{name.lower()} is {found[name]!r}",
            at=settings_class(),
        )


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_only_the_key_has_to_be_set(read: Read, settings_class: Place) -> None:
    """SECRET_KEY is the one setting without a default

    Why: A newcomer should have to set as little as possible, and nothing dangerous by default.

    Next: Step 1 gives the default of each of the other three.
    """
    try:
        read(SECRET_KEY=KEY)
    except Exception as error:  # noqa: BLE001 - whatever the refusal looks like
        raise Unmet(
            expected="settings, with only SECRET_KEY in the environment",
            found=described(error),
            at=settings_class(),
        ) from None


@pytest.mark.needs("test_only_the_key_has_to_be_set")
def test_debug_is_off_by_default(read: Read, settings_class: Place) -> None:
    """debug is off unless somebody asks for it

    Why: With debug on, an error shows its traceback to everybody who can reach the service.

    Next: See the default of debug in step 1.
    """
    debug = read(SECRET_KEY=KEY).debug
    expect(debug is False, expected="debug to be False", found=f"debug is {debug!r}", at=settings_class())


@pytest.mark.needs("test_only_the_key_has_to_be_set")
def test_defaults_are_those_of_the_brief(read: Read, settings_class: Place) -> None:
    """app_name and database_url have the defaults of step 1

    Why: Whoever reads the brief, or the documentation, expects the service to do what stands there.

    Next: Compare the two with the table of step 1.
    """
    settings = read(SECRET_KEY=KEY)
    expect(
        settings.app_name == "Lending library",
        expected="app_name to be 'Lending library' when nothing sets it",
        found=f"app_name is {settings.app_name!r}",
        at=settings_class(),
    )
    url = str(settings.database_url)
    expect(
        Path(url).name == "library.db",
        expected="database_url to name the file library.db when nothing sets it",
        found=f"database_url is {url!r}",
        at=settings_class(),
    )


@pytest.mark.needs("test_only_the_key_has_to_be_set")
def test_default_database_has_an_async_driver(read: Read, settings_class: Place) -> None:
    """The default database is SQLite, through aiosqlite

    Why: SQLAlchemy takes the driver from the URL; without a name there, it takes one that blocks.

    Next: See the default of database_url in step 1.
    """
    url = str(read(SECRET_KEY=KEY).database_url)
    expect(
        url.startswith("sqlite+aiosqlite:"),
        expected="a database_url that begins with sqlite+aiosqlite:",
        found=f"a database_url of {url!r}",
        at=settings_class(),
    )


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_missing_key_is_refused(read: Read, settings_class: Place) -> None:
    """Without SECRET_KEY there are no settings

    Why: A key that everybody can read in the source signs tokens for everybody.

    Next: Step 1 says what default secret_key has.
    """
    others = {"APP_NAME": "Reading room", "DATABASE_URL": "sqlite+aiosqlite:///./other.db"}
    for debug in ("false", "true"):
        for environment in ({}, others | {"DEBUG": debug}):
            if refusal(read, **environment) is None:
                raise Unmet(
                    expected=f"an error when SECRET_KEY is set nowhere, also with DEBUG={debug}",
                    found=f"settings, with {told_key(read(**environment))}",
                    at=settings_class(),
                )


@pytest.mark.needs("test_only_the_key_has_to_be_set")
def test_bad_value_is_refused(read: Read, settings_class: Place) -> None:
    """A value that a setting cannot have is refused

    Why: Who writes DEBUG=perhaps has made a mistake, and should learn of it at once.

    Next: Step 1 gives the type of debug. Pydantic refuses other values; does your code decide before it?
    """
    expect(
        refusal(read, SECRET_KEY=KEY, DEBUG="perhaps") is not None,
        expected="an error when DEBUG=perhaps",
        found="settings",
        at=settings_class(),
    )


@pytest.mark.needs("test_missing_key_is_refused")
def test_short_key_is_refused(read: Read, settings_class: Place) -> None:
    """A SECRET_KEY of fewer than 32 characters is refused

    Why: A short key can be guessed, and then anybody can make a token.

    Next: Step 1 gives the limit; Field() can carry it.
    """
    for length in (0, 8, 31):
        expect(
            refusal(read, SECRET_KEY=KEY[:length]) is not None,
            expected=f"an error for a SECRET_KEY of {length} characters",
            found="settings",
            at=settings_class(),
        )


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_key_is_not_shown(read: Read, settings_class: Place) -> None:
    """Printing the settings does not show the key

    Why: Settings end up in logs and error reports, and those are read by many.

    Next: Step 1 gives the type of secret_key.
    """
    settings = read(SECRET_KEY=KEY)
    for way, shown in (
        ("repr()", repr(settings)),
        ("str()", str(settings)),
        ("str() of it", str(settings.secret_key)),
    ):
        expect(
            KEY not in shown,
            expected="asterisks in the place of the key",
            found=f"the key itself in {way}",
            at=settings_class(),
        )


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_settings_are_read_once(load: "Load") -> None:
    """get_settings() returns the same object each time

    Why: Reading the file for each request is slow, and two answers in one process may differ.

    Next: Step 2; functools has a decorator that remembers what a function returned.
    """
    config = load(CONFIG, SECRET_KEY=KEY)
    expect(
        config.get_settings() is config.get_settings(),
        expected="one object, however often get_settings() is called",
        found="another object at the second call",
        at=config.get_settings,
    )


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_env_file_is_read(read: Read, apart: Path, settings_class: Place) -> None:
    """What the environment does not say comes from .env

    Why: On your own machine one file keeps the values, and you set nothing by hand.

    Next: Step 3 says which entry of the model's configuration names the file.
    """
    write_env(apart, APP_NAME="From the file")
    name = read(SECRET_KEY=KEY).app_name
    expect(
        name == "From the file",
        expected="app_name to come from the line APP_NAME=From the file in .env",
        found=f"app_name is {name!r}",
        at=settings_class(),
    )


@pytest.mark.needs("test_env_file_is_read")
def test_environment_wins_over_env_file(read: Read, apart: Path, settings_class: Place) -> None:
    """A real environment variable wins over .env

    Why: Whoever operates the service has the last word, not a file that was left on the disk.

    Next: pydantic-settings has this order by itself; look for code of yours that changes it (step 3).
    """
    write_env(apart, APP_NAME="From the file")
    name = read(SECRET_KEY=KEY, APP_NAME="From the environment").app_name
    expect(
        name == "From the environment",
        expected="app_name to come from the environment when both have it",
        found=f"app_name is {name!r}",
        at=settings_class(),
    )


@pytest.mark.needs("test_env_file_is_read")
def test_env_file_may_hold_other_variables(read: Read, apart: Path, settings_class: Place) -> None:
    """.env may hold variables that belong to other tools

    Why: Docker and many others read the same file; a line for them is no mistake of yours.

    Next: Step 3 says what the model's configuration has to say about extra variables.
    """
    write_env(apart, COMPOSE_PROJECT_NAME="library")
    try:
        read(SECRET_KEY=KEY)
    except Exception as error:  # noqa: BLE001 - whatever the refusal looks like
        raise Unmet(
            expected="settings, with the line COMPOSE_PROJECT_NAME=library in .env",
            found=described(error),
            at=settings_class(),
        ) from None


@pytest.mark.needs("test_short_key_is_refused")
def test_refusal_does_not_show_the_key(
    read: Read, settings_class: Place, overheard: Overheard, project: Path
) -> None:
    """The error about a short key does not show that key

    Why: The error of a failed start stands in the log, and a short key may be one that is in use.

    Next: Step 3 names the entry of the model's configuration that hides values in errors.
    """
    short = "tomorrow-never-knows"
    error = "".join(traceback.format_exception(refusal(read, SECRET_KEY=short)))
    expect(
        not (shown := part_of(short, error)),
        expected="an error that names the setting and not its value",
        found=f"an error, or one that led to it, that shows {shown!r}",
        at=settings_class(),
    )
    expect(
        not (shown := part_of(short, overheard())),
        expected="nothing printed or logged that shows the key",
        found=f"{shown!r} in the output",
        at=line_with(CONFIG_FILE, project, *TALKS),
    )


def part_of(key: str, text: str) -> str:
    """A piece of a key that a text shows, or the empty string."""
    pieces = (key[start : start + TELLING] for start in range(len(key) - TELLING + 1))
    return next((piece for piece in pieces if piece in text), "")


@pytest.mark.needs("test_environment_reaches_the_settings")
def test_title_comes_from_the_settings(load_app: LoadApp, project: Path) -> None:
    """The application's title is the setting app_name

    Why: A setting that nothing uses only looks like one.

    Next: Step 4: create_app() asks for the settings.
    """
    app = load_app(SECRET_KEY=KEY, APP_NAME="Reading room")
    title = app.openapi()["info"]["title"]
    expect(
        title == "Reading room",
        expected="the title 'Reading room' when APP_NAME=Reading room",
        found=f"the title {title!r}",
        at=line_with(MAIN, project, r"FastAPI\("),
    )


@pytest.mark.needs("test_title_comes_from_the_settings")
def test_debug_reaches_the_application(load_app: LoadApp, project: Path) -> None:
    """The application's debug mode is the setting debug

    Why: Whoever sets DEBUG=true wants to see tracebacks in the browser.

    Next: Step 4: FastAPI() takes more than a title.
    """
    for value in (True, False):
        app = load_app(SECRET_KEY=KEY, DEBUG=str(value).lower())
        expect(
            app.debug is value,
            expected=f"app.debug to be {value} when DEBUG={str(value).lower()}",
            found=f"app.debug is {app.debug!r}",
            at=line_with(MAIN, project, r"FastAPI\("),
        )


@pytest.mark.anyio
@pytest.mark.needs("test_settings_are_read_once")
async def test_application_uses_the_one_object(load: "Load", project: Path) -> None:
    """The application asks get_settings() and makes no settings of its own

    Why: Two objects that were read at two moments may say two things.

    Next: Step 4: what does create_app() call?
    """
    config = load(CONFIG, SECRET_KEY=KEY)
    config.get_settings()
    made = 0
    make = config.Settings.__init__

    def counting(settings: Any, *args: Any, **values: Any) -> None:
        nonlocal made
        made += type(settings) is config.Settings
        make(settings, *args, **values)

    config.Settings.__init__ = counting
    async with serving(importlib.import_module("app.main").app):
        pass
    expect(
        made == 0,
        expected="an application that uses what get_settings() returned",
        found=f"{made} more objects of the class Settings",
        at=line_with(MAIN, project, r"\bSettings\("),
    )


@pytest.mark.anyio
@pytest.mark.needs("test_missing_key_is_refused", "test_title_comes_from_the_settings")
async def test_service_without_key_does_not_start(load_app: LoadApp, project: Path) -> None:
    """Without SECRET_KEY the service does not start

    Why: A service that starts half is found by its users; one that does not start, by whoever started it.

    Next: Step 4: does create_app() ask get_settings(), and let its error out?
    """
    try:
        async with serving(load_app(**NOTHING_SET)):
            pass
    except (Exception, SystemExit):  # noqa: BLE001 - at import or at start-up, in whatever words
        return
    raise Unmet(
        expected="an error at the start when SECRET_KEY is set nowhere",
        found="an application that starts",
        at=line_with(MAIN, project, r"except\b", r"get_settings\(", r"FastAPI\("),
    )


@pytest.mark.needs("test_key_is_not_shown")
def test_start_does_not_show_the_key(load_app: LoadApp, overheard: Overheard, project: Path) -> None:
    """Starting the application prints, logs and documents no key

    Why: The output of a start is kept for years, and read by many.

    Next: Step 2 and step 4: does some line print or log the key, or the settings as a dictionary?
    """
    app = load_app(SECRET_KEY=KEY)
    expect(
        KEY not in overheard(),
        expected="no key in the output",
        found="the key itself, printed or logged",
        at=line_matching(CONFIG_FILE, project, *TALKS) or line_with(MAIN, project, *TALKS),
    )
    expect(
        KEY not in json.dumps(app.openapi()),
        expected="no key in the documentation of the API",
        found="the key itself",
        at=line_with(MAIN, project, "secret", r"FastAPI\("),
    )


def test_example_names_every_setting(project: Path) -> None:
    """.env.example names and explains every setting

    Why: It is the first thing that a new colleague, or a new server, copies.

    Next: Step 5: one line per setting, with a sentence above it.
    """
    named = names_in(example_text(project))
    missing = [name for name in NAMES if name not in named]
    expect(
        not missing,
        expected=f"lines for {', '.join(NAMES)}",
        found=f"no line for {', '.join(missing)}",
        at=EXAMPLE,
    )
    bare = next((name for name in NAMES if not is_explained(name, example_text(project))), "")
    expect(
        not bare,
        expected="a sentence above each line, after a #",
        found=f"no words about {bare}",
        at=line_with(EXAMPLE, project, rf"\b{bare}\b"),
    )


@pytest.mark.needs("test_example_names_every_setting", "test_env_file_is_read")
def test_example_becomes_a_working_env_file(
    project: Path, apart: Path, read: Read, load_app: LoadApp
) -> None:
    """A copy of .env.example works once the key is there

    Why: A value in the example that the settings refuse costs everybody the same half hour.

    Next: Step 5: look at the value of the setting that the error names.
    """
    shutil.copy(project / EXAMPLE, apart / ".env")
    error = refusal(read, SECRET_KEY=KEY)
    expect(
        error is None,
        expected="settings from a copy of the example and a key",
        found=described(error),
        at=EXAMPLE,
    )
    url = str(read(SECRET_KEY=KEY).database_url)
    expect(
        url.partition(":")[0].partition("+")[2] not in SYNC_DRIVERS,
        expected="a DATABASE_URL with an asynchronous driver, such as sqlite+aiosqlite:",
        found=f"DATABASE_URL={url}",
        at=line_with(EXAMPLE, project, r"^DATABASE_URL", "DATABASE_URL"),
    )
    try:
        load_app(**NOTHING_SET | {"SECRET_KEY": KEY}).openapi()
    except Exception as error:  # noqa: BLE001 - whatever the application makes of the values
        raise Unmet(
            expected="an application that starts with a copy of the example and a key",
            found=described(error),
            at=EXAMPLE,
        ) from None


@pytest.mark.needs("test_example_becomes_a_working_env_file", "test_missing_key_is_refused")
def test_example_holds_no_usable_key(project: Path, apart: Path, read: Read) -> None:
    """A copy of .env.example is refused until somebody sets a key

    Why: The example is public. A key that works there gets used, on real servers too.

    Next: Step 5 says what stands after SECRET_KEY= in the example.
    """
    shutil.copy(project / EXAMPLE, apart / ".env")
    expect(
        refusal(read) is not None,
        expected="an error for the key that the example holds",
        found="settings, with a key that everybody can read",
        at=line_with(EXAMPLE, project, "SECRET_KEY"),
    )


def example_text(project: Path) -> str:
    """The text of .env.example.

    Raises `checks.expect.Unmet` if there is none, or none in UTF-8.
    """
    try:
        return (project / EXAMPLE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Unmet(expected=f"a file {EXAMPLE} in project/", found="no such file", at=EXAMPLE) from None
    except UnicodeDecodeError:
        raise Unmet(
            expected=f"{EXAMPLE} as a text in UTF-8",
            found="bytes that are not UTF-8; an editor can save the file in another encoding",
            at=EXAMPLE,
        ) from None


def refusal(read: Read, **environment: str) -> BaseException | None:
    """The error with which settings are refused under an environment, or None if they are not."""
    try:
        read(**environment)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the refusal looks like
        return error
    return None


def told_key(settings: Any) -> str:
    """What the key of settings is that nobody gave one."""
    return "a key from the source code" if revealed(settings.secret_key) else "no key at all"


def revealed(secret: Any) -> Any:
    """The text of a secret, whether it hides it or not."""
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else secret


def write_env(folder: Path, **lines: str) -> None:
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (folder / ".env").write_text(text, encoding="utf-8")


def is_explained(name: str, example: str) -> bool:
    """Whether some words about a variable stand above its line, beside it, or elsewhere with its name."""
    above = ""
    for line in example.splitlines():
        words = line.lstrip("# ").split()
        if named := names_in(line) & set(NAMES):
            if name in named:
                return bool(above) or " #" in line
            above = ""
        elif line.lstrip().startswith("#") and words:
            above = line
            if name in words:
                return True
    return False


def names_in(example: str) -> set[str]:
    """The variables that an example names, also those in a comment."""
    starts = (line.lstrip("# ").partition("=") for line in example.splitlines())
    return {name.removeprefix("export ").strip().upper() for name, equals, _ in starts if equals}
