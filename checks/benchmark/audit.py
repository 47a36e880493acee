"""How quick the audit is: ``python -m checks.benchmark.audit``.

First the audit alone, on trees of 5,000 to 180,000 lines: seconds, whether they grow with the lines and no
faster, and memory. Then semgrep and flake8-async beside it, in turns on one tree, with rules that ask the
same. Those two are no dependency of ours: ``uv tool run`` fetches them. What it cannot fetch is left out,
and said.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from checks.benchmark.trees import write_tree
from checks.conventions import slugs
from checks.lesson import Course, find_course

SIZES: Final = (20_000, 60_000, 180_000)
SMALL: Final = 5_000
LARGE_SECONDS: Final = 6.0
SMALL_SECONDS: Final = 0.5
MEMORY: Final = 1.5 * 1024**3
STEEPEST: Final = 1.25
"""What a line of the largest tree may cost, where one of the smallest costs 1."""

PATIENCE: Final = 600
"""Seconds after which a tool is given up."""

RULES: Final = Path(__file__).with_name("semgrep.yml")
BLOCKING: Final = [f"ASYNC{code}" for code in (210, 211, 212, 220, 221, 222, 230, 231, 232, 240, 250, 251)]
SHARED: Final = ("async-handlers", "no-blocking-calls")
OURS: Final = (sys.executable, "-c", "from checks.cli import main; main()", "audit")


@dataclass(frozen=True, slots=True)
class Time:
    """What a command took.

    Attributes:
        seconds: by the clock on the wall.
        processor: on all cores together, of it and of the processes that it starts; 0 where this is not told.
    """

    seconds: float
    processor: float


@dataclass
class Tool:
    """A command that judges a tree by some rules.

    Attributes:
        name: as it is shown.
        command: what is run.
        rules: how many rules it judges by.
        count: how many findings its output holds.
        times: one for each run.
        findings: how many the last run gave.
    """

    name: str
    command: Sequence[str]
    rules: int
    count: Callable[[str], int]
    times: list[Time] = field(default_factory=list)
    findings: int = 0

    def run(self) -> None:
        """Run it once."""
        measured, output = measure(self.command)
        self.times.append(measured)
        self.findings = self.count(output)

    @property
    def best(self) -> Time:
        """The quickest run, which other work on the machine disturbed least."""
        return min(self.times, key=lambda each: each.seconds)

    @property
    def per_rule(self) -> float:
        """Seconds of the quickest run for each rule."""
        return self.best.seconds / self.rules


def measure(command: Sequence[str]) -> tuple[Time, str]:
    """Run a command in the workshop's folder.

    Returns:
        What it took, and what it printed.

    Raises:
        OSError: it cannot be started.
        subprocess.SubprocessError: it took too long, or failed with more than findings.
    """
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=find_course(Path(__file__).parent).root,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    seconds, after = time.perf_counter() - started, os.times()
    if done.returncode not in {0, 1}:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    processor = after.children_user - before.children_user + after.children_system - before.children_system
    return Time(seconds, processor), done.stdout


def best_of(rounds: int, tree: Path) -> Time:
    """The quickest of some audits of a tree."""
    return min((measure([*OURS, str(tree)])[0] for _ in range(rounds)), key=lambda each: each.seconds)


def peak_memory() -> int:
    """Bytes that the largest process so far held at once; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def audit_alone(course: Course, folder: Path, rounds: int) -> list[str]:
    """Print what audits of growing trees take, and give the promises that were broken."""
    nothing = folder / "nothing"
    nothing.mkdir()
    (nothing / "app.py").touch()
    start = best_of(rounds, nothing)
    print(f"{'lines':>8} {'seconds':>8} {'after start-up':>15} {'processor':>10} {'µs a line':>10}")
    broken, slopes = [], []
    for lines in (SMALL, *SIZES):
        tree = write_tree(course, folder / str(lines), lines)
        took = best_of(rounds, tree)
        after = took.seconds - start.seconds
        slopes.append((took.processor - start.processor or after) / lines)
        figures = f"{took.seconds:8.2f} {after:15.2f} {took.processor:10.2f} {slopes[-1] * 1e6:10.1f}"
        print(f"{lines:8,} {figures}")
        if lines == SMALL and after > SMALL_SECONDS:
            broken.append(f"{lines:,} lines take {after:.2f} s, not {SMALL_SECONDS} s")
        shutil.rmtree(tree)
    steepness, memory = slopes[-1] / slopes[1], peak_memory()
    print(f"A line of {SIZES[-1]:,} costs {steepness:.2f} times one of {SIZES[0]:,}.")
    print(f"Peak memory: {memory / 1024**2:.0f} MiB." if memory else "Peak memory: not told here.")
    if took.seconds > LARGE_SECONDS:
        broken.append(f"{SIZES[-1]:,} lines take {took.seconds:.2f} s, not {LARGE_SECONDS} s")
    if steepness > STEEPEST:
        broken.append(f"time grows faster than the lines, by {steepness:.2f} and not {STEEPEST}")
    if memory > MEMORY:
        broken.append(f"memory reaches {memory / 1024**3:.2f} GiB, not 1.5")
    return broken


def tools(tree: Path) -> list[Tool]:
    """The audit with all rules and with those that others have too, and the others, where they can be had."""
    files = [str(path) for path in sorted(tree.rglob("*.py"))]
    ours = [*OURS, str(tree), "--format", "json"]
    semgrep = [
        "scan",
        "--config",
        str(RULES),
        "--metrics",
        "off",
        "--disable-version-check",
        "--no-git-ignore",
    ]
    found = [
        Tool("workshop audit", ours, len(slugs()), _findings),
        Tool(
            "workshop audit, those two rules", [*ours, "--select", ",".join(SHARED)], len(SHARED), _findings
        ),
    ]
    others = [
        Tool("semgrep", [*_fetched("semgrep"), *semgrep, "--json", str(tree)], len(SHARED), _results),
        Tool(
            "flake8-async",
            [*_fetched("flake8-async"), f"--enable={','.join(BLOCKING)}", *files],
            len(BLOCKING),
            lambda output: output.count(" ASYNC"),
        ),
    ]
    return found + [tool for tool in others if _can_be_had(tool.name)]


def _fetched(name: str) -> list[str]:
    return ["uv", "tool", "run", "--from", name, name]


def _can_be_had(name: str) -> bool:
    try:
        subprocess.run([*_fetched(name), "--help"], check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{name} cannot be had here, and is left out: {error}")
        return False
    return True


def _findings(output: str) -> int:
    return len(json.loads(output)["findings"])


def _results(output: str) -> int:
    return len(json.loads(output)["results"])


def side_by_side(course: Course, folder: Path, lines: int, rounds: int) -> list[str]:
    """Print what each tool takes for a rule on the same tree, and give the promises that were broken."""
    table = tools(write_tree(course, folder / "shared", lines))
    for _ in range(rounds):
        for tool in (*table,):
            try:
                tool.run()
            except subprocess.SubprocessError as error:
                print(f"{tool.name} gives no answer, and is left out: {error}")
                table.remove(tool)
    ours = table[0]
    print(f"\n{lines:,} lines, the quickest of {rounds} in turns:")
    print(f"{'seconds':>8} {'processor':>10} {'rules':>6} {'a rule':>8} {'ratio':>7} {'findings':>9}")
    for tool in table:
        times = f"{tool.best.seconds:8.2f} {tool.best.processor:10.2f} {tool.rules:6} {tool.per_rule:8.3f}"
        print(f"{times} {tool.per_rule / ours.per_rule:7.1f} {tool.findings:9}  {tool.name}")
    return [
        f"{one.name} takes {one.per_rule:.3f} s a rule, {other.name} {other.per_rule:.3f} s"
        for one in table[:2]
        for other in table[2:]
        if one.per_rule > other.per_rule
    ]


def main() -> None:
    """Measure, print, and exit with 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often each command runs (default: 3)")
    parser.add_argument(
        "--lines", type=int, default=SIZES[0], help="lines of the shared tree (default: 20000)"
    )
    options = parser.parse_args()
    course = find_course(Path(__file__).parent)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        broken = audit_alone(course, Path(folder), options.rounds)
        broken += side_by_side(course, Path(folder), options.lines, options.rounds)
    for promise in broken:
        print(f"Broken: {promise}.")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
