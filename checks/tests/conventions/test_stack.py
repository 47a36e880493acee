"""A member of a workspace is judged with what stands at the workspace's root."""

from pathlib import Path

import pytest

from checks.conventions.stack import check
from checks.source import parse
from checks.tests.conventions.corpora import write

MEMBER = {
    "server/app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "server/pyproject.toml": (
        '[project]\nname = "server"\nrequires-python = ">=3.12"\ndependencies = ["fastapi>=0.115"]\n'
    ),
    "uv.lock": "version = 1\n",
}


@pytest.mark.parametrize(
    ("workspace", "found"),
    [
        ('members = ["server"]', []),
        ('members = ["./server/"]', []),
        ('members = ["serv*"]', []),
        ('members = ["*"]\nexclude = ["server"]', ["no lock file", "no settings for ruff"]),
        ('members = ["worker"]', ["no lock file", "no settings for ruff"]),
    ],
)
def test_a_member_has_the_lock_of_its_workspace(workspace: str, found: list[str], tmp_path: Path) -> None:
    root = f"[tool.uv.workspace]\n{workspace}\n[tool.ruff]\n"
    write({**MEMBER, "pyproject.toml": root}, tmp_path)
    findings = check(parse(tmp_path / "server"))
    assert sorted(finding.found for finding in findings) == found


def test_the_search_ends_at_the_repository(tmp_path: Path) -> None:
    write({**MEMBER, "pyproject.toml": '[tool.uv.workspace]\nmembers = ["server"]\n[tool.ruff]\n'}, tmp_path)
    (tmp_path / "server" / ".git").mkdir()
    assert list(check(parse(tmp_path / "server")))
