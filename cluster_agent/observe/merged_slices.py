"""What several EndpointSlices say of one endpoint, as that one endpoint.

In: an endpoint for each address in each slice, with what it stands for. Out: endpoints that count.
An endpoint belongs to its targetRef: a Pod that is in a slice of IPv4 and in one of IPv6 is one.
Without a targetRef an endpoint is an address and its ports: what has the same port of the service
elsewhere is another endpoint, as `10.0.0.1:8081` and `10.0.0.1:8082` are two. For a moment slices
may contradict each other, as while a service changes: then what is ready counts, and a sidecar
never gets two ports under one name. Used by `cluster_agent.observe.endpoints` alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from federation.model.addresses import read_address
from federation.model.facts import Endpoint

NOWHERE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One address in one slice, and what it stands for: its targetRef, empty without one."""

    endpoint: Endpoint
    owner: str


def united(
    rows: Iterable[Row], families: Sequence[str] = (), places: Mapping[str, str] = NOWHERE
) -> tuple[Endpoint, ...]:
    """The endpoints that these rows are; of rows that are as good the first decides.

    `families`: those of the service, the preferred first. `places`: where the sidecars of workloads
    say that they are, which is where others reach them.
    """
    found: list[Endpoint] = []
    for group in _groups(list(rows)):
        ranked = sorted(group, key=lambda e: _rank(e, families))
        found += [_placed(part, places) for part in _split(ranked)]
    return tuple(sorted(found, key=lambda e: (e.address, e.targets, e.workload)))


def _groups(rows: list[Row]) -> Iterable[list[Endpoint]]:
    """Rows by what they stand for; without that, with what else is at their address."""
    owners: dict[str, str] = {}
    for row in rows:
        if row.owner:
            known = owners.setdefault(row.endpoint.address, row.owner)
            owners[row.endpoint.address] = min(known, row.owner)
    groups: dict[str, list[Endpoint]] = {}
    for row in rows:
        address = row.endpoint.address
        groups.setdefault(row.owner or owners.get(address, address), []).append(row.endpoint)
    return groups.values()


def _rank(endpoint: Endpoint, families: Sequence[str]) -> tuple[int, int]:
    """What is usable goes first, then the service's first family."""
    known = [*families, "IPv4", "IPv6"]
    family = known.index(f"IPv{read_address(endpoint.address).version}")
    if endpoint.ready:
        return (1 if endpoint.draining else 0), family
    return (2 if endpoint.draining else 3), family


def _split(ranked: list[Endpoint]) -> list[list[Endpoint]]:
    """The endpoints in a group: a list each of the rows that it is made of, the best first."""
    is_one = any(row.sidecar for row in ranked)
    parts: list[list[Endpoint]] = []
    for row in ranked:
        fitting = [part for part in parts if all(_agree(row, other) for other in part)]
        if fitting:
            fitting[0].append(row)
        elif not parts or (not is_one and _is_another(row, parts)):
            parts.append([row])
        else:
            kept = {number for other in parts[0] for number, _ in other.targets}
            named = {(p.name, p.transport) for other in parts[0] for p in other.ports}
            targets = tuple(pair for pair in row.targets if pair[0] not in kept)
            ports = tuple(p for p in row.ports if (p.name, p.transport) not in named)
            parts[0].append(replace(row, targets=targets, ports=ports))
    return parts


def _agree(one: Endpoint, other: Endpoint) -> bool:
    """Whether no port of the service is elsewhere in the other."""
    here = dict(one.targets)
    return all(here.get(number, target) == target for number, target in other.targets)


def _is_another(row: Endpoint, parts: list[list[Endpoint]]) -> bool:
    """Whether it is dialled at an address that is known already, but at another port."""
    known = {other.address for part in parts for other in part}
    return row.address in known


def _placed(part: list[Endpoint], places: Mapping[str, str]) -> Endpoint:
    """One endpoint of its rows: as ready as the best, with the ports of all, and the Pod of any."""
    best = part[0]
    pod = next((row for row in part if row.workload), best)
    targets = {number: target for row in reversed(part) for number, target in row.targets}
    ports = {(p.name, p.transport): p for row in reversed(part) for p in row.ports}
    addresses = list(dict.fromkeys(row.address for row in part))
    if places.get(pod.workload) in addresses:
        addresses.insert(0, places[pod.workload])
    by_family = {read_address(address).version: address for address in reversed(addresses)}
    first = addresses[0]
    return replace(
        pod,
        address=first,
        ready=best.ready,
        draining=best.draining,
        hostname=next((row.hostname for row in part if row.hostname), ""),
        targets=tuple(sorted(targets.items())),
        ports=tuple(ports[key] for key in sorted(ports)),
        others=tuple(sorted(address for address in by_family.values() if address != first)),
    )
