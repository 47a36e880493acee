"""An audit written down: for people, for programs and for the services that comment on changes."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, Final
from xml.etree import ElementTree as ET

from checks import __name__ as package
from checks.audit import Audit, Count
from checks.audit.allowing import SLUG as ALLOWING
from checks.conventions import load
from checks.finding import Finding, Level
from checks.report import UNICODE, Glyphs, from_finding
from checks.report import text as as_text

NOTHING: Final = "-"
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(audit: Audit, style: str = "text", *, explain: bool = False, glyphs: Glyphs = UNICODE) -> str:
    """An audit in one of the formats, ending in a newline.

    Args:
        audit: the outcome.
        style: one of `FORMATS`.
        explain: whether the text gives the rule of each convention that has findings.
        glyphs: the marks that the console can show.
    """
    if style == "text":
        return text(audit, explain=explain, glyphs=glyphs)
    return FORMATS[style](audit)


# text


def text(audit: Audit, *, explain: bool = False, glyphs: Glyphs = UNICODE) -> str:
    """For people: each violation with its lines, each note in one line, and a summary by convention."""
    parts = [
        _violation(finding, audit, glyphs) for finding in audit.findings if finding.level is Level.VIOLATION
    ]
    notes = [f"  {_note(finding, glyphs)}" for finding in audit.findings if finding.level is Level.NOTE]
    if notes:
        parts.append("\n".join(["Notes: questionable, and nothing fails for them", *notes]))
    if audit.unparsed:
        lines = [f"  {glyphs.fault} {u.file}:{u.line}  {u.message}" for u in audit.unparsed]
        parts.append("\n".join(["Not judged, because they cannot be parsed", *lines]))
    if explain:
        parts += [_explanation(slug) for slug in sorted({finding.convention for finding in audit.findings})]
    parts.append("\n".join(_summary(audit)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _violation(finding: Finding, audit: Audit, glyphs: Glyphs) -> str:
    problem = from_finding(finding, _title(finding.convention), prefix="")
    return as_text(problem, audit.root, glyphs)


def _title(slug: str) -> str:
    return "What a comment allows" if slug == ALLOWING else load(slug).title


def _note(finding: Finding, glyphs: Glyphs) -> str:
    return f"{glyphs.dot} {finding.place}  {finding.convention}: {finding.found}"


def _explanation(slug: str) -> str:
    if slug == ALLOWING:
        return ""
    convention = load(slug)
    return f"{slug}: {convention.title}\n\n{convention.rule}\n\n{convention.why}"


def _summary(audit: Audit) -> Iterator[str]:
    judged = [count for count in audit.counts if count.subjects or count.violations or count.notes]
    if judged:
        width = max(len(count.slug) for count in judged)
        yield f"{'convention':<{width}}  judged  violations  notes  followed"
        for count in judged:
            figures = f"{count.subjects:>6}  {count.violations:>10}  {count.notes:>5}  {_share(count):>8}"
            yield f"{count.slug:<{width}}  {figures}"
        yield ""
    notes = len(audit.findings) - audit.violations
    yield (
        f"{_plural(len(audit.files), 'file')}, {_plural(audit.violations, 'violation')}, "
        f"{_plural(notes, 'note')}. Score {audit.score} of 100."
    )
    for number, what in (
        (len(audit.unparsed), "could not be parsed" + _blindness(audit)),
        (len(audit.allowed), "allowed by comments"),
        (audit.known, "known from the baseline"),
        (audit.gone, "of the baseline gone: write it anew"),
    ):
        if number:
            yield f"{number} {what}."


def _blindness(audit: Audit) -> str:
    """What it means for the others that files could not be parsed."""
    importers = sum(unparsed.importers for unparsed in audit.unparsed)
    if not importers:
        return ""
    return (
        f"; {_plural(importers, 'import')} of what they hold could not be followed: the verdict is incomplete"
    )


def _share(count: Count) -> str:
    return NOTHING if count.score is None else f"{count.score:.0%}"


def _plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# JSON


def as_json(audit: Audit) -> str:
    """For programs: the stable form that `schema.json` describes."""
    return json.dumps(data(audit), indent=2) + "\n"


def data(audit: Audit) -> dict[str, Any]:
    """The audit as plain data, in the form that `schema.json` describes."""
    return {
        "files": len(audit.files),
        "unparsed": [{"file": u.file, "line": u.line, "message": u.message} for u in audit.unparsed],
        "findings": [_entry(finding) for finding in audit.findings],
    }


def _entry(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "convention": finding.convention,
        "level": str(finding.level),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line or place.line,
        "end_column": place.end_column or place.column,
        "message": finding.message,
        "why": finding.why,
        "next": finding.next,
    }


# SARIF


def sarif(audit: Audit) -> str:
    """SARIF 2.1.0, which code hosts and editors show."""
    slugs = sorted({count.slug for count in audit.counts} | {f.convention for f in audit.findings})
    driver = {
        "name": "workshop audit",
        "semanticVersion": _version(),
        "rules": [_rule(slug) for slug in slugs],
    }
    results = [_result(finding, slugs, audit) for finding in audit.findings]
    for allowed in audit.allowed:
        result = _result(allowed.finding, slugs, audit)
        result["suppressions"] = [{"kind": "inSource", "justification": allowed.reason}]
        results.append(result)
    troubles = [
        {
            "level": "warning",
            "message": {"text": unparsed.message},
            "locations": [_location(unparsed.file, {"startLine": unparsed.line}, audit)],
        }
        for unparsed in audit.unparsed
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": troubles}],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fastapi-layer-by-layer")
    except PackageNotFoundError:
        return "0.0.0"


def _rule(slug: str) -> dict[str, Any]:
    if slug == ALLOWING:
        return {"id": slug, "shortDescription": {"text": _title(slug)}}
    convention = load(slug)
    return {
        "id": slug,
        "name": "".join(word.capitalize() for word in slug.split("-")),
        "shortDescription": {"text": convention.title},
        "fullDescription": {"text": " ".join(convention.rule.split())},
        "help": {
            "text": f"{convention.rule}\n\n{convention.why}",
            "markdown": f"{convention.rule}\n\n{convention.why}",
        },
    }


def _result(finding: Finding, slugs: list[str], audit: Audit) -> dict[str, Any]:
    place = finding.place
    region: dict[str, int] = {"startLine": place.line, "startColumn": place.column}
    if place.end_line:
        region |= {"endLine": place.end_line, "endColumn": place.end_column}
    return {
        "ruleId": finding.convention,
        "ruleIndex": slugs.index(finding.convention),
        "level": "error" if finding.level is Level.VIOLATION else "note",
        "message": {"text": f"{finding.message} {finding.why} {finding.next}."},
        "locations": [_location(place.file, region, audit)],
    }


def _location(file: str, region: dict[str, int], audit: Audit) -> dict[str, Any]:
    artifact = {"uri": _from_here(file, audit).replace(" ", "%20"), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _from_here(file: str, audit: Audit) -> str:
    """A file relative to the current folder (in CI the checkout), else to the audited one."""
    try:
        relative = os.path.relpath(audit.root.resolve() / file, Path.cwd())
    except ValueError:
        return file
    return file if relative.startswith("..") else PurePath(relative).as_posix()


# GitHub


def github(audit: Audit) -> str:
    """Workflow commands, which GitHub shows as comments on the changed lines."""
    lines = [
        _command("warning", _from_here(u.file, audit), u.line, "Not judged", f"Cannot be parsed: {u.message}")
        for u in audit.unparsed
    ]
    for finding in audit.findings:
        place = finding.place
        kind = "error" if finding.level is Level.VIOLATION else "notice"
        message = f"{finding.message}\n{finding.why}\n{finding.next}."
        file = _from_here(place.file, audit)
        lines.append(
            _command(kind, file, place.line, finding.convention, message, place.column, place.end_line)
        )
    return "".join(f"{line}\n" for line in lines)


def _command(  # noqa: PLR0913, PLR0917 - the parts of one workflow command
    kind: str, file: str, line: int, title: str, message: str, column: int = 1, end_line: int = 0
) -> str:
    properties = {"file": file, "line": line, "endLine": end_line or line, "col": column, "title": title}
    listed = ",".join(f"{name}={_escape(str(value), also=':,')}" for name, value in properties.items())
    return f"::{kind} {listed}::{_escape(message)}"


def _escape(value: str, also: str = "") -> str:
    value = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for letter in also:
        value = value.replace(letter, f"%{ord(letter):02X}")
    return value


# JUnit


def junit(audit: Audit) -> str:
    """JUnit XML: one test case for each convention, failed when it has violations."""
    suite = ET.Element("testsuite", name="workshop audit")
    failed = 0
    for count in audit.counts:
        case = ET.SubElement(suite, "testcase", classname=package, name=count.slug)
        findings = [finding for finding in audit.findings if finding.convention == count.slug]
        violations = [finding for finding in findings if finding.level is Level.VIOLATION]
        failed += bool(violations)
        if violations:
            message = _plural(len(violations), "violation")
            failure = ET.SubElement(case, "failure", message=message, type=count.slug)
            failure.text = "\n".join(_line(finding) for finding in violations)
        elif not count.subjects:
            ET.SubElement(case, "skipped", message="nothing to judge")
        notes = [_line(finding) for finding in findings if finding.level is Level.NOTE]
        if notes:
            ET.SubElement(case, "system-out").text = "\n".join(notes)
    if audit.unparsed:
        lines = [f"{u.file}:{u.line}: {u.message}" for u in audit.unparsed]
        ET.SubElement(suite, "system-err").text = "\n".join(["Cannot be parsed:", *lines])
    suite.set("tests", str(len(audit.counts)))
    suite.set("failures", str(failed))
    suite.set("errors", "0")
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _line(finding: Finding) -> str:
    return f"{finding.place}:{finding.place.column}: {finding.message} {finding.next}."


FORMATS: Final[dict[str, Callable[[Audit], str]]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
    "junit": junit,
}
"""The name of each format, to what writes it."""
