"""The proofs of `proofs/`, each module in a process of its own inside a copy of the finished service."""

import re
import shutil
from pathlib import Path

import pytest

from checks.tests.service import postgres
from checks.tests.service.states import LAST, build, pytest_arguments, run

PROOFS = Path(__file__).parent / "proofs"


def prove(folder: Path, module: str, database_url: str | None = None) -> None:
    """Run one module of proofs. Warnings are errors; a proof that was skipped proves nothing."""
    state = build(LAST, folder / "state")
    shutil.copytree(PROOFS, state / "proofs", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["-p", "proofs.surroundings", "-o", "python_files=proof_*.py", "-W", "error", "-rP"]
    env = {"PROOF_DATABASE_URL": database_url} if database_url else {}

    proved = run(state, *pytest_arguments(*options, f"proofs/{module}.py"), env=env)

    print(proved.stdout)
    assert proved.returncode == 0, proved.stdout
    summary = proved.stdout.strip().splitlines()[-1]
    assert re.match(r"=*\s*[1-9]\d* passed( in|\b)", summary), summary
    assert "skipped" not in summary


@pytest.mark.parametrize(
    "module", ["proof_heartbeat", "proof_lifespan", "proof_loop", "proof_secrets", "proof_speed"]
)
def test_proof(module: str, tmp_path: Path) -> None:
    prove(tmp_path, module)


@pytest.mark.parametrize("module", ["proof_outage", "proof_races"])
def test_proof_on_each_database(module: str, tmp_path: Path, database_url: str) -> None:
    prove(tmp_path, module, database_url)


def test_proof_on_a_server(tmp_path: Path, postgres_server: postgres.Server) -> None:
    prove(tmp_path, "proof_silence", postgres_server.new_database())
