"""What an audit shows, allows, knows already and refuses."""

from pathlib import Path

import pytest

from checks.audit import Audit, AuditError, Options, audit
from checks.audit.formats import render
from checks.finding import Level

BAD = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def root():
    return {"id": 1}
"""


def project(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def seen(outcome: Audit) -> list[tuple[str, str, int]]:
    return [(f.convention, f.place.file, f.place.line) for f in outcome.findings]


def test_violations_fail_and_are_sorted(tmp_path: Path) -> None:
    outcome = audit(project(tmp_path, app__main_py=BAD))
    assert seen(outcome) == [("async-handlers", "app/main.py", 7), ("response-model", "app/main.py", 7)]
    assert outcome.exit_code == 1
    assert outcome.files == ("app/main.py",)


def test_notes_fail_nothing(tmp_path: Path) -> None:
    outcome = audit(
        project(tmp_path, app__main_py=BAD.replace("def root():", "async def root() -> dict:")),
    )
    assert [f.level for f in outcome.findings] == [Level.NOTE]
    assert outcome.exit_code == 0


def test_nothing_to_judge_is_no_violation(tmp_path: Path) -> None:
    outcome = audit(tmp_path)
    assert (outcome.files, outcome.findings, outcome.exit_code, outcome.score) == ((), (), 0, 100)


def test_select_and_ignore(tmp_path: Path) -> None:
    project(tmp_path, app__main_py=BAD)
    assert {f[0] for f in seen(audit(tmp_path, Options(select=("response-model",))))} == {"response-model"}
    assert {f[0] for f in seen(audit(tmp_path, Options(ignore=("response-model",))))} == {"async-handlers"}


def test_named_case_selects_its_convention(tmp_path: Path) -> None:
    outcome = audit(project(tmp_path, app__main_py=BAD), Options(select=("async-http",)))
    assert [count.slug for count in outcome.counts] == ["no-blocking-calls"]


@pytest.mark.parametrize("option", ["select", "ignore"])
def test_unknown_slug_names_the_nearest(tmp_path: Path, option: str) -> None:
    words = ("respnse-model",)
    wrong = Options(select=words) if option == "select" else Options(ignore=words)
    with pytest.raises(AuditError, match="response-model"):
        audit(tmp_path, wrong)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="There is no file or folder"):
        audit(tmp_path / "nowhere")


def test_one_file_is_judged_with_the_knowledge_of_all(tmp_path: Path) -> None:
    project(
        tmp_path,
        pyproject_toml="",
        app__router_py="from fastapi import APIRouter\n\nthings = APIRouter()\n",
        app__one_py=(
            "from app.router import things\n\n\n@things.get('/')\nasync def one():\n    return things.x()\n"
        ),
        app__two_py="from app.router import things\n\n\n@things.get('/')\nasync def two():\n    return 1\n",
    )
    outcome = audit(tmp_path / "app" / "one.py")
    assert seen(outcome) == [("response-model", "app/one.py", 5)]
    assert outcome.files == ("app/one.py",)


def test_unparsable_files_are_reported(tmp_path: Path) -> None:
    outcome = audit(project(tmp_path, app__main_py="def broken(:\n", app__other_py="x = 1\n"))
    assert [(u.file, u.line) for u in outcome.unparsed] == [("app/main.py", 1)]
    assert len(outcome.files) == 2
    assert outcome.exit_code == 0


def test_the_summary_says_that_an_unread_file_is_missed(tmp_path: Path) -> None:
    outcome = audit(
        project(tmp_path, app__deps_py="def broken(:\n", app__main_py="from app.deps import db\n")
    )
    assert "1 could not be parsed; 1 import of what" in render(outcome, "text")
    assert "1 other file imports it" in render(outcome, "json")


class TestAllowing:
    def test_on_the_line(self, tmp_path: Path) -> None:
        line = "def root():  # audit: allow response-model, async-handlers (the partner wants it so)"
        outcome = audit(project(tmp_path, app__main_py=BAD.replace("def root():", line)))
        assert outcome.findings == ()
        assert {allowed.reason for allowed in outcome.allowed} == {"the partner wants it so"}

    def test_alone_on_the_line_before(self, tmp_path: Path) -> None:
        text = BAD.replace("def root():", "# audit: allow response-model (raw)\ndef root():")
        outcome = audit(project(tmp_path, app__main_py=text))
        assert seen(outcome) == [("async-handlers", "app/main.py", 8)]
        assert [(a.finding.convention, a.reason) for a in outcome.allowed] == [("response-model", "raw")]

    @pytest.mark.parametrize(
        ("comment", "words"),
        [
            ("# audit: allow response-model", "without a reason"),
            ("# audit: allow response-model ()", "without a reason"),
            ("# audit: allow lifespan (why)", "of which there is nothing here"),
            ("# audit: allow lifespam (why)", "which is no convention"),
            ("# audit: allow", "without a reason"),
        ],
    )
    def test_useless_comments_are_reported(self, tmp_path: Path, comment: str, words: str) -> None:
        outcome = audit(project(tmp_path, app__main_py=BAD.replace("def root():", f"def root():  {comment}")))
        complaints = [f for f in outcome.findings if f.convention == "allow-comments"]
        assert len(complaints) == 1
        assert words in complaints[0].found
        assert complaints[0].level is Level.NOTE
        assert {f.convention for f in outcome.findings} >= {"async-handlers", "response-model"}

    def test_a_comment_for_another_convention_than_those_that_ran(self, tmp_path: Path) -> None:
        text = BAD.replace("def root():", "def root():  # audit: allow async-handlers (why)")
        outcome = audit(project(tmp_path, app__main_py=text), Options(select=("lifespan",)))
        assert outcome.findings == ()

    def test_the_words_in_a_string_allow_nothing(self, tmp_path: Path) -> None:
        text = BAD.replace('{"id": 1}', '"# audit: allow async-handlers (why)"')
        assert "async-handlers" in {f[0] for f in seen(audit(project(tmp_path, app__main_py=text)))}


class TestSettings:
    def settings(self, folder: Path, text: str) -> Path:
        return project(folder, pyproject_toml=f"[tool.workshop.audit]\n{text}\n", app__main_py=BAD)

    def test_select_ignore_exclude(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'select = ["async-handlers", "response-model"]\nignore = ["response-model"]')
        assert {f[0] for f in seen(audit(tmp_path))} == {"async-handlers"}
        self.settings(tmp_path, 'exclude = ["app/*"]\nselect = ["async-handlers"]')
        outcome = audit(tmp_path)
        assert outcome.findings == ()
        assert outcome.files == ()

    def test_found_above_the_audited_folder(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'select = ["response-model"]')
        assert {f[0] for f in seen(audit(tmp_path / "app"))} == {"response-model"}

    def test_the_command_line_overrules(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'select = ["response-model"]')
        outcome = audit(tmp_path, Options(select=("async-handlers",)))
        assert {f[0] for f in seen(outcome)} == {"async-handlers"}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('selct = ["lifespan"]', "but not 'selct'"),
            ('select = "lifespan"', "should be a list"),
            ('select = ["lifespam"]', "The nearest is lifespan"),
            ("select = [", "cannot be read"),
        ],
    )
    def test_mistakes_are_told(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(AuditError, match=words):
            audit(self.settings(tmp_path, text))


class TestBaseline:
    def test_known_findings_are_held_back_wherever_their_line_moves(self, tmp_path: Path) -> None:
        project(tmp_path, app__main_py=BAD)
        file = tmp_path / "known.json"
        first = audit(tmp_path, Options(baseline=file, write_baseline=True))
        assert (first.findings, first.known, first.exit_code) == ((), 2, 0)
        project(tmp_path, app__main_py=f"# moved\n\n{BAD}")
        assert audit(tmp_path, Options(baseline=file)).known == 2

    def test_new_findings_of_the_same_kind_are_shown(self, tmp_path: Path) -> None:
        project(tmp_path, app__main_py=BAD)
        file = tmp_path / "known.json"
        audit(tmp_path, Options(baseline=file, write_baseline=True))
        more = '\n\n@app.get("/two")\ndef two():\n    return 2\n'
        project(tmp_path, app__main_py=BAD + more)
        assert [f[2] for f in seen(audit(tmp_path, Options(baseline=file)))] == [12, 12]

    def test_what_is_gone_is_counted(self, tmp_path: Path) -> None:
        project(tmp_path, app__main_py=BAD)
        file = tmp_path / "known.json"
        audit(tmp_path, Options(baseline=file, write_baseline=True))
        project(tmp_path, app__main_py=BAD.replace("def root():", "async def root() -> int:"))
        outcome = audit(tmp_path, Options(baseline=file))
        assert (outcome.known, outcome.gone) == (0, 2)

    @pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"version": 99, "known": {}}'])
    def test_other_files_are_refused(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "known.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(AuditError, match="baseline"):
            audit(tmp_path, Options(baseline=file))

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(AuditError, match="--write-baseline"):
            audit(tmp_path, Options(baseline=tmp_path / "none.json"))


def test_score_is_the_mean_of_the_shares(tmp_path: Path) -> None:
    half = '\n\n@app.get("/two")\nasync def two() -> int:\n    return 2\n'
    outcome = audit(
        project(tmp_path, app__main_py=BAD + half), Options(select=("async-handlers", "lifespan"))
    )
    assert {count.slug: count.score for count in outcome.counts} == {"async-handlers": 0.5, "lifespan": 1.0}
    assert outcome.score == 75
