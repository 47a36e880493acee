"""The files of the covers."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiofiles
import aiofiles.os

# An upload never takes as long: `CoverService` ends it after a fraction of this time.
ABANDONED_SECONDS = 3600.0

logger = logging.getLogger(__name__)


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

    async def write(self, isbn: str, chunks: AsyncIterator[bytes]) -> bool:
        """Keep a cover, in place of the one before, and tell whether it is the first.

        It is written under another name and renamed when it is complete: whenever the chunks end in an
        exception, the cover before stays.
        """
        await aiofiles.os.makedirs(self._folder, exist_ok=True)
        part = self._folder / f"{uuid.uuid4().hex}.part"
        try:
            async with aiofiles.open(part, "xb") as file:
                async for chunk in chunks:
                    await file.write(chunk)
            is_first = not await aiofiles.os.path.exists(self._path(isbn))
            await aiofiles.os.replace(part, self._path(isbn))
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                await aiofiles.os.remove(part)
            raise
        return is_first

    async def remove_abandoned(self) -> None:
        """Remove what killed processes have left, and nothing that another process still writes."""
        try:
            await asyncio.to_thread(self._remove_parts, time.time() - ABANDONED_SECONDS)
        except OSError:
            logger.exception("What is left of broken uploads could not be removed")

    def _remove_parts(self, before: float) -> None:
        for part in self._folder.glob("*.part"):
            with contextlib.suppress(FileNotFoundError):
                if part.stat().st_mtime < before:
                    part.unlink()

    def _path(self, isbn: str) -> Path:
        return self._folder / f"{isbn}.cover"
