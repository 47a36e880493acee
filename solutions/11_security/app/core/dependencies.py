"""What every domain module may ask for: the settings and a session."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.config import Settings, get_settings


async def provide_settings() -> Settings:
    """Give the settings. A provider of its own, for FastAPI calls one that is not async in a thread."""
    return get_settings()


SettingsDep = Annotated[Settings, Depends(provide_settings)]


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Give the request a session of its own. What is not committed when the request ends is undone."""
    async with request.app.state.session_factory() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
