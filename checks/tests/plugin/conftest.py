from pathlib import Path

import pytest

from checks.tests.plugin.course import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A fresh clone: no project yet."""
    return Clone(tmp_path / "a clone")
