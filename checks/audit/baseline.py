"""Findings that are known already, so that an old project can start with none to mend.

The file is JSON: for each convention and file, the texts of the lines at which there is a finding. Files are
named from the settings' folder. Lines may move; a finding counts as known as long as its line reads the same.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from checks.audit.reach import Reach
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
    def read(cls, path: Path) -> "Baseline":
        """The baseline in a file.

        Raises:
            AuditError: the file is missing or is no baseline.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8-sig"))
            version = data["version"]
            if version != VERSION:
                raise AuditError(
                    f"The baseline {path} has the format {version!r}; this audit reads {VERSION}. Use the"
                    " version of the workshop that wrote it, or remove the file and write it anew with"
                    " --write-baseline."
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
        except OSError as error:
            raise AuditError(f"The baseline {path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise AuditError(
                f"{path} is no baseline of this audit ({type(error).__name__}: {error}) and stays as it is."
                " Expected a file that --write-baseline made; give its name with --baseline FILE."
            ) from error
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
            # A name that is no UTF-8 becomes the escapes that JSON has for it.
            path.write_bytes(text.encode("utf-8", errors="backslashreplace"))
        except OSError as error:
            raise AuditError(
                f"The baseline {path} cannot be written: {error.strerror or error}. Give a file that can be"
                " with --baseline FILE."
            ) from error

    def rewritten(self, findings: Sequence[Finding], project: Project, reach: Reach) -> "Baseline":
        """This baseline with the findings of one run; what that run did not look at stays as it was."""
        kept = Counter({key: n for key, n in self.known.items() if not reach.covers(*key, project)})
        return Baseline(kept | Counter(_key(finding, project, reach) for finding in findings))

    def hold_back(
        self, findings: Sequence[Finding], project: Project, reach: Reach
    ) -> tuple[list[Finding], int, int]:
        """Takes the known findings out.

        Returns:
            The findings that are new, how many were known, and how many of the known ones are gone, of
            those that this run would have found.
        """
        left = self.known.copy()
        new = []
        for finding in findings:
            key = _key(finding, project, reach)
            if left[key] > 0:
                left[key] -= 1
            else:
                new.append(finding)
        gone = sum(n for key, n in left.items() if n and reach.covers(*key, project))
        return new, len(findings) - len(new), gone


def _key(finding: Finding, project: Project, reach: Reach) -> Key:
    frame = project.frame(finding.place, context=0)
    return finding.convention, reach.name(finding.place.file), frame[0][1].strip() if frame else ""
