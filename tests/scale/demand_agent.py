"""An agent's own tables with many services, and streams fed from them as its server does.

In: services. Out: streams over a socket (`serve`), or in this process without one (`attach`).
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from cluster_agent.main import PROXY_RULES
from cluster_agent.serve.nodes import parse_node
from cluster_agent.serve.streams import OpenStream, ProxyStreams
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import TYPES as OWN_TYPES
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import IMPORT, ROUTE
from federation.supervisor.relay import TYPES
from federation.wire.discovery import encode_response
from federation.wire.rpc.heartbeat import Heard
from federation.wire.rpc.run_session import send
from federation.wire.rpc.streams import Link, Peer
from federation.xds.batches import SharedBatches
from federation.xds.messages import WILDCARD, Point, Request
from federation.xds.resources import Resource
from federation.xds.sender import Sender
from federation.xds.snapshot import Layers, Table, View
from tests.scale.demand_world import caller, facts_of
from tests.scale.trust import Authority
from tests.scale.world import HOME, REGION, ZONE, home_cluster, reachability
from tests.unit.builders import entry


class _Whole:
    """A scope as it is shown to who is sent all of it."""

    def __init__(self, scope: View) -> None:
        self._scope = scope

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        return self._scope.get(type_url, name)

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        return self._scope.names(type_url)

    def is_complete(self, _: str) -> bool:
        """See View: of other types it has nothing."""
        return self._scope.is_complete(IMPORT)

    def point(self) -> Point | None:
        """See View."""
        return None


class Agent:
    """The tables of an agent that knows so many services; its sidecars call from `outbound`."""

    def __init__(self, services: int, authority: Authority, outbound: str) -> None:
        self._outbound = outbound
        self._streams = ProxyStreams(lambda _: False)
        self._attached = ExitStack()
        self._eager: list[Sender] = []
        self._batches = SharedBatches()
        self._snapshots = Snapshots(HOME, entry(HOME))
        self._snapshots.set_region(REGION)
        self._snapshots.set_bundles(authority.bundles)
        self._snapshots.sidecars.trust_domain = home_cluster().trust_domain
        self._routes = Table()
        self._routes.mark_complete(*OWN_TYPES)
        began = time.process_time()
        for number in range(services):
            self._set(number)
        self._snapshots.set_synced()
        self.cpu_seconds_of_tables = time.process_time() - began

    def _set(self, number: int) -> list[Any]:
        facts = facts_of(number)
        state = ServiceState(facts, None, None, (), reachability(facts))
        return self._snapshots.set_service(facts.service.name, state)

    def add(self, number: int) -> None:
        """One more service is exported somewhere; the streams that it concerns are woken."""
        changed = self._set(number)
        self._streams.wake(changed + self._snapshots.finish())

    def show_routes(self, found: Resource) -> None:
        """Send this table of all routes to those who are attached `eager`."""
        if self._routes.put(ROUTE, found):
            for sender in self._eager:
                sender.touch(ROUTE, found.name)

    def _open(self, node: Node, *, eager: bool = False) -> tuple[OpenStream, Sender]:
        """A stream for a sidecar, as `cluster_agent.serve.proxy_server` makes it.

        One that is `eager` is shown all of its scope, and the table of all routes.
        """
        workload = caller(self._outbound)
        proxy = Proxy(
            node.id,
            Kind.SIDECAR,
            State.SERVING,
            workload.address,
            workload.inbound_port,
            app_address=workload.app_address,
            outbound_address=workload.outbound_address,
            outbound_port=workload.outbound_port,
        )
        tables, changed = self._snapshots.admit(node, Scope(ZONE))
        self._streams.wake(changed + self._snapshots.set_proxy(proxy))
        if eager:
            own = self._snapshots.view(key for key in tables if not isinstance(key, Scope))
            scope = self._snapshots.view(key for key in tables if isinstance(key, Scope))
            whole = Layers(self._routes, own, _Whole(scope))
            sender = Sender(whole, PROXY_RULES, shared=self._batches)
            return OpenStream(tables, sender, node), sender
        demand = self._snapshots.on_demand(tables)
        if demand is None:
            raise ValueError(f"{node} has no scope")
        sender = Sender(demand, PROXY_RULES, shared=self._batches)
        return OpenStream(tables, sender, node, demand), sender

    async def serve(self, link: Link[Any, Any], _: Peer) -> None:
        """One stream of a sidecar's supervisor."""
        first = await link.read()
        if first is None:
            return
        stream, sender = self._open(parse_node(first.node))
        sender.receive(first, asyncio.get_running_loop().time())
        stream.follow(first)
        with self._streams.opened(stream):
            heard = Heard(link, lambda: None)
            await send(heard, sender, stream.wake, stream.follow)

    def attach(self, number: int, hosts: tuple[str, ...]) -> "Attached":
        """A sidecar in this process that has called these hosts."""
        stream, sender = self._open(Node(Kind.SIDECAR, f"shop/pod-{number}"))
        self._attached.enter_context(self._streams.opened(stream))
        return Attached(stream, sender, {IMPORT: hosts})

    def attach_eager(self, number: int) -> "Attached":
        """A sidecar in this process that is sent everything."""
        stream, sender = self._open(Node(Kind.SIDECAR, f"shop/pod-{number}"), eager=True)
        self._attached.enter_context(self._streams.opened(stream))
        self._eager.append(sender)
        return Attached(stream, sender, {IMPORT: ()})


class Attached:
    """A stream without a socket: what is sent is encoded, counted and acknowledged at once.

    Everything is asked for, but of the types in `asked` these names.
    """

    def __init__(
        self, stream: OpenStream, sender: Sender, asked: dict[str, tuple[str, ...]]
    ) -> None:
        self._stream = stream
        self._sender = sender
        for type_url in TYPES:
            names = asked.get(type_url, (WILDCARD,))
            if names:
                self._hear(Request(type_url, f"sidecar/{stream.node}", names))

    def _hear(self, request: Request) -> None:
        self._sender.receive(request, 0.0)
        self._stream.follow(request)

    def take(self) -> int:
        """Take what there is to take; returns how many bytes that was."""
        size = 0
        while (response := self._sender.next_response(0.0)) is not None:
            size += len(encode_response(response))
            self._hear(Request(response.type_url, nonce=response.nonce))
        return size
