"""Negative acknowledgements: which resources of a refused response are guilty, and why.

Used by both senders. A receiver that refuses a response names the guilty resources in its message,
as Envoy does; when it names none, the response is halved until the guilty one stands alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from federation.xds.messages import shown

REASON_CHARACTERS = 400
"""Of the reason why one resource was refused."""
BETWEEN_REASONS = "; "
ANSWER_CHARACTERS = 16_000
"""Of the reasons in one answer; the sender asks for the rest by sending it again."""


@dataclass(frozen=True, slots=True)
class Nack:
    """A resource the receiver did not take; the last good one stays in force there."""

    type_url: str
    name: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """After a refusal: never again the `guilty` in that version; each of `again` goes alone."""

    guilty: tuple[str, ...]
    again: tuple[tuple[str, ...], ...]


def judge(names: Iterable[str], message: str) -> Verdict:
    """Who of a refused response is guilty, and in which groups the rest goes again."""
    sent = tuple(names)
    named = tuple(name for name in sent if _mentions(message, name))
    if named:
        guilty = frozenset(named)
        rest = tuple(name for name in sent if name not in guilty)
        return Verdict(named, (rest,) if rest else ())
    if len(sent) <= 1:
        return Verdict(sent, ())
    middle = len(sent) // 2
    return Verdict((), (sent[:middle], sent[middle:]))


def reason_of(name: str, message: str, names: Collection[str] = ()) -> str:
    """The part of a refusal that is about one resource: from its name on, bounded.

    `names` are those that were sent together: Envoy has a line for each that it refuses.
    """
    start = max(0, _find(message, name))
    end = message.find(BETWEEN_REASONS, start + len(name))
    first, *more = message[start : end if end >= 0 else None].split("\n")
    own = takewhile(lambda line: line.partition(": ")[0] not in names, more)
    text = " ".join(" ".join((first, *own)).split())
    if len(text) <= REASON_CHARACTERS:
        return text
    half = REASON_CHARACTERS // 2 - 2
    return f"{text[:half]} .. {text[-half:]}"  # Envoy says at the end what is wrong


def _mentions(message: str, name: str) -> bool:
    return _find(message, name) >= 0


def _find(message: str, name: str) -> int:
    """Where `name` stands in `message` as a whole word (`80.a` is not in `180.a.b`), -1 nowhere."""
    start = message.find(name)
    while start != -1:
        end = start + len(name)
        before = message[start - 1] if start else " "
        after = message[end] if end < len(message) else " "
        if not _is_name_character(before) and not _is_name_character(after):
            return start
        start = message.find(name, start + 1)
    return -1


def _is_name_character(character: str) -> bool:
    return character.isalnum() or character in "-_~/"


def in_one_text(reasons: Mapping[str, str]) -> str:
    """Reasons by name as one text, as many as fit; an unreadable name is shown by its letters."""
    found: list[str] = []
    left = ANSWER_CHARACTERS
    for name, reason in reasons.items():
        text = f"{shown(name)}: {reason}"
        left -= len(text) + 2
        if found and left < 0:
            break
        found.append(text)
    return BETWEEN_REASONS.join(found)
