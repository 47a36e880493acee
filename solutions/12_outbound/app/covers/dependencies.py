"""What the routes of covers ask for."""

from typing import Annotated

from fastapi import Depends

from app.books.dependencies import BookServiceDep
from app.core.dependencies import SessionDep, SettingsDep
from app.covers.service import CoverService
from app.covers.store import CoverStore


async def get_cover_service(
    session: SessionDep, books: BookServiceDep, settings: SettingsDep
) -> CoverService:
    """Make the service of this request."""
    store = CoverStore(settings.covers_folder)
    return CoverService(session, books, store, settings.cover_bytes)


CoverServiceDep = Annotated[CoverService, Depends(get_cover_service)]
