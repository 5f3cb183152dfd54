"""What a Service asks for that the mesh does not do: said on its exports, never passed over.

In: a service as the clusterset has it. Out: one sentence for each field. `trafficDistribution` is
the subject of the order of tiers (`federation.planning.tiers`, decision 002).
"""

from federation.model.exports import ServiceType
from federation.model.facts import Service

SAME_ZONE = ("PreferClose", "PreferSameZone")
"""Two names of one wish, which the order of tiers fulfils; without any it is the same order."""

_SAME_NODE = "PreferSameNode"


def not_honoured(service: Service) -> tuple[str, ...]:
    """The fields in force that have no effect, or less than they say."""
    found = []
    if service.session_affinity != "None" and service.type is not ServiceType.HEADLESS:
        found.append(
            f"sessionAffinity {service.session_affinity}: requests and connections of one client "
            "may go to any endpoint"
        )
    if service.internal_traffic_policy != "Cluster":
        found.append(
            f"internalTrafficPolicy {service.internal_traffic_policy}: endpoints on other nodes "
            "and in other clusters are called as well"
        )
    if service.traffic_distribution == _SAME_NODE:
        found.append(
            f"trafficDistribution {_SAME_NODE}: done as PreferSameZone, nodes are not known"
        )
    elif service.traffic_distribution not in ("", *SAME_ZONE):
        found.append(
            f"trafficDistribution {service.traffic_distribution}: not known, done as PreferSameZone"
        )
    return tuple(found)
