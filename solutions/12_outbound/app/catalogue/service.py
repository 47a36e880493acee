"""Looking a book up in the outside catalogue."""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from pydantic import ValidationError

from app.catalogue.exceptions import (
    CatalogueFailedError,
    CatalogueNotUnderstoodError,
    CatalogueTooSlowError,
    EntryNotFoundError,
)
from app.catalogue.schemas import CatalogueEntry, OutsideAnswer, OutsideBook
from app.core.logging import REQUEST_ID_HEADER, request_id

# What is asked for fits into a few hundred.
MAX_BYTES = 64 * 1024
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.1
# Failures that are often over a moment later.
TRANSIENT = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """How the catalogue answered, and what it said where that was a success."""

    status: int
    content: bytes = b""


class CatalogueService:
    """The outside catalogue, Open Library's search (https://openlibrary.org/dev/docs/api/search).

    Args:
        client: knows the catalogue's base URL.
        deadline: how long a look-up may take in all, in seconds.
    """

    def __init__(self, client: httpx.AsyncClient, deadline: float) -> None:
        self._client = client
        self._deadline = deadline

    async def look_up(self, isbn: str) -> CatalogueEntry:
        """Give what the outside catalogue knows about a book.

        Raises:
            EntryNotFoundError: nothing.
            CatalogueTooSlowError: it does not answer in time.
            CatalogueFailedError: it cannot be reached, fails, or has moved.
            CatalogueNotUnderstoodError: it answers something else than was agreed.
        """
        book = _first_book(await self._ask(isbn))
        if book is None:
            raise EntryNotFoundError(isbn)
        return CatalogueEntry(
            isbn=isbn, title=book.title, authors=book.author_name, year=book.first_publish_year
        )

    async def _ask(self, isbn: str) -> bytes:
        try:
            # The client's own limits count from byte to byte: this one is for the whole conversation.
            async with asyncio.timeout(self._deadline):
                reply = await self._get_with_retries(isbn)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise CatalogueTooSlowError from error
        except httpx.HTTPError as error:
            logger.warning("The outside catalogue cannot be reached: %r", error)
            raise CatalogueFailedError from error
        if reply.status != HTTPStatus.OK:
            # A redirect is a failure as well: where to ask is for the settings to say, and for nobody else.
            logger.warning("The outside catalogue answered with status %d", reply.status)
            raise CatalogueFailedError
        return reply.content

    async def _get_with_retries(self, isbn: str) -> Reply:
        """Ask again after a transient failure. A GET changes nothing, so asking twice does no harm."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(ATTEMPTS - 1):
            try:
                reply = await self._get(isbn)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                logger.info("The outside catalogue is asked again after a network error")
            else:
                if reply.status not in TRANSIENT:
                    return reply
            await asyncio.sleep(pause)
            pause *= 2
        return await self._get(isbn)

    async def _get(self, isbn: str) -> Reply:
        params = {"isbn": isbn, "fields": "title,author_name,first_publish_year", "limit": "1"}
        # Not compressed, for a few bytes could become a great many.
        headers = {REQUEST_ID_HEADER: request_id.get(), "Accept-Encoding": "identity"}
        async with self._client.stream("GET", "/search.json", params=params, headers=headers) as response:
            if response.status_code != HTTPStatus.OK:
                return Reply(response.status_code)
            return Reply(response.status_code, await _read_a_little(response))


async def _read_a_little(response: httpx.Response) -> bytes:
    """Read the body of an answer, and stop where it is no answer to the question."""
    if "Content-Encoding" in response.headers:
        logger.warning("The outside catalogue's answer is encoded, which was not asked for")
        raise CatalogueNotUnderstoodError
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_BYTES:
            logger.warning("The outside catalogue's answer has more than %d bytes", MAX_BYTES)
            raise CatalogueNotUnderstoodError
    return content


def _first_book(content: bytes) -> OutsideBook | None:
    try:
        answer = OutsideAnswer.model_validate_json(content)
    except ValidationError as error:
        logger.warning("The outside catalogue's answer is not as agreed: %d faults", error.error_count())
        raise CatalogueNotUnderstoodError from error
    return answer.docs[0] if answer.docs else None
