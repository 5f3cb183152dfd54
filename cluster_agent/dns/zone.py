"""Values to answers: all that one service is answered for in both zones.

In: `ServiceNames`, `GatewayNames`. Out: `Answers`, ready for the wire but for the head and the
question, which `cluster_agent.dns.table` finds by question. Rules: KEP-1645, DNS specification
1.0.0, and what CoreDNS answers where that leaves room.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cluster_agent.dns import records
from cluster_agent.dns.message import Body, body, kind_of
from cluster_agent.dns.protocol import Type, Zones, question, wire_name
from cluster_agent.dns.records import Record
from federation.model.errors import InvalidInput
from federation.model.exports import NamedEndpoint, ServicePort, ServiceType
from federation.model.names import ClusterId
from federation.model.zones import Choice, GatewayNames, ServiceNames
from federation.planning.share_cap import fair

DNS_VERSION = "1.0.0"
VERSION_TTL = 28_800
TTL = 5
_SERIAL_TIMES = (7200, 1800, 86_400, TTL)
_MOST_SHARES = 100
_MOST_BODIES = 16
_BYTES_OF_ROTATION = 32_768
"""All turns of one answer take no more, but that one of them may."""
_MOST_BYTES = 60_000
"""Of one answer: it must fit into a message over TCP (65,535)."""
_SRV_BYTES = 18
"""Of an SRV record without its target: a pointer, type, class, life, length, three numbers."""


@dataclass(slots=True)
class Rotation:
    """Several bodies for one question, one after the other. `asked` counts the questions."""

    bodies: tuple[Body, ...]
    asked: int = 0


Answers = bytes | Rotation
"""Ready answers to one question. With one body: the index of its kind and its records."""


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All answers of one owner: a service, a cluster, a zone.

    `answers` by question; `names` exist, with records of some type or with names below them.
    """

    answers: Mapping[bytes, Answers]
    names: frozenset[bytes]


def zone_records(zone: str, is_clusterset: bool) -> RecordSet:
    """What each zone answers for itself (SOA, NS; TXT dns-version of the clusterset's)."""
    found = _ZoneBuilder(zone)
    server = f"ns.dns.{zone}"
    found.add(zone, Type.SOA, [_soa(zone)])
    found.add(zone, Type.NS, [records.ns(zone, server, TTL)])
    found.exists(server)
    if is_clusterset:
        name = f"dns-version.{zone}"
        found.add(name, Type.TXT, [records.txt(name, DNS_VERSION, VERSION_TTL)])
    return found.build()


def gateway_records(gateways: GatewayNames, zones: Zones) -> RecordSet:
    """The addresses of a cluster's gateways, in the zone that steers."""
    found = _ZoneBuilder(zones.steering)
    found.address(f"{gateways.cluster}.gateways.{zones.steering}", gateways.addresses)
    return found.build()


def service_records(names: ServiceNames, zones: Zones) -> RecordSet:
    """All names of one service in both zones; those that would be too long are left out.

    Raises InvalidInput when the service's own name is too long together with a zone.
    """
    host = f"{names.service.name}.{names.service.namespace}.svc"
    clusterset, steering = _ZoneBuilder(zones.clusterset), _ZoneBuilder(zones.steering)
    if names.type is ServiceType.HEADLESS:
        _add_headless(clusterset, f"{host}.{zones.clusterset}", names)
    else:
        name = f"{host}.{zones.clusterset}"
        clusterset.exists(name)
        clusterset.address(name, names.addresses)
        _add_ports(clusterset, name, names.ports, names.addresses)
    name = f"{host}.{zones.steering}"
    steering.exists(name)
    steering.choices(name, names.nearest)
    if names.nearest:
        _add_ports(steering, name, names.ports, ())
    for cluster, addresses in names.only:
        if _fits(f"{cluster}.{name}"):
            steering.address(f"{cluster}.{name}", addresses)
    one, other = clusterset.build(), steering.build()
    return RecordSet({**one.answers, **other.answers}, one.names | other.names)


def _add_ports(
    found: "_ZoneBuilder", name: str, ports: Iterable[ServicePort], addresses: tuple[str, ...]
) -> None:
    """SRV of each named port, and of all ports at the bare name."""
    at = records.addresses(name, addresses, TTL)
    for port in ports:
        _add_srv(found, _srv_name(port, name), [(port.number, name)], at)
    _add_srv(found, name, sorted({(port.number, name) for port in ports}), at)


def _add_srv(
    found: "_ZoneBuilder",
    owner: str,
    targets: list[tuple[int, str]],
    additional: Iterable[Record] = (),
) -> None:
    if not targets or not owner or not _fits(owner):
        return
    weight = max(1, 100 // len(targets))
    made = [records.srv(owner, weight, number, target, TTL) for number, target in targets]
    found.add(owner, Type.SRV, made, additional)


def _add_headless(found: "_ZoneBuilder", name: str, names: ServiceNames) -> None:
    """Endpoints with names of their own; without a ready one the name does not exist."""
    known = _fitting(names, name)
    found.address(name, [a for e, _ in known for a in e.addresses])
    own: dict[str, list[str]] = {}
    for endpoint, its_name in known:
        own.setdefault(its_name, []).extend(endpoint.addresses)
    for its_name, addresses in own.items():
        found.address(its_name, addresses)
    every: set[tuple[int, str]] = set()
    for port in names.ports:
        targets = {
            (p.number, its_name)
            for endpoint, its_name in known
            for p in endpoint.ports
            if (p.name, p.transport) == (port.name, port.transport)
        }
        every |= targets
        _add_srv(found, _srv_name(port, name), sorted(targets))
    _add_srv(found, name, sorted(every))


def _fitting(names: ServiceNames, name: str) -> list[tuple[NamedEndpoint, str]]:
    """The endpoints with their own names, as many as fit into an answer of any type.

    A subset of the implementation's choice, the same for all types (KEP-1645); no cluster takes the
    place of another one's.
    """
    asked = {(port.name, port.transport) for port in names.ports}
    every: dict[ClusterId, list[tuple[NamedEndpoint, str]]] = {}
    costs: dict[ClusterId, list[int]] = {}
    for endpoint in names.endpoints:
        own = f"{endpoint.hostname}.{endpoint.cluster}.{name}"
        if not _fits(own):
            continue
        build = sum((port.name, port.transport) in asked for port in endpoint.ports)
        every.setdefault(endpoint.cluster, []).append((endpoint, own))
        size = (len(own) + 2 + _SRV_BYTES) * max(1, build)
        costs.setdefault(endpoint.cluster, []).append(size)
    parts = fair(costs, _MOST_BYTES)
    return [known for cluster, found in every.items() for known in found[: parts[cluster]]]


def _fits(name: str) -> bool:
    """Whether a name can be asked for."""
    try:
        wire_name(name)
    except InvalidInput:
        return False
    return True


def _srv_name(port: ServicePort, name: str) -> str:
    """The name of a port's SRV; a port without a name has none."""
    return f"_{port.name}._{port.transport.value.lower()}.{name}" if port.name else ""


def _soa(zone: str) -> Record:
    return records.soa(zone, f"ns.dns.{zone}", f"hostmaster.{zone}", (1, *_SERIAL_TIMES), TTL)


def negative(zone: str) -> bytes:
    """The SOA record of a zone without its owner, uncompressed: for negative answers (RFC 2308)."""
    record = _soa(zone)
    return record.pack(b"")[len(record.owner) :]


class _ZoneBuilder:
    """Collects the records of one owner in one zone."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._length = len(wire_name(zone))
        self._answers: dict[bytes, Answers] = {}
        self._names: set[bytes] = set()

    def build(self) -> RecordSet:
        return RecordSet(self._answers, frozenset(self._names))

    def exists(self, name: str) -> None:
        """The name exists, and so do all between it and the zone (RFC 8020)."""
        whole = wire_name(name)
        while len(whole) >= self._length and whole not in self._names:
            self._names.add(whole)
            whole = whole[whole[0] + 1 :]

    def add(
        self, name: str, type_: Type, made: list[Record], additional: Iterable[Record] = ()
    ) -> None:
        """Records of one name and type, in turns; no records, no answer."""
        if not made:
            return
        self.exists(name)
        asked = wire_name(name)
        packed = [record.pack(asked) for record in made]
        more = [record.pack(asked) for record in additional]
        numbers, end = (len(packed), 0, len(more)), b"".join(more)
        self._ready(name, type_, [body(turn + end, numbers) for turn in _turns(packed)])

    def _ready(self, name: str, type_: Type, bodies: list[Body]) -> None:
        first = bodies[0]
        kind = kind_of(self._zone, type_, first.heads) if set(bodies) == {first} else None
        answers = bytes([kind]) + first.records if kind is not None else Rotation(tuple(bodies))
        self._answers[question(wire_name(name), type_)] = answers

    def address(self, name: str, addresses: Iterable[str]) -> None:
        """Addresses of both families."""
        made = records.addresses(name, addresses, TTL)
        for type_ in (Type.A, Type.AAAA):
            self.add(name, type_, [r for r in made if r.type is type_])

    def choices(self, name: str, choices: tuple[Choice, ...]) -> None:
        """Addresses by shares: each answer is one choice, smoothly mixed."""
        asked = wire_name(name)
        made = [(c.share, records.addresses(name, c.addresses, TTL)) for c in choices]
        for type_ in (Type.A, Type.AAAA):
            bodies = [
                (share, body(b"".join(packed), (len(packed), 0, 0)))
                for share, found in made
                if (packed := [r.pack(asked) for r in found if r.type is type_])
            ]
            if bodies:
                self.exists(name)
                self._ready(name, type_, smooth(bodies))


def _turns(packed: list[bytes]) -> list[bytes]:
    """The records in turns, so that clients which take the first are spread over all."""
    size = sum(map(len, packed))
    count = min(len(packed), _MOST_BODIES, max(1, _BYTES_OF_ROTATION // size))
    firsts = (turn * len(packed) // count for turn in range(count))
    return [b"".join(packed[first:] + packed[:first]) for first in firsts]


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
