"""Why nobody can call an export that is valid: what is missing behind it, in a sentence.

In: a Service, its EndpointSlices as they are used, its endpoints. Out: the condition Ready of its
export, or nothing when it can be called. Endpoints that are not ready may be so in a moment: that
is no matter of this module. Next: `cluster_agent.observe.conditions`.
"""

from collections.abc import Sequence

from cluster_agent.source.objects import Condition
from federation.api.kubernetes import (
    SERVICE_NAME_LABEL,
    EndpointSliceDocument,
    ServiceDocument,
)
from federation.model.exports import ServicePort, Transport
from federation.model.facts import LocalService


def hollow(
    service: ServiceDocument, slices: Sequence[EndpointSliceDocument], local: LocalService
) -> Condition | None:
    """What is missing; None when nothing is."""
    is_headless = service.spec.cluster_ip == "None"
    tcp = [port for port in local.ports if port.transport is Transport.TCP]
    if not is_headless and not tcp:
        return _without_ports(service, local)
    used = [part for part in slices if part.address_type != "FQDN"]
    if not used:
        return _without_slices(service, has_names=bool(slices))
    named = any(endpoint.targets for endpoint in local.endpoints)
    if local.endpoints and not named and not is_headless:
        return _without_targets(service, used, tcp)
    return None


def _without_ports(service: ServiceDocument, local: LocalService) -> Condition:
    called = f"Service {service.namespace}/{service.name}"
    if not local.ports:
        return _missing("NoPorts", f"{called} has no ports, so nobody can call it")
    ports = ", ".join(map(in_words, local.ports))
    return _missing("NoTcpPort", f"{called} has no TCP port, and nothing else is carried: {ports}")


def _without_slices(service: ServiceDocument, *, has_names: bool) -> Condition:
    called = f"Service {service.namespace}/{service.name}"
    if has_names:
        reason = "has EndpointSlices of addressType FQDN only, which are not used"
        return _missing("NoEndpointSlices", f"{called} {reason}")
    alone = "its selector alone finds no endpoints: " if service.spec.selector else ""
    label = f"{SERVICE_NAME_LABEL}: {service.name}"
    return _missing(
        "NoEndpointSlices",
        f"{called} has no EndpointSlice; {alone}write one with the label {label}",
    )


def _without_targets(
    service: ServiceDocument, slices: Sequence[EndpointSliceDocument], tcp: list[ServicePort]
) -> Condition:
    wanted = ", ".join(sorted(repr(port.name) for port in tcp))
    there = sorted({repr(p.name or "") for part in slices for p in part.ports})
    has = f"but have {', '.join(there)}" if there else "but have no ports"
    return _missing(
        "NoMatchingPort",
        f"the EndpointSlices of Service {service.namespace}/{service.name} must have a TCP port "
        f"of the Service's name {wanted}, {has}",
    )


def _missing(reason: str, message: str) -> Condition:
    return Condition("Ready", "False", reason, message)


def in_words(port: ServicePort) -> str:
    """A port for a person."""
    number = f"{port.number}/{port.transport}"
    return f"{port.name} ({number})" if port.name else number
