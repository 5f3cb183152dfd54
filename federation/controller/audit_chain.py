"""Lines of the audit log, each of which seals the one before: made, read and verified.

In: what was done, as a JSON object. Out: the object with its number, the SHA-256 of the line before
(`previous`) and its own (`hash`), as one line of text; or where such a chain is broken. Whoever
changes, removes or puts in a line breaks it, unless he makes all later lines anew; so the last hash
belongs in a second place.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from federation.model.errors import InvalidInput

Line = dict[str, Any]

LONGEST_LINE = 64 * 1024
_EMPTY: tuple[object, ...] = ("", [], (), False, None)


def sealed_line(said: Mapping[str, Any], number: int, previous: str) -> Line:
    """A line with its place in the chain; what is empty is left out."""
    line = {k: v for k, v in said.items() if v not in _EMPTY}
    line["number"] = number
    if previous:
        line["previous"] = previous
    line["hash"] = hash_of(line)
    return line


def hash_of(line: Mapping[str, Any]) -> str:
    """What the hash of a line must be: over all that it says but that."""
    said = {k: v for k, v in line.items() if k != "hash" and v not in _EMPTY}
    return hashlib.sha256(_text(said)).hexdigest()


def text_of(line: Line) -> bytes:
    """A line as it stands in a file, with its end."""
    return _text(line) + b"\n"


def _text(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def read_line(text: bytes) -> Line:
    """The line in a text, without its end; raises InvalidInput for what nobody here wrote."""
    try:
        line = json.loads(text) if len(text) <= LONGEST_LINE else None
    except (ValueError, RecursionError) as error:
        raise InvalidInput("it cannot be read as JSON") from error
    if not isinstance(line, dict) or _text(line) != text:
        raise InvalidInput("it is not written as the controller writes lines")
    number = line.get("number")
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidInput("it has no number")
    return line


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a chain: its first and last number, its last hash, how many lines.

    `broken` says what is wrong with the first line that breaks it, empty when none does.
    """

    first: int = 0
    last: int = 0
    hash: str = ""
    lines: int = 0
    broken: str = ""


class Verifier:
    """Takes the lines of a chain, one after the other."""

    def __init__(self) -> None:
        self.verdict = Verdict()

    def take(self, line: Mapping[str, Any], where: str) -> None:
        """The next line; `where` it stands. Raises InvalidInput for the first that breaks it."""
        before, number = self.verdict, line.get("number")
        what = f"{where} (entry {number})"
        if line.get("hash") != hash_of(line):
            raise InvalidInput(f"{what} is not what was written: its hash is another one")
        if before.lines and line.get("previous", "") != before.hash:
            raise InvalidInput(f"{what} does not follow entry {before.last}: it names another one")
        if before.lines and number != before.last + 1:
            raise InvalidInput(f"{what} does not have the number after {before.last}")
        self.verdict = Verdict(
            before.first or int(number or 0), int(number or 0), line["hash"], before.lines + 1
        )


def verify_lines(lines: Iterable[tuple[str, Mapping[str, Any] | bytes]]) -> Verdict:
    """The verdict on lines, as objects or as text, each with where it stands."""
    verifier = Verifier()
    for where, found in lines:
        try:
            line = read_line(found) if isinstance(found, bytes) else found
            verifier.take(line, where)
        except InvalidInput as error:
            seen = verifier.verdict
            said = str(error) if str(error).startswith(where) else f"{where}: {error}"
            return Verdict(seen.first, seen.last, seen.hash, seen.lines, said)
    return verifier.verdict
