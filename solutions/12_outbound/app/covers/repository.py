"""The files of the covers."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiofiles
import aiofiles.os


class CoverRepository:
    """A folder with one file per ISBN. Nothing in it can be read before it is complete.

    Args:
        folder: is made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, isbn: str) -> bytes | None:
        """Give the content of a cover, or None where there is none."""
        try:
            async with aiofiles.open(self._path(isbn), "rb") as file:
                return await file.read()
        except FileNotFoundError:
            return None

    async def write(self, isbn: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep a cover, in place of the one before.

        It is written under another name and renamed when it is complete: whenever the chunks end in an
        exception, the cover before stays.
        """
        await aiofiles.os.makedirs(self._folder, exist_ok=True)
        part = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            async with aiofiles.open(part, "xb") as file:
                async for chunk in chunks:
                    await file.write(chunk)
            await aiofiles.os.replace(part, self._path(isbn))
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                await aiofiles.os.remove(part)
            raise

    def _path(self, isbn: str) -> Path:
        return self._folder / f"{isbn}.cover"
