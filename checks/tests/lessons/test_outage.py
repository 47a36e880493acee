"""The database that a check takes away, on a system that moves no folder with an open file in it."""

import asyncio
from pathlib import Path

import pytest

from checks.expect import Unmet
from checks.outage import Database, count_from_here


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def refuse(monkeypatch: pytest.MonkeyPatch, times: float) -> list[Path]:
    """Let renaming be refused so many times, as on Windows; gives the attempts."""
    attempts: list[Path] = []
    rename = Path.rename

    def held(path: Path, target: Path) -> Path:
        attempts.append(path)
        if len(attempts) <= times:
            raise PermissionError(13, "The process cannot access the file", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", held)
    monkeypatch.setattr("checks.patience.MOMENT", 0.3)
    return attempts


def test_a_file_that_is_held_for_a_moment(database, tmp_path, monkeypatch):
    attempts = refuse(monkeypatch, 2)
    asyncio.run(database.go_away())
    assert len(attempts) == 3
    assert (tmp_path / "away").is_dir()
    database.come_back()
    assert (tmp_path / "database").is_dir()


def test_a_connection_that_nobody_closes(database, monkeypatch):
    refuse(monkeypatch, float("inf"))
    with pytest.raises(Unmet, match="its file is still open"):
        asyncio.run(database.go_away())


@pytest.mark.parametrize(("own", "ended", "blamed"), [(True, True, 1), (False, False, 1), (False, True, 0)])
def test_a_connection_that_an_ended_task_left_behind(database, own, ended, blamed):
    async def lend() -> None:
        if own:
            count_from_here()
        database.on_connect(connection, record)
        database.on_checkout(connection, record, None)
        if not ended:
            await asyncio.sleep(60)

    async def left() -> int:
        task = asyncio.create_task(lend())
        await asyncio.sleep(0)
        found = len(database.left_open)
        task.cancel()
        return found

    connection, record = object(), object()
    assert asyncio.run(left()) == blamed
    assert len(database.open) == 1


def test_what_the_application_does_in_the_background_does_not_count(database):
    async def lend(record: object) -> None:
        database.on_checkout(object(), record, None)

    async def lent() -> set[object]:
        background = asyncio.create_task(lend("background"))
        count_from_here()
        await asyncio.gather(background, asyncio.create_task(lend("of a request")))
        return set(database.lent)

    assert asyncio.run(lent()) == {"of a request"}
