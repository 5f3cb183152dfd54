"""Long streams cross clusters, and go on while everything but their own proxies dies."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
import grpc.aio
import pytest

from federation.demo.layout import SERVICE_GRPC_PORT, Role, members, service_host
from federation.runtime import tasks
from federation.verify.client_grpc import options
from tests.e2e.rig import Mesh, finish, wait_until

pytestmark = pytest.mark.timeout(120)

INTERVAL = 0.1
WATCH = "/fedmesh.demo.Echo/Watch"


@asynccontextmanager
async def websocket(mesh: Mesh) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket of us-east's client to a service that only other clusters have."""
    url = f"http://{mesh.proxy('us-east')}/ws"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers={"Host": service_host("orders")}) as socket,
    ):
        yield socket


async def echoes(socket: aiohttp.ClientWebSocketResponse, stop: asyncio.Event) -> list[float]:
    """Speak and listen until told to stop; how long each echo took, in seconds."""
    took: list[float] = []
    while not stop.is_set():
        began = time.monotonic()
        await socket.send_str(f"message {len(took)}")
        assert await socket.receive_str(timeout=5) == f"message {len(took)}"
        took.append(time.monotonic() - began)
        await asyncio.sleep(INTERVAL)
    return took


async def watched(mesh: Mesh, stop: asyncio.Event) -> list[tuple[float, int, str]]:
    """What a gRPC stream of us-east's client brings: when, which number, from where."""
    target, authority = mesh.proxy("us-east"), service_host("orders", SERVICE_GRPC_PORT)
    found = []
    async with grpc.aio.insecure_channel(target, options=options(authority)) as channel:
        watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(WATCH)
        stream = watch(json.dumps({"interval": INTERVAL}).encode())
        async for message in stream:
            said = json.loads(message)
            found.append((time.monotonic(), said["counter"], said["cluster"]))
            if stop.is_set():
                stream.cancel()
                break
    return found


def kill_control_plane(mesh: Mesh) -> None:
    """All of it, proxies excepted; comes back a while later."""
    roles = (Role.CONTROLLER, Role.AGENT, Role.GATEWAY, Role.SIDECAR)
    names = [m.name for m in members(mesh.layout) if m.role in roles]
    for name in names:
        mesh.kill_alone(name)
    time.sleep(2.0)  # noqa: TID251 - real processes need real time
    mesh.start(*names)
    proxies = [m.name for m in members(mesh.layout) if m.role in roles[2:]]
    wait_until("all are ready", lambda: all(map(mesh.is_ready, proxies)), 30)


async def during(work: Callable[[], None], stop: asyncio.Event) -> None:
    """Do something slow in a thread, then tell the streams to stop."""
    await asyncio.sleep(1.0)
    await asyncio.to_thread(work)
    await asyncio.sleep(1.0)
    stop.set()


def test_a_websocket_reaches_another_cluster(mesh: Mesh) -> None:
    def is_trusted() -> bool:
        """What other tests killed there comes back with a growing share."""
        answers = [mesh.call("us-east", "orders")[1] for _ in range(30)]
        return all(said.get("cluster") == "us-west" for said in answers)

    wait_until("the nearest has all of its traffic again", is_trusted, 60)

    async def talk() -> tuple[str, str]:
        async with websocket(mesh) as socket:
            who = json.loads(await socket.receive_str(timeout=5))
            await socket.send_str("hello")
            return who["cluster"], await socket.receive_str(timeout=5)

    assert finish(talk()) == ("us-west", "hello")


def test_streams_go_on_while_the_control_plane_dies_and_comes_back(mesh: Mesh) -> None:
    async def run() -> tuple[list[float], list[tuple[float, int, str]]]:
        stop = asyncio.Event()
        async with websocket(mesh) as socket:
            await socket.receive_str(timeout=5)
            killing = tasks.start(during(lambda: kill_control_plane(mesh), stop), "killing")
            took, seen = await asyncio.gather(echoes(socket, stop), watched(mesh, stop))
            await killing
        return took, seen

    took, seen = finish(run())
    assert len(took) > 20
    assert max(took) < 1.0
    assert [number for _, number, _ in seen] == list(range(len(seen)))
    assert {cluster for _, _, cluster in seen} == {"us-west"}
    gaps = [b[0] - a[0] for a, b in pairwise(seen)]
    assert len(gaps) > 20
    assert max(gaps) < 1.0
