"""The streams of this cluster's proxies that are open, and which of those proxies are alive.

In: streams while they last, signs of life, resources that changed. Out: streams are woken; whether
all proxies have acknowledged what they were sent; who is connected, who fell silent.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cluster_agent.health.presence import Presence
from cluster_agent.serve.dns_tokens import DnsTokens
from cluster_agent.serve.refused_proxies import RefusedProxies
from cluster_agent.snapshot.tables import Changed, TableKey
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node
from federation.xds.messages import Request
from federation.xds.on_demand import OnDemand
from federation.xds.sender import Sender
from federation.xds.sotw_sender import StateSender


@dataclass(eq=False, slots=True)
class OpenStream:
    """One stream: what it is fed from, and by what it is woken. Only proxies have a `node`.

    `demand` shows what is asked for of those tables that are scopes.
    """

    tables: tuple[TableKey, ...]
    sender: Sender | StateSender
    node: Node | None = None
    demand: OnDemand | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def touch(self, changed: Changed) -> bool:
        """A resource of one of the tables changed; returns whether that concerns this stream."""
        keys = [(changed.type_url, changed.name)]
        if self.demand is not None and isinstance(changed.table, Scope):
            keys = self.demand.changed(changed.type_url, changed.name)
        for type_url, name in keys:
            self.sender.touch(type_url, name)
        return bool(keys)

    def follow(self, request: Request) -> None:
        """Hear what the receiver asks for."""
        if self.demand is not None:
            for type_url, name in self.demand.follow(request):
                self.sender.touch(type_url, name)


class ProxyStreams:
    """All of them. `is_expected`: whether there should be a proxy, though it has no stream.

    `tokens` and `refused` are of those that were here: who showed a token that ends, who was
    turned away.
    """

    def __init__(self, is_expected: Callable[[Node], bool]) -> None:
        self._is_expected = is_expected
        self._streams: set[OpenStream] = set()
        self._connected: Counter[Node] = Counter()
        self._presence = Presence()
        self._silent: frozenset[Node] = frozenset()
        self.tokens = DnsTokens()
        self.refused = RefusedProxies()

    # -- what changed ------------------------------------------------------------------------------

    @contextmanager
    def opened(self, stream: OpenStream) -> Iterator[OpenStream]:
        """Wake this stream while the context lasts."""
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def wake(self, changed: Iterable[Changed]) -> None:
        """Wake the streams that a change concerns."""
        by_table: dict[TableKey, list[Changed]] = {}
        for one in changed:
            by_table.setdefault(one.table, []).append(one)
        for stream in self._streams:
            changes = [c for table in stream.tables for c in by_table.get(table, ())]
            for one in changes:
                if stream.touch(one):
                    stream.wake.set()

    def wake_all(self) -> None:
        """The tables became complete: streams that were silent may speak."""
        for stream in self._streams:
            stream.wake.set()

    def is_quiet(self) -> bool:
        """Whether every connected proxy has acknowledged all it was sent."""
        return all(sender.is_quiet() for sender in self.senders())

    def have_acknowledged(self, type_url: str) -> bool:
        """Whether every connected proxy has taken all resources of a type in its last version."""
        return all(sender.has_taken(type_url) for sender in self.senders())

    def senders(self) -> Iterator[Sender]:
        """Those to proxies that are alive: nobody waits for one that is frozen."""
        for stream in self._streams:
            is_alive = stream.node is not None and stream.node not in self._silent
            if isinstance(stream.sender, Sender) and is_alive:
                yield stream.sender

    # -- who is there ------------------------------------------------------------------------------

    def connect(self, node: Node) -> None:
        """A proxy has one stream more."""
        self._connected[node] += 1

    def disconnect(self, node: Node) -> bool:
        """A proxy has one stream less; returns whether that was its last."""
        self._connected[node] -= 1
        if self._connected[node]:
            return False
        del self._connected[node]
        return True

    def connected(self, kind: Kind) -> set[str]:
        """The ids of proxies of that kind which have a stream open and are alive."""
        return {n.id for n in self._connected if n.kind is kind and n not in self._silent}

    def has_stream(self, node: Node) -> bool:
        """Whether a proxy has a stream open."""
        return node in self._connected

    def is_alive(self, node: Node) -> bool:
        """Whether a proxy has a stream open and sends something."""
        return node in self._connected and node not in self._silent

    def record_life(self, node: Node, now: float) -> None:
        """A proxy sent something; loop time."""
        self._presence.record(node, now)

    def leave(self, node: Node) -> None:
        """A proxy goes in order: its silence means nothing."""
        self._presence.forget(node)

    def check_silence(self, now: float) -> tuple[frozenset[Node], frozenset[Node]]:
        """Who fell silent since the last call, and who is alive again; loop time."""
        silent = self._presence.silent(now)
        for node in [n for n in silent if n not in self._connected and not self._is_expected(n)]:
            self._presence.forget(node)
            silent -= {node}
        before, self._silent = self._silent, silent
        return silent - before, before - silent

    @property
    def silent_nodes(self) -> frozenset[Node]:
        """The proxies that send nothing any more."""
        return self._silent

    @property
    def silent(self) -> tuple[str, ...]:
        """The names of the proxies that are silent."""
        return tuple(sorted(map(str, self._silent)))
