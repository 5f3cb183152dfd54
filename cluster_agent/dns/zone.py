"""Values to answers: everything that one service makes to be said in both zones.

In: `ServiceNames`, `GatewayNames`. Out: `Answers`, ready for the wire but for the head and the
question, which `cluster_agent.dns.table` finds by question. Rules: KEP-1645, DNS specification
1.0.0, and what CoreDNS answers where that leaves room.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any as Record

from dnslib import AAAA, NS, RR, SOA, SRV, TXT, A, DNSHeader, DNSQuestion, DNSRecord

from cluster_agent.dns.reply import Body, body, kind_of
from cluster_agent.dns.words import HEADER, Type, Zones, question, wire_name
from federation.model.exports import NamedEndpoint, ServicePort, ServiceType
from federation.model.zones import Choice, GatewayNames, ServiceNames

DNS_VERSION = "1.0.0"
VERSION_TTL = 28_800
TTL = 5
_SERIAL_TIMES = (7200, 1800, 86_400, TTL)
_MOST_SHARES = 100
_MOST_TURNS = 16


@dataclass(slots=True)
class Turns:
    """Several bodies for one question, one after the other. `asked` counts the questions."""

    bodies: tuple[Body, ...]
    asked: int = 0


Answers = bytes | Turns
"""Ready answers to one question. With one body: the index of its kind and its records."""


@dataclass(frozen=True, slots=True)
class Said:
    """All that one owner (a service, a cluster, a zone) makes to be said.

    `answers` by question; `names` exist, with records of some type or with names below them.
    """

    answers: Mapping[bytes, Answers]
    names: frozenset[bytes]


def say_zone(zone: str, is_clusterset: bool) -> Said:
    """What each zone says of itself (SOA, NS; TXT dns-version of the clusterset's)."""
    found = _Saying(zone)
    server = f"ns.dns.{zone}"
    found.add(zone, Type.SOA, [_soa(zone)])
    found.add(zone, Type.NS, [RR(zone, Type.NS, ttl=TTL, rdata=NS(server))])
    found.exists(server)
    if is_clusterset:
        name = f"dns-version.{zone}"
        record = RR(name, Type.TXT, ttl=VERSION_TTL, rdata=TXT(DNS_VERSION))
        found.add(name, Type.TXT, [record])
    return found.said()


def say_gateways(gateways: GatewayNames, zones: Zones) -> Said:
    """The addresses of a cluster's gateways, in the zone that steers."""
    found = _Saying(zones.steering)
    found.address(f"{gateways.cluster}.gateways.{zones.steering}", gateways.addresses)
    return found.said()


def say_service(names: ServiceNames, zones: Zones) -> Said:
    """All names of one service in both zones; raises InvalidInput when one would be too long."""
    host = f"{names.service.name}.{names.service.namespace}.svc"
    clusterset, steering = _Saying(zones.clusterset), _Saying(zones.steering)
    if names.type is ServiceType.HEADLESS:
        _say_headless(clusterset, f"{host}.{zones.clusterset}", names)
    else:
        name = f"{host}.{zones.clusterset}"
        clusterset.exists(name)
        clusterset.address(name, names.addresses)
        _say_ports(clusterset, name, names.ports, names.addresses)
    name = f"{host}.{zones.steering}"
    steering.exists(name)
    steering.choices(name, names.nearest)
    if names.nearest:
        _say_ports(steering, name, names.ports, ())
    for cluster, addresses in names.only:
        steering.address(f"{cluster}.{name}", addresses)
    one, other = clusterset.said(), steering.said()
    return Said({**one.answers, **other.answers}, one.names | other.names)


def _say_ports(
    found: "_Saying", name: str, ports: Iterable[ServicePort], addresses: tuple[str, ...]
) -> None:
    """SRV of each named port, and of all ports at the bare name."""
    for port in ports:
        if port.name:
            owner = _srv_name(port, name)
            found.add(owner, Type.SRV, _srv(owner, [(port.number, name)]), _at(name, addresses))
    every = _srv(name, sorted({(port.number, name) for port in ports}))
    found.add(name, Type.SRV, every, _at(name, addresses))


def _say_headless(found: "_Saying", name: str, names: ServiceNames) -> None:
    """Endpoints with names of their own; without a ready one the name does not exist."""
    known = [(e, f"{e.hostname}.{e.cluster}.{name}") for e in names.endpoints]
    found.address(name, [a for e, _ in known for a in e.addresses])
    for own in sorted({own for _, own in known}):
        found.address(own, [a for e, other in known if other == own for a in e.addresses])
    for port in names.ports:
        if port.name:
            owner = _srv_name(port, name)
            found.add(owner, Type.SRV, _srv(owner, sorted(set(_targets(known, port)))))
    every = sorted({t for port in names.ports for t in _targets(known, port)})
    found.add(name, Type.SRV, _srv(name, every))


def _targets(
    known: Iterable[tuple[NamedEndpoint, str]], port: ServicePort
) -> list[tuple[int, str]]:
    return [(port.number, own) for e, own in known if port.number in e.ports]


def _srv_name(port: ServicePort, name: str) -> str:
    return f"_{port.name}._{port.transport.value.lower()}.{name}"


def _srv(owner: str, targets: list[tuple[int, str]]) -> list[Record]:
    weight = max(1, 100 // len(targets)) if targets else 0
    return [
        RR(owner, Type.SRV, ttl=TTL, rdata=SRV(0, weight, number, target))
        for number, target in targets
    ]


def _at(name: str, addresses: Iterable[str]) -> list[Record]:
    """The records A and AAAA of a name."""
    found = []
    for text in addresses:
        if ipaddress.ip_address(text).version == 4:  # noqa: PLR2004
            found.append(RR(name, Type.A, ttl=TTL, rdata=A(text)))
        else:
            found.append(RR(name, Type.AAAA, ttl=TTL, rdata=AAAA(text)))
    return found


def _soa(zone: str) -> Record:
    times = (1, *_SERIAL_TIMES)
    return RR(zone, Type.SOA, ttl=TTL, rdata=SOA(f"ns.dns.{zone}", f"hostmaster.{zone}", times))


def negative(zone: str) -> bytes:
    """The SOA record of a zone without its owner, uncompressed: for negative answers (RFC 2308)."""
    names = wire_name(f"ns.dns.{zone}") + wire_name(f"hostmaster.{zone}")
    data = names + b"".join(n.to_bytes(4, "big") for n in (1, *_SERIAL_TIMES))
    head = Type.SOA.to_bytes(2, "big") + b"\0\1" + TTL.to_bytes(4, "big")
    return head + len(data).to_bytes(2, "big") + data


class _Saying:
    """Collects what one owner says in one zone."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._depth = len(zone.split("."))
        self._answers: dict[bytes, Answers] = {}
        self._names: set[bytes] = set()

    def said(self) -> Said:
        return Said(self._answers, frozenset(self._names))

    def exists(self, name: str) -> None:
        """The name exists, and so do all between it and the zone (RFC 8020)."""
        labels = name.split(".")
        for start in range(len(labels) - self._depth + 1):
            self._names.add(wire_name(".".join(labels[start:])))

    def add(
        self, name: str, type_: Type, records: list[Record], additional: Iterable[Record] = ()
    ) -> None:
        """Records of one name and type, in turns; no records, no answer."""
        if not records:
            return
        self.exists(name)
        self._ready(name, type_, [_body(name, type_, turn, additional) for turn in _turns(records)])

    def _ready(self, name: str, type_: Type, bodies: list[Body]) -> None:
        first = bodies[0]
        kind = kind_of(self._zone, type_, first.heads) if set(bodies) == {first} else None
        answers = bytes([kind]) + first.records if kind is not None else Turns(tuple(bodies))
        self._answers[question(wire_name(name), type_)] = answers

    def address(self, name: str, addresses: Iterable[str]) -> None:
        """Addresses of both families."""
        records = _at(name, addresses)
        for type_ in (Type.A, Type.AAAA):
            self.add(name, type_, [r for r in records if r.rtype == type_])

    def choices(self, name: str, choices: tuple[Choice, ...]) -> None:
        """Addresses by shares: each answer is one choice, smoothly mixed."""
        for type_ in (Type.A, Type.AAAA):
            made = [
                (choice.share, _body(name, type_, records, ()))
                for choice in choices
                if (records := [r for r in _at(name, choice.addresses) if r.rtype == type_])
            ]
            if made:
                self.exists(name)
                self._ready(name, type_, smooth(made))


def _turns(records: list[Record]) -> Iterator[list[Record]]:
    for first in range(min(len(records), _MOST_TURNS)):
        yield records[first:] + records[:first]


def _body(name: str, type_: int, records: Iterable[Record], additional: Iterable[Record]) -> Body:
    """Packed by dnslib behind the same question, so that compression points into that."""
    asked = DNSQuestion(name, type_)
    whole = DNSRecord(DNSHeader(), q=asked, rr=list(records), ar=list(additional)).pack()
    start = HEADER + len(question(wire_name(name), type_))
    numbers = [int.from_bytes(whole[at : at + 2], "big") for at in (6, 8, 10)]
    return body(bytes(whole[start:]), (numbers[0], numbers[1], numbers[2]))


def smooth(shares: list[tuple[int, Body]]) -> list[Body]:
    """One round of smooth weighted round robin: each as often as its share, never in a row.

    Shares are reduced so that a round has at most about a hundred turns.
    """
    total = sum(share for share, _ in shares)
    scale = min(1.0, _MOST_SHARES / total)
    weights = [max(1, round(share * scale)) for share, _ in shares]
    current = [0] * len(shares)
    order = []
    for _ in range(sum(weights)):
        current = [c + w for c, w in zip(current, weights, strict=True)]
        best = max(range(len(current)), key=current.__getitem__)
        current[best] -= sum(weights)
        order.append(shares[best][1])
    return order
