"""What clusters say of services, and what is made of it, to messages and back.

A part of `federation.wire.codec`. Decoding parses once and raises InvalidInput.
"""

from collections.abc import Sequence
from typing import Any

from federation.model.exports import (
    MAX_PORTS,
    Backend,
    Export,
    Group,
    ServiceType,
    Tombstone,
)
from federation.model.facts import Disagreement, Service
from federation.model.names import (
    parse_cluster_id,
    parse_object_name,
    parse_port,
    parse_service_name,
)
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import (
    few,
    one_of,
    parse_message,
    printable,
    read_pairs,
    read_ports,
    word,
    write_ports,
)

MAX_EXPORTS = 10_000
"""Exports of one cluster; more is a mistake or an attack."""
MAX_GROUPS = 64
MAX_ACCOUNTS = 256
MAX_EXPORTERS = 1_000
MAX_CONFLICTS = 64
MAX_READY = 10_000
"""Ready endpoints that count, in one zone and in a whole cluster: who claims more gets no more."""
_MAX_CREATED = 253_402_300_799  # the end of the year 9999


def encode_export(export: Export) -> bytes:
    """An Export as bytes; equal values give equal bytes."""
    return pb.Export(
        service=str(export.service),
        cluster=export.cluster,
        created=export.created,
        **_written(export),
    ).SerializeToString(deterministic=True)


def encode_service(service: Service) -> bytes:
    """A Service fact as bytes."""
    return pb.Service(
        name=str(service.name),
        exporters=service.exporters,
        conflicts=[pb.Disagreement(reason=c.reason, message=c.message) for c in service.conflicts],
        default_port=service.default_port,
        **_written(service),
        unserved=[pb.Unserved(cluster=c, ports=ports) for c, ports in service.unserved],
    ).SerializeToString(deterministic=True)


def _written(said: Export | Service) -> dict[str, Any]:
    """What an export says of its service, and what is made of that, in a message."""
    return {
        "type": said.type,
        "ports": write_ports(said.ports),
        "session_affinity": said.session_affinity,
        "session_seconds": said.session_seconds,
        "internal_traffic_policy": said.internal_traffic_policy,
        "traffic_distribution": said.traffic_distribution,
        "labels": dict(said.labels),
        "annotations": dict(said.annotations),
        "ip_families": said.ip_families,
    }


def encode_backend(backend: Backend) -> bytes:
    """A Backend as bytes; the controller passes them on untouched."""
    return pb.Backend(
        service=str(backend.service),
        cluster=backend.cluster,
        ports=backend.ports,
        groups=[pb.Group(zone=g.zone, ready=g.ready, total=g.total) for g in backend.groups],
        accounts=backend.accounts,
        terminated=backend.terminated,
    ).SerializeToString(deterministic=True)


def encode_tombstone(tombstone: Tombstone) -> bytes:
    """A Tombstone as bytes."""
    return pb.Tombstone(
        service=str(tombstone.service),
        cluster=tombstone.cluster,
        export=tombstone.export,
        endpoints=tombstone.endpoints,
    ).SerializeToString(deterministic=True)


def decode_export(body: bytes) -> Export:
    """The Export in `body`; raises InvalidInput."""
    message = parse_message(pb.Export(), body)
    return Export(
        service=parse_service_name(message.service),
        cluster=parse_cluster_id(message.cluster),
        created=min(max(0, message.created), _MAX_CREATED),
        **_read(message),
    )


def decode_service(body: bytes) -> Service:
    """The Service fact in `body`; raises InvalidInput."""
    message = parse_message(pb.Service(), body)
    return Service(
        name=parse_service_name(message.name),
        exporters=tuple(
            parse_cluster_id(c) for c in few(message.exporters, MAX_EXPORTERS, "exporters")
        ),
        conflicts=tuple(
            Disagreement(printable(c.reason, "reason"), printable(c.message, "message"))
            for c in few(message.conflicts, MAX_CONFLICTS, "conflicts")
        ),
        default_port=parse_port(message.default_port, "port") if message.default_port else 0,
        **_read(message),
        unserved=tuple(
            (parse_cluster_id(u.cluster), _read_numbers(u.ports))
            for u in few(message.unserved, MAX_EXPORTERS, "exporters")
        ),
    )


def _read(message: pb.Export | pb.Service) -> dict[str, Any]:
    """The same out of a message; raises InvalidInput."""
    policy, distribution = message.internal_traffic_policy, message.traffic_distribution
    return {
        "type": one_of(ServiceType, message.type, "type"),
        "ports": read_ports(message.ports),
        "session_affinity": word(message.session_affinity, "session affinity"),
        "session_seconds": message.session_seconds,
        "internal_traffic_policy": word(policy, "traffic policy"),
        "traffic_distribution": printable(distribution, "traffic distribution"),
        "labels": read_pairs(message.labels),
        "annotations": read_pairs(message.annotations),
        "ip_families": _read_families(message.ip_families),
    }


def _read_numbers(ports: Sequence[int]) -> tuple[int, ...]:
    return tuple(parse_port(port, "port") for port in few(ports, MAX_PORTS, "ports"))


def _read_families(families: Sequence[str]) -> tuple[str, ...]:
    return tuple(word(family, "ip family") for family in few(families, 2, "ip families"))


def decode_backend(body: bytes) -> Backend:
    """The Backend in `body`; raises InvalidInput."""
    message = parse_message(pb.Backend(), body)
    return Backend(
        service=parse_service_name(message.service),
        cluster=parse_cluster_id(message.cluster),
        ports=_read_numbers(message.ports),
        groups=_read_groups(few(message.groups, MAX_GROUPS, "groups")),
        accounts=tuple(
            parse_object_name(a, "service account")
            for a in few(message.accounts, MAX_ACCOUNTS, "accounts")
        ),
        terminated=message.terminated,
    )


def _read_groups(groups: Sequence[pb.Group]) -> tuple[Group, ...]:
    """The groups with their counts capped, each one and all together."""
    found = []
    left = MAX_READY
    for group in groups:
        ready = min(group.ready, left)
        left -= ready
        total = min(max(group.total, ready), MAX_READY)
        found.append(Group(word(group.zone, "zone"), ready, total))
    return tuple(found)


def decode_tombstone(body: bytes) -> Tombstone:
    """The Tombstone in `body`; raises InvalidInput."""
    message = parse_message(pb.Tombstone(), body)
    return Tombstone(
        parse_service_name(message.service),
        parse_cluster_id(message.cluster),
        message.export,
        message.endpoints,
    )
