"""What the API shows of the federation's things, as JSON: pure.

In: values of the model and of the controller. Out: documents. Used by
`federation.controller.application`.
"""

from typing import Any

from federation.controller.member import Member
from federation.controller.views.trust import SHOWN_OF_A_KEY
from federation.model.exports import Backend, Gateway
from federation.model.facts import Service
from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.planning.honoured import not_honoured
from federation.trust.join_tokens import JoinRecord, state_of

Json = dict[str, Any]


def seen_from_view(other: ClusterId, remote: Remote) -> Json:
    return {
        "cluster": other,
        "gateway": remote.gateway,
        "answers": remote.answers,
        "rtt_ms": round(remote.rtt * 1000, 1) if remote.rtt else None,
    }


def gateway_view(gateway: Gateway) -> Json:
    return {
        "name": gateway.name,
        "address": gateway.address,
        "port": gateway.port,
        "zone": gateway.zone,
    }


def service_view(service: Service, backends: tuple[Backend, ...]) -> Json:
    counts = {b.cluster: (b.ready, sum(g.total for g in b.groups)) for b in backends}
    unserved = dict(service.unserved)
    return {
        "name": str(service.name),
        "type": str(service.type),
        "ports": [
            {
                "name": p.name,
                "protocol": str(p.transport),
                "port": p.number,
                "app_protocol": p.app_protocol,
            }
            for p in service.ports
        ],
        "exporters": list(service.exporters),
        "conflicts": [{"reason": c.reason, "message": c.message} for c in service.conflicts],
        "not_honoured": list(not_honoured(service)),
        "backends": [
            {
                "cluster": c,
                "ready": counts.get(c, (0, 0))[0],
                "total": counts.get(c, (0, 0))[1],
                "unserved_ports": list(unserved.get(c, ())),
            }
            for c in service.exporters
        ],
    }


def token_view(record: JoinRecord, now: float) -> Json:
    """What is known of a join token; never its secret, nor what is made of that."""
    return {
        "id": record.id,
        "cluster": record.cluster,
        "state": state_of(record, now),
        "created": record.created,
        "expires": record.expires,
        "used_at": record.used_at or None,
        "used_from": record.used_from,
        "used_by": record.used_by[:SHOWN_OF_A_KEY],
    }


def word_view(member: Member) -> str:
    """The operator's word about a cluster, in a line."""
    parts = {
        "region": member.region,
        "zones": ",".join(member.zones),
        "network": member.network,
        "gateway_cidrs": ",".join(member.gateway_cidrs),
        "namespaces": ",".join(member.namespaces),
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)
