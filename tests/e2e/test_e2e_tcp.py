"""What an application meets that dials an upstream: real Envoys, no mesh around them."""

import asyncio
import itertools
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from federation.envoy import http, tcp
from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId, sni
from federation.model.plans import Destination, Part, Plan, PortPlan, Target, Tier
from federation.model.proxies import Upstream
from gateway.compile import compile_listener, compile_service, compile_terminated
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.outbound import compile_outbound
from sidecar.upstreams import compile_upstream, ways
from tests.e2e.lone import DOMAIN, Lone, Mint
from tests.eager import eager_routes
from tests.unit.builders import API, endpoint, local_service, port

pytestmark = [pytest.mark.timeout(60), pytest.mark.envoy]

APP, GATEWAY, CLIENT = "127.70.0.1", "127.70.0.2", "127.70.0.3"
INBOUND, MTLS, LISTEN, SERVICE = 15006, 15443, 17000, 7000
UPSTREAM = Upstream(CLIENT, LISTEN, API, SERVICE)
SENDER = tcp.sender_cluster("x")
ONE_TIMEOUT = SENDER.connect_timeout.ToTimedelta().total_seconds()
FAILURES = SENDER.outlier_detection.consecutive_local_origin_failure.value
TCP, HTTP = port(SERVICE, "tcp-echo", ""), port(SERVICE, "http-echo", "http")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


def tier(cluster: str, address: str, number: int) -> Tier:
    target = Target(address, number)
    return Tier((Destination(ClusterId(cluster), Locality("eu", "a"), 1, (target,)),))


def plan(stated: object, *tiers: Tier) -> Plan:
    parts = (Part("default", 1, tiers),)
    one = PortPlan(stated, sni(API, SERVICE), parts)  # type: ignore[arg-type]
    return Plan(API, (one,), (f"spiffe://{DOMAIN}/ns/shop/sa/api",))


VIA_GATEWAY = tier("west", GATEWAY, MTLS)
DIRECT = tier("east", APP, INBOUND)


def receiver(protocol: AppProtocol, tcp_seconds: float = 0, address: str = APP) -> Inbound:
    """The sidecar of an application."""
    ports = (InboundPort(sni(API, SERVICE), SERVICE, protocol),)
    return Inbound(
        f"shop/{address}",
        address,
        address,
        ports,
        address,
        inbound_port=INBOUND,
        tcp_connection_seconds=tcp_seconds,
        trust_domain=DOMAIN,
    )


@dataclass(frozen=True, slots=True)
class World:
    """The proxies by name (sidecars by address), the applications by address."""

    proxies: dict[str, Lone]
    applications: dict[str, asyncio.Server]


@asynccontextmanager
async def mesh(
    folder: Path, route: Plan, application: Handler, *inbound: Inbound
) -> AsyncIterator[World]:
    """Applications behind their sidecars, a gateway to the first, a client that goes by a plan."""
    mint = Mint()
    stated = route.ports[0].port
    near = local_service(endpoint(APP, targets=((SERVICE, SERVICE),)), ports=(stated,))
    routes = eager_routes()
    told = {
        **{i.address: (*mint.secrets("shop/api"), *compile_inbound(i), routes) for i in inbound},
        "gateway": (
            *mint.secrets("gateway:gateway-1"),
            compile_listener(GATEWAY, MTLS, ClusterId("west"), "gateway-1"),
            compile_terminated(),
            *compile_service(near, near.ports),
        ),
        "client": (
            *mint.secrets("shop/web"),
            *compile_outbound(route),
            *(r for way in ways(route) for r in compile_upstream(UPSTREAM, way)),
        ),
    }
    async with AsyncExitStack() as stack:
        applications = {}
        for found in inbound:
            server = await asyncio.start_server(application, found.address, SERVICE)
            stack.callback(server.close)
            applications[found.address] = server
        lone = {name: Lone(folder / name) for name in told}
        for name, resources in told.items():
            lone[name].put(resources)
            await stack.enter_async_context(lone[name].running())
        await asyncio.sleep(1.5)  # the gateway has checked its workload
        yield World(lone, applications)


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that speaks first, then repeats what it hears until it hears no more."""
    writer.write(b"220 hello\n")
    while line := await reader.readline():
        writer.write(line)
    writer.write(b"bye\n")
    writer.close()


async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(CLIENT, LISTEN)


async def greeting() -> tuple[bytes, float]:
    """What the server says to one who says nothing, and after how long."""
    began = time.monotonic()
    reader, writer = await dial()
    try:
        async with asyncio.timeout(10):
            return await reader.readline(), time.monotonic() - began
    finally:
        writer.close()


@pytest.mark.parametrize("way", [DIRECT, VIA_GATEWAY], ids=["direct", "through-the-gateway"])
async def test_a_server_may_speak_first_and_last(folder: Path, way: Tier) -> None:
    async with mesh(folder, plan(TCP, way), greet, receiver(AppProtocol.TCP)):
        reader, writer = await dial()
        assert await reader.readline() == b"220 hello\n"
        writer.write(b"one\n")
        assert await reader.readline() == b"one\n"
        writer.write_eof()
        assert await reader.read() == b"bye\n"
        writer.close()


FROZEN = tier("east", "127.70.0.9", INBOUND)


@pytest.fixture
def frozen() -> Iterator[socket.socket]:
    """The listener of a peer that takes connections and says nothing, not even in TLS."""
    with socket.create_server(("127.70.0.9", INBOUND)) as found:
        found.setblocking(False)
        yield found


def taken(listener: socket.socket) -> int:
    """How many connections have come since this was last asked."""
    for count in itertools.count():
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
    raise AssertionError("never reached")


REFUSED = tier("east", "127.70.0.8", INBOUND)


async def test_a_refused_connection_goes_to_the_next_tier_at_once(folder: Path) -> None:
    route = plan(TCP, REFUSED, VIA_GATEWAY)
    async with mesh(folder, route, greet, receiver(AppProtocol.TCP)):
        said, seconds = await greeting()
        assert said == b"220 hello\n"
        assert seconds < ONE_TIMEOUT


async def test_a_connection_outlives_several_dead_endpoints(folder: Path) -> None:
    dead = (f"127.70.0.{number}" for number in (6, 7, 8))
    targets = tuple(Target(address, INBOUND) for address in dead)
    near = Tier((Destination(ClusterId("east"), Locality("eu", "a"), 3, targets),))
    route = plan(TCP, near, VIA_GATEWAY)
    async with mesh(folder, route, greet, receiver(AppProtocol.TCP)):
        assert (await greeting())[0] == b"220 hello\n"


async def test_a_peer_that_answers_nothing_is_left_after_few_connections(
    folder: Path, frozen: socket.socket
) -> None:
    """The time-out covers the handshake of TLS; who comes next does not pay again.

    Counted, not timed: each connection costs its caller one time-out. Envoy ejects from another
    thread, so that one more may be on its way when the last needed failure is counted.
    """
    route = plan(TCP, FROZEN, VIA_GATEWAY)
    async with mesh(folder, route, greet, receiver(AppProtocol.TCP)):
        said, seconds = await greeting()
        assert said == b"220 hello\n"
        assert seconds >= ONE_TIMEOUT
        assert 1 <= taken(frozen) <= FAILURES + 1
        assert (await greeting())[0] == b"220 hello\n"
        assert taken(frozen) == 0


async def test_a_dead_application_behind_a_live_sidecar_is_left_after_one_connection(
    folder: Path,
) -> None:
    """What its sidecar has accepted is lost; then the door is closed and callers go elsewhere."""
    other = "127.70.0.5"
    route = plan(TCP, DIRECT, tier("west", other, INBOUND))
    sidecars = (receiver(AppProtocol.TCP), receiver(AppProtocol.TCP, address=other))
    async with mesh(folder, route, greet, *sidecars) as world:
        assert (await greeting())[0] == b"220 hello\n"
        world.applications[APP].close()
        said = []
        for _ in range(50):
            said.append((await greeting())[0])
            await asyncio.sleep(0.02)
        assert said.count(b"") <= 1
        assert set(said) <= {b"", b"220 hello\n"}


async def test_another_plan_cuts_no_connection(folder: Path) -> None:
    route = plan(TCP, VIA_GATEWAY)
    async with mesh(folder, route, greet, receiver(AppProtocol.TCP)) as world:
        reader, writer = await dial()
        assert await reader.readline() == b"220 hello\n"
        world.proxies["client"].put(compile_outbound(plan(TCP, DIRECT, VIA_GATEWAY)))
        await asyncio.sleep(0.5)
        assert (await greeting())[0] == b"220 hello\n"
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()


async def test_another_identity_behind_a_service_cuts_no_connection(folder: Path) -> None:
    route = plan(TCP, VIA_GATEWAY)
    async with mesh(folder, route, greet, receiver(AppProtocol.TCP)) as world:
        reader, writer = await dial()
        assert await reader.readline() == b"220 hello\n"
        more = (*route.identities, f"spiffe://{DOMAIN}/ns/shop/sa/api-2")
        world.proxies["client"].put(compile_outbound(replace(route, identities=more)))
        await asyncio.sleep(1)
        assert await world.proxies["client"].counter("cluster_manager.cluster_modified") == 1
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()


async def test_a_tcp_connection_ends_when_its_time_is_over(folder: Path) -> None:
    async with mesh(folder, plan(TCP, DIRECT), greet, receiver(AppProtocol.TCP, tcp_seconds=1)):
        began = time.monotonic()
        reader, writer = await dial()
        assert await reader.readline() == b"220 hello\n"
        while not reader.at_eof() and time.monotonic() - began < 5:
            writer.write(b"busy\n")
            await reader.readline()
            await asyncio.sleep(0.01)
        assert 0.9 < time.monotonic() - began < 1.5
        writer.close()


# -- HTTP ---------------------------------------------------------------------------------------

DRAIN_SECONDS = 5.0
"""Envoy's own: between the first GOAWAY, which is a warning, and the last."""
ANSWER_SECONDS = 0.4


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP/1.1: `/` takes its time, `/stream` speaks for as long as it says."""
    try:
        while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            path = head.split()[1].decode()
            if path.startswith("/stream/"):
                await _stream(writer, float(path.rpartition("/")[2]))
                continue
            await asyncio.sleep(ANSWER_SECONDS)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, seconds: float) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(int(seconds * 10)):
        writer.write(b"1\r\nx\r\n")
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")


async def get(path: str, host: str = "anything.example") -> bytes:
    """One request over a connection of its own; the whole answer."""
    reader, writer = await dial()
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    found = await reader.read()
    writer.close()
    return found


async def load(seconds: float, callers: int) -> list[bytes]:
    """The first lines of all answers."""
    until = time.monotonic() + seconds
    lines: list[bytes] = []

    async def call() -> None:
        while time.monotonic() < until:
            lines.append((await get("/")).split(b"\r\n", 1)[0])

    await asyncio.gather(*(call() for _ in range(callers)))
    return lines


async def test_any_host_leads_to_the_service_of_an_http_upstream(folder: Path) -> None:
    async with mesh(folder, plan(HTTP, VIA_GATEWAY), answer, receiver(AppProtocol.HTTP1)):
        for host in ("anything.example", "127.0.0.1:17000", "other.shop.svc.clusterset.local"):
            assert (await get("/", host)).startswith(b"HTTP/1.1 200 ")


async def test_a_single_request_ends_when_its_time_is_over(folder: Path) -> None:
    """Whoever is revoked meanwhile must not go on for ever with what is under way."""
    brief = receiver(AppProtocol.HTTP1, tcp_seconds=1)
    async with mesh(folder, plan(HTTP, VIA_GATEWAY), answer, brief):
        began = time.monotonic()
        found = await get("/stream/4")
        assert 0.9 < time.monotonic() - began < 2
        assert found.startswith(b"HTTP/1.1 200 ")
        assert not found.endswith(b"0\r\n\r\n"), "it was not cut"
        assert (await get("/")).startswith(b"HTTP/1.1 200 "), "and the next one is served"


@pytest.mark.slow
async def test_renewing_connections_fails_no_request_and_cuts_no_stream(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CONNECTION_SECONDS", 1)
    async with mesh(folder, plan(HTTP, VIA_GATEWAY), answer, receiver(AppProtocol.HTTP1)) as world:
        long = DRAIN_SECONDS + 4
        stream = asyncio.gather(*(get(f"/stream/{long:g}") for _ in range(3)))
        lines = await load(long + 1, callers=20)
        for found in await stream:
            assert found.endswith(b"0\r\n\r\n"), "a stream was cut"
            assert found.count(b"x") >= long * 10
        assert len(lines) > 200
        assert set(lines) == {b"HTTP/1.1 200 OK"}
        renewed = "http.inbound.downstream_cx_max_duration_reached"
        assert await world.proxies[APP].counter(renewed) > 5, "the test met no renewal"
        assert await world.proxies["client"].counter("cluster.out~.*.upstream_rq_retry") == 0
