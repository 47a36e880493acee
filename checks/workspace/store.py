"""File contents, kept by their digest: equal contents are kept once, none is ever removed.

Contents are compressed, also so that a search or a replacement over all files of the project does not
find them here.
"""

from collections.abc import Iterator
from pathlib import Path

from checks.patience import patiently
from checks.workspace.disk import Disk
from checks.workspace.model import DamagedError
from checks.workspace.tree import CHUNK

SMALL = 1 << 22
"""Larger files are kept as they are: they are rarely text, and compressing them takes long."""


class Store:
    """The kept contents.

    Args:
        folder: where they live.
        disk: what writes.
        spare: a path for a new file, in an existing folder of the same file system.
    """

    def __init__(self, folder: Path, disk: Disk, spare: Path) -> None:
        self.folder = folder
        self._disk = disk
        self._spare = spare
        self._sound: set[str] = set()

    def doubt(self) -> None:
        """Look at contents anew that were intact: between two commands, anything may happen to them."""
        self._sound.clear()

    def keep(self, source: Path, digest: str) -> bool:
        """Keep the bytes of a file; nothing is written where they are kept already.

        Returns:
            False when the file does not have that digest any more; then nothing was kept.
        """
        if self.is_sound(digest):
            return True
        self._disk.discard(self._spare)
        self._disk.create(self._spare, _compressed(source))
        if _digest(_expanded(self._spare)) != digest:
            return False
        target = self._path(digest)
        for folder in (self.folder, target.parent):
            if not folder.is_dir():
                self._disk.mkdir(folder)
        self._disk.replace(self._spare, target)
        self._sound.add(digest)
        return True

    def is_sound(self, digest: str) -> bool:
        """Whether these bytes are kept, and intact."""
        import zlib

        if digest not in self._sound:
            try:
                if _digest(_expanded(self._path(digest))) != digest:
                    return False
            except (OSError, zlib.error):
                return False
            self._sound.add(digest)
        return True

    def chunks(self, digest: str) -> Iterator[bytes]:
        """The kept bytes, in pieces.

        Raises:
            DamagedError: they are not kept, or not intact.
        """
        if not self.is_sound(digest):
            raise DamagedError(f"{self._path(digest)} is missing or damaged.")
        return _expanded(self._path(digest))

    def starts_with(self, digest: str, path: Path) -> bool:
        """Whether a file is a beginning of the kept bytes."""
        with path.open("rb") as file:
            for chunk in self.chunks(digest):
                mine = file.read(len(chunk))
                if len(mine) < len(chunk):
                    return chunk.startswith(mine)
                if mine != chunk:
                    return False
            return not file.read(1)

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]


def _digest(chunks: Iterator[bytes]) -> str:
    from hashlib import sha256

    total = sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest()


def _compressed(path: Path) -> Iterator[bytes]:
    import zlib

    with patiently(lambda: path.open("rb")) as file:
        is_small = path.stat().st_size < SMALL
        packer = zlib.compressobj(1 if is_small else 0)
        while chunk := file.read(CHUNK):
            yield packer.compress(chunk)
        yield packer.flush()


def _expanded(path: Path) -> Iterator[bytes]:
    import zlib

    unpacker = zlib.decompressobj()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield unpacker.decompress(chunk)
        yield unpacker.flush()
