"""The endpoints of a service in its own cluster, as slices, pods and nodes describe them.

In: the objects of a source. Out: a `LocalService`, and what is known of one workload. What several
slices say of one endpoint is united in `cluster_agent.observe.merged_slices`; judged in
`cluster_agent.observe.service`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cluster_agent.observe.merged_slices import NOWHERE, Row, united
from cluster_agent.source.objects import Key, Objects
from federation.api.kubernetes import (
    EndpointDocument,
    EndpointSliceDocument,
    NodeDocument,
    PodDocument,
    ServiceDocument,
    ServicePortDocument,
)
from federation.model.addresses import read_address
from federation.model.exports import ServicePort, Transport
from federation.model.facts import Endpoint, LocalService
from federation.model.names import ServiceName


def service_ports(ports: Iterable[ServicePortDocument]) -> tuple[ServicePort, ...]:
    found = (ServicePort(p.name, Transport(p.protocol), p.port, p.app_protocol) for p in ports)
    return tuple(sorted(found, key=lambda p: (p.number, p.transport, p.name)))


def local_service(
    name: ServiceName,
    service: ServiceDocument,
    slices: Iterable[EndpointSliceDocument],
    objects: Objects,
    places: Mapping[str, str] = NOWHERE,
) -> LocalService:
    """A service with its endpoints; `places`: where the sidecars of workloads say that they are."""
    ports = service_ports(service.spec.ports)
    is_headless = service.spec.cluster_ip == "None"
    needs_port = not is_headless and any(p.transport is Transport.TCP for p in ports)
    found: list[Row] = []
    for part in sorted(slices, key=lambda s: s.name):
        if part.address_type == "FQDN":
            continue
        targets = _targets(ports, part)
        named = _ports_there(ports, part) if is_headless else ()
        for endpoint in part.endpoints:
            seen = replace(_endpoint(name, endpoint, targets, objects), ports=named)
            if needs_port and not targets:
                seen = replace(seen, ready=False)  # nobody could dial it
            found.append(Row(seen, _owner(name, endpoint)))
    return LocalService(name, ports, united(found, service.spec.ip_families, places))


def _owner(name: ServiceName, endpoint: EndpointDocument) -> str:
    """What an endpoint stands for, by its targetRef; empty without one."""
    target = endpoint.target
    if target is None or not target.name:
        return ""
    return f"{target.kind}/{target.namespace or name.namespace}/{target.name}"


def _targets(
    ports: tuple[ServicePort, ...], part: EndpointSliceDocument
) -> tuple[tuple[int, int], ...]:
    """Service port number → port at the endpoint, by the port's name."""
    by_name = {p.name or "": p.port for p in part.ports if p.protocol == "TCP"}
    return tuple(
        # A slice port without a number stands for every port.
        (port.number, by_name[port.name] or port.number)
        for port in ports
        if port.transport is Transport.TCP and port.name in by_name
    )


def _ports_there(
    ports: tuple[ServicePort, ...], part: EndpointSliceDocument
) -> tuple[ServicePort, ...]:
    """The service's ports with the numbers that they have at the endpoints of a slice."""
    by_name = {(p.name or "", Transport(p.protocol)): p.port for p in part.ports}
    return tuple(
        ServicePort(port.name, port.transport, by_name[port.name, port.transport] or port.number)
        for port in ports
        if (port.name, port.transport) in by_name
    )


def _endpoint(
    name: ServiceName,
    endpoint: EndpointDocument,
    targets: tuple[tuple[int, int], ...],
    objects: Objects,
) -> Endpoint:
    pod = _pod(name, endpoint, objects)
    node = endpoint.node_name or (pod.spec.node_name if pod else "")
    is_leaving = endpoint.conditions.terminating is True or (
        pod is not None and pod.metadata.deleted is not None
    )
    return Endpoint(
        address=str(read_address(endpoint.addresses[0])),
        workload=f"{pod.namespace}/{pod.name}" if pod else "",
        zone=endpoint.zone or _zone(node, objects),
        account=pod.spec.service_account if pod else "",
        ready=endpoint.conditions.ready is not False,
        sidecar=pod is not None and pod.has_sidecar,
        targets=targets,
        draining=is_leaving,
        hostname=endpoint.hostname or "",
    )


def _pod(name: ServiceName, endpoint: EndpointDocument, objects: Objects) -> PodDocument | None:
    target = endpoint.target
    if target is None or target.kind != "Pod":
        return None
    found = objects.get(Key("Pod", target.namespace or name.namespace, target.name))
    return found if isinstance(found, PodDocument) else None


def _zone(node: str, objects: Objects) -> str:
    found = objects.get(Key("Node", "default", node)) if node else None
    return found.zone if isinstance(found, NodeDocument) else ""


def zone_of_workload(workload: str, objects: Objects) -> str:
    """The zone of the Node that a Pod ("namespace/name") runs on, empty when not known."""
    namespace, _, name = workload.partition("/")
    pod = objects.get(Key("Pod", namespace, name))
    return _zone(pod.spec.node_name, objects) if isinstance(pod, PodDocument) else ""


def account_of_workload(workload: str, objects: Objects) -> str | None:
    """The service account of a Pod ("namespace/name"), None when there is no such Pod."""
    namespace, _, name = workload.partition("/")
    pod = objects.get(Key("Pod", namespace, name))
    return pod.spec.service_account if isinstance(pod, PodDocument) else None
