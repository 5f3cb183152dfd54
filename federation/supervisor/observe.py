"""What Envoy sees of the addresses it checks, read from its admin interface.

In: the answer to `/clusters?format=json`. Out: the addresses that fail and that pass, and which of
them were lost. That goes up to the agent in the `Proxy` that the supervisor describes.
"""

import json
from dataclasses import dataclass

from federation.model.errors import PeerBroke
from federation.model.names import CLUSTERSET_ZONE


@dataclass(frozen=True, slots=True)
class Checked:
    """Addresses (IP literals) that fail their check, and those that pass it."""

    failing: frozenset[str]
    passing: frozenset[str]


class Lost:
    """Addresses that passed their check once and now fail it.

    One that never passed was not lost: its sidecar may not have its certificate yet.
    """

    def __init__(self) -> None:
        self._passed: frozenset[str] = frozenset()

    def look(self, seen: Checked) -> tuple[str, ...]:
        """Take what is seen now; returns the lost addresses, sorted."""
        self._passed = (self._passed | seen.passing) & (seen.passing | seen.failing)
        return tuple(sorted(self._passed & seen.failing))


def read_checks(answer: bytes) -> Checked:
    """What the active checks of a gateway's clusters say; raises PeerBroke.

    An address behind several services counts as failing only where all its checks fail.
    """
    try:
        clusters = json.loads(answer).get("cluster_statuses", [])
        passing: dict[str, bool] = {}
        for cluster in clusters:
            if str(cluster["name"]).endswith(f".svc.{CLUSTERSET_ZONE}"):
                for host in cluster.get("host_statuses", []):
                    address = str(host["address"]["socket_address"]["address"])
                    is_failing = bool(host["health_status"].get("failed_active_health_check"))
                    passing[address] = passing.get(address, False) or not is_failing
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerBroke("envoy's answer to /clusters cannot be read") from error
    return Checked(
        frozenset(address for address, passes in passing.items() if not passes),
        frozenset(address for address, passes in passing.items() if passes),
    )
