"""What replies are put together from: heads that depend on the query, bodies that do not.

A reply is the query's id, a head, the query's question, the records, and EDNS. The head is chosen
by two bits of the query, whether it wishes recursion and whether it has EDNS (`form`), so it is
made once for every body.
"""

from functools import lru_cache
from typing import NamedTuple

from cluster_agent.dns.protocol import HEADER, Code, Type

UDP_SIZE = 1232
"""What is promised and sent at most over UDP: fits in every path (DNS flag day 2020)."""
OPT_LENGTH = 11

AUTHORITATIVE, NOT_AUTHORITATIVE, TRUNCATED = 0x8400, 0x8000, 0x8600

_OPT_HEAD = b"\0\0\x29"
_DO = 0x80
_MOST_NAME = 256


class Body(NamedTuple):
    """Records as they travel, their head for each form of a query, and their length with EDNS."""

    heads: tuple[bytes, bytes, bytes, bytes]
    records: bytes
    length: int


def form_of(*, recursion: bool, edns: bool) -> int:
    """The index of a head."""
    return recursion * 2 + edns


@lru_cache(maxsize=4096)
def heads(flags: int, code: int, numbers: tuple[int, int, int]) -> tuple[bytes, ...]:
    """The heads (without the id) of a reply with so many records in its three sections."""
    return tuple(
        b"".join(
            n.to_bytes(2, "big")
            for n in (
                flags | recursion << 8 | code,
                1,
                *numbers[:2],
                numbers[2] + edns,
            )
        )
        for recursion in (0, 1)
        for edns in (0, 1)
    )


def body(
    records: bytes = b"",
    numbers: tuple[int, int, int] = (0, 0, 0),
    *,
    flags: int = AUTHORITATIVE,
    code: int = Code.NOERROR,
) -> Body:
    """The body of a reply with these records."""
    made = heads(flags, code, numbers)
    return Body((made[0], made[1], made[2], made[3]), records, len(records) + OPT_LENGTH)


class Kind(NamedTuple):
    """What answers have in common but for their records: heads, zone and type of the question."""

    heads: tuple[bytes, bytes, bytes, bytes]
    zone: str
    type: int


KINDS: list[Kind] = []
"""All kinds there are; an answer with one body is the index of its kind (a byte) and its records.

An object for each answer would cost a tenth of the rate: at 10,000 services the time goes into
waiting for memory.
"""
MOST_KINDS = 256


def kind_of(zone: str, type_: int, heads: tuple[bytes, bytes, bytes, bytes]) -> int | None:
    """The index of a kind, which is new when nobody has asked for it; None when there are too many.

    Kinds are few: zones times types times numbers of records beside the first.
    """
    kind = Kind(heads, zone, type_)
    if kind not in KINDS:
        if len(KINDS) == MOST_KINDS:
            return None
        KINDS.append(kind)
    return KINDS.index(kind)


def opt(*, do: bool = False, code: int = 0) -> bytes:
    """The record of EDNS in a reply (RFC 6891); `do` is repeated (RFC 3225)."""
    flags = bytes([code >> 4, 0, _DO if do else 0, 0])
    return _OPT_HEAD + UDP_SIZE.to_bytes(2, "big") + flags + b"\0\0"


class Negatives:
    """The negative bodies of one zone and code: its SOA, its owner a pointer into the question.

    `soa` is the record without its owner.
    """

    def __init__(self, zone: bytes, soa: bytes, code: int) -> None:
        self._bodies = tuple(
            body(
                (0xC000 | HEADER + max(0, length - len(zone))).to_bytes(2, "big") + soa,
                (0, 1, 0),
                code=code,
            )
            for length in range(_MOST_NAME)
        )

    def of(self, name: bytes) -> Body:
        """That for a name in the zone."""
        return self._bodies[len(name)]


TYPES_OF_RECORDS = frozenset(int(t) for t in Type)
