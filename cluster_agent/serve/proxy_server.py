"""The server for this cluster's proxies: certificates, resources, observations.

Who calls is proved by its workload token, sent with every call over TLS that shows the agent's own
certificate. A token for one namespace is of no use for another.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from cluster_agent.authority.authority import Authority
from cluster_agent.entry.entry import NAMES
from cluster_agent.health.presence import Node, Presence
from cluster_agent.serve.certificate_quota import Certifying
from cluster_agent.serve.dns_tokens import Shown
from cluster_agent.serve.refused_proxies import TurnedAway
from cluster_agent.snapshot.sidecar_addresses import check_place
from cluster_agent.snapshot.snapshots import PROXYLESS, PROXYLESS_TYPES, Proxies
from cluster_agent.snapshot.tables import Touch
from federation.model.errors import Denied, InvalidInput
from federation.model.proxies import ENTRY_GATEWAY, LEAVING, Kind, Proxy
from federation.model.types import SECRET
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.trust.spiffe import DNS_SUBJECT, gateway_subject
from federation.trust.tokens import check_workload_token
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.codec import proxies
from federation.wire.rpc import methods
from federation.wire.rpc.heartbeat import Heard
from federation.wire.rpc.intake import source_of
from federation.wire.rpc.methods import Method
from federation.wire.rpc.run_session import receive, send
from federation.wire.rpc.server import CallHandler, StreamHandler
from federation.wire.rpc.stream_slots import Streams
from federation.wire.rpc.streams import Link, Peer
from federation.xds.messages import Request, Response
from federation.xds.receiver import Limits, Received, Receiver
from federation.xds.resources import Resource
from federation.xds.sender import Rule, Sender
from federation.xds.sotw_sender import StateSender

log = logging.getLogger(__name__)

PROXYLESS_RULES = tuple(Rule(type_url) for type_url in PROXYLESS_TYPES)
NAME_RULES = tuple(Rule(type_url) for type_url in codec.NAMES)
LOOK_SECONDS = 1.0
"""Between two looks at who has fallen silent."""
CLOCK_SECONDS = 30.0
"""Clocks of a proxy's machine and this one that differ by more are said when it connects."""
ONE_PROXY = Limits(1, 4 << 20)
"""A supervisor speaks for one proxy; a gateway may see a hundred thousand unhealthy addresses."""

STREAMS_OF_A_PROXY = 2
"""Of each kind: the one that is there, and one that was lost and is not known to be yet."""
UNKNOWN_STREAMS = 128
"""Of each kind and token, of gateways and of workloads that the source does not show."""
DNS_STREAMS = 16


@dataclass(eq=False, slots=True)
class _Stream:
    layers: tuple[str, ...]
    sender: Sender | StateSender
    wake: asyncio.Event
    node: Node | None = None


class WorkloadServer:
    """Handlers for what supervisors call.

    `source_read` waits until workloads can be known. `account_of` gives the service account of one
    ("namespace/pod"), None when it is not known; `zone_of` its zone. `on_proxy` hears what a proxy
    says of itself, `on_quiet` that every connected proxy has acknowledged all it was sent,
    `on_believed` that every one has taken whom to believe, `on_gone` that both streams of one have
    ended, `on_silent` the names of those that say nothing any more.
    """

    def __init__(
        self,
        authority: Authority,
        token_key: bytes,
        proxies: Proxies,
        rules: Iterable[Rule],
        *,
        source_read: Callable[[], Awaitable[None]],
        account_of: Callable[[str], str | None],
        zone_of: Callable[[str], str],
        on_proxy: Callable[[Proxy], None],
        on_quiet: Callable[[], None],
        on_believed: Callable[[], None],
        on_gone: Callable[[Kind, str], None],
        on_silent: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._certifying = Certifying(authority)
        self._token_key = token_key
        self._proxies = proxies
        self._rules = tuple(rules)
        self._source_read = source_read
        self._account_of = account_of
        self._zone_of = zone_of
        self._on_proxy = on_proxy
        self._on_quiet = on_quiet
        self._on_believed = on_believed
        self._on_gone = on_gone
        self._on_silent = on_silent
        self._present: Counter[Node] = Counter()
        self._presence = Presence()
        self._tokens = Shown()
        self._turned_away = TurnedAway()
        self._silent: frozenset[Node] = frozenset()
        self.loop = Loop("presence", self._look, rest=LOOK_SECONDS)
        self._streams: set[_Stream] = set()
        self._open = Streams("the agent ended this stream: the same proxy has newer ones")

    def handlers(self) -> tuple[tuple[Method, StreamHandler | CallHandler], ...]:
        """What `wire.server.serve` serves."""
        return (
            (methods.CERTIFY, self._certify),
            (methods.RESOURCES, self._resources),
            (methods.OBSERVATIONS, self._observations),
            (methods.NAMES, self._names),
        )

    def touch(self, touched: Iterable[Touch]) -> None:
        """Wake the streams that a change concerns."""
        by_table: dict[str, list[Touch]] = {}
        for touch in touched:
            by_table.setdefault(touch.table, []).append(touch)
        for stream in self._streams:
            found = [t for table in stream.layers for t in by_table.get(table, ())]
            for touch in found:
                stream.sender.touch(touch.type_url, touch.name)
            if found:
                stream.wake.set()

    def is_quiet(self) -> bool:
        """Whether every connected proxy has acknowledged all it was sent."""
        return all(sender.is_quiet() for sender in self._senders())

    def have_taken(self, type_url: str) -> bool:
        """Whether every connected proxy has taken all resources of a type in its last version."""
        return all(sender.has_taken(type_url) for sender in self._senders())

    def _senders(self) -> Iterator[Sender]:
        """Those of proxies that are heard: nobody waits for one that is frozen."""
        for stream in self._streams:
            is_heard = stream.node is not None and stream.node not in self._silent
            if isinstance(stream.sender, Sender) and is_heard:
                yield stream.sender

    async def _look(self) -> None:
        """See who has fallen silent, and who is heard again."""
        silent = self._presence.silent(asyncio.get_running_loop().time())
        for node in [n for n in silent if n not in self._present and not self._is_missed(n)]:
            self._presence.forget(node)
            silent -= {node}
        if silent == self._silent:
            return
        for name in sorted(map(str, silent - self._silent)):
            log.warning(event("proxy is silent", proxy=name))
        for name in sorted(map(str, self._silent - silent)):
            log.info(event("proxy is silent no more", proxy=name))
        self._silent = silent
        self._on_silent(tuple(sorted(map(str, silent))))
        self._hear()

    def _is_missed(self, node: Node) -> bool:
        """Whether there should be a proxy that has no stream: gateways come and go as they like."""
        return node.kind is Kind.SIDECAR and self._account_of(node.id) is not None

    def _heard(self, node: Node) -> None:
        self._presence.hear(node, asyncio.get_running_loop().time())

    def _hear(self) -> None:
        if self.have_taken(SECRET):
            self._on_believed()
        if self.is_quiet():
            self._on_quiet()

    def wake_all(self) -> None:
        """The tables became complete: streams that were silent may speak."""
        for stream in self._streams:
            stream.wake.set()

    def connected(self, kind: Kind) -> set[str]:
        """The ids of proxies of that kind which have a stream open and are heard."""
        return {n.id for n in self._present if n.kind is kind and n not in self._silent}

    def ending_tokens(self, now: float) -> Mapping[str, str]:
        """What is to be told of tokens that DNS servers have shown."""
        return self._tokens.ending(now)

    def turned_away(self, now: float) -> Mapping[str, str]:
        """What is to be told of proxies that were refused lately."""
        return self._turned_away.told(now)

    @contextmanager
    def _present_as(self, node: Node) -> Iterator[None]:
        self._present[node] += 1
        try:
            yield
        finally:
            self._present[node] -= 1
            if not self._present[node]:
                del self._present[node]
                self._on_gone(node.kind, node.id)

    def authenticate(self, peer: Peer) -> str:
        """Whose token the caller shows; raises Denied. Asked before anything is read."""
        now = wall_seconds()
        try:
            return check_workload_token(self._token_key, peer.token, now)
        except Denied as error:
            self._turned_away.stranger(source_of(peer.address), str(error), now)
            raise

    @contextmanager
    def _told_of(self, subject: str, peer: Peer) -> Iterator[None]:
        """Tell people when the holder of a good token is refused, and no more when it is not."""
        try:
            yield
        except Denied as error:
            self._turned_away.holder(subject, str(error), wall_seconds())
            raise
        self._turned_away.let_in(source_of(peer.address), subject)

    async def _certify(self, request: pb.CertifyRequest, peer: Peer) -> pb.Certificate:
        subject = self.authenticate(peer)
        return self._certifying.certify(subject, request.csr, peer.address)

    async def _resources(self, link: Link[Request, Response], peer: Peer) -> None:
        subject = self.authenticate(peer)
        first = await link.read()
        if first is None:
            return
        node = _parse_node(first.node)
        if node.kind is Kind.SIDECAR:
            await self._source_read()
        with self._told_of(subject, peer):
            self._check_node(subject, node)
        zone = "" if node.kind is Kind.GATEWAY else self._zone_of(node.id)
        layers, touched = self._proxies.admit(node.kind, node.id, zone, has_entry=node.has_entry)
        self.touch(touched)
        sender = Sender(self._proxies.view(layers), self._rules)
        sender.receive(first, asyncio.get_running_loop().time())
        stream = _Stream(layers, sender, asyncio.Event(), node)
        self._heard(node)
        self._streams.add(stream)
        log.info(event("proxy connected", proxy=first.node))
        if peer.clock is not None and abs(peer.clock) > CLOCK_SECONDS:
            log.warning(event("clocks differ", proxy=first.node, seconds_ahead=round(peer.clock)))
        heard = Heard(link, lambda: self._heard(node))
        work = send(heard, sender, stream.wake, lambda _: self._hear())
        try:
            with self._present_as(node):
                await self._run("resources", subject, node, work)
        finally:
            self._streams.discard(stream)
            self._hear()
            log.info(event("proxy disconnected", proxy=first.node))

    async def _run(
        self, kind: str, subject: str, node: Node, work: Coroutine[Any, Any, None]
    ) -> None:
        """Run a stream of a proxy."""

        async def counted() -> None:
            with self._place(kind, subject, node):
                await work

        await self._open.run(object(), 1, counted(), kind)

    @contextmanager
    def _place(self, kind: str, subject: str, node: Node) -> Iterator[None]:
        """Count the stream that runs here; of proxies that nobody knows all share some places."""
        stream: Any = asyncio.current_task()
        with ExitStack() as places:
            if node.kind is Kind.GATEWAY or self._account_of(node.id) is None:
                shared = (kind, subject)
                places.enter_context(self._open.place(shared, UNKNOWN_STREAMS, stream))
            mine = (kind, node)
            places.enter_context(self._open.place(mine, STREAMS_OF_A_PROXY, stream))
            yield

    async def _names(self, link: Link[Request, Response], peer: Peer) -> None:
        """Feed a DNS server."""
        subject = self.authenticate(peer)
        with self._told_of(subject, peer):
            if subject != DNS_SUBJECT:
                raise Denied(f"the workload token is for {subject}, not for a DNS server")
        sender = Sender(self._proxies.view([NAMES]), NAME_RULES)
        stream = _Stream((NAMES,), sender, asyncio.Event())
        self._streams.add(stream)
        log.info(event("dns server connected", peer=peer.address))
        try:
            work = send(Heard(link, lambda: None), sender, stream.wake)
            with self._tokens.by(f"DNS server at {source_of(peer.address)}", peer.token):
                await self._open.run("names", DNS_STREAMS, work, "names")
        finally:
            self._streams.discard(stream)
            log.info(event("dns server disconnected", peer=peer.address))

    async def serve_proxyless(self, link: Link[Any, Any], _: Peer) -> None:
        """Feed a gRPC client on this machine, which the permissions of the socket have let in."""
        sender = StateSender(self._proxies.view([PROXYLESS]), PROXYLESS_RULES)
        stream = _Stream((PROXYLESS,), sender, asyncio.Event())
        self._streams.add(stream)
        try:
            await send(link, sender, stream.wake)
        finally:
            self._streams.discard(stream)

    async def _observations(self, link: Link[Response, Request], peer: Peer) -> None:
        subject = self.authenticate(peer)

        with ExitStack() as seen:
            nodes: set[Node] = set()

            def check(_: str, found: Resource) -> None:
                proxy = codec.decode(Proxy, found.body)
                self._check_node(subject, Node(proxy.kind, proxy.id))
                if proxy.kind is Kind.SIDECAR:
                    check_place(proxy, self._proxies.addresses_of(proxy.id))

            def take(received: Received) -> None:
                for change in received.changes:
                    if change.resource is not None:
                        proxy = codec.decode(Proxy, change.resource.body)
                        node = Node(proxy.kind, proxy.id)
                        if node not in nodes:
                            nodes.add(node)
                            seen.enter_context(self._present_as(node))
                            seen.enter_context(self._place("observations", subject, node))
                        self._heard(node)
                        self._on_proxy(proxy)
                        if proxy.state in LEAVING:
                            self._presence.forget(node)

            receiver = Receiver("agent", [codec.PROXY], check, {codec.PROXY: ONE_PROXY})
            work = receive(link, receiver, take)
            await self._open.run(object(), 1, work, "observations")

    def _check_node(self, subject: str, node: Node) -> None:
        """Whether the holder of this token may speak for this proxy; raises Denied."""
        if node.kind is Kind.GATEWAY:
            if subject != gateway_subject(node.id):
                raise Denied(f"the workload token is for {subject}, not for gateway {node.id}")
            return
        namespace, _, account = subject.partition("/")
        if not account or node.id.partition("/")[0] != namespace:
            raise Denied(f"the workload token is for {subject}, not for workload {node.id}")
        known = self._account_of(node.id)
        if known not in (None, account):
            raise Denied(
                f"the workload token is for {subject}, but workload {node.id} runs as {known}"
            )


def _parse_node(text: str) -> Node:
    kind, _, proxy_id = text.partition("/")
    if kind == ENTRY_GATEWAY and proxy_id:
        return Node(Kind.GATEWAY, proxies.parse_proxy_id(Kind.GATEWAY, proxy_id), True)
    if kind not in tuple(Kind) or not proxy_id:
        raise InvalidInput(f"node is {text[:80]!r}, but must be gateway/NAME or sidecar/NS/POD")
    return Node(Kind(kind), proxies.parse_proxy_id(Kind(kind), proxy_id))
