"""One bench for all versions that a worker judges."""

from collections.abc import Iterator

import pytest

from checks.tests.lessons.judging import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Judges projects by the real lessons."""
    bench = Bench(tmp_path_factory.mktemp("clone"))
    yield bench
    bench.close()
