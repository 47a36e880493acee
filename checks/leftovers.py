"""What an application leaves behind: connections that nobody closed, tasks that nobody ended."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.expect import expect
from checks.outage import Database, counts

GRACE, MOMENT = 1.0, 0.01
"""Seconds, by the real clock, in which what is ending may come to its end, and after which we look again."""


async def open_connection(engine: Any) -> None:
    """Make the engine open a connection."""
    from sqlalchemy import text

    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


def not_disposed(database: Database, engines: dict[Any, object]) -> list[object]:
    """The lines that made the engines which nobody has disposed of."""
    disposed = {engine.pool for engine in database.disposed}  # an engine with options of its own shares one
    return [place for engine, place in engines.items() if engine.pool not in disposed]


async def expect_all_closed(database: Database, when: str, engines: dict[Any, object]) -> None:
    """Fail the check if a connection stays open, and blame an engine that was not disposed of."""
    count = len(database.left_open)
    left = not_disposed(database, engines)
    await database.close_all()
    expect(
        count == 0,
        expected=f"no open connection {when}",
        found=f"{count} that nobody closed",
        at=next(iter([*left, *engines.values()]), None),
    )


async def expect_given_back(database: Database, when: str, at: object) -> None:
    """Fail the check if a connection stays in use that was asked for where it counts."""
    in_use = await settled(lambda: [*database.lent])
    expect(not in_use, expected=f"no connection in use {when}", found=f"{len(in_use)} in use", at=at)


async def expect_all_ended(when: str, project: Path) -> None:
    """Fail the check if a coroutine of the learner's goes on that was begun where it counts."""

    def going_on() -> list[Any]:
        return [code for code in codes_of_tasks() if Path(code.co_filename).is_relative_to(project)]

    left = await settled(going_on)
    expect(
        not left,
        expected=f"no task that goes on {when}",
        found=f"{left[0].co_name}(), which nobody ended" if left else "",
        at=left and left[0],
    )


def codes_of_tasks() -> list[Any]:
    """What the tasks run that were begun where it counts and go on, if that is a coroutine function."""
    codes = (getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() if counts(task))
    return [code for code in codes if code]


async def settled(left: Callable[[], list[Any]]) -> list[Any]:
    """What is still left of something that may need a moment to come to its end."""
    for _ in range(round(GRACE / MOMENT)):
        if not left():
            break
        await asyncio.sleep(MOMENT)
    return left()
