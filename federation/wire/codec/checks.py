"""Checks at the border: small readers that turn what a peer sent into trusted parts of values.

Each raises InvalidInput with a sentence that names the part and its value.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from federation.model.errors import InvalidInput
from federation.model.exports import MAX_PORTS, Pairs, ServicePort, Transport
from federation.model.names import parse_label, parse_port
from federation.wire import federation_pb2 as pb

MAX_TEXT = 1024
_MAX_PAIRS = 64
_MAX_WORD = 253

_Message = TypeVar("_Message", bound=Message)
_Enum = TypeVar("_Enum", bound=StrEnum)
_Item = TypeVar("_Item")


def parse_message(message: _Message, body: bytes) -> _Message:
    """The message in `body`; raises InvalidInput."""
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise InvalidInput(f"these bytes are not a {type(message).__name__}: {error}") from error
    return message


def read_pairs(found: Mapping[str, str]) -> Pairs:
    """Labels or annotations, sorted; raises InvalidInput when there are too many."""
    if len(found) > _MAX_PAIRS:
        raise InvalidInput(f"{len(found)} labels or annotations, but at most {_MAX_PAIRS} may be")
    return tuple(
        sorted(
            (printable(k, "key"), printable(v, f"value of {k[:80]!r}")) for k, v in found.items()
        )
    )


def one_of(kind: type[_Enum], text: str, what: str) -> _Enum:
    """The member of an enumeration with that text; raises InvalidInput."""
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(kind)
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be one of {known}") from error


def ip_text(text: str, what: str) -> str:
    """The address in its canonical form; raises InvalidInput.

    One address has one form: an IPv6 zone (`%eth0`) and IPv4 dressed as IPv6 are refused.
    """
    try:
        found = ip_address(text)
    except ValueError as error:
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be an IP address") from error
    if "%" in text or getattr(found, "ipv4_mapped", None) is not None:
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be an address in its plain form")
    return str(found)


def network_text(text: str, what: str) -> str:
    """The network (CIDR) in its canonical form; raises InvalidInput."""
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise InvalidInput(
            f"{what} is {text[:80]!r}, but must be a network such as 10.0.0.0/16"
        ) from error


def printable(text: str, what: str) -> str:
    """Text of bounded length without control characters; raises InvalidInput."""
    if len(text) > MAX_TEXT or not text.isprintable():
        raise InvalidInput(f"{what} is {text[:80]!r}, but must be printable text of at most 1024")
    return text


def word(text: str, what: str) -> str:
    """A short word of printable ASCII without spaces, or nothing; raises InvalidInput.

    For names with no stricter rule, such as zones: nothing in them looks like something else.
    """
    if len(text) > _MAX_WORD or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput(
            f"{what} is {text[:80]!r}, but must be at most {_MAX_WORD} printable ASCII characters "
            "without spaces"
        )
    return text


def few(items: Sequence[_Item], most: int, what: str) -> Sequence[_Item]:
    """The items when there are not too many; raises InvalidInput."""
    if len(items) > most:
        raise InvalidInput(f"{len(items)} {what}, but at most {most} may be")
    return items


def write_ports(ports: tuple[ServicePort, ...]) -> list[pb.Port]:
    """Ports of a service as messages."""
    return [
        pb.Port(name=p.name, transport=p.transport, number=p.number, app_protocol=p.app_protocol)
        for p in ports
    ]


def read_ports(ports: Sequence[pb.Port]) -> tuple[ServicePort, ...]:
    """The ports in messages; raises InvalidInput."""
    return tuple(
        ServicePort(
            parse_label(p.name, "port name") if p.name else "",
            one_of(Transport, p.transport, "protocol"),
            parse_port(p.number, "port"),
            printable(p.app_protocol, "appProtocol"),
        )
        for p in few(ports, MAX_PORTS, "ports")
    )
