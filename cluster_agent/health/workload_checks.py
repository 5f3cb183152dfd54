"""Which addresses of this cluster's workloads fail the checks of its gateways.

In: what gateways report of the addresses that they check. Out: addresses to treat as not ready
(`cluster_agent.observe.service`).
"""

from federation.model.proxies import LEAVING, Proxy


class WorkloadChecks:
    """The verdicts of this cluster's gateways about its own workloads."""

    def __init__(self) -> None:
        self._latest: dict[str, Proxy] = {}
        self.failing: frozenset[str] = frozenset()

    def record(self, gateway: Proxy) -> frozenset[str]:
        """Take what a gateway sees; returns the addresses whose verdict changed.

        An address fails when every gateway that reaches anybody says so: one that reaches nobody
        is itself cut off. The silence of a gateway changes nothing, but one that goes has no say.
        """
        if gateway.state in LEAVING:
            self.forget(gateway.id)
        else:
            self._latest[gateway.id] = gateway
        seeing = [g for g in self._latest.values() if g.sees_healthy]
        before = self.failing
        failing = [frozenset(g.unhealthy) for g in seeing]
        self.failing = frozenset.intersection(*failing) if failing else before
        return before ^ self.failing

    def forget(self, gateway: str) -> None:
        """A gateway is not of this cluster any more."""
        self._latest.pop(gateway, None)
