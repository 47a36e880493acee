"""The conventions over any project: what `workshop audit` does.

`audit` parses a folder, runs the conventions that are wanted and sorts out what was allowed or is already
in the baseline; `checks.audit.formats` writes the outcome down. Nothing of the audited project is imported
or run.
"""

import gc
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from checks.audit.allowing import Allowed, sort_out
from checks.audit.baseline import Baseline
from checks.audit.settings import AuditError, Settings, read_settings
from checks.conventions import load
from checks.finding import Finding, Level
from checks.source import Project, Unparsed, parse

__all__ = ["Audit", "AuditError", "Count", "Options", "audit"]


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of an audit; each overrules the audited project's own settings.

    Attributes:
        select: slugs to run; all when empty.
        ignore: slugs to leave out.
        baseline: the file with the findings that are known already.
        write_baseline: whether to write the findings of this run to that file.
        settings: whether to heed the project's own settings.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    baseline: Path | None = None
    write_baseline: bool = False
    settings: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """What one convention gave.

    Attributes:
        slug: the convention.
        subjects: how many things it had to judge.
        violations, notes: how many findings of each level are shown.
    """

    slug: str
    subjects: int
    violations: int
    notes: int

    @property
    def score(self) -> float | None:
        """The share of what was judged that is no violation, 0 to 1; None with nothing to judge."""
        if not self.subjects:
            return None
        return max(0.0, 1 - self.violations / self.subjects)


@dataclass(frozen=True, slots=True)
class Audit:
    """The outcome of an audit.

    Attributes:
        root: the folder to which the files of all findings are relative.
        project: what was parsed.
        files: the files that were looked at.
        unparsed: the files among them that could not be, and why.
        findings: what is to be shown, sorted by place.
        allowed: what a comment in the source allows, with the reason.
        known: how many findings the baseline holds back.
        gone: how many entries of the baseline no longer occur.
        counts: one entry for each convention that ran.
    """

    root: Path
    project: Project
    files: tuple[str, ...]
    unparsed: tuple[Unparsed, ...]
    findings: tuple[Finding, ...]
    allowed: tuple[Allowed, ...]
    known: int
    gone: int
    counts: tuple[Count, ...]

    @property
    def violations(self) -> int:
        """How many findings fail the audit."""
        return sum(finding.level is Level.VIOLATION for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """1 when there are violations, 0 otherwise; notes and unparsed files fail nothing."""
        return int(self.violations > 0)

    @property
    def score(self) -> int:
        """How well the conventions are followed, 0 to 100: the mean over those with something to judge."""
        scores = [count.score for count in self.counts if count.score is not None]
        return round(100 * sum(scores) / len(scores)) if scores else 100


def audit(path: Path, options: Options | None = None) -> Audit:
    """Runs the conventions over a project.

    Args:
        path: the project's folder, or one file of it.
        options: what is asked; the project's own settings fill the rest.

    Raises:
        AuditError: the path does not exist, or a setting, an option or the baseline cannot be understood.
    """
    options = options or Options()
    if not path.exists():
        raise AuditError(f"There is no file or folder {path}.")
    settings = _settings(path, options)
    root, only = _root(path)
    collecting = gc.isenabled()
    gc.disable()
    try:
        project = parse(root)
        findings = [finding for slug in settings.slugs for finding in load(slug).check(project)]
        findings, allowed = sort_out(findings, project, settings.slugs)
        findings = [f for f in findings if _is_asked_for(f.place.file, only, settings)]
        known, gone = 0, 0
        if settings.baseline is not None:
            if options.write_baseline:
                Baseline.of(findings, project).write(settings.baseline)
            findings, known, gone = Baseline.read(settings.baseline).hold_back(findings, project)
        counts = tuple(_counts(settings.slugs, findings, project))
    finally:
        if collecting:
            gc.enable()
    return Audit(
        root=project.root,
        project=project,
        files=tuple(file for file in project.files if _is_asked_for(file, only, settings)),
        unparsed=tuple(u for u in project.unparsed if _is_asked_for(u.file, only, settings)),
        findings=tuple(sorted(findings, key=lambda f: (f.place, f.convention))),
        allowed=tuple(allowed),
        known=known,
        gone=gone,
        counts=counts,
    )


def _settings(path: Path, options: Options) -> Settings:
    settings = read_settings(path) if options.settings else Settings()
    return settings.overruled(select=options.select, ignore=options.ignore, baseline=options.baseline)


def _root(path: Path) -> tuple[Path, str | None]:
    """The folder to parse, and the one file to report on where a file was asked for."""
    if path.is_dir():
        return path, None
    folder = path.resolve().parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    declared = (above for above in (folder, *folder.parents) if (above / "pyproject.toml").is_file())
    folder = next(declared, folder)
    return folder, path.resolve().relative_to(folder).as_posix()


def _is_asked_for(file: str, only: str | None, settings: Settings) -> bool:
    return (only is None or file == only) and not settings.excludes(file)


def _counts(slugs: Iterable[str], findings: list[Finding], project: Project) -> Iterable[Count]:
    tally = Counter((finding.convention, finding.level) for finding in findings)
    for slug in slugs:
        yield Count(
            slug,
            load(slug).subjects(project),
            tally[slug, Level.VIOLATION],
            tally[slug, Level.NOTE],
        )
