"""A controller and the agents of many clusters: joined for real, as light as measuring allows.

An agent here keeps nothing of the facts that it is sent: it counts them, acknowledges them, and
notes when a version came for which somebody waits. Its reports go through the sender of a real one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.join import join, open_authority
from federation.model.exports import Backend, Export, Group, ServicePort, ServiceType, Transport
from federation.model.names import ClusterId, ServiceName
from federation.runtime.clock import utc_now
from federation.runtime.tasks import cancel, start
from federation.trust.join_tokens import parse_join_token
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect
from federation.wire.rpc.heartbeat import beating
from federation.wire.rpc.run_session import send
from federation.xds.messages import WILDCARD, Request
from federation.xds.resources import resource
from federation.xds.sender import Sender
from federation.xds.snapshot import Table
from tests.e2e.lone_controller import LoneController
from tests.scale.running import TooLate

PORT = ServicePort("http", Transport.TCP, 80, "http")
LEAF_LIFE = timedelta(hours=1)
FACTS = replace(methods.FACTS, decode_answer=pb.SyncResponse.FromString)


def cluster_name(number: int) -> ClusterId:
    """The clusters of the fleet."""
    return ClusterId(f"c{number:03}")


def service_name(number: int) -> ServiceName:
    """The services of the fleet, each exported by one cluster."""
    return ServiceName("shop", f"service-{number:05}")


@dataclass(slots=True)
class Awaited:
    """Versions that somebody waits for: when each was reported, and how late it came."""

    reported: dict[str, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def came(self, version: str) -> None:
        """One agent has it."""
        at = self.reported.get(version)
        if at is not None:
            self.seconds.append(time.monotonic() - at)


class LightAgent:
    """One cluster's agent."""

    def __init__(self, authority: Authority, address: str, awaited: Awaited) -> None:
        self.cluster = ClusterId(authority.membership.cluster)
        self._authority = authority
        self._address = address
        self._awaited = awaited
        self._table = Table()
        self._table.mark_complete(*codec.REPORTS)
        self._sender = Sender(self._table, codec.REPORT_RULES)
        self._wake = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.messages = 0
        self.complete: dict[str, int] = {}

    def export(self, name: ServiceName) -> None:
        """Report a service, with one ready endpoint."""
        export = Export(name, self.cluster, 100, ServiceType.CLUSTERSET_IP, (PORT,))
        self._put(codec.EXPORT, str(name), codec.encode(export))
        self.set_ready(name, 1)

    def set_ready(self, name: ServiceName, ready: int) -> str:
        """Report so many ready endpoints of a service; returns the version of that."""
        backend = Backend(name, self.cluster, (80,), (Group("a", ready, ready),), ("shop",))
        return self._put(codec.BACKEND, str(name), codec.encode(backend))

    def _put(self, type_url: str, name: str, body: bytes) -> str:
        made = resource(name, body)
        if self._table.put(type_url, made):
            self._sender.touch(type_url, name)
            self._wake.set()
        return made.version

    async def report(self, controller: Connection) -> None:
        """Its stream of reports."""
        self._sender = Sender(self._table, codec.REPORT_RULES)
        async with controller.stream(methods.REPORTS) as link:
            await send(link, self._sender, self._wake)

    def has_reported(self) -> bool:
        """Whether the controller has taken all of it."""
        return all(self._sender.has_taken(type_url) for type_url in codec.AWAITED)

    async def follow(self, controller: Connection) -> None:
        """Its stream of facts, from nothing."""
        self.counts.clear()
        self.complete.clear()
        async with controller.stream(FACTS) as stream, beating(stream) as link:
            for type_url in codec.FACTS:
                await link.write(Request(type_url, self.cluster, (WILDCARD,)))
            while (response := await link.read()) is not None:
                self._take(response)
                await link.write(Request(response.type_url, nonce=response.nonce))

    def _take(self, response: Any) -> None:
        self.messages += 1
        self.counts[response.type_url] += len(response.resources)
        if response.HasField("complete"):
            self.complete[response.type_url] = response.complete.count
        if self._awaited.reported:
            for found in response.resources:
                self._awaited.came(found.version)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """Its connection to the controller."""
        identity = self._authority.identity(utc_now())
        domain = self._authority.membership.domain
        async with connect(self._address, identity, domain) as found:
            yield found


class Fleet:
    """All agents, and the controller that they talk to."""

    def __init__(self, controller: LoneController, agents: Iterable[LightAgent]) -> None:
        self.controller = controller
        self.agents = tuple(agents)
        self.awaited = self.agents[0]._awaited

    def agent_of(self, service: int) -> LightAgent:
        """Who exports a service."""
        return self.agents[service % len(self.agents)]

    def export(self, services: int) -> None:
        """Share so many services out to the agents."""
        for number in range(services):
            self.agent_of(number).export(service_name(number))

    def resources(self) -> int:
        """How many facts all agents have taken."""
        return sum(agent.counts.total() for agent in self.agents)

    def messages(self) -> int:
        """In how many messages they came."""
        return sum(agent.messages for agent in self.agents)

    @asynccontextmanager
    async def running(
        self, work: Callable[[LightAgent, Connection], Any]
    ) -> AsyncIterator[Callable[[], None]]:
        """Each agent does its work over a connection of its own; yields what raises their ends."""
        async with AsyncExitStack() as stack:
            tasks = []
            for agent in self.agents:
                connection = await stack.enter_async_context(agent.connected())
                task = start(work(agent, connection), agent.cluster)
                stack.push_async_callback(cancel, task)
                tasks.append(task)

            def check() -> None:
                for task in tasks:
                    if task.done():
                        task.result()
                        raise TooLate(f"the stream of {task.get_name()} has ended")

            yield check


async def joined(controller: LoneController, clusters: int) -> Fleet:
    """A fleet whose clusters have just joined a controller that runs."""
    client, awaited = controller.client(), Awaited()
    agents = []
    for number in range(clusters):
        name = cluster_name(number)
        folder = controller.folder / name
        folder.mkdir()
        document = {
            "apiVersion": "fedmesh.dev/v1alpha1",
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"region": "eu"},
        }
        await asyncio.to_thread(client.put_cluster, document)
        made = await asyncio.to_thread(client.create_join_token, name, 600)
        await join(folder, parse_join_token(made["token"]), LEAF_LIFE)
        authority = await open_authority(folder, name, None, LEAF_LIFE)
        agents.append(LightAgent(authority, f"{controller.host}:7443", awaited))
    return Fleet(controller, agents)


async def wait_for(
    what: str, seconds: float, holds: Callable[[], bool], check: Callable[[], None]
) -> float:
    """Wait until it is so; returns how long that took. Raises TooLate, and what `check` raises."""
    began = time.monotonic()
    while not holds():
        check()
        if time.monotonic() - began > seconds:
            raise TooLate(f"{what}: not so after {seconds:g} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def folder_in(folder: Path, name: str) -> Path:
    """A new folder."""
    made = folder / name
    made.mkdir()
    return made
