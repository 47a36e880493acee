"""Log-in gives nothing away, not even by the time that it takes."""

import statistics
import time

import pytest
from proofs.surroundings import Library

pytestmark = pytest.mark.anyio

ATTEMPTS = 15


async def test_an_unknown_member_takes_as_long_as_a_wrong_password(library: Library) -> None:
    password = "correct horse battery"
    await library.client.post(
        "/members", json={"email": "ada@example.org", "name": "Ada", "password": password}
    )

    async def milliseconds(email: str) -> float:
        started = time.perf_counter()
        answer = await library.client.post("/members/token", data={"username": email, "password": "wrong"})
        assert answer.status_code == 401
        return (time.perf_counter() - started) * 1000

    known, unknown = [], []
    for _ in range(ATTEMPTS):
        known.append(await milliseconds("ada@example.org"))
        unknown.append(await milliseconds("eve@example.org"))

    ratio = statistics.median(unknown) / statistics.median(known)
    print(f"unknown to known: {ratio:.2f} (of {statistics.median(known):.0f} ms)")
    assert 0.7 < ratio < 1.4
