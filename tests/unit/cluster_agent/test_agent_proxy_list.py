"""The list of proxies in an agent: who comes, falls silent, goes, is told upwards."""

import asyncio
from pathlib import Path

import pytest

from cluster_agent.proxy_list import KEPT_SECONDS, STRANGER_SECONDS, ProxyList
from cluster_agent.report.known_proxies import SETTLED_SECONDS
from cluster_agent.report.table import Reports
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.serve.workloads import Workloads
from federation.model.proxies import Kind, KnownProxy, Node, Proxy, State
from federation.planning.liveness import SILENT_SECONDS
from federation.wire import codec
from tests.unit.fakes.agents import World as AgentWorld
from tests.unit.fakes.fake_source import FakeSource

GATEWAY = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443)
SIDECAR = Proxy("shop/api-1", Kind.SIDECAR, State.SERVING, "127.0.0.1", 15006)
POD = """
apiVersion: v1
kind: Pod
metadata: {name: api-1, namespace: shop}
spec: {serviceAccountName: api}
"""


def node_of(proxy: Proxy) -> Node:
    return Node(proxy.kind, proxy.id)


class World:
    """A list over real streams, with what was told."""

    def __init__(self) -> None:
        self.source, self.reports = FakeSource(), Reports()
        self.streams = ProxyStreams(lambda _: True)
        self.list = ProxyList(self.reports, self.streams, Workloads(self.source))
        self.told: list[str] = []
        self.reports.on_change = self._hear

    def _hear(self, type_url: str, name: str) -> None:
        assert type_url == codec.KNOWN_PROXY
        self.told.append(name)

    def connect(self, proxy: Proxy) -> None:
        node = node_of(proxy)
        self.streams.connect(node)
        self.streams.record_life(node, asyncio.get_running_loop().time())
        self.list.record(proxy)

    def disconnect(self, proxy: Proxy) -> None:
        assert self.streams.disconnect(node_of(proxy))
        self.list.gone(node_of(proxy))

    def is_connected(self, proxy: Proxy) -> bool | None:
        """None when nothing is told of it."""
        found = self.reports.table.get(codec.KNOWN_PROXY, f"{proxy.kind}/{proxy.id}")
        return codec.decode(KnownProxy, found.body).connected if found is not None else None


@pytest.mark.looptime
async def test_who_is_there_is_told_and_that_these_are_all() -> None:
    world = World()
    world.connect(GATEWAY)
    await world.list.turn()
    assert world.told == ["gateway/gw"]
    assert world.is_connected(GATEWAY)
    await asyncio.sleep(SETTLED_SECONDS)
    await world.list.turn()
    assert world.told == ["gateway/gw", ""]
    assert world.reports.table.is_complete(codec.KNOWN_PROXY)


@pytest.mark.looptime
async def test_one_that_falls_silent_is_not_connected_until_it_speaks_again() -> None:
    world = World()
    world.connect(SIDECAR)
    await world.list.turn()
    await asyncio.sleep(SILENT_SECONDS)
    world.streams.check_silence(asyncio.get_running_loop().time())
    world.list.silent()
    await world.list.turn()
    assert world.is_connected(SIDECAR) is False
    await asyncio.sleep(2 * KEPT_SECONDS)
    await world.list.turn()
    assert world.is_connected(SIDECAR) is False, "its stream is open: it may speak any time"
    world.streams.record_life(node_of(SIDECAR), asyncio.get_running_loop().time())
    world.streams.check_silence(asyncio.get_running_loop().time())
    world.list.silent()
    await world.list.turn()
    assert world.is_connected(SIDECAR)


@pytest.mark.looptime
async def test_a_pod_that_is_there_keeps_its_sidecar_in_the_list_for_an_hour() -> None:
    world = World()
    world.source.write(POD)
    for proxy in (SIDECAR, GATEWAY):
        world.connect(proxy)
    await world.list.turn()
    for proxy in (SIDECAR, GATEWAY):
        world.disconnect(proxy)
    await world.list.turn()
    await asyncio.sleep(KEPT_SECONDS - 1)
    await world.list.turn()
    assert world.is_connected(SIDECAR) is False
    assert world.is_connected(GATEWAY) is False
    await asyncio.sleep(2)
    await world.list.turn()
    assert world.is_connected(SIDECAR) is None
    assert world.is_connected(GATEWAY) is None


@pytest.mark.looptime
async def test_a_sidecar_without_a_pod_is_forgotten_soon() -> None:
    world = World()
    world.connect(SIDECAR)
    await world.list.turn()
    world.disconnect(SIDECAR)
    await world.list.turn()
    await asyncio.sleep(STRANGER_SECONDS + 1)
    await world.list.turn()
    assert world.is_connected(SIDECAR) is None
    assert world.list.untold == 0


@pytest.mark.looptime
async def test_an_agent_tells_of_its_proxies(tmp_path: Path) -> None:
    world = AgentWorld(tmp_path)
    world.streams.connect(node_of(GATEWAY))
    world.agent.on_proxy(GATEWAY)
    (loop,) = (loop for loop in world.agent.loops() if loop.name == "proxies")
    running = asyncio.get_running_loop().create_task(loop.run())
    await asyncio.sleep(0.1)
    found = world.agent.reports.table.get(codec.KNOWN_PROXY, "gateway/gw")
    assert found is not None
    assert codec.decode(KnownProxy, found.body).connected
    world.streams.disconnect(node_of(GATEWAY))
    world.agent.on_gone(node_of(GATEWAY))
    await asyncio.sleep(1.5)
    found = world.agent.reports.table.get(codec.KNOWN_PROXY, "gateway/gw")
    assert found is not None
    assert not codec.decode(KnownProxy, found.body).connected
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
