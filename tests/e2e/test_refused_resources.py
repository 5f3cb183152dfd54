"""One bad resource among good ones, given to a real Envoy by a real relay.

The good ones work, the bad one is told with its reason, and both end when it is put right.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from google.protobuf.json_format import ParseDict

from federation.envoy.build import Resource, address
from federation.envoy.build import resource as built
from federation.envoy.identity import IDENTITY
from federation.model.proxies import Nack
from federation.model.types import CLUSTER
from federation.runtime.disk import Disk
from federation.runtime.tasks import cancel, start
from federation.supervisor.relay import TYPES, Relay
from federation.supervisor.unacknowledged import looking
from federation.wire.rpc.streams import Link, Peer
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.e2e.lone import Lone
from tests.e2e.rig import finish
from tests.unit.fakes.memory_link import linked

ADS = {"ads": {}, "resource_api_version": "V3"}
RING: dict[str, Any] = {
    "lb_policy": "RING_HASH",
    "ring_hash_lb_config": {"minimum_ring_size": 100, "maximum_ring_size": 10},
}
"""Envoy finds out only when the cluster has its endpoints, and then says nothing."""


def a_cluster(name: str, **more: Any) -> tuple[Resource, Resource]:
    """A cluster with one endpoint."""
    wanted = {
        "name": name,
        "type": "EDS",
        "connect_timeout": "1s",
        "eds_cluster_config": {"eds_config": ADS},
        **more,
    }
    endpoint = {"endpoint": {"address": address("127.0.0.1", 1)}}
    endpoints = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return (
        built(name, ParseDict(wanted, cluster_pb2.Cluster())),
        built(name, ParseDict(endpoints, endpoint_pb2.ClusterLoadAssignment())),
    )


class Relayed(Lone):
    """An Envoy behind a relay; `told` is what the supervisor would tell its agent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told: tuple[Nack, ...] = ()
        self.relay = Relay("sidecar/shop/api", folder / "state", [IDENTITY], self._hear, Disk())
        self._said = 0

    def _hear(self, refusals: tuple[Nack, ...]) -> None:
        self.told = refusals

    async def _serve(self, link: Link[Any, Any], peer: Peer) -> None:
        await self.relay.serve_envoy(link, peer)

    async def say(self, *found: Resource) -> None:
        """The agent sends resources; before the first ones, that there are no others."""
        there, here = linked()
        for type_url in TYPES:
            chosen = tuple(resource(r.name, r.body) for r in found if r.type_url == type_url)
            self._said += 1
            await there.write(Response(type_url, str(self._said), chosen, complete=None))
        there.end()
        await self.relay.follow_agent(here)

    async def begin(self) -> None:
        """The agent has said everything: nothing."""
        there, here = linked()
        for type_url in TYPES:
            await there.write(Response(type_url, type_url, complete=0))
        there.end()
        await self.relay.follow_agent(here)

    async def until(self, what: Callable[[], bool], seconds: float) -> float:
        """Wait until it is so; returns how long that took."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < seconds, self.told
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def has(self, name: str, seconds: float) -> float:
        """Wait until Envoy uses a cluster."""
        began = time.monotonic()
        while f"{name}::127.0.0.1:1::".encode() not in await self.ask("/clusters"):
            assert time.monotonic() - began < seconds, name
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    def reasons(self) -> dict[str, str]:
        return {refusal.name: refusal.reason for refusal in self.told}


@asynccontextmanager
async def relayed() -> AsyncIterator[Relayed]:
    with TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        envoy = Relayed(Path(folder) / "e")
        (Path(folder) / "e" / "state").mkdir()
        await envoy.begin()
        async with envoy.running():
            late = start(looking(Path(folder) / "e" / "admin.sock", envoy.relay).run(), "late")
            try:
                yield envoy
            finally:
                await cancel(late)


@pytest.mark.timeout(40)
def test_a_resource_that_envoy_refuses_is_told_and_the_others_work() -> None:
    async def story() -> None:
        async with relayed() as envoy:
            bad = a_cluster("bad", connect_timeout="0s")
            await envoy.say(*a_cluster("one"), *bad, *a_cluster("two"))
            assert await envoy.has("one", 3) + await envoy.has("two", 3) < 3
            await envoy.until(lambda: set(envoy.reasons()) == {"bad"}, 3)
            assert "value must be greater than 0s" in envoy.reasons()["bad"]
            await envoy.say(*a_cluster("bad"))
            await envoy.has("bad", 3)
            await envoy.until(lambda: not envoy.told, 3)

    finish(story())


@pytest.mark.timeout(60)
def test_a_cluster_that_stays_warming_is_told_with_envoys_counter_and_the_others_work() -> None:
    async def story() -> None:
        async with relayed() as envoy:
            await envoy.say(*a_cluster("one"), *a_cluster("bad", **RING))
            await envoy.has("one", 3)
            await envoy.until(lambda: bool(envoy.told), 8)
            assert [(r.type_url, r.name) for r in envoy.told] == [(CLUSTER, "bad")]
            assert "not acknowledged for more than 5 s" in envoy.reasons()["bad"]
            assert "cds.update_rejected: 1" in envoy.reasons()["bad"]
            await envoy.say(*a_cluster("two"))
            assert await envoy.has("two", 6) < 6
            await envoy.say(*a_cluster("bad"))
            await envoy.has("bad", 6)
            await envoy.until(lambda: not envoy.told, 8)
            await envoy.say(*a_cluster("three"))
            assert await envoy.has("three", 3) < 1, "nothing is held up any more"

    finish(story())
