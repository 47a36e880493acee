"""An audit written down: for people, for programs and for the services that comment on changes."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

from checks import __name__ as package
from checks.audit import Audit, Count
from checks.audit.allowing import SLUG as ALLOWING
from checks.conventions import load
from checks.finding import Finding, Level
from checks.report import UNICODE, Glyphs, from_finding, lines

NOTHING: Final = "-"
NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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
    notes = [
        f"  {_note(finding, audit, glyphs)}" for finding in audit.findings if finding.level is Level.NOTE
    ]
    if notes:
        parts.append("\n".join(["Notes: questionable, and nothing fails for them", *notes]))
    if audit.unparsed:
        lines = [
            f"  {glyphs.fault} {_printable(_to_open(u.file, audit))}:{u.line}  {u.message}"
            for u in audit.unparsed
        ]
        parts.append("\n".join(["Not judged, because they cannot be parsed", *lines]))
    if explain:
        parts += [_explanation(slug) for slug in sorted({finding.convention for finding in audit.findings})]
    parts.append("\n".join(_summary(audit)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _violation(finding: Finding, audit: Audit, glyphs: Glyphs) -> str:
    """A violation with its lines; its place is named as it can be opened from the current folder."""
    shown = replace(finding, place=replace(finding.place, file=_to_open(finding.place.file, audit)))
    module = audit.project.find(finding.place.file)
    problem = from_finding(shown, _title(finding.convention), prefix="")
    laid_out = lines(problem, Path(), glyphs, module.lines if module else None)
    text = "\n".join("".join(piece for piece, _ in line) for line in laid_out)
    return text.replace(str(shown.place), _printable(str(shown.place)), 1)


def _title(slug: str) -> str:
    return "What a comment allows" if slug == ALLOWING else load(slug).title


def _note(finding: Finding, audit: Audit, glyphs: Glyphs) -> str:
    where = f"{_printable(_to_open(finding.place.file, audit))}:{finding.place.line}"
    return f"{glyphs.dot} {where}  {finding.convention}: {finding.found}"


def _explanation(slug: str) -> str:
    if slug == ALLOWING:
        return ""
    convention = load(slug)
    return f"{slug}: {convention.title}\n\n{convention.rule}\n\n{convention.why}"


def _summary(audit: Audit) -> Iterator[str]:
    judged = [count for count in audit.counts if count.subjects or count.violations or count.notes]
    if judged and not audit.is_partial:
        width = max(len(count.slug) for count in judged)
        yield f"{'convention':<{width}}  judged  violations  notes  followed"
        for count in judged:
            figures = f"{count.subjects:>6}  {count.violations:>10}  {count.notes:>5}  {_share(count):>8}"
            yield f"{count.slug:<{width}}  {figures}"
        yield ""
    notes = len(audit.findings) - audit.violations
    score = "" if audit.is_partial else f" Score {NOTHING if audit.score is None else audit.score} of 100."
    yield (
        f"{_plural(len(audit.files), 'file')}, {_plural(audit.violations, 'violation')}, "
        f"{_plural(notes, 'note')}.{score}"
    )
    if not (audit.is_partial or audit.is_blind or audit.project.routes):
        yield "No route of FastAPI was found: is PATH the folder of the application?"
    for number, what in (
        (len(audit.unparsed), "could not be parsed" + _blindness(audit)),
        (len(audit.allowed), "allowed by comments"),
        (audit.known, "known from the baseline"),
        (audit.gone, "of the baseline gone: --write-baseline takes them out, and takes in what is new"),
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
        "invocations": [{"executionSuccessful": not audit.is_blind, "toolExecutionNotifications": troubles}],
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
    # A name may hold bytes that are no UTF-8, or a colon, which would read as a scheme: both are escaped.
    uri = quote(_from_here(file, audit), errors="surrogateescape")
    artifact = {"uri": uri, "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _from_here(file: str, audit: Audit) -> str:
    """A file relative to the current folder (in CI the checkout), else to the audited one."""
    return _here(file, audit) or file


def _to_open(file: str, audit: Audit) -> str:
    """A file as a terminal can open it: from the current folder, else as the audited path was given."""
    return _here(file, audit) or (audit.root / file).as_posix()


def _here(file: str, audit: Audit) -> str | None:
    """A file relative to the current folder, without links or, if need be, with them; None outside of it."""
    return _relative(file, audit.root, Path.cwd())


@cache  # many findings share a file, and a folder with many files its way
def _relative(file: str, root: Path, here: Path) -> str | None:
    for base in _without_and_with_links(root, here):
        path = Path(os.path.normpath(base / file))
        if path.is_relative_to(here):
            return path.relative_to(here).as_posix()
    return None


@cache
def _without_and_with_links(root: Path, here: Path) -> tuple[Path, Path]:
    return root.resolve(), here / root


def _printable(text: str) -> str:
    """A text of one line: what a terminal would obey or could not show is written as an escape."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


# GitHub


def github(audit: Audit) -> str:
    """Workflow commands, which GitHub shows as comments on the changed lines."""
    kind = "error" if audit.is_blind else "warning"
    lines = [
        _command(kind, _from_here(u.file, audit), u.line, "Not judged", f"Cannot be parsed: {u.message}")
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
    """JUnit XML: one test case for each convention, failed when it has violations.

    Where nothing could be parsed, one more says so: skipped ones alone would look like a pass.
    """
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
            failure.text = "\n".join(_line(finding, audit) for finding in violations)
        elif not count.subjects:
            ET.SubElement(case, "skipped", message="nothing to judge")
        notes = [_line(finding, audit) for finding in findings if finding.level is Level.NOTE]
        if notes:
            ET.SubElement(case, "system-out").text = "\n".join(notes)
    if audit.is_blind:
        case = ET.SubElement(suite, "testcase", classname=package, name="parsing")
        ET.SubElement(case, "error", message="nothing could be judged", type="parsing")
    if audit.unparsed:
        lines = [f"{_from_here(u.file, audit)}:{u.line}: {u.message}" for u in audit.unparsed]
        ET.SubElement(suite, "system-err").text = "\n".join(["Cannot be parsed:", *map(_in_xml, lines)])
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(failed))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _line(finding: Finding, audit: Audit) -> str:
    place = finding.place
    where = f"{_from_here(place.file, audit)}:{place.line}:{place.column}"
    return _in_xml(f"{where}: {finding.message} {finding.next}.")


def _in_xml(text: str) -> str:
    """A line as XML can hold it: for some letters of names and messages it has no form at all."""
    return NOT_IN_XML.sub(lambda found: _escaped(found[0]), text).replace("\n", "\\n").replace("\r", "\\r")


FORMATS: Final[dict[str, Callable[[Audit], str]]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
    "junit": junit,
}
"""The name of each format, to what writes it."""
