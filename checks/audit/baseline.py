"""Findings that are known already, so that an old project can start with none to mend.

The file is JSON: for each convention and file, the texts of the lines at which there is a finding. Lines
may move; a finding counts as known as long as its line reads the same.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checks.audit.settings import AuditError
from checks.finding import Finding
from checks.source import Project

VERSION: Final = 1
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Known findings: (convention, file, text of the line) to how often."""

    known: Counter[Key]

    @classmethod
    def of(cls, findings: Sequence[Finding], project: Project) -> "Baseline":
        """All findings of one run."""
        return cls(Counter(_key(finding, project) for finding in findings))

    @classmethod
    def read(cls, path: Path) -> "Baseline":
        """The baseline in a file.

        Raises:
            AuditError: the file is missing or is no baseline.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["version"] != VERSION:
                raise AuditError(
                    f"The baseline {path} has the format {data['version']}, this audit reads {VERSION}."
                )
            known = Counter(
                {
                    (str(convention), str(file), str(line)): int(count)
                    for convention, files in data["known"].items()
                    for file, lines in files.items()
                    for line, count in lines.items()
                }
            )
        except FileNotFoundError as error:
            raise AuditError(f"There is no baseline {path}; --write-baseline makes one.") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AuditError(f"{path} is no baseline of this audit: {error}") from error
        return cls(known)

    def write(self, path: Path) -> None:
        """Writes the baseline to a file, the same bytes for the same findings.

        Raises:
            AuditError: the file cannot be written.
        """
        known: dict[str, dict[str, dict[str, int]]] = {}
        for (convention, file, line), count in sorted(self.known.items()):
            known.setdefault(convention, {}).setdefault(file, {})[line] = count
        text = json.dumps({"version": VERSION, "known": known}, indent=2, ensure_ascii=False) + "\n"
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise AuditError(f"The baseline cannot be written: {error}") from error

    def hold_back(self, findings: Sequence[Finding], project: Project) -> tuple[list[Finding], int, int]:
        """Takes the known findings out.

        Returns:
            The findings that are new, how many were known, and how many of the known ones are gone.
        """
        left = self.known.copy()
        new = []
        for finding in findings:
            key = _key(finding, project)
            if left[key] > 0:
                left[key] -= 1
            else:
                new.append(finding)
        return new, len(findings) - len(new), sum(left.values())


def _key(finding: Finding, project: Project) -> Key:
    frame = project.frame(finding.place, context=0)
    return finding.convention, finding.place.file, frame[0][1].strip() if frame else ""
