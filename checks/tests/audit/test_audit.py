"""What an audit shows, allows, knows already and refuses."""

from pathlib import Path

import pytest

from checks.audit import AuditError, Options, audit
from checks.audit.formats import render
from checks.finding import Level
from checks.tests.audit.projects import BAD, project, seen


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


class TestNothingToJudge:
    """A run that looked at nothing never looks like a pass."""

    def test_a_folder_without_python(self, tmp_path: Path) -> None:
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "main.py").write_text(BAD, encoding="utf-8")
        with pytest.raises(AuditError, match=r"no Python file in .*Expected a file whose name ends in \.py"):
            audit(tmp_path)

    @pytest.mark.parametrize(
        ("name", "words"),
        [("notes.txt", "is no Python file"), ("a.ipynb", "is a notebook"), ("stub.pyi", "is no Python file")],
    )
    def test_a_file_of_another_kind(self, tmp_path: Path, name: str, words: str) -> None:
        (tmp_path / name).write_text("{}", encoding="utf-8")
        with pytest.raises(AuditError, match=words):
            audit(tmp_path / name)

    def test_a_file_in_a_folder_that_is_left_out(self, tmp_path: Path) -> None:
        project(tmp_path, pyproject_toml="", node_modules__main_py=BAD)
        with pytest.raises(AuditError, match="a folder that the audit leaves out"):
            audit(tmp_path / "node_modules" / "main.py")

    def test_no_convention_left(self, tmp_path: Path) -> None:
        project(tmp_path, app__main_py=BAD)
        with pytest.raises(AuditError, match="No convention is left to run: lifespan selected, lifespan"):
            audit(tmp_path, Options(select=("lifespan",), ignore=("lifespan",)))

    def test_everything_excluded(self, tmp_path: Path) -> None:
        project(tmp_path, pyproject_toml='[tool.workshop.audit]\nexclude = ["app"]\n', app__main_py=BAD)
        with pytest.raises(AuditError, match=r"`exclude` leaves no Python file .*\['app'\]"):
            audit(tmp_path)

    @pytest.mark.parametrize("init", ["", " \n"])
    def test_the_only_file_does_not_parse(self, tmp_path: Path, init: str) -> None:
        project(tmp_path, app__main_py="def broken(:\n")
        (tmp_path / "app" / "__init__.py").write_text(init, encoding="utf-8")
        outcome = audit(tmp_path)
        assert [u.file for u in outcome.unparsed] == ["app/main.py"]
        assert (outcome.is_blind, outcome.exit_code, outcome.score) == (True, 2, None)
        assert "app/main.py:1" in render(outcome, "text")
        assert "Score - of 100." in render(outcome, "text")

    def test_no_file_holds_anything_that_a_convention_judges(self, tmp_path: Path) -> None:
        outcome = audit(project(tmp_path, tool_py="x = 1\n"), Options(select=("async-handlers",)))
        assert (outcome.exit_code, outcome.score) == (0, None)
        assert "Score - of 100.\nNo route of FastAPI was found" in render(outcome)


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
        project(tmp_path, other__main_py=BAD)
        outcome = audit(tmp_path)
        assert seen(outcome) == [("async-handlers", "other/main.py", 7)]
        assert outcome.files == ("other/main.py",)

    @pytest.mark.parametrize(
        "pattern",
        ["app/legacy/*", "app/legacy/**", "app/legacy", "./app/legacy/", "*/old.py", "app/*/old.py"],
    )
    @pytest.mark.parametrize("part", [".", "app", "app/main.py"])
    def test_exclude_means_the_same_whatever_part_is_audited(
        self, tmp_path: Path, pattern: str, part: str
    ) -> None:
        self.settings(tmp_path, f'exclude = ["{pattern}"]')
        project(tmp_path, app__legacy__deep__old_py=BAD, app__legacy__old_py=BAD)
        if pattern.endswith("old.py"):
            (tmp_path / "app/legacy/deep/old.py").unlink()
        outcome = audit(tmp_path / part)
        assert [Path(file).name for file in outcome.files] == ["main.py"]
        assert {Path(f[1]).name for f in seen(outcome)} <= {"main.py", "pyproject.toml"}

    def test_of_the_nearest_pyproject_that_has_them(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'select = ["response-model"]')
        project(tmp_path / "services" / "a", pyproject_toml="[project]\nname = 'a'\n", app__main_py=BAD)
        assert {f[0] for f in seen(audit(tmp_path / "services" / "a"))} == {"response-model"}

    def test_not_of_another_repository_around(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'select = ["response-model"]')
        inner = project(tmp_path / "inner", app__main_py=BAD)
        (inner / ".git").mkdir()
        assert {f[0] for f in seen(audit(inner / "app"))} == {"async-handlers", "response-model"}

    def test_what_the_command_line_selects_runs_though_the_settings_ignore_it(self, tmp_path: Path) -> None:
        self.settings(tmp_path, 'ignore = ["response-model"]')
        outcome = audit(tmp_path, Options(select=("response-model",)))
        assert {f[0] for f in seen(outcome)} == {"response-model"}

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
            ('select = "lifespan"', "should be a list of strings"),
            ("select = [1]", "should be a list of strings"),
            ('ignore = [["lifespan"]]', "should be a list of strings"),
            ("exclude = [1]", "should be a list of strings"),
            ("baseline = 1", "should be a string"),
            ('select = ["lifespam"]', "The nearest is lifespan"),
            ("select = [", "is no TOML"),
        ],
    )
    def test_mistakes_are_told(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(AuditError, match=words):
            audit(self.settings(tmp_path, text))

    @pytest.mark.parametrize("text", ["[tool.workshop.audti]", "[tool.workshop]\nselect = ['lifespan']"])
    def test_a_table_of_nearly_that_name_is_told(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(AuditError, match=r"\[tool\.workshop\] has no .* \[tool\.workshop\.audit\]"):
            audit(project(tmp_path, pyproject_toml=text, app__main_py=BAD))

    def test_a_table_of_another_tool_is_none_of_ours(self, tmp_path: Path) -> None:
        text = "[tool.workshop.bench]\nselect = 1\n[tool.other]\naudit = 1\n"
        assert audit(project(tmp_path, pyproject_toml=text, app__main_py=BAD)).violations

    @pytest.mark.parametrize("text", ["tool = 1", "[tool]\nworkshop = 'x'", "[tool.workshop]\naudit = true"])
    def test_a_table_that_is_none_is_told(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(AuditError, match=r"expected the table \[tool\.workshop\.audit\]"):
            audit(project(tmp_path, pyproject_toml=text, app__main_py=BAD))


def test_score_is_the_mean_of_the_shares(tmp_path: Path) -> None:
    half = '\n\n@app.get("/two")\nasync def two() -> int:\n    return 2\n'
    outcome = audit(
        project(tmp_path, app__main_py=BAD + half), Options(select=("async-handlers", "lifespan"))
    )
    assert {count.slug: count.score for count in outcome.counts} == {"async-handlers": 0.5, "lifespan": 1.0}
    assert outcome.score == 75


def test_one_file_of_several_has_no_score(tmp_path: Path) -> None:
    project(tmp_path, pyproject_toml="", app__main_py=BAD, app__two_py=BAD)
    outcome = audit(tmp_path / "app" / "main.py")
    assert outcome.score is None
    assert "judged" not in render(outcome)
    assert "1 file, 2 violations, 0 notes.\n" in render(outcome)


def test_what_is_allowed_in_another_file_is_not_counted_for_one(tmp_path: Path) -> None:
    line = "def root():  # audit: allow response-model, async-handlers (the partner wants it so)"
    project(tmp_path, pyproject_toml="", main_py=BAD, two_py=BAD.replace("def root():", line))
    assert audit(tmp_path / "main.py").allowed == ()
    assert len(audit(tmp_path / "two.py").allowed) == 2
