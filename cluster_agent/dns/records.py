"""Records of DNS as bytes (RFC 1035, 2782, 3596), made once and joined into answers.

In: names and data. Out: the bytes of a record behind a question, to which its owner points where it
can. `dnslib` does the same, but takes 30 µs a record: a service of 250 endpoints would be a quarter
of a second of work for one of them that changes.
"""

import ipaddress
import struct
from collections.abc import Iterable
from typing import NamedTuple

from cluster_agent.dns.protocol import HEADER, Type, wire_name

_POINTER = 0xC000


class Record(NamedTuple):
    """A record; `owner` is a name as it travels, uncompressed, `data` what follows the length."""

    owner: bytes
    type: Type
    ttl: int
    data: bytes

    def pack(self, asked: bytes) -> bytes:
        """As it stands behind the question for the name `asked`."""
        head = struct.pack("!HHIH", self.type, 1, self.ttl, len(self.data))
        return _owner(self.owner, asked) + head + self.data


def _owner(name: bytes, asked: bytes) -> bytes:
    """A pointer into the question where the name is its end."""
    at = len(asked) - len(name)
    if at >= 0 and asked.endswith(name) and _is_start_of_label(asked, at):
        return struct.pack("!H", _POINTER | HEADER + at)
    return name


def _is_start_of_label(name: bytes, at: int) -> bool:
    start = 0
    while start < at:
        start += name[start] + 1
    return start == at


def addresses(owner: str, found: Iterable[str], ttl: int) -> list[Record]:
    """A and AAAA of a name, in the order of the addresses (IP literals)."""
    name = wire_name(owner)
    made = []
    for text in found:
        address = ipaddress.ip_address(text)
        type_ = Type.A if address.version == 4 else Type.AAAA  # noqa: PLR2004
        made.append(Record(name, type_, ttl, address.packed))
    return made


def srv(owner: str, weight: int, port: int, target: str, ttl: int) -> Record:
    """SRV of priority 0; its target is never compressed (RFC 2782)."""
    data = struct.pack("!HHH", 0, weight, port) + wire_name(target)
    return Record(wire_name(owner), Type.SRV, ttl, data)


def txt(owner: str, text: str, ttl: int) -> Record:
    """TXT of one string, at most 255 characters."""
    data = text.encode("ascii")
    return Record(wire_name(owner), Type.TXT, ttl, bytes([len(data)]) + data)


def ns(owner: str, server: str, ttl: int) -> Record:
    """NS."""
    return Record(wire_name(owner), Type.NS, ttl, wire_name(server))


def soa(owner: str, server: str, person: str, numbers: Iterable[int], ttl: int) -> Record:
    """SOA; `numbers` are serial, refresh, retry, expire and minimum."""
    data = wire_name(server) + wire_name(person) + b"".join(n.to_bytes(4, "big") for n in numbers)
    return Record(wire_name(owner), Type.SOA, ttl, data)
