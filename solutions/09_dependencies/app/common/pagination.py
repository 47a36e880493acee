"""Which part of a list a request asks for."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from app.common.schemas import MAX_INTEGER

Limit = Annotated[int, Query(ge=1, le=100, description="The most items to give.")]
Offset = Annotated[int, Query(ge=0, le=MAX_INTEGER, description="How many items to pass over.")]


@dataclass(frozen=True)
class Pagination:
    """A part of a list: at most `limit` items, after the first `offset` ones."""

    limit: int
    offset: int


async def get_pagination(limit: Limit = 20, offset: Offset = 0) -> Pagination:
    """Read the part that is wanted from the query."""
    return Pagination(limit, offset)


PaginationDep = Annotated[Pagination, Depends(get_pagination)]
