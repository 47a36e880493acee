"""Each format says the same, in its own form."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from checks.audit import Audit, Options, audit
from checks.audit import __file__ as package
from checks.audit.formats import FORMATS, render
from checks.report import ASCII
from checks.tests.audit.projects import BAD

SCHEMA = json.loads(Path(package).with_name("schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def outcome(tmp_path: Path) -> Audit:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text(
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
        '@app.get("/")\ndef root():  # audit: allow async-handlers (old)\n    return {"ä": 1}\n\n\n'
        '@app.get("/two")\nasync def two() -> dict:\n    return {}\n',
        encoding="utf-8",
    )
    (tmp_path / "app" / "broken.py").write_text("x = (\n", encoding="utf-8")
    return audit(tmp_path)


def test_json_is_as_the_schema_says(outcome: Audit) -> None:
    data = json.loads(render(outcome, "json"))
    jsonschema.validate(data, SCHEMA, jsonschema.Draft202012Validator)
    assert set(data) == set(SCHEMA["properties"])
    assert data["files"] == 2
    assert [u["file"] for u in data["unparsed"]] == ["app/broken.py"]
    assert [(f["convention"], f["level"], f["line"]) for f in data["findings"]] == [
        ("response-model", "violation", 7),
        ("response-model", "note", 12),
    ]
    first = data["findings"][0]
    assert (first["column"], first["end_line"], first["end_column"]) == (5, 7, 9)


@pytest.mark.parametrize("key", ["file", "line", "level", "end_column", "next"])
def test_the_schema_misses_no_key(outcome: Audit, key: str) -> None:
    data = json.loads(render(outcome, "json"))
    del data["findings"][0][key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_text_shows_violations_notes_unparsed_and_a_summary(outcome: Audit) -> None:
    text = render(outcome, "text")
    for part in (
        "response-model   Every route declares what it returns",
        "app/main.py:7",
        "def root():  # audit: allow async-handlers (old)",
        "app/main.py:12  response-model:",
        "app/broken.py:1",
        "2 files, 1 violation, 1 note.",
        "1 could not be parsed.",
        "1 allowed by comments.",
    ):
        assert part in text


def test_text_in_ascii_alone(outcome: Audit) -> None:
    text = render(outcome, "text", glyphs=ASCII)
    assert "x response-model" in text
    assert text.replace("ä", "").isascii()


def test_explain_adds_the_rule_once(outcome: Audit) -> None:
    text = render(outcome, "text", explain=True)
    assert text.count("Give each route a `response_model`") == 1


def test_sarif(outcome: Audit) -> None:
    run = json.loads(render(outcome, "sarif"))["runs"][0]
    shown = [result for result in run["results"] if "suppressions" not in result]
    assert [result["level"] for result in shown] == ["error", "note"]
    hidden = [result for result in run["results"] if "suppressions" in result]
    assert hidden[0]["suppressions"] == [{"kind": "inSource", "justification": "old"}]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    notes = run["invocations"][0]["toolExecutionNotifications"]
    location = notes[0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "app/broken.py"


def test_github(outcome: Audit) -> None:
    lines = render(outcome, "github").splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::warning", "::error", "::notice"]
    assert "file=app/main.py,line=7,endLine=7,col=5,title=response-model::" in lines[1]
    assert "%0A" in lines[1]


def test_github_paths_are_those_of_the_checkout(outcome: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(outcome.root.parent)
    assert f"file={outcome.root.name}/app/main.py," in render(outcome, "github")


def test_text_names_files_so_that_a_terminal_opens_them(
    outcome: Audit, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = outcome.root.name
    for folder, start in (
        (outcome.root.parent, f"{name}/app/"),
        (outcome.root, "app/"),
        (outcome.root / "app", ""),
        (tmp_path_factory.mktemp("elsewhere"), f"{outcome.root.as_posix()}/app/"),
    ):
        monkeypatch.chdir(folder)
        text = render(outcome, "text")
        for line in (f"\n  {start}main.py:7\n", f"· {start}main.py:12  ", f"⚠ {start}broken.py:1  "):
            assert line in text
        assert " 7 │ def root():" in text


def test_text_through_a_link(
    outcome: Audit, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("links")
    try:
        (here / "link").symlink_to(outcome.root, target_is_directory=True)
    except OSError:
        pytest.skip("links are not allowed here")
    monkeypatch.chdir(here)
    assert "\n  link/app/main.py:7\n" in render(audit(Path("link")), "text")


ODD = ["a b#c%20é", "x,y=z;[1]", "a&b'c'"]
ODDER = [
    "<x>",
    'quote"d',
    "line\nbreak",
    "::error::",
    "c:drive",
    "esc\x1b[31m",
    "tab\t",
    "back\\slash",
    "query?",
]
"""Names that Windows does not have."""


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """An audit of folders with odd names, each with two violations, a note and a file that does not parse."""
    folder = tmp_path_factory.mktemp("strange")
    for name in ODD + (ODDER if os.name == "posix" else []):
        (folder / name).mkdir()
        (folder / name / "main.py").write_text(BAD, encoding="utf-8")
        (folder / name / "no.py").write_text("x = (\n", encoding="utf-8")
        note = BAD.replace("def root()", "async def root() -> dict")
        (folder / name / "note.py").write_text(note, encoding="utf-8")
    return audit(folder)


@pytest.fixture
def odd(strange: Audit, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The same, as seen from its folder."""
    monkeypatch.chdir(strange.root)
    return strange


def test_sarif_has_odd_names_as_uris(odd: Audit) -> None:
    run = json.loads(render(odd, "sarif"))["runs"][0]
    troubles = run["invocations"][0]["toolExecutionNotifications"]
    uris = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"] + troubles
        for place in result["locations"]
    ]
    assert len(uris) == 4 * len(odd.files) / 3
    for uri in uris:
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri)
    assert {unquote(uri) for uri in uris} == set(odd.files)


def test_github_keeps_odd_names_in_one_command(odd: Audit) -> None:
    lines = render(odd, "github").splitlines()
    assert len(lines) == 4 * len(odd.files) / 3
    for line in lines:
        properties, _, message = line.partition(" ")[2].partition("::")
        named = dict(part.split("=", 1) for part in properties.split(","))
        assert set(named) == {"file", "line", "endLine", "col", "title"}
        assert unquote(named["file"]) in odd.files
        assert message


def test_junit_is_xml_whatever_the_names(odd: Audit) -> None:
    suite = ET.fromstring(render(odd, "junit"))[0]
    folders = len(odd.files) / 3
    for case in suite.iter("failure"):
        assert len((case.text or "").splitlines()) == folders
    assert len((suite.findtext("system-err") or "").splitlines()) == 1 + folders


def test_text_gives_each_name_one_line_and_the_terminal_no_order(odd: Audit) -> None:
    text = render(odd, "text")
    lines = text.split("\n")
    folders = len(odd.files) / 3
    assert sum(line.endswith("/main.py:7") for line in lines) == 2 * folders
    assert sum("/note.py:7  " in line for line in lines) == folders
    assert sum("/no.py:1  " in line for line in lines) == folders
    assert text.count(" 7 │ def root():") == 2 * folders
    assert all(line.isprintable() for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are not Unicode")
def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.py", "wb") as stream:  # noqa: PTH123 - a name of bytes
        stream.write(b"from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef f():\n    return 1\n")
    file = tmp_path / "known.json"
    assert audit(tmp_path, Options(baseline=file, write_baseline=True)).known == 2
    assert audit(tmp_path, Options(baseline=file)).known == 2
    for style in sorted(FORMATS):
        done = run(str(tmp_path), "--format", style)
        assert done.returncode == 1, done.stderr
        assert done.stdout.decode("utf-8")
    assert "caf%E9.py" in render(audit(tmp_path), "sarif")


def test_junit(outcome: Audit) -> None:
    suite = ET.fromstring(render(outcome, "junit"))[0]
    assert suite.get("failures") == "1"
    assert suite.get("tests") == str(len(outcome.counts))
    case = suite.find("testcase[@name='response-model']")
    assert case is not None
    failure = case.find("failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.startswith("app/main.py:7:5:")
    assert suite.find("testcase[@name='migrations']/skipped") is not None


def run(*words: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from checks.cli import main; main()", "audit", *words]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, env=environment, check=False)


@pytest.mark.parametrize("style", sorted(FORMATS))
def test_the_command_leaves_with_one_on_violations(outcome: Audit, style: str) -> None:
    done = run(str(outcome.root), "--format", style)
    assert done.returncode == 1, done.stderr
    assert b"response-model" in done.stdout
    assert not done.stderr


def test_the_command_on_a_console_without_utf8(outcome: Audit) -> None:
    done = run(str(outcome.root), encoding="ascii")
    assert done.returncode == 1, done.stderr
    assert b"x response-model" in done.stdout


def test_the_format_in_capitals(outcome: Audit) -> None:
    assert json.loads(run(str(outcome.root), "--format", "JSON").stdout)["files"] == 2


def test_nothing_parsed_is_reported_and_no_pass(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def broken(:\n", encoding="utf-8")
    done = run(str(tmp_path), "--format", "json")
    assert done.returncode == 2
    assert [u["file"] for u in json.loads(done.stdout)["unparsed"]] == ["main.py"]
    said = b" ".join(done.stderr.split())
    assert said.startswith(b"Nothing was judged: ")
    assert b"found main.py, line 1: SyntaxError" in said


def test_nothing_parsed_looks_like_no_pass_in_any_format(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def broken(:\n", encoding="utf-8")
    blind = audit(tmp_path)
    assert render(blind, "github").startswith("::error file=")
    suite = ET.fromstring(render(blind, "junit"))[0]
    assert (suite.get("errors"), suite.get("tests")) == ("1", str(len(blind.counts) + 1))
    [invocation] = json.loads(render(blind, "sarif"))["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]


def test_a_folder_that_cannot_be_listed_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("checks.source.files.os.scandir", refuse)
    outcome = audit(tmp_path)
    assert (outcome.exit_code, [u.file for u in outcome.unparsed]) == (2, ["."])
    assert "cannot be listed: Permission denied" in render(outcome)


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the stream")
@pytest.mark.parametrize("style", sorted(FORMATS))
def test_a_closed_standard_output(outcome: Audit, style: str) -> None:
    command = f'"{sys.executable}" -c "from checks.cli import main; main()" audit . --format {style} >&-'
    done = subprocess.run(["sh", "-c", command], cwd=outcome.root, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_reader_that_closes_early_changes_no_verdict(tmp_path: Path, style: str) -> None:
    (tmp_path / "main.py").write_text("x = 1\n", encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from checks.cli import main; main()", "audit", ".", "--format", style]
    done = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_report_that_cannot_be_written_is_no_verdict(outcome: Audit) -> None:
    command = [sys.executable, "-c", "from checks.cli import main; main()", "audit", "."]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, cwd=outcome.root, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"The report cannot be written: ")


@pytest.mark.parametrize(
    "words", [["--select", "respons-model"], ["--format", "yaml"], ["--write-baseline"], ["--no-such-option"]]
)
def test_the_command_that_is_not_understood(tmp_path: Path, words: list[str]) -> None:
    done = run(str(tmp_path), *words)
    assert done.returncode == 2
    assert done.stderr
    assert b"Traceback" not in done.stderr
