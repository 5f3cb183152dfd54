"""What is seen of the mesh, as objects of the API: pure.

In: the facts, as `Registry` and `Hub` hold them. Out: ServiceImports, ServiceExports, Gateways and
the status of Clusters, without resourceVersion. What only counts up or trembles (round-trip times,
seconds since) is not in them: each change is an event for everybody who watches.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid5

from federation.api.kind import ApiKind
from federation.api.rows.core import NAMESPACE
from federation.api.rows.mcs import SERVICE_EXPORT, SERVICE_IMPORT
from federation.api.rows.own import GATEWAY
from federation.controller.facts.hub import Hub
from federation.controller.facts.liveness import life_of
from federation.controller.member import Member
from federation.controller.views.trust import state_of_trust
from federation.model.exports import Backend
from federation.model.facts import Service
from federation.model.names import ClusterId
from federation.model.timestamps import rfc3339
from federation.planning.honoured import not_honoured

Json = dict[str, Any]

_VIEWS = UUID("0f0e6c0f-3c2b-5a53-9d0f-6f1c3f1c7a55")
"""The name space of the uids of views, which are the same after every restart."""
AWAY, LEAVING = "away", "leaving"


def named(kind: ApiKind, namespace: str, name: str, created: str | None = None) -> Json:
    """An object with nothing but its names."""
    metadata: Json = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = uid_of(kind, namespace, name)
    if created:
        metadata["creationTimestamp"] = created
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def uid_of(kind: ApiKind, namespace: str, name: str) -> str:
    """The uid of what nobody wrote."""
    return str(uuid5(_VIEWS, f"{kind.resource}/{namespace}/{name}"))


def time_of(seconds: float) -> str | None:
    """Seconds since 1970 as metadata says them; None for what is not known."""
    if seconds <= 0:
        return None
    return rfc3339(seconds)


def service_import(found: tuple[Service, tuple[Backend, ...], int]) -> Json:
    """The ServiceImport of a service, its backends, and when its oldest export was made."""
    service, backends, created = found
    counts = {b.cluster: (b.ready, sum(g.total for g in b.groups)) for b in backends}
    made = named(SERVICE_IMPORT, service.name.namespace, service.name.name, time_of(created))
    made["metadata"] |= _said(service)
    ports = [
        {
            **({"name": port.name} if port.name else {}),
            "protocol": str(port.transport),
            "port": port.number,
            **({"appProtocol": port.app_protocol} if port.app_protocol else {}),
        }
        for port in service.ports
    ]
    spec: Json = {"type": str(service.type), "ports": ports}
    if service.ip_families:
        spec["ipFamilies"] = list(service.ip_families)
    spec["sessionAffinity"] = service.session_affinity
    spec["internalTrafficPolicy"] = service.internal_traffic_policy
    if service.traffic_distribution:
        spec["trafficDistribution"] = service.traffic_distribution
    clusters = [(cluster, *counts.get(cluster, (0, 0))) for cluster in service.exporters]
    return {
        **made,
        "spec": spec,
        "status": {
            "clusters": [
                {"cluster": cluster, "readyEndpoints": ready, "totalEndpoints": total}
                for cluster, ready, total in clusters
            ],
            "readyEndpoints": sum(ready for _, ready, _ in clusters),
            "totalEndpoints": sum(total for _, _, total in clusters),
            "conditions": _conditions(service, made),
        },
    }


def service_export(found: tuple[Service, int]) -> Json:
    """The exports of one name in all clusters together, since the oldest was made."""
    service, created = found
    made = named(SERVICE_EXPORT, service.name.namespace, service.name.name, time_of(created))
    return {
        **made,
        "status": {
            "clusters": list(service.exporters),
            "conditions": _conditions(service, made),
        },
    }


def _said(service: Service) -> Json:
    pairs = (("labels", service.labels), ("annotations", service.annotations))
    return {name: dict(found) for name, found in pairs if found}


def _conditions(service: Service, found: Json) -> list[Json]:
    """Conflict, and what is not honoured, as KEP-1645 has the reasons."""
    since = found["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z"
    reasons = ",".join(dict.fromkeys(conflict.reason for conflict in service.conflicts))
    messages = " ".join(f"{conflict.message}." for conflict in service.conflicts)
    conflict = condition("Conflict", bool(reasons), reasons or "NoConflicts", messages, since)
    remarks = not_honoured(service)
    honoured = condition(
        "Honoured",
        not remarks,
        "PartlyHonoured" if remarks else "Honoured",
        " ".join(f"{text}." for text in remarks),
        since,
    )
    return [conflict, honoured]


def condition(type: str, is_true: bool, reason: str, message: str, since: str) -> Json:
    """A condition (metav1.Condition)."""
    return {
        "type": type,
        "status": "True" if is_true else "False",
        "reason": reason,
        "message": message[:32_768],
        "lastTransitionTime": since,
    }


def since_when(found: list[Json], before: Iterable[Json], now: str) -> list[Json]:
    """The conditions, each with the time since which it is as it is."""
    known = {one["type"]: one for one in before}

    def dated(one: Json) -> Json:
        old = known.get(one["type"])
        is_same = old is not None and old["status"] == one["status"]
        return {**one, "lastTransitionTime": old["lastTransitionTime"] if old and is_same else now}

    return [dated(one) for one in found]


def gateways(hub: Hub, member: Member, now: float) -> list[Json]:
    """The gateways of a cluster, by name."""
    made: list[Json] = []
    for gateway in hub.registry.gateways(member.id):
        seen = [
            (str(other), remote.answers)
            for other, remote in hub.registry.observations.seen_from(member.id)
            if remote.gateway == gateway.name and hub.presence(other).is_connected(now)
        ]
        known = hub.registry.proxies.get(member.id, f"gateway/{gateway.name}")
        is_heard = known is None or known.connected
        found = named(GATEWAY, "", f"{member.id}.{gateway.name}")
        found["metadata"]["labels"] = {"fedmesh.dev/cluster": member.id}
        found["status"] = {
            "cluster": member.id,
            "address": gateway.address,
            "port": gateway.port,
            "zone": gateway.zone,
            "connected": is_heard and hub.presence(member.id).is_connected(now),
            "version": known.version if known is not None else "",
            "reachedFrom": sorted(other for other, answers in seen if answers),
            "unreachedFrom": sorted(other for other, answers in seen if not answers),
        }
        made.append(found)
    return made


def cluster_status(hub: Hub, member: Member, problems: list[str], now: float) -> Json:
    """What is seen of a cluster; `problems` are sentences."""
    presence, registry = hub.presence(member.id), hub.registry
    joined = bool(member.anchors)
    state = _state(hub, member, now)
    return {
        "joined": joined,
        "state": state,
        "trust": str(state_of_trust(member)),
        "trustDomain": member.trust_domain,
        "clockSkewSeconds": round(presence.clock or 0),
        "exports": registry.count_exports(member.id),
        "gateways": [
            {"name": g.name, "address": g.address, "port": g.port, "zone": g.zone}
            for g in registry.gateways(member.id)
        ],
        "seenFrom": [
            {"cluster": str(other), "gateway": remote.gateway, "answers": remote.answers}
            for other, remote in registry.observations.seen_from(member.id)
        ],
        "problems": problems,
        "conditions": [
            condition("Joined", joined, *_joined(member, joined), ""),
            condition("Connected", state == "live", *_connected(state, member.id), ""),
        ],
    }


def _state(hub: Hub, member: Member, now: float) -> str:
    if member.leaving:
        return LEAVING
    return str(life_of(hub, member.id, now)) if member.anchors else AWAY


def _joined(member: Member, joined: bool) -> tuple[str, str]:
    if joined:
        return "Joined", f"cluster {member.id} has joined as {member.trust_domain}"
    if member.revoked:
        return "Revoked", "its keys were revoked; it may join with another one: fedctl invite"
    return "NotJoined", f"it has not joined yet: fedctl invite {member.id} prints how"


def _connected(state: str, cluster: ClusterId) -> tuple[str, str]:
    match state:
        case "live":
            return "Connected", f"the agent of cluster {cluster} reports"
        case "away":
            return "NotJoined", "it has not joined yet"
        case "leaving":
            return "Leaving", "others move away from it"
        case _:
            return state.capitalize() or "Unknown", "its agent does not report: is it running?"


def namespace(name: str) -> Json:
    """A namespace that is there since something is in it."""
    found = named(NAMESPACE, "", name)
    found["metadata"]["labels"] = {"kubernetes.io/metadata.name": name}
    return {**found, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
