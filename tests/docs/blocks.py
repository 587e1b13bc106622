"""Commands in the documentation."""

import re
import shlex
from pathlib import Path

from tests.conftest import ROOT

PAGES = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("config/*/README.md")]
)
"""All pages with commands."""


def blocks(page: Path) -> list[str]:
    """Return the blocks of shell commands of a page."""
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the words of each command of a page that runs a program, without comments, variables, pipes."""
    found = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and "=" in words[0] and not words[0].startswith("-"):
                words = words[1:]
            if words and words[0] == program:
                end = next((place for place, word in enumerate(words) if word in ("|", ">", "&&", "||", "2>")), None)
                found.append(words[1:end])
    return found
