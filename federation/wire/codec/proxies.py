"""What proxies say of themselves and see of others, to messages and back (`federation.wire.codec`).

Decoding parses once and raises InvalidInput.
"""

from collections.abc import Sequence

from federation.model.checks import OF_AGENTS, Finding
from federation.model.errors import InvalidInput
from federation.model.names import (
    parse_cluster_id,
    parse_label,
    parse_object_name,
    parse_port,
    parse_service_name,
    parse_subdomain,
)
from federation.model.observations import Observation, ProxyNack, Remote
from federation.model.proxies import Kind, Nack, Proxy, State, Upstream
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import (
    few,
    ip_text,
    network_text,
    one_of,
    parse_message,
    word,
)

MAX_OBSERVATION_BYTES = 1 << 20
MAX_REFUSALS = 100
MAX_REASON = 400
MAX_UNHEALTHY = 100_000
MAX_UPSTREAMS = 100
MAX_REMOTES = 10_000
MAX_DEAD = 1_000
MAX_BELIEVED = 10_000
MAX_FINDINGS = 256
MAX_SINCE = 253_402_300_799  # the end of the year 9999

_MICROSECONDS = 1_000_000


def encode_proxy(proxy: Proxy) -> bytes:
    """A Proxy as bytes."""
    return pb.Proxy(
        id=proxy.id,
        kind=proxy.kind,
        state=proxy.state,
        address=proxy.address,
        port=proxy.port,
        zone=proxy.zone,
        app_address=proxy.app_address,
        outbound_address=proxy.outbound_address,
        outbound_port=proxy.outbound_port,
        refused=[
            pb.Nack(type_url=r.type_url, name=r.name, reason=r.reason)
            for r in proxy.refused[:MAX_REFUSALS]
        ],
        unhealthy=proxy.unhealthy,
        sees_healthy=proxy.sees_healthy,
        upstreams=[
            pb.Upstream(
                service=str(u.service), port=u.port, address=u.address, listen_port=u.listen_port
            )
            for u in proxy.upstreams
        ],
        listen_address=proxy.listen_address,
        listen_port=proxy.listen_port,
        remotes=_remotes(proxy.remotes),
        dead_ports=proxy.dead_ports,
        entry=proxy.entry,
        closing_ports=proxy.closing_ports,
        version=proxy.version,
        certificate_ends=proxy.certificate_ends,
    ).SerializeToString(deterministic=True)


def decode_proxy(body: bytes) -> Proxy:
    """The Proxy in `body`; raises InvalidInput."""
    message = parse_message(pb.Proxy(), body)
    outbound, listen = message.outbound_address, message.listen_address
    kind = one_of(Kind, message.kind, "kind of the proxy")
    return Proxy(
        id=parse_proxy_id(kind, message.id),
        kind=kind,
        state=one_of(State, message.state, "state of the proxy"),
        address=ip_text(message.address, "address of the proxy"),
        port=parse_port(message.port, "port of the proxy"),
        zone=word(message.zone, "zone of the proxy"),
        app_address=ip_text(message.app_address, "app address") if message.app_address else "",
        outbound_address=ip_text(outbound, "outbound address") if outbound else "",
        outbound_port=parse_port(message.outbound_port, "outbound port") if outbound else 0,
        refused=_read_refused(message.refused),
        unhealthy=tuple(
            ip_text(a, "checked address")
            for a in few(message.unhealthy, MAX_UNHEALTHY, "unhealthy addresses")
        ),
        sees_healthy=message.sees_healthy,
        upstreams=tuple(
            _read_upstream(u) for u in few(message.upstreams, MAX_UPSTREAMS, "upstreams")
        ),
        listen_address=ip_text(listen, "listen address") if listen else "",
        listen_port=parse_port(message.listen_port, "listen port") if listen else 0,
        remotes=_read_remotes(message.remotes),
        dead_ports=_read_ports(message.dead_ports, "dead port"),
        entry=network_text(message.entry, "entry of the gateway") if message.entry else "",
        closing_ports=_read_ports(message.closing_ports, "closing port"),
        version=word(message.version, "version of the supervisor"),
        certificate_ends=read_since(message.certificate_ends),
    )


def _read_ports(numbers: Sequence[int], what: str) -> tuple[int, ...]:
    return tuple(parse_port(number, what) for number in few(numbers, MAX_DEAD, f"{what}s"))


def parse_proxy_id(kind: Kind, text: str) -> str:
    """The id of a proxy: a gateway's name or a sidecar's NAMESPACE/POD; raises InvalidInput."""
    if kind is Kind.GATEWAY:
        return parse_subdomain(text, "name of the gateway")
    namespace, slash, pod = text.partition("/")
    if not slash:
        raise InvalidInput(f"id of the sidecar is {text[:80]!r}, but must be NAMESPACE/POD")
    parse_label(namespace, f"namespace of sidecar {text[:80]!r}")
    parse_object_name(pod, f"pod of sidecar {text[:80]!r}")
    return text


def _read_refused(refused: Sequence[pb.Nack]) -> tuple[Nack, ...]:
    """What a proxy did not take. The reasons are for people: odd characters are shown as such."""
    return tuple(
        Nack(word(r.type_url, "type"), shown(r.name), shown(r.reason))
        for r in few(refused, MAX_REFUSALS, "refusals")
    )


def shown(text: str) -> str:
    """Text for people, cut, with a blank for what does not print."""
    cut = text[:MAX_REASON]
    return cut if cut.isprintable() else "".join(c if c.isprintable() else " " for c in cut)


def _read_upstream(message: pb.Upstream) -> Upstream:
    return Upstream(
        ip_text(message.address, "address of an upstream"),
        parse_port(message.listen_port, "listen port of an upstream"),
        parse_service_name(message.service),
        parse_port(message.port, "port of an upstream"),
    )


def encode_observation(observation: Observation) -> bytes:
    """An Observation as bytes."""
    return pb.Observation(
        cluster=observation.cluster,
        remotes=_remotes(observation.remotes),
        findings=[
            pb.Finding(check=f.check, subject=_cut(f.subject), what=_cut(f.what), since=f.since)
            for f in observation.findings[:MAX_FINDINGS]
        ],
        rejected=[
            pb.ProxyNack(
                proxy=r.proxy, type_url=r.type_url, name=r.name, reason=r.reason, since=r.since
            )
            for r in observation.rejected[:MAX_REFUSALS]
        ],
        believed=dict(observation.believed),
    ).SerializeToString(deterministic=True)


def _remotes(remotes: tuple[Remote, ...]) -> list[pb.Remote]:
    return [
        pb.Remote(
            cluster=r.cluster,
            gateway=r.gateway,
            answers=r.answers,
            rtt_us=round(r.rtt * _MICROSECONDS),
        )
        for r in remotes
    ]


def decode_observation(body: bytes) -> Observation:
    """The Observation in `body`; raises InvalidInput."""
    message = parse_message(pb.Observation(), body)
    return Observation(
        parse_cluster_id(message.cluster),
        _read_remotes(message.remotes),
        tuple(_read_finding(f) for f in few(message.findings, MAX_FINDINGS, "findings")),
        tuple(
            ProxyNack(
                shown(r.proxy),
                word(r.type_url, "type"),
                shown(r.name),
                shown(r.reason),
                read_since(r.since),
            )
            for r in few(message.rejected, MAX_REFUSALS, "rejected resources")
        ),
        tuple(
            sorted(
                (parse_subdomain(domain, "trust domain"), word(version, "version of a bundle"))
                for domain, version in few(
                    tuple(message.believed.items()), MAX_BELIEVED, "trust domains"
                )
            )
        ),
    )


def _read_finding(found: pb.Finding) -> Finding:
    """What an agent has found. Of a check that is not one of its own: a trouble of the agent."""
    check = found.check if found.check in OF_AGENTS else "agent-trouble"
    return Finding(check, shown(found.subject), shown(found.what), read_since(found.since))


def read_since(seconds: int) -> int:
    """Seconds since 1970, within what can be shown."""
    return min(max(0, seconds), MAX_SINCE)


def _cut(text: str) -> str:
    """As much as is taken, without what cannot be sent, such as a file's name that is no text."""
    return shown(text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 2]} …")


def _read_remotes(remotes: Sequence[pb.Remote]) -> tuple[Remote, ...]:
    return tuple(
        Remote(
            parse_cluster_id(r.cluster),
            parse_subdomain(r.gateway, "gateway name"),
            r.answers,
            r.rtt_us / _MICROSECONDS,
        )
        for r in few(remotes, MAX_REMOTES, "remote gateways")
    )
