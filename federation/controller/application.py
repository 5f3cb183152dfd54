"""What the API's calls do: members, tokens and views of the federation."""

from typing import Any

from federation.controller.authority import Authority
from federation.controller.loop import Federation
from federation.controller.members import Members
from federation.controller.registry import Member
from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Gateway
from federation.model.imports import Service
from federation.model.names import parse_cluster_id
from federation.resources.cluster import ClusterDocument
from federation.resources.parse import parse_document
from federation.runtime.clock import utc_now, wall_seconds

Json = dict[str, Any]


class Controller:
    """Implements `federation.api.server.Application`."""

    def __init__(
        self,
        federation: Federation,
        members: Members,
        authority: Authority,
        domain: str,
        grpc_address: str,
    ) -> None:
        self._federation = federation
        self._members = members
        self._authority = authority
        self._domain = domain
        self._grpc_address = grpc_address

    def is_ready(self) -> bool:
        """Constructed is ready: the store was read before anything listened."""
        return True

    def root_pem(self) -> bytes:
        """The root certificate."""
        return self._authority.root_pem

    async def join(self, body: Json) -> Json:
        """Redeem a join token; body: token, csr (PEM), twin (PEM)."""
        texts = [_text(body, name) for name in ("token", "csr", "twin")]
        token, csr, twin = texts[0], texts[1].encode(), texts[2].encode()
        joined = await self._members.join(token, csr, twin, utc_now())
        self._federation.set_member(joined.member)
        return {
            "cluster": joined.member.id,
            "domain": self._domain,
            "trust_domain": joined.member.trust_domain,
            "chain": joined.chain.decode(),
            "root": joined.root.decode(),
            "grpc": self._grpc_address,
        }

    async def clusters(self) -> Json:
        """All members with what is seen of them."""
        members = sorted(self._federation.registry.members.values(), key=lambda m: m.id)
        return {"items": [self._cluster(member) for member in members]}

    def _cluster(self, member: Member) -> Json:
        presence = self._federation.presence(member.id)
        registry = self._federation.registry
        seen = presence.last_seen
        return {
            "id": member.id,
            "region": member.region,
            "zones": list(member.zones),
            "network": member.network,
            "trust_domain": member.trust_domain,
            "namespaces": list(member.namespaces),
            "gateway_cidrs": list(member.gateway_cidrs),
            "joined": bool(member.anchors),
            "connected": presence.streams > 0,
            "last_seen_seconds_ago": None if seen is None else round(wall_seconds() - seen, 1),
            "gateways": [_gateway(g) for g in registry.gateways(member.id)],
            "exports": registry.count_exports(member.id),
            "problems": sorted(presence.problems.values()),
        }

    async def put_cluster(self, cluster: str, body: Json) -> Json:
        """Write the operator's word about a cluster: a document of kind Cluster."""
        document = parse_document(body, "the request's body")
        if not isinstance(document, ClusterDocument):
            raise InvalidInput("the request's body must be a document of kind Cluster")
        name = parse_cluster_id(cluster)
        if document.name != name:
            raise InvalidInput(f"metadata.name is {document.name!r}, but the path says {name!r}")
        wanted = Member(
            name,
            "",
            document.spec.region,
            tuple(document.spec.zones),
            document.spec.network,
            tuple(document.spec.gateway_cidrs),
            tuple(document.spec.namespaces),
        )
        member = await self._members.state(wanted)
        self._federation.set_member(member)
        return self._cluster(member)

    async def mint_join_token(self, body: Json) -> Json:
        """A join token; body: cluster, expires_seconds (default 3600)."""
        seconds = body.get("expires_seconds", 3600)
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise InvalidInput(f"expires_seconds is {seconds!r:.80}, but must be a whole number")
        record, token = await self._members.mint_token(
            _text(body, "cluster"), seconds, wall_seconds()
        )
        return {"token": token, "id": record.id, "expires": record.expires}

    async def services(self) -> Json:
        """All services of the clusterset with the counts of their backends."""
        found = self._federation.registry.services()
        return {"items": [_service(service, backends) for service, backends in found]}

    async def status(self) -> Json:
        """Where the store stands, and how much there is."""
        registry = self._federation.registry
        point = registry.table.point()
        return {
            "epoch": point.epoch if point else "",
            "revision": point.revision if point else 0,
            "domain": self._domain,
            "clusters": len(registry.members),
            "services": len(registry.services()),
        }


def _gateway(gateway: Gateway) -> Json:
    return {
        "name": gateway.name,
        "address": gateway.address,
        "port": gateway.port,
        "zone": gateway.zone,
    }


def _service(service: Service, backends: tuple[Backend, ...]) -> Json:
    counts = {b.cluster: (b.ready, sum(g.total for g in b.groups)) for b in backends}
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
        "backends": [
            {"cluster": c, "ready": counts.get(c, (0, 0))[0], "total": counts.get(c, (0, 0))[1]}
            for c in service.exporters
        ],
    }


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"field {name} is {value!r:.80}, but must be text")
    return value
