"""Pages as one script: files are written and commands typed in the order in which they stand.

In: blocks of pages. Out: a script for bash, and what is wrong with what it said. Only `sh` blocks
are run; a `json` or `text` block right below one is what its last command prints.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tests.docs.pages import Block

_MARK = "@@ block "
_DONE = f"{_MARK}none: all are done"


def script_of(blocks: Iterable[Block]) -> str:
    """The script; it says where each block begins, and at its end that all are done."""
    lines = []
    for block in blocks:
        if block.language == "yaml" and block.file:
            lines.append(f"mkdir -p $(dirname {block.file})")
            lines.append(f"cat > {block.file} <<'END'\n{block.text}END")
        elif block.language == "sh":
            lines += [f"echo; echo '{_MARK}{block.where}'", block.text]
    return "\n".join([*lines, f"echo; echo '{_DONE}'"])


def problem(blocks: Sequence[Block], said: str) -> str:
    """What went otherwise than the pages say; empty when nothing did."""
    outputs = {}
    for part in said.split(_MARK)[1:]:
        where, _, output = part.partition("\n")
        outputs[where] = output.strip()
    if _DONE.removeprefix(_MARK) not in outputs:
        return f"{list(outputs)[-1] if outputs else 'nothing'} was the last that was begun"
    for block, shown in pairwise(blocks):
        if is_output(block, shown):
            wanted, output = shown.text.strip(), outputs[block.where]
            if not _has(output, wanted, is_json=shown.language == "json"):
                return f"{shown.where}: the page says\n{wanted}\nbut it was\n{output[-500:]}"
    return ""


def is_output(block: Block, shown: Block) -> bool:
    """Whether the second block is what the first one prints: right below it, no word between."""
    follows = shown.line == block.line + block.text.count("\n") + 3
    is_shown = shown.language in ("json", "text")
    return block.page == shown.page and block.language == "sh" and is_shown and follows


def _has(output: str, wanted: str, *, is_json: bool) -> bool:
    if not is_json:
        return wanted in output
    try:
        return bool(json.loads(output[output.rindex("{") :]) == json.loads(wanted))
    except ValueError:
        return False
