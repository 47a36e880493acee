"""What a baseline holds back, in whole runs and in runs over a part."""

import json
from pathlib import Path
from typing import Any

import pytest

from checks.audit import AuditError, Options, audit
from checks.audit.formats import render
from checks.tests.audit.projects import BAD, project, seen


def test_known_findings_are_held_back_wherever_their_line_moves(tmp_path: Path) -> None:
    project(tmp_path, app__main_py=BAD)
    file = tmp_path / "known.json"
    first = audit(tmp_path, Options(baseline=file, write_baseline=True))
    assert (first.findings, first.known, first.exit_code) == ((), 2, 0)
    project(tmp_path, app__main_py=f"# moved\n\n{BAD}")
    assert audit(tmp_path, Options(baseline=file)).known == 2


def test_new_findings_of_the_same_kind_are_shown(tmp_path: Path) -> None:
    project(tmp_path, app__main_py=BAD)
    file = tmp_path / "known.json"
    audit(tmp_path, Options(baseline=file, write_baseline=True))
    more = '\n\n@app.get("/two")\ndef two():\n    return 2\n'
    project(tmp_path, app__main_py=BAD + more)
    assert [f[2] for f in seen(audit(tmp_path, Options(baseline=file)))] == [12, 12]


def test_what_is_gone_is_counted(tmp_path: Path) -> None:
    project(tmp_path, app__main_py=BAD)
    file = tmp_path / "known.json"
    audit(tmp_path, Options(baseline=file, write_baseline=True))
    project(tmp_path, app__main_py=BAD.replace("def root():", "async def root() -> int:"))
    outcome = audit(tmp_path, Options(baseline=file))
    assert (outcome.known, outcome.gone) == (0, 2)


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"version": 99, "known": {}}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "known.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AuditError, match="baseline"):
        audit(tmp_path, Options(baseline=file))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="--write-baseline"):
        audit(tmp_path, Options(baseline=tmp_path / "none.json"))


SETTINGS = '[tool.workshop.audit]\nbaseline = "known.json"\nignore = ["stack"]\n'
WRITE = Options(write_baseline=True)


def known(folder: Path) -> dict[str, Any]:
    """The entries of the baseline in a folder."""
    read: dict[str, Any] = json.loads((folder / "known.json").read_text(encoding="utf-8"))["known"]
    return read


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project with six known findings in three files, in a folder of services."""
    folder = project(
        tmp_path, pyproject_toml=SETTINGS, app__main_py=BAD, app__two_py=BAD, app__sub__three_py=BAD
    )
    assert audit(folder, WRITE).known == 6
    return folder


PARTS = [(".", 6), ("app", 6), ("app/sub", 2), ("app/two.py", 2), ("app/../app", 6)]


@pytest.mark.parametrize(("part", "count"), PARTS)
def test_it_fits_whichever_part_is_audited(old: Path, part: str, count: int) -> None:
    outcome = audit(old / part)
    assert (outcome.known, outcome.gone, outcome.findings) == (count, 0, ())


@pytest.mark.parametrize(("part", "count"), PARTS)
def test_it_is_the_same_whichever_part_writes_it(old: Path, part: str, count: int) -> None:
    before = known(old)
    assert audit(old / part, WRITE).known == count
    assert known(old) == before
    (old / "known.json").unlink()
    audit(old / part, WRITE)
    assert audit(old).known == count


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_without_settings_it_is_named_from_the_top_of_the_project(tmp_path: Path, mark: str) -> None:
    project(tmp_path, app__main_py=BAD)
    (tmp_path / mark).touch()
    options = Options(baseline=tmp_path / "known.json", ignore=("stack",))
    audit(tmp_path, Options(baseline=options.baseline, write_baseline=True))
    assert (audit(tmp_path / "app", options).known, audit(tmp_path / "app", options).gone) == (2, 0)


def test_through_a_link_to_the_project(old: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "project"
    try:
        link.symlink_to(old, target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed here")
    assert (audit(link).known, audit(link / "app").known) == (6, 6)


def test_a_part_says_nothing_of_what_it_did_not_look_at(old: Path) -> None:
    assert audit(old, Options(select=("async-handlers",))).gone == 0
    project(old, app__two_py="x = 1\n")
    assert audit(old, Options(select=("async-handlers",))).gone == 1
    assert audit(old / "app" / "main.py").gone == 0
    assert audit(old / "app" / "two.py").gone == 2
    assert "2 of the baseline gone: --write-baseline takes them out, and takes in what is new." in render(
        audit(old)
    )


def test_a_part_rewrites_what_it_looked_at(old: Path) -> None:
    project(old, app__two_py="x = 1\n", app__main_py=BAD + BAD.replace("root", "more"))
    audit(old, Options(select=("async-handlers",), write_baseline=True))
    assert set(known(old)["async-handlers"]) == {"app/main.py", "app/sub/three.py"}
    assert set(known(old)["response-model"]) == {"app/main.py", "app/two.py", "app/sub/three.py"}
    audit(old / "app" / "two.py", WRITE)
    assert set(known(old)["response-model"]) == {"app/main.py", "app/sub/three.py"}
    assert known(old)["response-model"]["app/main.py"] == {"def root():": 1}


def test_a_file_that_is_no_more_is_gone(old: Path) -> None:
    (old / "app" / "two.py").unlink()
    assert (audit(old).gone, audit(old / "app").gone, audit(old / "app" / "sub").gone) == (2, 2, 0)
    audit(old / "app", WRITE)
    assert audit(old).gone == 0


def test_a_convention_that_is_no_more_is_gone(old: Path) -> None:
    text = (old / "known.json").read_text(encoding="utf-8")
    (old / "known.json").write_text(text.replace("async-handlers", "async-routes"), encoding="utf-8")
    assert audit(old, Options(select=("response-model",))).gone == 3


def test_a_file_that_cannot_be_parsed_is_not_gone(old: Path) -> None:
    project(old, app__two_py="def broken(:\n")
    assert audit(old).gone == 0
    audit(old, WRITE)
    project(old, app__two_py=BAD)
    assert audit(old).known == 6


def test_complaints_of_comments_are_judged_with_the_conventions_that_they_name(tmp_path: Path) -> None:
    bad = BAD.replace('return {"id": 1}', "return 1  # audit: allow lifespan (no more)")
    project(tmp_path, pyproject_toml=SETTINGS, app__main_py=bad)
    assert audit(tmp_path, WRITE).known == 3
    assert audit(tmp_path, Options(select=("async-handlers",))).gone == 0
    audit(tmp_path, Options(select=("async-handlers",), write_baseline=True))
    assert audit(tmp_path).known == 3
    project(tmp_path, app__main_py=BAD)
    assert audit(tmp_path, Options(select=("async-handlers", "lifespan"))).gone == 1


def test_what_it_knows_of_excluded_files_stays(old: Path) -> None:
    project(old, pyproject_toml=SETTINGS + 'exclude = ["app/sub"]\n')
    assert audit(old, WRITE).gone == 0
    project(old, pyproject_toml=SETTINGS)
    assert audit(old).known == 6


def test_the_settings_may_name_the_file_to_write(tmp_path: Path) -> None:
    project(tmp_path, app__main_py=BAD)
    with pytest.raises(AuditError, match="--write-baseline needs the file to write"):
        audit(tmp_path, WRITE)


@pytest.mark.parametrize("text", ["# Read me\n", '{"version": 99, "known": {}}', "[" * 100_000])
def test_no_other_file_is_overwritten(tmp_path: Path, text: str) -> None:
    project(tmp_path, app__main_py=BAD)
    file = tmp_path / "README.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AuditError, match="baseline"):
        audit(tmp_path, Options(baseline=file, write_baseline=True))
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", [".", "missing/known.json"])
def test_a_place_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    project(tmp_path, app__main_py=BAD)
    with pytest.raises(AuditError, match=r"cannot be (written|read)"):
        audit(tmp_path, Options(baseline=tmp_path / name, write_baseline=True))


def test_with_a_byte_order_mark(old: Path) -> None:
    file = old / "known.json"
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert audit(old).known == 6
