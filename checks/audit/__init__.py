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
from checks.audit.reach import Reach
from checks.audit.settings import MANIFEST, TABLE, AuditError, Settings, no_settings, read_settings
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
        is_partial: whether one file of several was asked for; the counts are of all, then.
        files: the files that were looked at.
        unparsed: the files among them that could not be, and why.
        findings: what is to be shown, sorted by place.
        allowed: what a comment in the source allows, with the reason.
        known: how many findings the baseline holds back.
        gone: how many entries of the baseline no longer occur, of those that this run looked at.
        counts: one entry for each convention that ran.
    """

    root: Path
    project: Project
    is_partial: bool
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
    def is_blind(self) -> bool:
        """Whether nothing could be judged: no file that holds anything could be parsed, and some were not."""
        parsed = (self.project.find(file) for file in self.files)
        return bool(self.unparsed) and not any(module.content.strip() for module in parsed if module)

    @property
    def exit_code(self) -> int:
        """1 when there are violations, 2 when nothing could be judged, 0 otherwise.

        Notes fail nothing, and neither do files that cannot be parsed beside others that can.
        """
        if self.violations:
            return 1
        return 2 if self.is_blind else 0

    @property
    def score(self) -> int | None:
        """How well the conventions are followed, 0 to 100: the mean over those with something to judge.

        None where none had, and for one file of several.
        """
        scores = [count.score for count in self.counts if count.score is not None]
        if self.is_partial or self.is_blind or not scores:
            return None
        return round(100 * sum(scores) / len(scores))


def audit(path: Path, options: Options | None = None) -> Audit:
    """Runs the conventions over a project.

    Args:
        path: the project's folder, or one file of it.
        options: what is asked; the project's own settings fill the rest.

    Raises:
        AuditError: there is no Python file at the path, no convention is left to run, or a setting, an option
            or the baseline cannot be understood.
    """
    options = options or Options()
    _require_python(path)
    settings = _settings(path, options)
    baseline = _baseline(settings, write=options.write_baseline)
    root, only = _root(path)
    reach = Reach.of(root, only, settings)
    collecting = gc.isenabled()
    gc.disable()
    try:
        project = parse(root)
        files = tuple(filter(reach.has, project.files))
        unparsed = tuple(u for u in project.unparsed if reach.has(u.file))
        if not files and not unparsed:
            raise AuditError(_nothing_to_judge(path, project, settings, only))
        findings = [finding for slug in settings.slugs for finding in load(slug).check(project)]
        findings, allowed = sort_out(findings, project, settings.slugs)
        findings = [finding for finding in findings if reach.has(finding.place.file)]
        if options.write_baseline and settings.baseline:
            baseline = baseline.rewritten(findings, project, reach)
            baseline.write(settings.baseline)
        findings, known, gone = baseline.hold_back(findings, project, reach)
        counts = tuple(_counts(settings.slugs, findings, project))
    finally:
        if collecting:
            gc.enable()
    return Audit(
        root=project.root,
        project=project,
        is_partial=only is not None and len(project.files) > 1,
        files=files,
        unparsed=unparsed,
        findings=tuple(sorted(findings, key=lambda f: (f.place, f.convention))),
        allowed=tuple(one for one in allowed if reach.has(one.finding.place.file)),
        known=known,
        gone=gone,
        counts=counts,
    )


def _require_python(path: Path) -> None:
    if not path.exists():
        raise AuditError(f"There is no file or folder {path}.")
    if path.is_dir() or path.suffix == ".py":
        return
    what = "a notebook, and the audit reads none" if path.suffix == ".ipynb" else "no Python file"
    raise AuditError(
        f"{path} is {what}: expected a folder, or a file whose name ends in .py. Give one of these, such as"
        " `workshop audit app`."
    )


def _nothing_to_judge(path: Path, project: Project, settings: Settings, only: str | None) -> str:
    """Why there is no file to look at, and the way out."""
    looked_for = "the audit would pass with nothing judged"
    if only is not None and only not in project.files:
        return (
            f"{path} is in a folder that the audit leaves out, such as a hidden one or a virtual environment:"
            f" {looked_for}. Move it, or audit that folder itself."
        )
    if project.files:
        return (
            f"`exclude` leaves no Python file of {path} to judge: {looked_for}. It is"
            f" {list(settings.exclude)} in {settings.folder / MANIFEST}; change it, or audit another folder."
        )
    return (
        f"There is no Python file in {path}: {looked_for}. Expected a file whose name ends in .py there or"
        " below; hidden folders, virtual environments and caches are left out. Give the folder that holds the"
        " application, such as `workshop audit app`."
    )


def _settings(path: Path, options: Options) -> Settings:
    settings = read_settings(path) if options.settings else no_settings(path)
    settings = settings.overruled(select=options.select, ignore=options.ignore, baseline=options.baseline)
    if options.write_baseline and settings.baseline is None:
        raise AuditError(
            f"--write-baseline needs the file to write: --baseline FILE, or `baseline` in {TABLE}."
        )
    return settings


def _baseline(settings: Settings, *, write: bool) -> Baseline:
    """What is known before the run; read first, so that a wrong file is told before anything takes time."""
    path = settings.baseline
    if path is None or (write and not path.exists()):
        return Baseline(Counter())
    return Baseline.read(path)


def _root(path: Path) -> tuple[Path, str | None]:
    """The folder to parse, and the one file to report on where a file was asked for."""
    if path.is_dir():
        return path, None
    folder = path.resolve().parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    declared = (above for above in (folder, *folder.parents) if (above / MANIFEST).is_file())
    folder = next(declared, folder)
    return folder, path.resolve().relative_to(folder).as_posix()


def _counts(slugs: Iterable[str], findings: list[Finding], project: Project) -> Iterable[Count]:
    tally = Counter((finding.convention, finding.level) for finding in findings)
    for slug in slugs:
        yield Count(
            slug,
            load(slug).subjects(project),
            tally[slug, Level.VIOLATION],
            tally[slug, Level.NOTE],
        )
