"""A fleet as values: the controller's hub and real agents, with streams that a test moves by hand.

No socket and no real time. What an agent keeps on disk lies in a folder; the controller's disk is
a dict of rows.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cluster_agent.agent import Agent
from cluster_agent.source.folder import Folder
from cluster_agent.source.objects import Batch, Key, Problem
from federation.api.base import Document
from federation.controller.facts.hub import Hub
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.controller.store.store import Row
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import Kind, Proxy, State
from federation.runtime.loops import Loop
from federation.wire import codec, last_good
from federation.xds.messages import Point, Request, Response
from federation.xds.receiver import Received, Receiver
from federation.xds.sender import Sender
from tests.unit.fakes.fake_source import FakeStatus

NETS = {ClusterId("east"): 1, ClusterId("north"): 2, ClusterId("west"): 3}
CLUSTERS = tuple(NETS)
MEMBERS = tuple(Member(c, f"{c}.mesh.test", "eu", ("a",), anchors=("PEM",)) for c in CLUSTERS)
NAMES = tuple(ServiceName("shop", f"s{n}") for n in range(6))
EPOCH_SECONDS = 1_000_000.0

_TEXT = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{ports: [{{name: http, port: 80, appProtocol: http}}]}}
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {{name: {name}, namespace: shop}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}-1, namespace: shop, annotations: {{fedmesh.dev/sidecar: "true"}}}}
spec: {{serviceAccountName: {name}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints:
- {{addresses: [10.{net}.0.1], conditions: {{ready: {ready}}}, targetRef: {{kind: Pod, name: {name}-1}}}}
"""  # noqa: E501


@lru_cache
def documents(net: int, name: ServiceName, ready: bool) -> dict[Key, Document]:
    """The objects of one exported service."""
    folder = Folder()
    folder.update({"f": _TEXT.format(name=name.name, net=net, ready=str(ready).lower())})
    return folder.objects


NAMESPACE = Key("Namespace", "default", "shop")


@lru_cache
def namespace() -> Document:
    """An object that is always there: it says that a folder is meant to be without exports."""
    folder = Folder()
    folder.update({"f": "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"})
    (found,) = folder.objects.values()
    return found


class Objects:
    """See `cluster_agent.source.source.Source`: services by name, each ready or not."""

    def __init__(self, net: int, services: dict[ServiceName, bool] | None) -> None:
        self._net = net
        self.objects: dict[Key, Document] = {}
        self.problems: tuple[Problem, ...] = ()
        self.trouble = ""
        self.unread: tuple[str, ...] = ()
        self.synced = True
        self.show(services, live=False)

    def show(self, services: dict[ServiceName, bool] | None, *, live: bool) -> Batch:
        """From now on these are there, beside a Namespace; None: nothing at all."""
        before, self.objects = self.objects, {}
        if services is not None:
            self.objects[NAMESPACE] = namespace()
        for name, ready in (services or {}).items():
            self.objects |= documents(self._net, name, ready)
        keys = {k for k in before.keys() | self.objects if before.get(k) != self.objects.get(k)}
        return Batch(frozenset(keys), live)

    def loops(self, on_change: Callable[[Batch], None]) -> tuple[Loop, ...]:
        """Tests say what changes."""
        assert on_change is not None
        return ()


class Stream:
    """One sync stream whose messages are under way until somebody delivers them."""

    def __init__(
        self, sender: Sender, receiver: Receiver, apply: Callable[[Received], None]
    ) -> None:
        self.sender, self._receiver, self._apply = sender, receiver, apply
        self._up: deque[Request] = deque(receiver.open())
        self._down: deque[Response] = deque()

    def deliver(self, now: float, *, up_first: bool) -> bool:
        """Let one message arrive; returns whether there was one."""
        while (response := self.sender.next_response(now)) is not None:
            self._down.append(response)
        if self._up and (up_first or not self._down):
            self.sender.receive(self._up.popleft(), now)
            return True
        if self._down:
            received = self._receiver.receive(self._down.popleft())
            self._apply(received)
            self._up.append(received.reply)
            return True
        return False


class Home:
    """One cluster: its agent, its source, and its streams to the controller if there are any."""

    def __init__(self, fleet: "Fleet", cluster: ClusterId, folder: Path) -> None:
        self.fleet, self.cluster, self.folder = fleet, cluster, folder
        self.truth: dict[ServiceName, bool] = {}
        self.streams: tuple[Stream, Stream] | None = None
        self.points: dict[str, Point] = {}
        self.start({})

    def start(self, shown: dict[ServiceName, bool] | None, unread: tuple[str, ...] = ()) -> None:
        """A new life of the agent, over what lies in its folder."""
        self.cut()
        self.folder.mkdir(exist_ok=True)
        self.source = Objects(NETS[self.cluster], shown)
        self.source.unread = unread
        self.agent = Agent(self.cluster, self.source, FakeStatus(), self.folder)
        self.agent.reports.on_change = self._touch
        self.agent.load()
        address = f"10.{NETS[self.cluster]}.9.1"
        self.agent.on_proxy(Proxy("gw", Kind.GATEWAY, State.SERVING, address, 15443, "a"))
        self.agent.reports.table.mark_complete(codec.GATEWAY)
        self.agent.on_source(Batch(frozenset(self.source.objects), live=False))
        self.points = {}
        self.turn()

    def _touch(self, type_url: str, name: str) -> None:
        if self.streams is not None:
            self.streams[1].sender.touch(type_url, name)

    def show(self, services: dict[ServiceName, bool], *, live: bool) -> None:
        self.agent.on_source(self.source.show(services, live=live))
        self.turn()

    def turn(self) -> None:
        self.fleet.run(self.agent.turn())

    def save(self) -> None:
        """As its loop does it."""
        last_good.save(self.folder, self.agent.down.receiver, codec.FACTS)

    def connect(self) -> None:
        self.cut()
        hub = self.fleet.hub
        listener = hub.listen(self.cluster)
        facts = Stream(listener, self.agent.down.receiver, self._learn)
        said = Sender(self.agent.reports.table, codec.REPORT_RULES)
        receiver = hub.receiver(self.cluster)
        hub.presence(self.cluster).refused_reports.start_over()
        reports = Stream(said, receiver, lambda r: self.fleet.report(self.cluster, r))
        self.streams = facts, reports

    def cut(self) -> None:
        if self.streams is not None:
            self.fleet.hub.leave(self.cluster, self.streams[0].sender)
        self.streams = None

    def _learn(self, received: Received) -> None:
        point = self.agent.down.receiver.point(received.reply.type_url)
        before = self.points.get(received.reply.type_url)
        if point is not None:
            if before is not None and before.epoch == point.epoch:
                assert point >= before, "an older state was applied"
            self.points[received.reply.type_url] = point
        self.agent.on_facts(received)
        self.turn()

    def backends(self) -> set[str]:
        """What this agent can reach: NAMESPACE/NAME@CLUSTER, by facts it plans with."""
        facts = self.agent.down.facts
        return {
            f"{name}@{cluster}"
            for name, service in facts.services.items()
            for cluster in facts.backends.get(name, {})
            if cluster in service.exporters and cluster in facts.clusters
        }

    def held(self) -> dict[tuple[str, str], str]:
        """All facts by type and name, with their versions."""
        receiver = self.agent.down.receiver
        return {(t, n): r.version for t in codec.FACTS for n, r in receiver.held(t).items()}


class Fleet:
    """Three clusters and a controller."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.rows: dict[tuple[str, str, str], Row] = {}
        self.lives = 0
        self.revision = 1
        self._loop = asyncio.new_event_loop()
        self._loop.time = lambda: self.now  # type: ignore[method-assign]
        self.hub = self._begin()
        self.homes = {c: Home(self, c, folder / c) for c in CLUSTERS}

    def close(self) -> None:
        self._loop.close()

    def run(self, work: Any) -> None:
        self._loop.run_until_complete(work)

    def _begin(self, awaited: Iterable[ClusterId] = ()) -> Hub:
        hub = Hub(Registry())
        hub.reserved = self.revision + 100_000
        hub.restore(f"epoch-{self.lives}", self.revision, MEMBERS, self.rows.values())
        self.revision += 100_001
        for cluster in awaited:
            hub.retained.add(cluster)
        return hub

    def report(self, cluster: ClusterId, received: Received) -> None:
        self.hub.apply(cluster, received, EPOCH_SECONDS + self.now)

    def write(self) -> None:
        """The store has now what was reported until now."""
        for row in self.hub.take_unsaved():
            key = (row.cluster, row.type_url, row.name)
            self.rows.pop(key, None)
            if row.body is not None:
                self.rows[key] = row

    def restart(self, *, disk: bool) -> None:
        """A new life of the controller. Without its disk it was restored: it awaits everybody."""
        for home in self.homes.values():
            home.cut()
        awaited = self.hub.retained.clusters if disk else frozenset(CLUSTERS)
        if not disk:
            self.lives += 1
            self.rows = {}
        self.hub = self._begin(awaited)

    def advance(self, seconds: float) -> None:
        before, self.now = self.now, self.now + seconds
        for home in self.homes.values():
            home.agent.pass_time(before, self.now)
            home.turn()

    def settle(self) -> None:
        """Everybody is connected and hears everything."""
        for home in self.homes.values():
            if home.streams is None:
                home.connect()
        for _ in range(3):
            self.advance(1.0)
            self._deliver_all()
        self.hub.end_grace()
        self._deliver_all()

    def _deliver_all(self) -> None:
        for _ in range(10_000):
            moved = [
                stream.deliver(self.now, up_first=True)
                for home in self.homes.values()
                for stream in home.streams or ()
            ]
            if not any(moved):
                return
        raise AssertionError("the fleet never falls silent")

    def facts(self) -> dict[tuple[str, str], str]:
        """All that the controller says, with its versions."""
        table = self.hub.registry.table
        return {
            (t, n): found.version
            for t in codec.FACTS
            for n in table.names(t)
            if (found := table.get(t, n)) is not None
        }
