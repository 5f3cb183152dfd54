"""The exports of one service become the one service that the clusterset sees.

In: the exports that the clusters reported. Out: a `Service` with merged ports and the conflicts,
in the rules of KEP-1645: the oldest export wins, the lowest cluster id
among equally old ones; ports are united. A later exporter adds ports and decides nothing for those
who do not name them. Next: `federation.planning.plan`.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from federation.model.errors import InvalidInput
from federation.model.exports import (
    MAX_PORTS,
    AppProtocol,
    Backend,
    Export,
    Pairs,
    ServicePort,
    Transport,
    app_protocol,
)
from federation.model.facts import Disagreement, Service
from federation.model.names import ClusterId
from federation.planning.protocols import stated, unserved

_LONGEST_VALUE = 200
_HTTP_PORT = 80


def merge(exports: Iterable[Export]) -> Service:
    """Merge the exports of one service; any order of them gives the same result.

    Raises InvalidInput when there is none, when they name several services, or when a cluster
    appears twice.
    """
    ordered = sorted(exports, key=lambda export: (export.created, export.cluster))
    _check(ordered)
    winner = ordered[0]
    ports = _union(ordered)
    cut = {
        export.cluster: numbers
        for export in sorted(ordered, key=lambda export: export.cluster)
        if (numbers := unserved(export.ports, ports))
    }
    return Service(
        name=winner.service,
        type=winner.type,
        ports=ports,
        exporters=tuple(sorted(export.cluster for export in ordered)),
        conflicts=(
            *_port_conflict(ordered, ports),
            *_unserved(ordered, ports, cut),
            *_other_conflicts(ordered),
        ),
        default_port=default_port(winner.ports),
        session_affinity=winner.session_affinity,
        session_seconds=winner.session_seconds,
        internal_traffic_policy=winner.internal_traffic_policy,
        traffic_distribution=winner.traffic_distribution,
        labels=winner.labels,
        annotations=winner.annotations,
        ip_families=winner.ip_families,
        unserved=tuple(cut.items()),
    )


def default_port(ports: Iterable[ServicePort]) -> int:
    """Which of the ports of one export a call over HTTP without a port means: 80 or the lowest.

    0 when it has none for HTTP.
    """
    numbers = [
        port.number
        for port in ports
        if port.transport is Transport.TCP and app_protocol(port) is not AppProtocol.TCP
    ]
    return _HTTP_PORT if _HTTP_PORT in numbers else min(numbers, default=0)


def exposing(backends: Iterable[Backend], port: int) -> tuple[Backend, ...]:
    """The backends that expose the port number, by cluster: only they get its traffic."""
    chosen = (backend for backend in backends if port in backend.ports)
    return tuple(sorted(chosen, key=lambda backend: backend.cluster))


def _check(ordered: list[Export]) -> None:
    if not ordered:
        raise InvalidInput("merge has no export, but a service has at least one")
    service = ordered[0].service
    strangers = [export for export in ordered if export.service != service]
    if strangers:
        raise InvalidInput(
            f"merge of {service} has an export of {strangers[0].service}, but must have one service"
        )
    for one, other in pairwise(sorted(export.cluster for export in ordered)):
        if one == other:
            raise InvalidInput(
                f"merge of {service} has two exports of cluster {one}, but must have one of each"
            )


def _union(ordered: list[Export]) -> tuple[ServicePort, ...]:
    """Oldest first, a port joins when neither its name nor its protocol and number is taken.

    That order stays: whoever takes the first that fits takes one of the oldest export. Only so many
    join that every agent can still read the service.
    """
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    kept: list[ServicePort] = []
    for export in ordered:
        for port in sorted(export.ports, key=_port_order):
            number = (port.transport.value, port.number)
            if len(kept) == MAX_PORTS:
                break
            if port.name not in names and number not in numbers:
                names.add(port.name)
                numbers.add(number)
                kept.append(port)
    return tuple(kept)


def _port_order(port: ServicePort) -> tuple[int, str, str]:
    return (port.number, port.transport.value, port.name)


def _port_conflict(
    ordered: list[Export], union: tuple[ServicePort, ...]
) -> tuple[Disagreement, ...]:
    winner = ordered[0]
    others = sum(set(export.ports) != set(winner.ports) for export in ordered)
    if not others:
        return ()
    value = ", ".join(map(_port_text, union))
    message = (
        f"ports: in force is the union {_short(value)}, clashes decided by the oldest export, of "
        f"{winner.cluster}; {_disagree(others)}"
    )
    return (Disagreement("PortConflict", message),)


def _unserved(
    ordered: list[Export], union: tuple[ServicePort, ...], cut: Mapping[ClusterId, tuple[int, ...]]
) -> tuple[Disagreement, ...]:
    """One sentence for each port whose callers some of its clusters cannot serve."""
    found = []
    for number in sorted({number for numbers in cut.values() for number in numbers}):
        (merged,) = _numbered(union, number)
        states = sorted(
            f"{export.cluster}, which states {stated(port)}"
            for export in ordered
            if number in cut.get(export.cluster, ())
            for port in _numbered(export.ports, number)
        )
        message = f"port {number} is called as {stated(merged)}; it gets no requests in "
        found.append(Disagreement("PortConflict", message + _short("; ".join(states))))
    return tuple(found)


def _numbered(ports: Iterable[ServicePort], number: int) -> list[ServicePort]:
    return [p for p in ports if (p.transport, p.number) == (Transport.TCP, number)]


def _port_text(port: ServicePort) -> str:
    protocol = f" ({port.app_protocol})" if port.app_protocol else ""
    return f"{port.name or 'unnamed'} {port.number}/{port.transport.value}{protocol}"


def _pairs_text(pairs: Pairs) -> str:
    return ", ".join(f"{key}={value}" for key, value in pairs)


# Reason, field as people know it, value to compare, value to print: one row per property that is
# taken whole from the oldest export.
_FIELDS: tuple[tuple[str, str, Callable[[Export], object], Callable[[Export], str]], ...] = (
    ("TypeConflict", "type", lambda e: e.type, lambda e: e.type.value),
    (
        "SessionAffinityConflict",
        "sessionAffinity",
        lambda e: e.session_affinity,
        lambda e: e.session_affinity,
    ),
    (
        "SessionAffinityConfigConflict",
        "sessionAffinityConfig",
        lambda e: e.session_seconds,
        lambda e: f"{e.session_seconds} s",
    ),
    (
        "InternalTrafficPolicyConflict",
        "internalTrafficPolicy",
        lambda e: e.internal_traffic_policy,
        lambda e: e.internal_traffic_policy,
    ),
    (
        "TrafficDistributionConflict",
        "trafficDistribution",
        lambda e: e.traffic_distribution,
        lambda e: e.traffic_distribution,
    ),
    ("LabelsConflict", "exportedLabels", lambda e: e.labels, lambda e: _pairs_text(e.labels)),
    (
        "AnnotationsConflict",
        "exportedAnnotations",
        lambda e: e.annotations,
        lambda e: _pairs_text(e.annotations),
    ),
    (
        "IPFamilyConflict",
        "ipFamilies",
        lambda e: frozenset(e.ip_families),
        lambda e: ", ".join(e.ip_families),
    ),
)


def _other_conflicts(ordered: list[Export]) -> tuple[Disagreement, ...]:
    winner = ordered[0]
    found = []
    for reason, field, value, text in _FIELDS:
        others = sum(value(export) != value(winner) for export in ordered)
        if others:
            found.append(
                Disagreement(reason, _message(field, text(winner), winner.cluster, others))
            )
    return tuple(found)


def _message(field: str, value: str, cluster: ClusterId, others: int) -> str:
    shown = _short(value) if value else "nothing"
    return f"{field}: in force is {shown} from {cluster}, the oldest export; {_disagree(others)}"


def _short(text: str) -> str:
    """A condition's message has a limit, and a person a patience."""
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _disagree(others: int) -> str:
    return "1 cluster disagrees" if others == 1 else f"{others} clusters disagree"
