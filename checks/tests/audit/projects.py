"""Small projects to audit."""

from pathlib import Path

from checks.audit import Audit

BAD = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def root():
    return {"id": 1}
"""
"""A module with two violations in its line 7."""


def project(folder: Path, **files: str) -> Path:
    """Writes files, `app__main_py` for `app/main.py`, into a folder, and gives the folder."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def seen(outcome: Audit) -> list[tuple[str, str, int]]:
    """The findings as (convention, file, line)."""
    return [(f.convention, f.place.file, f.place.line) for f in outcome.findings]
