"""Every way in which requests cross the mesh, by real Envoys without a mesh around them.

Callers come by a sidecar (15001), by an entry address, or with a certificate of their own at the
last proxy. The applications stand behind a sidecar and behind a gateway that ends the mutual TLS,
and speak HTTP/1.1 or HTTP/2. What they answer, a test says.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from federation.envoy.build import Resource
from federation.envoy.limits import Bounds
from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName, sni, terminated_sni
from federation.model.plans import Destination, Part, Plan, PortPlan, Target, Tier
from federation.model.proxies import Upstream
from gateway.compile import compile_listener, compile_service, compile_terminated
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.outbound import compile_outbound
from sidecar.upstreams import compile_upstream, ways
from tests.e2e.lone import DOMAIN, USUAL, Lone, Mint
from tests.e2e.strict import StrictHttp2
from tests.eager import eager_routes, virtual_hosts
from tests.unit.builders import endpoint, local_service, port

HTTP1, HTTP2 = 8080, 9080
INBOUND, OUTBOUND_PORT, MTLS = 15006, 15001, 15443
OWN, PLAIN = ServiceName("shop", "api"), ServiceName("shop", "legacy")
_RTT = 1.0  # patience for a busy machine: these tests are not about time
_PORTS = (port(HTTP1, "http", "http"), port(HTTP2, "grpc", "grpc"))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is, on a network of its own."""

    network: str

    @property
    def application(self) -> str:
        return f"{self.network}.1"

    @property
    def gateway(self) -> str:
        return f"{self.network}.2"

    @property
    def caller(self) -> str:
        return f"{self.network}.3"

    def entry(self, service: ServiceName) -> str:
        """The address of a service at the gateway."""
        return f"{self.network}.{5 if service == OWN else 6}"


@dataclass(slots=True)
class Crossings:
    """The proxies, and how the application answers."""

    at: Addresses
    mint: Mint
    proxies: dict[str, Lone]
    said: dict[str, bytes] = field(default_factory=dict)
    """What the application answers to the path /say/KEY over HTTP/1.1, byte for byte."""
    strict: list[str] = field(default_factory=list)
    """What an application that speaks HTTP/2 had to end a connection for."""

    faced: frozenset[str] = frozenset({"caller", "entry"})
    """The proxies that are sent what is not allowed, and so count it."""

    async def counted(self, proxy: str, pattern: str) -> dict[str, int]:
        """Counters of a proxy."""
        text = await self.proxies[proxy].ask(f"/stats?format=json&filter={pattern}")
        found = json.loads(text)["stats"]
        return {entry["name"]: int(entry["value"]) for entry in found if "value" in entry}


def _plan(name: ServiceName, address: str, number: int, identity: str) -> Plan:
    target = Target(address, number, terminated=name == PLAIN)
    place = Destination(ClusterId("west"), Locality("eu", "a"), 1, (target,), rtt=_RTT)
    tiers = (Tier((place,)),)
    parts = (Part("default", 1, tiers),)
    ports = tuple(PortPlan(stated, sni(name, stated.number), parts) for stated in _PORTS)
    return Plan(name, ports, (f"spiffe://{DOMAIN}/{identity}",))


def _told(at: Addresses, mint: Mint) -> dict[str, tuple[Resource, ...]]:
    plans = (
        _plan(OWN, at.application, INBOUND, "ns/shop/sa/api"),
        _plan(PLAIN, at.gateway, MTLS, "gateway"),
    )
    routes = eager_routes(host for plan in plans for host in virtual_hosts(plan))
    none = eager_routes()
    plain = endpoint(
        at.application, sidecar=False, targets=((HTTP1, HTTP1), (HTTP2, HTTP2)), account=""
    )
    local = local_service(plain, ports=_PORTS, name=PLAIN)
    inbound = tuple(
        InboundPort(sni(OWN, number), number, protocol)
        for number, protocol in ((HTTP1, AppProtocol.HTTP1), (HTTP2, AppProtocol.HTTP2))
    )
    return {
        "last": (
            *mint.secrets("shop/api"),
            *compile_inbound(
                Inbound("shop/api-1", at.application, at.application, inbound, at.application)
            ),
            none,
        ),
        "gateway": (
            *mint.secrets("gateway:gateway-1"),
            compile_listener(at.gateway, MTLS, ClusterId("west"), "gateway-1"),
            compile_terminated(),
            *compile_service(local, local.ports),
        ),
        "entry": (
            *mint.secrets("entry:gateway-1"),
            *(made for plan in plans for made in compile_outbound(plan)),
            *(
                made
                for plan in plans
                for way in ways(plan)
                for made in compile_upstream(
                    Upstream(at.entry(plan.service), way.port, plan.service, way.port),
                    way,
                    strangers=True,
                )
            ),
        ),
        "caller": (
            *mint.secrets("shop/web"),
            *compile_inbound(Inbound("shop/web-1", at.caller, at.caller, (), at.caller)),
            *(made for plan in plans for made in compile_outbound(plan)),
            routes,
        ),
    }


@asynccontextmanager
async def crossings(
    folder: Path, network: str, *, http1: bool = True, bounds: Bounds = USUAL
) -> AsyncIterator[Crossings]:
    """All of it runs; without `http1` the test runs the application that speaks HTTP/1.1."""
    at, mint = Addresses(network), Mint()
    told = _told(at, mint)
    world = Crossings(at, mint, {name: Lone(folder / name, bounds) for name in told})
    async with AsyncExitStack() as stack:
        if http1:
            server = await asyncio.start_server(_http1(world), at.application, HTTP1)
            stack.callback(server.close)
        http2 = await asyncio.get_running_loop().create_server(
            lambda: StrictHttp2(world.strict), at.application, HTTP2
        )
        stack.callback(http2.close)
        for name, resources in told.items():
            world.proxies[name].put(resources)
            await stack.enter_async_context(world.proxies[name].running())
        await asyncio.sleep(1.0)
        yield world


@asynccontextmanager
async def giving(at: Addresses) -> AsyncIterator[None]:
    """An application of HTTP/1.1 that gives large answers."""
    command = (sys.executable, "-m", "tests.e2e.giving", at.application, str(HTTP1))
    process = await asyncio.create_subprocess_exec(*command)
    try:
        for _ in range(200):
            if await _listens(at.application, HTTP1):
                break
            await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await process.wait()


async def _listens(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True


def server_name(service: ServiceName, number: int) -> str:
    """By which a peer with a certificate calls a service at its last proxy."""
    return sni(service, number) if service == OWN else terminated_sni(service, number)


def _http1(world: Crossings) -> Callable[..., "asyncio.Future[None]"]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await _take_body(reader, head.lower())
                if not await _answer(world, head, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, ValueError, asyncio.LimitOverrunError):
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    return serve  # type: ignore[return-value]


async def _take_body(reader: asyncio.StreamReader, head: bytes) -> None:
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
        if line.startswith(b"transfer-encoding:"):
            while await reader.readuntil(b"\r\n") != b"0\r\n":
                await reader.readuntil(b"\r\n")
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass


async def _answer(world: Crossings, head: bytes, writer: asyncio.StreamWriter) -> bool:
    path = head.split(b" ", 2)[1].decode("latin-1")
    kind, _, rest = path.lstrip("/").partition("/")
    if kind == "say" and rest in world.said:
        writer.write(world.said[rest])
        await writer.drain()
        return b"content-length" in world.said[rest].lower()
    if kind == "slow":
        await asyncio.sleep(float(rest))
    size = int(rest) if kind == "bytes" else 2
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
    piece = bytes(65536)
    while size > 0:
        writer.write(piece[:size])
        await writer.drain()
        size -= len(piece)
    return True
