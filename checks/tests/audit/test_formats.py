"""Each format says the same, in its own form."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from checks.audit import Audit, audit
from checks.audit import __file__ as package
from checks.audit.formats import FORMATS, render
from checks.report import ASCII

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


def check(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """Checks the part of JSON Schema that the audit's schema uses."""
    if "enum" in schema:
        assert value in schema["enum"], where
        return
    kinds: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int}
    kind: Any = kinds[schema["type"]]
    assert isinstance(value, kind), where
    if schema["type"] == "object":
        assert set(value) == set(schema["required"]) == set(schema["properties"]), where
        for name, inner in schema["properties"].items():
            check(value[name], inner, f"{where}.{name}")
    elif schema["type"] == "array":
        for number, item in enumerate(value):
            check(item, schema["items"], f"{where}[{number}]")
    elif schema["type"] == "integer":
        assert value >= schema["minimum"], where


def test_json_is_as_the_schema_says(outcome: Audit) -> None:
    data = json.loads(render(outcome, "json"))
    check(data, SCHEMA)
    assert data["files"] == 2
    assert [u["file"] for u in data["unparsed"]] == ["app/broken.py"]
    assert [(f["convention"], f["level"], f["line"]) for f in data["findings"]] == [
        ("response-model", "violation", 7),
        ("response-model", "note", 12),
    ]
    first = data["findings"][0]
    assert (first["column"], first["end_line"], first["end_column"]) == (5, 7, 9)


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


@pytest.mark.parametrize(
    "words", [["--select", "respons-model"], ["--format", "yaml"], ["--write-baseline"], ["--no-such-option"]]
)
def test_the_command_that_is_not_understood(tmp_path: Path, words: list[str]) -> None:
    done = run(str(tmp_path), *words)
    assert done.returncode == 2
    assert done.stderr
    assert b"Traceback" not in done.stderr
