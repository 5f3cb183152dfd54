"""The pages of the documentation as values: their code blocks, commands, links and headings.

In: Markdown files. Out: what the tests of the documentation look at. Nothing is run here.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_LINE = re.compile(r"# (\S+\.(?:yaml|yml|json))\n")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PUNCTUATION = ";&|()<>"
_KEYWORDS = frozenset({"do", "done", "until", "while", "if", "then", "else", "fi", "!", "{", "}"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `file` is the file name in its first line, empty when it has none."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """Which file the block is the content of."""
        match = _FILE_LINE.match(self.text)
        return match[1] if match else ""

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> tuple[Path, ...]:
    """All pages that people read."""
    return (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))


def blocks(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    return tuple(
        Block(page, text.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in _FENCE.finditer(text)
    )


def commands(block: Block) -> Iterator[list[str]]:
    """The command lines of a shell block as lists of words, without what surrounds them.

    In a `console` block, only lines after a `$ ` are commands.
    """
    if block.language not in ("sh", "console"):
        return
    joined = block.text.replace("\\\n", " ")
    for line in joined.splitlines():
        if block.language == "console" and not line.startswith("$ "):
            continue
        yield from _split(line.removeprefix("$ "))


def _split(line: str) -> Iterator[list[str]]:
    """The simple commands of a line: without keywords, assignments and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.wordchars += ":,=$@%+"
    words: list[str] = []
    skip = False
    for token in lexer:
        if token[0] in "<>":
            words = words[:-1] if words and words[-1].isdigit() else words
            skip = True
        elif token[0] in _PUNCTUATION:
            yield from _bare(words)
            words = []
        elif skip:
            skip = False
        else:
            words.append(token)
    yield from _bare(words)


def _bare(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in _KEYWORDS or re.fullmatch(r"[A-Z_]+=.*", words[0])):
        words = words[1:]
    if words:
        yield words


def links(page: Path) -> tuple[str, ...]:
    """The targets of all links of a page, without those in code blocks."""
    return tuple(_LINK.findall(_FENCE.sub("", page.read_text())))


def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as code hosts make them."""
    found = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return frozenset(re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in found)
