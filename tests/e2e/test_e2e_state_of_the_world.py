"""A real Envoy that asks for the state of the world takes what the session core sends."""

import asyncio
import json
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from federation.envoy.bootstrap import bootstrap
from federation.envoy.build import address, extension
from federation.envoy.build import resource as built
from federation.envoy.clusters import eds_cluster, load_assignment
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER
from federation.supervisor.envoy import find_envoy
from federation.wire.rpc import methods
from federation.wire.rpc.run_session import send
from federation.wire.rpc.server import serve
from federation.wire.rpc.streams import Link, Peer
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.snapshot import Table
from federation.xds.sotw_sender import StateSender
from tests.e2e.rig import ask_admin, finish

pytestmark = [pytest.mark.timeout(120), pytest.mark.envoy]

HOST, PORT = "127.30.8.1", 18080
RULES = (Rule(CLUSTER), Rule(ENDPOINTS), Rule(LISTENER, after=(CLUSTER,)))


class World:
    """A server of what its table holds."""

    def __init__(self) -> None:
        self.table = Table()
        self.table.mark_complete(CLUSTER, ENDPOINTS, LISTENER)
        self.senders: list[StateSender] = []
        self._wake = asyncio.Event()

    async def serve_envoy(self, link: Link[Any, Any], _: Peer) -> None:
        sender = StateSender(self.table, RULES)
        self.senders.append(sender)
        await send(link, sender, self._wake)

    def put(self, name: str, message: Any) -> None:
        made = built(name, message)
        self.table.put(made.type_url, resource(name, made.body))
        self._touch(made.type_url, name)

    def drop(self, type_url: str, name: str) -> None:
        self.table.drop(type_url, name)
        self._touch(type_url, name)

    def _touch(self, type_url: str, name: str) -> None:
        for sender in self.senders:
            sender.touch(type_url, name)
        self._wake.set()


def listener(cluster: str, port: int = PORT) -> Any:
    proxy = tcp_proxy_pb2.TcpProxy(stat_prefix="sotw", cluster=cluster)
    chain = {"filters": [extension("envoy.filters.network.tcp_proxy", proxy)]}
    return listener_pb2.Listener(name="in", address=address(HOST, port), filter_chains=[chain])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


async def until(what: str, passes: Any) -> None:
    for _ in range(500):
        if await asyncio.to_thread(passes):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


def names_of(folder: Path, path: str, key: str, entry: str) -> set[str]:
    """Names of what Envoy holds, read from its configuration dump."""
    try:
        dump = json.loads(ask_admin(folder / "admin.sock", path))
    except (OSError, ValueError):
        return set()
    configs = [c for part in dump.get("configs", ()) for c in part.get(key, [part])]
    found = [c.get("active_state", c).get(entry, {}) for c in configs]
    return {c.get("name", "") for c in found} - {""}


def clusters_of(folder: Path) -> set[str]:
    path = "/config_dump?resource=dynamic_active_clusters"
    return names_of(folder, path, "configs", "cluster")


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_envoy_takes_follows_and_refuses_state_of_the_world(folder: Path) -> None:
    document = json.loads(bootstrap("sotw", "test", f"{folder}/xds.sock", f"{folder}/admin.sock"))
    document["dynamic_resources"]["ads_config"]["api_type"] = "GRPC"
    (folder / "bootstrap.json").write_text(json.dumps(document))
    finish(_story(folder))


async def _story(folder: Path) -> None:
    world = World()
    for name in ("one", "two"):
        world.put(name, eds_cluster(name))
        world.put(name, load_assignment(name, ()))
    world.put("in", listener("one"))
    handlers = [(methods.ENVOY_STATE, world.serve_envoy)]
    async with serve(f"unix:{folder}/xds.sock", handlers):
        log = (folder / "envoy.log").open("wb")
        command = [str(find_envoy(None)), "-c", f"{folder}/bootstrap.json", "--concurrency", "1"]
        envoy = subprocess.Popen(  # noqa: ASYNC220 - the story has only this one
            [*command, "--disable-hot-restart", "--log-level", "warning"], stdout=log, stderr=log
        )
        try:
            await until("clusters are there", lambda: clusters_of(folder) == {"one", "two"})
            await until("the listener is there", lambda: accepts(PORT))
            await _change(world, folder)
        finally:
            envoy.terminate()
            await asyncio.to_thread(envoy.wait, 10)
            log.close()


async def _change(world: World, folder: Path) -> None:
    world.put("three", eds_cluster("three"))
    world.put("three", load_assignment("three", ()))
    await until("an addition", lambda: clusters_of(folder) == {"one", "two", "three"})
    world.drop(CLUSTER, "two")
    await until("a removal", lambda: clusters_of(folder) == {"one", "three"})
    bad = eds_cluster("bad")
    bad.ClearField("eds_cluster_config")
    bad.connect_timeout.FromSeconds(-1)
    world.put("bad", bad)
    world.put("four", eds_cluster("four"))
    world.put("four", load_assignment("four", ()))
    await until("the good one goes", lambda: clusters_of(folder) == {"one", "three", "four"})
    await until("the bad one is named", lambda: _refused(world) == {"bad"})
    world.put("in", listener("three", PORT + 1))
    await until("the listener moves", lambda: accepts(PORT + 1))


def _refused(world: World) -> set[str]:
    return {refused.name for sender in world.senders for refused in sender.nacks()}
