"""Values to messages and back: the border where bytes of a peer become trusted values.

One table says all there is to know of a kind (`federation.wire.codec.kind`): what it is, who may
report it, how much of it, in which order, who is told. The modules beside turn one group of kinds
into bytes and back; decoding parses names and numbers once and raises InvalidInput, and inside
nobody re-checks.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar

from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Export, Gateway, Headless, Tombstone
from federation.model.facts import Bundle, Cluster, Service
from federation.model.observations import Observation
from federation.model.proxies import KnownProxy, Proxy
from federation.model.zones import GatewayNames, ServiceNames
from federation.wire.codec import clusters, headless, known_proxies, proxies, services, zones
from federation.wire.codec.kind import PREFIX, Fact, Kind, Owner, Report, Seen, Withdrawal
from federation.xds.held_type import Limits
from federation.xds.resources import Resource, resource
from federation.xds.rules import Rule

V = TypeVar("V")

EXPORT = PREFIX + "Export"
BACKEND = PREFIX + "Backend"
HEADLESS = PREFIX + "Headless"
GATEWAY = PREFIX + "Gateway"
SERVICE = PREFIX + "Service"
CLUSTER = PREFIX + "Cluster"
BUNDLE = PREFIX + "Bundle"
OBSERVATION = PREFIX + "Observation"
PROXY = PREFIX + "Proxy"
KNOWN_PROXY = PREFIX + "KnownProxy"
TOMBSTONE = PREFIX + "Tombstone"
SERVICE_NAMES = PREFIX + "ServiceNames"
GATEWAY_NAMES = PREFIX + "GatewayNames"

_cluster: Callable[[Any], str] = attrgetter("cluster")
_service: Callable[[Any], Any] = attrgetter("service")


def _name_of_service(value: Any) -> str:
    return str(value.service)


_TABLE: tuple[Kind[Any], ...] = (
    Kind(
        TOMBSTONE,
        Tombstone,
        services.encode_tombstone,
        services.decode_tombstone,
        name=_name_of_service,
        cluster=_cluster,
        service=_service,
        report=Report(
            Limits(services.MAX_EXPORTS, 8 << 20),
            stored=False,
            withdrawal=Withdrawal.WITNESS,
            told=False,
        ),
    ),
    Kind(
        OBSERVATION,
        Observation,
        proxies.encode_observation,
        proxies.decode_observation,
        name=_cluster,
        cluster=_cluster,
        report=Report(
            Limits(1, proxies.MAX_OBSERVATION_BYTES),
            most_bytes=proxies.MAX_OBSERVATION_BYTES,
            stored=False,
        ),
    ),
    Kind(
        GATEWAY,
        Gateway,
        clusters.encode_gateway,
        clusters.decode_gateway,
        name=attrgetter("name"),
        report=Report(Limits(clusters.MAX_GATEWAYS, 64 << 10), removals_after=(EXPORT,)),
    ),
    Kind(
        BUNDLE,
        Bundle,
        clusters.encode_bundle,
        clusters.decode_bundle,
        name=attrgetter("trust_domain"),
        fact=Fact(Owner.TRUST_DOMAIN),
    ),
    Kind(
        CLUSTER,
        Cluster,
        clusters.encode_cluster,
        clusters.decode_cluster,
        name=attrgetter("id"),
        fact=Fact(Owner.CLUSTER),
    ),
    Kind(
        HEADLESS,
        Headless,
        headless.encode_headless,
        headless.decode_headless,
        name=_name_of_service,
        cluster=_cluster,
        service=_service,
        report=Report(
            Limits(services.MAX_EXPORTS, 16 << 20),
            removals_after=(EXPORT,),
            withdrawal=Withdrawal.FOLLOWS,
            with_export=True,
        ),
        fact=Fact(Owner.REPORTER, Seen.IN_ITS_NETWORK),
    ),
    Kind(
        BACKEND,
        Backend,
        services.encode_backend,
        services.decode_backend,
        name=_name_of_service,
        cluster=_cluster,
        service=_service,
        report=Report(
            Limits(services.MAX_EXPORTS, 16 << 20),
            after=(TOMBSTONE,),
            removals_after=(EXPORT,),
            withdrawal=Withdrawal.READY,
            with_export=True,
        ),
        fact=Fact(Owner.REPORTER),
    ),
    Kind(
        EXPORT,
        Export,
        services.encode_export,
        services.decode_export,
        name=_name_of_service,
        cluster=_cluster,
        service=_service,
        report=Report(
            Limits(services.MAX_EXPORTS, 16 << 20),
            after=(GATEWAY, HEADLESS, BACKEND),
            removals_after=(TOMBSTONE,),
            withdrawal=Withdrawal.EXISTS,
        ),
    ),
    Kind(
        SERVICE,
        Service,
        services.encode_service,
        services.decode_service,
        name=lambda service: str(service.name),
        fact=Fact(Owner.ALL),
    ),
    Kind(
        PROXY,
        Proxy,
        proxies.encode_proxy,
        proxies.decode_proxy,
        name=attrgetter("id"),
    ),
    Kind(
        KNOWN_PROXY,
        KnownProxy,
        known_proxies.encode_known_proxy,
        known_proxies.decode_known_proxy,
        name=attrgetter("name"),
        report=Report(
            known_proxies.LIMITS,
            most_bytes=known_proxies.MAX_PROXY_BYTES,
            stored=False,
            awaited=False,
        ),
    ),
    Kind(
        GATEWAY_NAMES,
        GatewayNames,
        zones.encode_gateway_names,
        zones.decode_gateway_names,
        name=_cluster,
    ),
    Kind(
        SERVICE_NAMES,
        ServiceNames,
        zones.encode_service_names,
        zones.decode_service_names,
        name=_name_of_service,
    ),
)
"""All kinds, in the order in which they are told: a service when what is behind it is known, that
somebody saw a thing go before it goes."""

KINDS: Mapping[str, Kind[Any]] = MappingProxyType({kind.type_url: kind for kind in _TABLE})
_BY_VALUE = {kind.value: kind for kind in _TABLE}

REPORTED = {kind.type_url: kind.report for kind in _TABLE if kind.report is not None}
TOLD = {kind.type_url: kind.fact for kind in _TABLE if kind.fact is not None}

REPORTS = tuple(REPORTED)
"""What goes up."""

AWAITED = frozenset(t for t, report in REPORTED.items() if report.awaited)
"""What a cluster must have said all of before it has reported completely."""

FACTS = tuple(TOLD)
"""What comes down."""

PASSED_ON = frozenset(REPORTED.keys() & TOLD.keys())
"""Reports that are facts as they are, byte for byte."""

NAMES = (GATEWAY_NAMES, SERVICE_NAMES)
"""What a DNS server is told by its agent."""

LIMITS = {type_url: report.limits for type_url, report in REPORTED.items()}
"""What is held of one cluster's reports at most."""

REPORT_RULES = tuple(Rule(t, r.after, r.removals_after) for t, r in REPORTED.items())


def _last_goes_first(types: Sequence[str]) -> tuple[Rule, ...]:
    *others, last = types
    first = tuple(Rule(type_url, removals_after=(last,)) for type_url in others)
    return (*first, Rule(last, after=tuple(others)))


FACT_RULES = _last_goes_first(FACTS)
"""The last kind, which makes a service exist, comes last and goes first."""


def read(type_url: str, found: Resource) -> Any:
    """What a resource says, under its own name; raises InvalidInput."""
    kind = KINDS[type_url]
    return _named(kind, found, kind.name)


def read_fact(type_url: str, found: Resource) -> Any:
    """What a fact says; raises InvalidInput when it cannot be read, or is of another name."""
    kind = KINDS[type_url]
    if kind.fact is None:
        raise InvalidInput(f"{type_url} is no fact")
    return _named(kind, found, kind.fact_name)


def _named(kind: Kind[Any], found: Resource, name_of: Callable[[Any], str]) -> Any:
    value = kind.decode(found.body)
    if (name := name_of(value)) != found.name:
        raise InvalidInput(f"it describes {kind.subject} {name}")
    return value


def kind_of(value: object) -> Kind[Any]:
    """The row of a value."""
    return _BY_VALUE[type(value)]


def encode(value: object) -> bytes:
    """A value as bytes; equal values give equal bytes."""
    return kind_of(value).encode(value)


def decode(kind: type[V], body: bytes) -> V:
    """The value in `body`; raises InvalidInput."""
    found: V = _BY_VALUE[kind].decode(body)
    return found


def resource_of(value: object) -> Resource:
    """A value as it is reported, or told to DNS servers: under the name that is in it."""
    return resource(kind_of(value).name(value), encode(value))


def fact_of(value: object) -> Resource:
    """A value as a fact."""
    return resource(kind_of(value).fact_name(value), encode(value))
