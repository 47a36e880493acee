"""The folder where a change keeps new files before they have their place, and former ones after.

Former files stay here until the next change: a program that had one open may still write to it.
"""

from pathlib import Path

from checks.workspace.area import Area, read_data
from checks.workspace.model import DamagedError
from checks.workspace.tree import EntryKind, look

NEW, OLD, TAKEN = ".new", ".old", ".taken"
DONE = "done.json"


class Staging:
    """The staging folder of one project.

    Args:
        area: the project.
    """

    def __init__(self, area: Area) -> None:
        self._area = area
        self._folder = area.staging

    def new(self, number: int) -> Path:
        """Where the step of that number keeps its new file."""
        return self._folder / f"{number}{NEW}"

    def old(self, number: int) -> Path:
        """Where it keeps what stood there before."""
        return self._folder / f"{number}{OLD}"

    def taken(self, number: int) -> Path:
        """Where it keeps its own file when that is taken back."""
        return self._folder / f"{number}{TAKEN}"

    def clear(self) -> list[str]:
        """Make the folder anew for a change.

        What was moved out of the project goes only if its content is in the store. Else it is set aside.

        Returns:
            A sentence for each file that was set aside.
        """
        self.ensure()
        names = self._names()
        notes = [self.free(path, names.get(path.stem, path.name)) for path in self._folder.iterdir()]
        return list(filter(None, notes))

    def free(self, path: Path, name: str) -> str | None:
        """Make room where a file may be.

        Args:
            path: in this folder.
            name: of the file in the project.

        Returns:
            A sentence when it had to be set aside.
        """
        if self._is_spare(path):
            self._area.disk.discard(path)
            return None
        aside = self._area.set_aside(path, Path(name).name)
        return f"What a program wrote to {name} at the last moment is kept in {aside}."

    def ensure(self) -> None:
        """Make the folder if it is missing."""
        if not self._folder.is_dir():
            self._area.disk.mkdir(self._folder)

    def close(self, journal: Path) -> None:
        """End a change: from the moment that the journal is here, it is over."""
        self._area.make_way(self._folder / DONE)
        self._area.disk.replace(journal, self._folder / DONE)

    def _is_spare(self, path: Path) -> bool:
        """Whether nothing is lost with it: it never was in the project, or the store has its content."""
        if path.is_dir() and not path.is_symlink():
            return False
        entry = look(path) if path.suffix in {OLD, TAKEN} else None
        if entry is None or entry.kind is EntryKind.LINK:
            return True
        return entry.kind is EntryKind.FILE and self._area.store.is_sound(entry.digest)

    def _names(self) -> dict[str, str]:
        """Number of a step to its path, of the last change."""
        try:
            steps = read_data(self._folder / DONE)["steps"]
            return {str(number): str(path) for number, (_, path, *_) in enumerate(steps)}
        except (DamagedError, OSError, KeyError, TypeError, ValueError):
            return {}
