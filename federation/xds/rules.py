"""What a sender goes by: the order of types, and what a receiver keeps of an earlier sender."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from federation.xds.messages import Point


@dataclass(frozen=True, slots=True)
class Rule:
    """One type on a stream; the order of rules is the order of sending.

    Changes wait until the types in `after` are acknowledged, removals until those in
    `removals_after` are (their own removals included). When a resource is sent, the one of the
    same name in `companion` is sent again, since Envoy waits for it without asking.
    """

    type_url: str
    after: tuple[str, ...] = ()
    removals_after: tuple[str, ...] = ()
    companion: str = ""


class Keeper(Protocol):
    """Knows what a receiver holds from an earlier sender, of which this one knows nothing yet.

    Unknown is not absent: what is kept is neither sent nor taken away.
    """

    def claim(self, type_url: str, names: Iterable[str], point: Point | None) -> None:
        """Hear what the receiver holds at its start, and where the store stood it came from."""

    def keeps_any(self) -> bool:
        """Whether anything is kept at all."""

    def keeps(self, type_url: str, name: str) -> bool:
        """Whether the receiver's own version of this resource stays for now."""
