"""Where a sidecar may say that it is: on the machine of its workload, and nowhere else.

In: a sidecar as its supervisor describes it, and the addresses at which the cluster knows its
workload. Out: nothing, or Denied. A token names an account, which may have many workloads: whoever
holds one of them could else have another one's sidecar hand its requests, in clear, to a machine of
his choice.
"""

from collections.abc import Collection
from ipaddress import ip_address

from federation.model.errors import Denied
from federation.model.proxies import Proxy


def check_place(sidecar: Proxy, known: Collection[str]) -> None:
    """Raise Denied for addresses of another machine; `known` is empty for an unknown workload."""
    own = {ip_address(address) for address in known}
    if own and ip_address(sidecar.address) not in own:
        raise Denied(
            f"sidecar {sidecar.id} says that others dial it at {sidecar.address}, but the "
            f"EndpointSlices know its workload at {', '.join(sorted(known))}"
        )
    here = own | {ip_address(sidecar.address)}
    for what, address in _inside(sidecar):
        found = ip_address(address)
        if found not in here and not found.is_loopback:
            raise Denied(
                f"sidecar {sidecar.id} has {what} {address}, but that must be a loopback address "
                f"or its own, {sidecar.address}"
            )


def is_in_place(sidecar: Proxy, known: Collection[str]) -> bool:
    """Whether `check_place` finds nothing: what it said before that counts."""
    try:
        check_place(sidecar, known)
    except Denied:
        return False
    return True


def _inside(sidecar: Proxy) -> list[tuple[str, str]]:
    """The addresses between a sidecar and its application."""
    named = [("app_address", sidecar.app_address), ("outbound", sidecar.outbound_address)]
    named += [("an upstream at", upstream.address) for upstream in sidecar.upstreams]
    return [(what, address) for what, address in named if address]
