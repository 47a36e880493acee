"""A book that is read after its commit, with SQLAlchemy's default and with expire_on_commit=False."""

import asyncio
import warnings

from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

warnings.simplefilter("ignore", RuntimeWarning)  # Python's own: "coroutine ... was never awaited"


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


async def main() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    for expire in (True, False):
        make_session = async_sessionmaker(engine, expire_on_commit=expire)
        async with make_session() as session:
            book = Book(title="The Trial")
            session.add(book)
            await session.commit()
            try:
                title = book.title
            except (MissingGreenlet, StatementError):
                title = "MissingGreenlet: reading it would ask the database, without await"
            print(f"expire_on_commit={expire}: {title}")  # noqa: T201
    await engine.dispose()


asyncio.run(main())
