"""What day it is: a dependency, so that a test can choose another one."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends

Clock = Callable[[], date]


def today() -> date:
    """Give the current day, in UTC."""
    return datetime.now(UTC).date()


async def get_clock() -> Clock:
    """Give the clock that the service goes by."""
    return today


ClockDep = Annotated[Clock, Depends(get_clock)]
