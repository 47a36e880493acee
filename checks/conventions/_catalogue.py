"""The catalogue page, made from the conventions' own documentation.

``python -m checks.conventions._catalogue`` writes it anew.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from checks.conventions import NAMED_CASES, Convention, Example, load, slugs
from checks.conventions._document import PATH

PAGE: Final = Path(__file__).with_name("CATALOGUE.md")
INTRODUCTION: Final = """\
# The conventions

Made from the modules of this folder by `python -m checks.conventions._catalogue`; do not edit it by hand.
Every example is run by the tests: each Bad one is found at the line marked `# <--`, no Good one is.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([INTRODUCTION, *_contents(), "", *(_section(load(slug)) for slug in slugs())])


def _contents() -> Iterator[str]:
    for slug in slugs():
        cases = [name for name, of in NAMED_CASES.items() if of == slug]
        also = f" (with the cases {', '.join(f'`{name}`' for name in cases)})" if cases else ""
        yield f"- [`{slug}`](#{slug}): {load(slug).title}{also}"


def _section(convention: Convention) -> str:
    parts = [
        f"## {convention.slug}",
        f"**{convention.title}.** {convention.rule}",
        f"*Why.* {convention.why}",
    ]
    for heading, examples in (("Bad", convention.bad), ("Good", convention.good)):
        parts.append(f"### {heading}")
        parts += ["\n\n".join(_blocks(example)) for example in examples]
    return "\n\n".join(parts) + "\n"


def _blocks(example: Example) -> Iterator[str]:
    """One fenced block for each file of an example."""
    block: list[str] = []
    for line in example.source.splitlines():
        if PATH.fullmatch(line) and block:
            yield _fenced(block)
            block = []
        block.append(line)
    yield _fenced(block)


def _fenced(lines: list[str]) -> str:
    path = PATH.fullmatch(lines[0])
    kind = "python" if path is None or path[1].endswith(".py") else "toml"
    return f"```{kind}\n{'\n'.join(lines).rstrip()}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
