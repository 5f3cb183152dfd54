"""Services as DNS knows them, and the files from which a DNS server starts without an agent."""

import random
from collections.abc import Iterator
from pathlib import Path

from cluster_agent.dns.zone import TTL
from federation.model.exports import ServicePort, ServiceType, Transport
from federation.model.names import CLUSTERSET_ZONE, ClusterId, ServiceName
from federation.model.zones import STEERING_ZONE, Choice, GatewayNames, ServiceNames
from federation.wire import codec, last_good
from federation.wire.codec.zones import encode_gateway_names, encode_service_names
from federation.xds.receiver import Receiver
from federation.xds.resources import resource

HTTP = ServicePort("http", Transport.TCP, 80, "http")
_A_NAMESPACE = 100
EAST = ClusterId("east")


def service_names(number: int) -> ServiceNames:
    """The service of that number: one address, one named port, steered to that address."""
    name = ServiceName(f"team-{number // _A_NAMESPACE}", f"service-{number}")
    address = f"10.{64 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    return ServiceNames(
        name, ServiceType.CLUSTERSET_IP, (HTTP,), (address,), nearest=(Choice(1, (address,)),)
    )


def write_held(folder: Path, services: int) -> None:
    """The state folder of a DNS server that was told of so many services."""
    receiver = Receiver("dns", codec.NAMES)
    found = {
        codec.SERVICE_NAMES: [
            resource(str(n.service), encode_service_names(n))
            for n in map(service_names, range(services))
        ],
        codec.GATEWAY_NAMES: [
            resource(EAST, encode_gateway_names(GatewayNames(EAST, ("10.0.0.1",))))
        ],
    }
    for type_url, resources in found.items():
        receiver.restore(type_url, tuple(resources), None, complete=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    last_good.save(folder, receiver, codec.NAMES)


def zone_file(zone: str, services: int) -> Iterator[str]:
    """The same as a zone file: what our server answers for these services in one zone."""
    yield f"$ORIGIN {zone}."
    yield f"$TTL {TTL}"
    yield f"@ IN SOA ns.dns.{zone}. hostmaster.{zone}. 1 7200 1800 86400 {TTL}"
    yield f"@ IN NS ns.dns.{zone}."
    yield "ns.dns IN A 10.0.0.53"
    if zone == CLUSTERSET_ZONE:
        yield 'dns-version 28800 IN TXT "1.0.0"'
    for number in range(services):
        found = service_names(number)
        host = f"{found.service.name}.{found.service.namespace}.svc"
        yield f"{host} IN A {found.addresses[0]}"
        yield f"{host} IN SRV 0 100 80 {host}.{zone}."
        yield f"_http._tcp.{host} IN SRV 0 100 80 {host}.{zone}."


def questions(services: int, count: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """A mix as resolvers ask: name in random case, type.

    60 % A, 10 % AAAA (no data), 10 % SRV, 15 % names that do not exist, 5 % of the steering zone.
    """
    for _ in range(count):
        service = service_names(rng.randrange(services)).service
        host = f"{service.name}.{service.namespace}.svc"
        kind = rng.random()
        if kind < 0.60:
            name, type_ = f"{host}.{CLUSTERSET_ZONE}", "A"
        elif kind < 0.70:
            name, type_ = f"{host}.{CLUSTERSET_ZONE}", "AAAA"
        elif kind < 0.80:
            name, type_ = f"_http._tcp.{host}.{CLUSTERSET_ZONE}", "SRV"
        elif kind < 0.95:
            odd = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12))
            name, type_ = f"{odd}.{service.namespace}.svc.{CLUSTERSET_ZONE}", "A"
        else:
            name, type_ = f"{host}.{STEERING_ZONE}", "A"
        yield "".join(c.upper() if rng.random() < 0.5 else c for c in name), type_
