"""What the routes of covers ask for."""

from typing import Annotated

from fastapi import Depends

from app.books.dependencies import BookServiceDep
from app.core.dependencies import SessionDep, SettingsDep
from app.covers.repository import CoverRepository
from app.covers.service import CoverService


async def get_cover_service(
    session: SessionDep, books: BookServiceDep, settings: SettingsDep
) -> CoverService:
    """Make the service of this request."""
    covers = CoverRepository(settings.covers_folder)
    return CoverService(session, books, covers, settings.cover_bytes)


CoverServiceDep = Annotated[CoverService, Depends(get_cover_service)]
