"""The words of the DNS protocol: numbers of RFC 1035 and its successors, and names on the wire."""

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from federation.model.errors import InvalidInput


class Type(IntEnum):
    """Types of records that are answered (IANA, DNS parameters)."""

    A = 1
    NS = 2
    SOA = 6
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    ANY = 255


class Code(IntEnum):
    """Response codes."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16


class Zones(NamedTuple):
    """The two zones: that of the Multi-Cluster Services API, and the one that steers."""

    clusterset: str
    steering: str


IN = 1
HEADER = 12
QR, OPCODE, AA, TC, RD = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100
IN_CLASS = b"\x00\x01"
MOST_NAME = 255
MOST_LABEL = 63


@lru_cache(maxsize=512)
def wire_name(text: str) -> bytes:
    """A name in lower case as it travels, uncompressed (RFC 1035, 3.1); raises InvalidInput."""
    labels = [label.encode("ascii") for label in text.lower().rstrip(".").split(".") if label]
    if any(len(label) > MOST_LABEL for label in labels):
        raise InvalidInput(f"name {text[:80]!r} has a label of more than {MOST_LABEL} characters")
    found = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(found) > MOST_NAME:
        raise InvalidInput(f"name {text[:80]!r} has more than {MOST_NAME - 2} characters")
    return found


def question(name: bytes, type_: int) -> bytes:
    """The question for a name as it travels; the key of a table when the name is in lower case."""
    return name + type_.to_bytes(2, "big") + IN_CLASS
