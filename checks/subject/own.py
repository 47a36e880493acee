"""Whose file it is, told by its name alone."""

import os
from pathlib import Path


class Folder:
    """Tells the files below a folder from all others, also from those of a folder whose name begins alike.

    It is asked for every frame of a stack, so it does not look at the disk.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self._prefix = os.path.normcase(path) + os.sep

    def holds(self, file: str) -> bool:
        """Whether a file's name, as code objects have it, lies below the folder."""
        return os.path.normcase(file).startswith(self._prefix)
