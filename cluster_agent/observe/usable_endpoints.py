"""Which endpoints of a service are used: those that its own namespace may speak for.

In: the EndpointSlices of a service. Out: the slices without what leads elsewhere, and why that was
left out. Whoever may write EndpointSlices of one namespace has neither the machine of a gateway,
nor the credentials of a cloud, nor the Pods of another namespace answer for a service. Nor may an
endpoint be an address at which a gateway offers services: it would call itself until it has no
connection left. Next: `cluster_agent.observe.endpoints`.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from federation.api.kubernetes import EndpointDocument, EndpointSliceDocument
from federation.model.addresses import LOOPBACK, Network, read_address, special_kind

NamespacesAt = Callable[[str], AbstractSet[str]]
"""The namespaces of the Pods that have an address."""

_MOST_REASONS = 5


def usable(
    slices: Iterable[EndpointSliceDocument],
    *,
    loopback: bool,
    offered: tuple[Network, ...] = (),
    namespaces_at: NamespacesAt = lambda _: frozenset(),
) -> tuple[tuple[EndpointSliceDocument, ...], tuple[str, ...]]:
    """The slices with the endpoints that count, and a reason for each of the others.

    `loopback`: loopback addresses count, for a mesh on one machine. `offered`: where gateways offer
    services to clients without a sidecar. `namespaces_at`: whose Pods have an address.
    """
    kept: list[EndpointSliceDocument] = []
    reasons: list[str] = []
    for part in slices:
        wrong = [
            _of_another(part, endpoint, namespaces_at) or _wrong(part, endpoint, loopback, offered)
            for endpoint in part.endpoints
        ]
        if any(wrong):
            good = [e for e, why in zip(part.endpoints, wrong, strict=True) if not why]
            kept.append(part.model_copy(update={"endpoints": good}))
            reasons += [f"EndpointSlice {part.name}: {why}" for why in wrong if why]
        else:
            kept.append(part)
    return tuple(kept), tuple(sorted(reasons))


def in_words(reasons: tuple[str, ...]) -> str:
    """Why endpoints were left out, for a person."""
    more = len(reasons) - _MOST_REASONS
    rest = (f"and {more} more",) if more > 0 else ()
    return "; ".join((*reasons[:_MOST_REASONS], *rest))


def _of_another(
    part: EndpointSliceDocument, endpoint: EndpointDocument, namespaces_at: NamespacesAt
) -> str:
    """That it is a Pod of another namespace, whether the endpoint says so or not."""
    target = endpoint.target
    if target is not None and target.kind == "Pod" and target.namespace not in {"", part.namespace}:
        return (
            f"targetRef is Pod {target.namespace}/{target.name}, but must be in namespace "
            f"{part.namespace}"
        )
    address = endpoint.addresses[0]
    others = namespaces_at(address) if part.address_type != "FQDN" else ()
    if not others or part.namespace in others:
        return ""
    return (
        f"address is {address}, that of a Pod in namespace {min(others)}, but must be in "
        f"namespace {part.namespace}"
    )


def _wrong(
    part: EndpointSliceDocument,
    endpoint: EndpointDocument,
    loopback: bool,
    offered: tuple[Network, ...],
) -> str:
    if part.address_type == "FQDN":
        return ""
    address = endpoint.addresses[0]
    found = read_address(address)
    if any(found in network for network in offered):
        return (
            f"address is {address}, where a gateway offers services (entry), but must be that of a "
            "workload"
        )
    kind = special_kind(found)
    if not kind or (kind == LOOPBACK and loopback):
        return ""
    remedy = ", or allowed by allow_loopback_endpoints of the agent" if kind == LOOPBACK else ""
    return f"address is {address} ({kind}), but must be that of one machine{remedy}"
