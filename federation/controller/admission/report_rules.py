"""What a cluster may say: every resource of a report is judged by the operator's word.

In: the member, what others have said already, a resource. Out: what it says, or InvalidInput with
the reason; and remarks about what is taken, but not as it was claimed. Counts and sizes of whole
reports are limited by `federation.xds.receiver`. What holds for all kinds alike is in their rows
(`federation.wire.codec`), here is what is special. Used by `federation.controller.facts.registry`.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from federation.model.addresses import LOOPBACK, special_kind
from federation.model.errors import InvalidInput
from federation.model.exports import Gateway, Headless
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Observation
from federation.wire import codec
from federation.wire.codec.kind import Kind
from federation.xds.resources import Resource, resource

if TYPE_CHECKING:
    from federation.controller.member import Member

Taken = Mapping[tuple[str, int], ClusterId]
"""Which cluster's gateway is at an address and port."""


def read_report(
    member: "Member",
    members: Mapping[ClusterId, "Member"],
    taken: Taken,
    type_url: str,
    said: Resource,
) -> Any:
    """What a member says; raises InvalidInput when it must not say that.

    `members` are all of the clusterset, `taken` the addresses of the gateways known so far.
    """
    kind = codec.KINDS.get(type_url)
    if kind is None or kind.report is None:
        raise InvalidInput(f"{type_url} is not something a cluster reports")
    if len(said.body) > kind.report.most_bytes:
        most = kind.report.most_bytes
        raise InvalidInput(f"it has {len(said.body)} bytes, but may have at most {most}")
    value = kind.decode(said.body)
    _check_owner(member, kind, value)
    if (name := kind.name(value)) != said.name:
        raise InvalidInput(f"it describes {kind.subject} {name}")
    match value:
        case Headless():
            _check_endpoints(member, value)
        case Gateway():
            _check_gateway(member, members, taken, value)
        case Observation():
            _check_observation(member, value)
        case _:
            pass
    if said.version != resource(said.name, said.body).version:
        raise InvalidInput(f"version {said.version[:80]!r} is not that of its bytes")
    return value


def _check_owner(member: "Member", kind: Kind[Any], value: object) -> None:
    """A cluster speaks for itself alone, and of namespaces from which it may export."""
    if kind.cluster is not None and (named := kind.cluster(value)) != member.id:
        raise InvalidInput(f"it names cluster {named}, but {member.id} reports it")
    if kind.service is not None and not may_export(member, service := kind.service(value)):
        raise InvalidInput(
            f"namespace {service.namespace} may not be exported by cluster {member.id}, "
            f"only {', '.join(member.namespaces)}"
        )


def _check_endpoints(member: "Member", value: Headless) -> None:
    for endpoint in value.endpoints:
        what = f"endpoint {endpoint.hostname} of service {value.service}"
        if endpoint.cluster != member.id:
            raise InvalidInput(f"{what} is of cluster {endpoint.cluster}, not {member.id}")
        for address in map(ip_address, endpoint.addresses):
            kind = special_kind(address)
            is_allowed = kind == LOOPBACK and _lies_in(address, member.gateway_cidrs)
            if kind and not is_allowed:
                raise InvalidInput(
                    f"{what} has address {address}, which is not the address of one machine that "
                    "others can dial"
                )


def may_export(member: "Member", service: ServiceName) -> bool:
    """Whether the operator lets a cluster export from the namespace of a service."""
    return not member.namespaces or service.namespace in member.namespaces


def has_other_word(member: "Member", before: "Member") -> bool:
    """Whether what a cluster may say is stated otherwise than before."""
    words = ((m.namespaces, m.gateway_cidrs, m.zones) for m in (member, before))
    return len(set(words)) > 1


def _check_gateway(
    member: "Member",
    members: Mapping[ClusterId, "Member"],
    taken: Taken,
    gateway: Gateway,
) -> None:
    address = ip_address(gateway.address)
    where = f"gateway {gateway.name} of cluster {member.id} has address {gateway.address}"
    allowed = member.gateway_cidrs
    if allowed and not _lies_in(address, allowed):
        raise InvalidInput(f"{where}, but must lie within {', '.join(allowed)}")
    kind = special_kind(address)
    if kind not in {"", LOOPBACK}:
        raise InvalidInput(f"{where}, which is not the address of one machine that others can dial")
    if kind and not allowed:
        raise InvalidInput(
            f"{where}, a loopback address, which must be allowed: fedctl cluster add --gateway-cidr"
        )
    if not allowed:
        owner = next((m.id for m in members.values() if _lies_in(address, m.gateway_cidrs)), None)
        if owner is not None:
            raise InvalidInput(f"{where}, which lies in the networks stated for cluster {owner}")
    holder = taken.get((gateway.address, gateway.port), member.id)
    if holder != member.id:
        raise InvalidInput(f"{where}:{gateway.port}, which cluster {holder} already has")


def _lies_in(address: IPv4Address | IPv6Address, cidrs: tuple[str, ...]) -> bool:
    return any(address in ip_network(cidr) for cidr in cidrs)


def _check_observation(member: "Member", value: Observation) -> None:
    if any(remote.cluster == member.id for remote in value.remotes):
        raise InvalidInput("it is about its own cluster, but must be about others")


def placed(member: "Member", gateway: Gateway) -> Gateway:
    """The gateway as others are told of it: in a zone that the operator has stated, or in none."""
    if not member.zones or gateway.zone in member.zones:
        return gateway
    return Gateway(gateway.name, gateway.address, gateway.port, "")


def remark(member: "Member", gateway: Gateway) -> str:
    """Why a gateway is not told of as it was reported; empty when it is."""
    if placed(member, gateway) == gateway or not gateway.zone:
        return ""
    return (
        f"gateway {gateway.name} says that it is in zone {gateway.zone}, which is not stated for "
        f"cluster {member.id} (stated: {', '.join(member.zones)}); it counts as in "
        f"{member.zones[0]}"
    )
