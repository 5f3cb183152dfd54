"""The server for this cluster's proxies: certificates, resources, observations.

Who calls is proved by its workload token, sent with every call over TLS that shows the agent's own
certificate. A token for one namespace is of no use for another.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from cluster_agent.authority.authority import Authority
from cluster_agent.entry.dns_names import NAMES
from cluster_agent.serve.certificate_quota import CertificateQuota
from cluster_agent.serve.events import ProxyEvents
from cluster_agent.serve.nodes import check_holder, parse_node
from cluster_agent.serve.streams import OpenStream, ProxyStreams
from cluster_agent.serve.workloads import Workloads
from cluster_agent.snapshot.sidecar_addresses import check_place
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import PROXYLESS, PROXYLESS_TYPES
from federation.model.errors import Denied
from federation.model.plans import ANYWHERE
from federation.model.proxies import LEAVING, Kind, Node, Proxy
from federation.model.types import SECRET
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.trust.spiffe import DNS_SUBJECT
from federation.trust.workload_tokens import check_workload_token
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.heartbeat import Heard
from federation.wire.rpc.intake import source_of
from federation.wire.rpc.methods import Method
from federation.wire.rpc.run_session import receive, send
from federation.wire.rpc.server_links import CallHandler, StreamHandler
from federation.wire.rpc.stream_slots import Streams
from federation.wire.rpc.streams import Link, Peer
from federation.xds.batches import SharedBatches
from federation.xds.held_type import Limits
from federation.xds.messages import Request, Response
from federation.xds.receiver import Received, Receiver
from federation.xds.resources import Resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.sotw_sender import StateSender

log = logging.getLogger(__name__)

PROXYLESS_RULES = tuple(Rule(type_url) for type_url in PROXYLESS_TYPES)
NAME_RULES = tuple(Rule(type_url) for type_url in codec.NAMES)
SILENCE_SECONDS = 1.0
"""Between two checks of who has fallen silent."""
CLOCK_SECONDS = 30.0
"""Clocks of a proxy's machine and this one that differ by more are logged when it connects."""
ONE_PROXY = Limits(1, 4 << 20)
"""A supervisor speaks for one proxy; a gateway may see a hundred thousand unhealthy addresses."""

STREAMS_OF_A_PROXY = 2
"""Of each kind: the one that is there, and one that was lost and is not known to be yet."""
UNKNOWN_STREAMS = 128
"""Of each kind and token, of gateways and of workloads that the source does not show."""
DNS_STREAMS = 16


class ProxyServer:
    """Handlers for what supervisors and DNS servers call."""

    def __init__(
        self,
        authority: Authority,
        token_key: bytes,
        snapshots: Snapshots,
        rules: Iterable[Rule],
        *,
        workloads: Workloads,
        streams: ProxyStreams,
        events: ProxyEvents,
    ) -> None:
        self._quota = CertificateQuota(authority)
        self._token_key = token_key
        self._snapshots = snapshots
        self._rules = tuple(rules)
        self._batches = SharedBatches()
        self._workloads = workloads
        self._streams = streams
        self._events = events
        self._slots = Streams("the agent ended this stream: the same proxy has newer ones")
        self.loop = Loop("presence", self._check_silence, rest=SILENCE_SECONDS)

    def handlers(self) -> tuple[tuple[Method, StreamHandler | CallHandler], ...]:
        """What `wire.server.serve` serves."""
        return (
            (methods.CERTIFY, self._certify),
            (methods.RESOURCES, self._resources),
            (methods.OBSERVATIONS, self._observations),
            (methods.NAMES, self._names),
        )

    # -- who calls ---------------------------------------------------------------------------------

    def authenticate(self, peer: Peer) -> str:
        """Whose token the caller shows; raises Denied. Asked before anything is read."""
        now = wall_seconds()
        try:
            return check_workload_token(self._token_key, peer.token, now)
        except Denied as error:
            self._streams.refused.stranger(source_of(peer.address), str(error), now)
            raise

    @contextmanager
    def _authorize(self, subject: str, peer: Peer) -> Iterator[None]:
        """Remember for people when the holder of a good token is refused, until it is let in."""
        try:
            yield
        except Denied as error:
            self._streams.refused.holder(subject, str(error), wall_seconds())
            raise
        self._streams.refused.let_in(source_of(peer.address), subject)

    def _check_node(self, subject: str, node: Node) -> None:
        """Whether the holder of this token may speak for this proxy; raises Denied."""
        check_holder(subject, node, self._workloads.account_of(node.id))

    async def _certify(self, request: pb.CertifyRequest, peer: Peer) -> pb.Certificate:
        subject = self.authenticate(peer)
        return self._quota.certify(subject, request.csr, peer.address)

    # -- streams of proxies ------------------------------------------------------------------------

    async def _resources(self, link: Link[Request, Response], peer: Peer) -> None:
        """Feed a proxy."""
        subject = self.authenticate(peer)
        first = await link.read()
        if first is None:
            return
        node = parse_node(first.node)
        if node.kind is Kind.SIDECAR:
            await self._workloads.wait_until_read()
        with self._authorize(subject, peer):
            self._check_node(subject, node)
        scope = ANYWHERE if node.kind is Kind.GATEWAY else self._workloads.scope_of(node.id)
        tables, changed = self._snapshots.admit(node, scope)
        self._streams.wake(changed)
        demand = self._snapshots.on_demand(tables)
        view = demand or self._snapshots.view(tables)
        sender = Sender(view, self._rules, shared=self._batches)
        sender.receive(first, asyncio.get_running_loop().time())
        stream = OpenStream(tables, sender, node, demand)
        stream.follow(first)
        self._record_life(node)
        log.info(event("proxy connected", proxy=first.node))
        if peer.clock is not None and abs(peer.clock) > CLOCK_SECONDS:
            log.warning(event("clocks differ", proxy=first.node, seconds_ahead=round(peer.clock)))
        beating = Heard(link, lambda: self._record_life(node))
        try:
            with self._streams.opened(stream), self._connected(node):
                work = send(beating, sender, stream.wake, partial(self._hear, stream))
                await self._run("resources", subject, node, work)
        finally:
            self._report_progress()
            log.info(event("proxy disconnected", proxy=first.node))

    def _hear(self, stream: OpenStream, request: Request) -> None:
        stream.follow(request)
        self._report_progress()

    async def _observations(self, link: Link[Response, Request], peer: Peer) -> None:
        """Take what a supervisor reports of its proxy."""
        subject = self.authenticate(peer)

        with ExitStack() as contexts:
            nodes: set[Node] = set()

            def read(type_url: str, found: Resource) -> Proxy:
                proxy: Proxy = codec.read(type_url, found)
                self._check_node(subject, Node(proxy.kind, proxy.id))
                if proxy.kind is Kind.SIDECAR:
                    check_place(proxy, self._snapshots.sidecars.addresses_of(proxy.id))
                return proxy

            def apply(received: Received) -> None:
                for change in received.changes:
                    if change.resource is not None:
                        proxy: Proxy = change.value
                        node = Node(proxy.kind, proxy.id)
                        if node not in nodes:
                            nodes.add(node)
                            contexts.enter_context(self._connected(node))
                            contexts.enter_context(self._slot("observations", subject, node))
                        self._record_life(node)
                        self._events.on_proxy(proxy)
                        if proxy.state in LEAVING:
                            self._streams.leave(node)

            receiver = Receiver("agent", [codec.PROXY], read, {codec.PROXY: ONE_PROXY})
            work = receive(link, receiver, apply)
            await self._slots.run(object(), 1, work, "observations")

    @contextmanager
    def _connected(self, node: Node) -> Iterator[None]:
        self._streams.connect(node)
        try:
            yield
        finally:
            if self._streams.disconnect(node):
                self._events.on_gone(node)

    async def _run(
        self, kind: str, subject: str, node: Node, work: Coroutine[Any, Any, None]
    ) -> None:
        """Run a stream of a proxy."""

        async def counted() -> None:
            with self._slot(kind, subject, node):
                await work

        await self._slots.run(object(), 1, counted(), kind)

    @contextmanager
    def _slot(self, kind: str, subject: str, node: Node) -> Iterator[None]:
        """Count the stream that runs here; of proxies that nobody knows all share some slots."""
        stream: Any = asyncio.current_task()
        with ExitStack() as slots:
            if node.kind is Kind.GATEWAY or self._workloads.account_of(node.id) is None:
                shared = (kind, subject)
                slots.enter_context(self._slots.place(shared, UNKNOWN_STREAMS, stream))
            own = (kind, node)
            slots.enter_context(self._slots.place(own, STREAMS_OF_A_PROXY, stream))
            yield

    # -- signs of life, and what was acknowledged --------------------------------------------------

    def _record_life(self, node: Node) -> None:
        self._streams.record_life(node, asyncio.get_running_loop().time())

    async def _check_silence(self) -> None:
        """See who has fallen silent, and who is alive again."""
        silent, alive = self._streams.check_silence(asyncio.get_running_loop().time())
        if not silent and not alive:
            return
        for name in sorted(map(str, silent)):
            log.warning(event("proxy is silent", proxy=name))
        for name in sorted(map(str, alive)):
            log.info(event("proxy is silent no more", proxy=name))
        self._events.on_silent()
        self._report_progress()

    def _report_progress(self) -> None:
        if self._streams.have_acknowledged(SECRET):
            self._events.on_secrets_taken()
        if self._streams.is_quiet():
            self._events.on_quiet()

    # -- others than proxies -----------------------------------------------------------------------

    async def _names(self, link: Link[Request, Response], peer: Peer) -> None:
        """Feed a DNS server."""
        subject = self.authenticate(peer)
        with self._authorize(subject, peer):
            if subject != DNS_SUBJECT:
                raise Denied(f"the workload token is for {subject}, not for a DNS server")
        sender = Sender(self._snapshots.view([NAMES]), NAME_RULES)
        log.info(event("dns server connected", peer=peer.address))
        holder = f"DNS server at {source_of(peer.address)}"
        try:
            with (
                self._streams.opened(OpenStream((NAMES,), sender)) as stream,
                self._streams.tokens.by(holder, peer.token),
            ):
                work = send(Heard(link, lambda: None), sender, stream.wake)
                await self._slots.run("names", DNS_STREAMS, work, "names")
        finally:
            log.info(event("dns server disconnected", peer=peer.address))

    async def serve_proxyless(self, link: Link[Any, Any], _: Peer) -> None:
        """Feed a gRPC client on this machine, which the permissions of the socket have let in."""
        sender = StateSender(self._snapshots.view([PROXYLESS]), PROXYLESS_RULES)
        with self._streams.opened(OpenStream((PROXYLESS,), sender)) as stream:
            await send(link, sender, stream.wake)
