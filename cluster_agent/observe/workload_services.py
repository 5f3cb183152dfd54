"""Which workloads stand behind which services, and where.

In: a service with its endpoints, whenever it changes. Out: of a workload ("namespace/pod") its
services and its addresses. Used by `cluster_agent.snapshot.snapshots` alone.
"""

from federation.model.facts import Endpoint, LocalService
from federation.model.names import ServiceName


class WorkloadServices:
    """The endpoints of this cluster, by workload."""

    def __init__(self) -> None:
        self._endpoints: dict[str, dict[ServiceName, tuple[Endpoint, ...]]] = {}
        self._workloads: dict[ServiceName, set[str]] = {}

    def update(self, name: ServiceName, local: LocalService | None) -> set[str]:
        """Take a service as it is now; returns the workloads that it does or did concern."""
        before = self._workloads.pop(name, set())
        for workload in before:
            del self._endpoints[workload][name]
            if not self._endpoints[workload]:
                del self._endpoints[workload]
        found: dict[str, list[Endpoint]] = {}
        for endpoint in local.endpoints if local is not None else ():
            if endpoint.workload:
                found.setdefault(endpoint.workload, []).append(endpoint)
        for workload, endpoints in found.items():
            self._endpoints.setdefault(workload, {})[name] = tuple(endpoints)
        if found:
            self._workloads[name] = set(found)
        return before | found.keys()

    def services(self, workload: str) -> frozenset[ServiceName]:
        """The services that have it among their endpoints."""
        return frozenset(self._endpoints.get(workload, ()))

    def addresses(self, workload: str) -> frozenset[str]:
        """Where its services have it, in both families of IP."""
        known = self._endpoints.get(workload, {}).values()
        return frozenset(a for found in known for e in found for a in (e.address, *e.others))

    def misplaced(self, workload: str, address: str) -> frozenset[ServiceName]:
        """The services that dial it elsewhere, though they know this address, too."""
        known = self._endpoints.get(workload, {}).items()
        return frozenset(name for name, found in known if any(address in e.others for e in found))
