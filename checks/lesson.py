"""What lessons exist, their order, and what each is made of.

Everything a lesson says about itself stands in its folder: the number and the name in the folder's
name, the rest in ``lesson.toml``. Nothing else in this repository lists lessons.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOLDER_NAME = re.compile(r"(?P<number>\d{2})_(?P<word>[a-z][a-z0-9_]*)")
IGNORED = frozenset(
    {
        *("__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv"),
        *(".DS_Store", "Thumbs.db", "desktop.ini"),
    }
)

LOAD = "application-loads"
"""The name of the first check of every lesson; all others rest on it."""

NEEDS = "needs(*names): checks that have to hold first; test_x, or test_other.py::test_x of the same lesson"
"""The marker of a lesson's check, as pytest registers it."""


class LessonError(Exception):
    """A lesson cannot be found or read; the text is written for the person at the terminal."""


class UnknownLessonError(LessonError):
    """No lesson on offer answers to the given word.

    Attributes:
        word: what was asked for.
        nearest: names of the lessons that come closest, best first.
        later: the name of a lesson that answers to it and is not on offer yet.
    """

    def __init__(self, word: str, nearest: list[str], later: str = "") -> None:
        self.word = word
        self.nearest = nearest
        self.later = later
        hint = f" The nearest is {nearest[0]}." if nearest else ""
        what = f"Lesson {later} is not on offer yet." if later else f"There is no lesson {word!r}.{hint}"
        super().__init__(f"{what} `workshop status` lists them all.")


@dataclass(frozen=True)
class Lesson:
    """One lesson: a folder of ``lessons/`` and, beside it, the folder of the same name in ``solutions/``."""

    folder: Path
    solution: Path

    @property
    def name(self) -> str:
        """The folder's name, such as ``03_lifespan``: the key under which everything is remembered."""
        return self.folder.name

    @property
    def number(self) -> int:
        """The place in the order of the lessons, counted from 1."""
        return int(self.name[:2])

    def answers_to(self, word: str) -> bool:
        """Whether a word is the lesson's name, the number or the rest of it."""
        number, _, rest = self.name.partition("_")
        return word in {self.name, number, rest} or (word.isdecimal() and int(word) == self.number)

    @cached_property
    def _toml(self) -> dict[str, object]:
        path = self.folder / "lesson.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise LessonError(f"{path} cannot be read: {error}") from error

    def _value(self, key: str, kind: type) -> object:
        value = self._toml.get(key, kind())
        if not isinstance(value, kind):
            raise LessonError(f"{self.folder / 'lesson.toml'}: {key} should be of type {kind.__name__}")
        return value

    def _words(self, key: str) -> tuple[str, ...]:
        return tuple(str(word) for word in self._value(key, list))  # type: ignore[attr-defined]

    @property
    def title(self) -> str:
        """The lesson's name for people, such as ``Lifespan``."""
        return str(self._value("title", str))

    @property
    def summary(self) -> str:
        """One sentence: what the learner builds."""
        return str(self._value("summary", str))

    @property
    def minutes(self) -> int:
        """How long a learner needs, in minutes."""
        return int(str(self._value("minutes", int)))

    @property
    def optional(self) -> bool:
        """Whether a group that is short of time may leave it out."""
        return bool(self._value("optional", bool))

    @property
    def made(self) -> tuple[str, ...]:
        """Files of the project that this lesson makes, relative to the project, with forward slashes."""
        return self._words("made")

    @property
    def changed(self) -> tuple[str, ...]:
        """Files of earlier lessons that this lesson changes."""
        return self._words("changed")

    @property
    def conventions(self) -> tuple[str, ...]:
        """Slugs of the conventions that are first met here."""
        return self._words("conventions")

    @property
    def contract(self) -> Mapping[str, tuple[str, ...]]:
        """Module name to the public names that later layers and the checks rely on.

        Each name is written as in a stub file: ``app: FastAPI``, ``def get_settings() -> Settings``,
        ``class Settings(BaseSettings)``, ``Settings.database_url: str``.
        """
        contract = self._value("contract", dict)
        return {str(module): tuple(map(str, names)) for module, names in contract.items()}  # type: ignore[attr-defined]

    @property
    def is_offered(self) -> bool:
        """Whether learners can take it: it has a brief and checks."""
        return (self.folder / "README.md").is_file() and any(self.folder.glob("test_*.py"))

    @property
    def starter_files(self) -> dict[str, Path]:
        """Project path to file: what the learner first sees of this lesson."""
        return dict(_files_below(self.folder / "starter"))

    @property
    def solution_files(self) -> dict[str, Path]:
        """Project path to file: the reference version of the files that this lesson makes or changes."""
        return dict(_files_below(self.solution))

    @property
    def test_files(self) -> list[Path]:
        """The modules that hold the behaviour checks."""
        return sorted(self.folder.glob("test_*.py"))


class Course:
    """All lessons of one clone of the workshop, in order.

    Args:
        root: the folder that holds ``lessons/`` and ``solutions/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def project(self) -> Path:
        """Where the learner's application lives, whether it exists yet or not."""
        return self.root / "project"

    @cached_property
    def all_lessons(self) -> tuple[Lesson, ...]:
        """Every lesson that has a folder, also those without a brief or checks yet."""
        lessons = self.root / "lessons"
        if not lessons.is_dir():
            raise LessonError(f"{lessons} is missing: is this a complete clone of the workshop?")
        folders = sorted(f for f in lessons.iterdir() if f.is_dir() and FOLDER_NAME.fullmatch(f.name))
        return tuple(Lesson(f, self.root / "solutions" / f.name) for f in folders)

    @cached_property
    def lessons(self) -> tuple[Lesson, ...]:
        """The lessons that learners can take."""
        return tuple(lesson for lesson in self.all_lessons if lesson.is_offered)

    def find(self, word: str) -> Lesson:
        """The lesson that a person means by ``3``, ``03``, ``03_lifespan``, ``lifespan`` or ``lessons/03``.

        Raises:
            UnknownLessonError: no offered lesson answers to the word; carries the nearest names.
        """
        wanted = word.strip().rstrip("/\\").replace("\\", "/").removeprefix("lessons/").lower()
        meant = next((lesson for lesson in self.all_lessons if lesson.answers_to(wanted)), None)
        if meant is not None and meant.is_offered:
            return meant
        if meant is not None:
            raise UnknownLessonError(word, [], meant.name)
        names = {key: lesson.name for lesson in self.lessons for key in (lesson.name, lesson.name[3:])}
        close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
        raise UnknownLessonError(word, list(dict.fromkeys(names[key] for key in close)))

    def until(self, lesson: Lesson) -> tuple[Lesson, ...]:
        """All lessons from the first to the given one, that one included, offered or not."""
        return tuple(other for other in self.all_lessons if other.number <= lesson.number)

    def after(self, lesson: Lesson) -> Lesson | None:
        """The next lesson on offer, or None after the last."""
        return next((other for other in self.lessons if other.number > lesson.number), None)

    def conventions_until(self, lesson: Lesson) -> dict[str, Lesson]:
        """Slug to the lesson where it is first met, for all conventions met up to the given lesson."""
        met: dict[str, Lesson] = {}
        for other in self.until(lesson):
            for slug in other.conventions:
                met.setdefault(slug, other)
        return met

    def state(self, lesson: Lesson | None) -> dict[str, Path]:
        """Project path to reference file after the given lesson: later solutions over earlier ones.

        ``None`` stands for the state before the first lesson: nothing.
        """
        files: dict[str, Path] = {}
        for other in self.until(lesson) if lesson else ():
            files |= other.solution_files
        return files

    @cached_property
    def makers(self) -> Mapping[str, str]:
        """Project path to the name of the lesson that makes the file."""
        return {file: lesson.name for lesson in self.all_lessons for file in lesson.made}

    def before(self, lesson: Lesson) -> Lesson | None:
        """The lesson that comes right before the given one, or None before the first."""
        earlier = [other for other in self.all_lessons if other.number < lesson.number]
        return earlier[-1] if earlier else None


def find_course(start: Path | None = None) -> Course:
    """The course whose clone holds the given folder, or else the one that this package stands in.

    Args:
        start: where to look from, upwards; the current folder when left out.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "lessons").is_dir() and (folder / "solutions").is_dir() and (folder / "checks").is_dir():
            return Course(folder)
    return Course(Path(__file__).resolve().parents[1])


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in IGNORED)
        for name in sorted(files):
            if name not in IGNORED and not name.endswith(".pyc"):
                path = Path(parent, name)
                yield path.relative_to(folder).as_posix(), path
