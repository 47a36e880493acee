"""The loop of a real server keeps time while covers are uploaded and members log in."""

import asyncio
import gc
import json
import sys
import time

import pytest
from proofs.surroundings import Library, output_of, serving

pytestmark = pytest.mark.anyio

BEAT_SECONDS = 0.005
# Windows wakes a waiting loop at the ticks of its clock, every 16 ms.
LATE_SECONDS = 0.020 if sys.platform != "win32" else 0.040
ROUNDS = 4

# A process that does nothing but keep time: how late the machine itself makes it is not the service's doing.
METRONOME = f"""
import sys, time
latest = 0.0
end = time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < end:
    due = time.perf_counter() + {BEAT_SECONDS}
    time.sleep({BEAT_SECONDS})
    latest = max(latest, time.perf_counter() - due)
print(latest)
"""


async def beat(stop: asyncio.Event) -> tuple[int, float]:
    """How many beats there were until the end, and by how many seconds the latest was late."""
    beats, latest = 0, 0.0
    while not stop.is_set():
        due = time.perf_counter() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        latest = max(latest, time.perf_counter() - due)
        beats += 1
    return beats, latest


async def one_round(url: str, staff: str, books: list[str]) -> tuple[float, float]:
    """By how many seconds the loop was late at the most, and by how many the machine."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as together:
        beating = together.create_task(beat(stop))
        metronome = together.create_task(output_of("-c", METRONOME, "3"))
        statuses = json.loads(await output_of("-m", "proofs.load", url, staff, *books))
        stop.set()
    beats, late = beating.result()
    assert beats > 100
    assert set(statuses) == {"200", "201", "204"}, statuses
    return late, float(metronome.result())


async def test_a_heartbeat_is_never_late(library: Library) -> None:
    (staff,) = await library.add_people(1, staff=True)
    books = [str(await library.add_book()) for _ in range(4)]
    gc.collect()
    gc.freeze()  # what pytest itself keeps is not looked through in the middle of a round
    rounds = []
    async with serving(library.app) as url:
        await output_of("-m", "proofs.load", url, staff["Authorization"], *books)  # to warm up
        for _ in range(ROUNDS):
            rounds.append(await one_round(url, staff["Authorization"], books))
            late, machine_late = rounds[-1]
            if late <= LATE_SECONDS + machine_late:
                break
    gc.unfreeze()

    shown = "; ".join(f"{late * 1000:.1f} (the machine: {machine * 1000:.1f})" for late, machine in rounds)
    print(f"latest beats in ms: {shown}")
    assert late <= LATE_SECONDS + machine_late
