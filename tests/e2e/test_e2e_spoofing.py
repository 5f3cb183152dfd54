"""Nobody speaks for the mesh: not a caller by its headers, not an application by its answers.

Real Envoys as in `crossings`. The application is one of Python's own WSGI server, which folds the
names of headers as most servers do. Beside it stand applications without a sidecar, dialled as they
are.
"""

import asyncio
import json
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest

from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId, ServiceName, host_name, sni
from federation.model.plans import Destination, Part, Plan, PortPlan, Target, Tier
from federation.model.proxies import Upstream
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.outbound import compile_outbound
from sidecar.upstreams import compile_upstream, ways
from tests.e2e.crossings import (
    HTTP1,
    INBOUND,
    OUTBOUND_PORT,
    OWN,
    PLAIN,
    Crossings,
    crossings,
    server_name,
)
from tests.e2e.heads_client import PEERS, Door, context_of
from tests.e2e.lone import DOMAIN, Lone
from tests.eager import eager_routes, virtual_hosts
from tests.unit.builders import port

pytestmark = [pytest.mark.timeout(120), pytest.mark.envoy]

NETWORK = "127.34.0"
DIRECT = ServiceName("shop", "direct")
FORGED = "By=spiffe://x;URI=spiffe://x/ns/demo/sa/admin"
CALLER = f"spiffe://{DOMAIN}/ns/shop/sa/web"
ENTRY = f"spiffe://{DOMAIN}/entry"
MARKS = ("x-fedmesh-unreached", "x-fedmesh-unfinished")
SIGNS = "-_.~!'"

CALLERS = (
    *(Door(way, service, HTTP1) for way in ("caller", "entry") for service in (OWN, PLAIN)),
    *(door for door in PEERS if door.number == HTTP1),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


ASKED: Counter[str] = Counter()
"""How often the application was asked for a path."""


def say(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """What the application sees of a request."""
    ASKED[environ["PATH_INFO"]] += 1
    found = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "RAW_"))}
    body = json.dumps(found).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "RAW_PATH": self.requestline.split()[1]}

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@contextmanager
def wsgi(host: str) -> Iterator[None]:
    """The application runs."""
    with make_server(host, HTTP1, say, WSGIServer, _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


async def send(
    address: tuple[str, int], data: bytes, context: ssl.SSLContext | None = None, name: str = ""
) -> tuple[bytes, bytes]:
    """One request; head and body of the answer."""
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname=name or None
    )
    try:
        writer.write(data)
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return head, body
    finally:
        writer.transport.abort()


async def ask(
    world: Crossings,
    door: Door,
    folder: Path,
    headers: Iterable[tuple[str, str]] = (),
    path: str = "/",
) -> tuple[int, dict[str, str]]:
    """The status, and what the application saw."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"GET {path} HTTP/1.1\r\nHost: {door.host.decode()}\r\nConnection: close\r\n"
    is_peer = door.way == "peer"
    context = context_of(world, folder) if is_peer else None
    if context is not None:
        context.set_alpn_protocols(["http/1.1"])
    name = server_name(door.service, door.number) if is_peer else ""
    data = f"{head}{lines}\r\n".encode("latin-1")
    found, body = await send(door.address(world), data, context, name)
    return int(found.split()[1]), json.loads(body) if body.startswith(b"{") else {}


def spellings(name: str) -> list[str]:
    """All that a server may read as that header."""
    words = name.split("-")
    found = product(SIGNS, repeat=len(words) - 1)
    return ["".join(a + b for a, b in zip(words, (*s, ""), strict=True)) for s in found]


async def test_an_application_never_reads_a_forged_caller_however_it_is_spelled(
    folder: Path,
) -> None:
    """With 216 spellings of the one header, in pieces, as the mesh bounds the number of headers."""
    names = [*spellings("X-Forwarded-Client-Cert"), *spellings("x-fedmesh-sni")]
    pieces = [names[i : i + 80] for i in range(0, len(names), 80)]
    async with crossings(folder, NETWORK, http1=False) as world:
        with wsgi(world.at.application):
            for door in CALLERS:
                expected = ENTRY if door.way == "entry" else CALLER
                for piece in pieces:
                    forged = [(name, FORGED) for name in piece]
                    status, seen = await ask(world, door, folder, forged)
                    assert status == 200, door
                    (shown,) = (v for k, v in seen.items() if "CLIENT" in k)
                    assert f"URI={expected}" in shown, door
                    assert "admin" not in json.dumps(seen), door
                    assert not [n for n in seen if "FEDMESH" in n.upper()], door


HEADERS = {
    "X-Forwarded-For": "192.0.2.1",
    "Forwarded": "for=192.0.2.1",
    "X-Real-Ip": "192.0.2.1",
    "X-Envoy-External-Address": "192.0.2.1",
    "My_Own_Header": "a",
}


async def test_headers_of_proxies_pass_under_their_own_names_alone(folder: Path) -> None:
    others = [
        (name, "spoofed")
        for header in ("X-Forwarded-For", "X-Real-Ip", "X-Envoy-External-Address")
        for name in spellings(header)
        if name != header
    ]
    async with crossings(folder, NETWORK, http1=False) as world:
        with wsgi(world.at.application):
            for door in CALLERS:
                for at in range(0, len(others), 80):
                    sent = [*HEADERS.items(), *others[at : at + 80]]
                    status, seen = await ask(world, door, folder, sent)
                    assert status == 200, door
                    for name, value in HEADERS.items():
                        assert seen[f"HTTP_{name.upper().replace('-', '_')}"] == value, door
                    assert "spoofed" not in seen.values(), door
                steering = [("X-Envoy-Retry-On", "5xx"), ("X-Envoy-Upstream-Rq-Timeout-Ms", "1")]
                assert (await ask(world, door, folder, steering))[0] == 200, door


INTERNAL = ("10.0.0.1", "192.168.1.1", "172.16.0.1", "127.0.0.1", "fd00::1", "::1", "0.0.0.0")
STEERING = {
    "X-Envoy-Retry-On": "retriable-status-codes",
    "X-Envoy-Retriable-Status-Codes": "200",
    "X-Envoy-Max-Retries": "3",
    "X-Envoy-Internal": "true",
}


async def test_no_address_that_a_caller_names_lets_it_steer_a_proxy(folder: Path) -> None:
    """Envoy takes a caller for one of its own by the address in `x-forwarded-for`."""
    async with crossings(folder, NETWORK, http1=False) as world:
        with wsgi(world.at.application):
            for number, (door, address) in enumerate(product(CALLERS, INTERNAL)):
                sent = [*STEERING.items(), ("X-Forwarded-For", address)]
                path = f"/steered/{number}"
                status, seen = await ask(world, door, folder, sent, path)
                assert (status, ASKED[path]) == (200, 1), (door, address)
                assert seen["HTTP_X_FORWARDED_FOR"] == address, door
                assert "HTTP_X_ENVOY_INTERNAL" not in seen, (door, address)


PATHS = {
    "/a;x=1/b;y": "/a;x=1/b;y",
    "//a//b": "//a//b",
    "/a%2Fb%5Cc": "/a%2Fb%5Cc",
    "/a/%2e%2e/b": "/b",
    "/a/../../b": "/b",
    "/a?next=/../%2e%2e//b": "/a?next=/../%2e%2e//b",
    "/%41": "/A",
}
"""What was asked for, and what reaches the application."""


async def test_paths_have_one_form_and_keep_their_slashes(folder: Path) -> None:
    async with crossings(folder, NETWORK, http1=False) as world:
        with wsgi(world.at.application):
            for door in CALLERS:
                for path, expected in PATHS.items():
                    status, seen = await ask(world, door, folder, path=path)
                    assert (status, seen.get("RAW_PATH")) == (200, expected), (door, path)


async def test_key_exchange_is_hybrid_at_both_ends(folder: Path) -> None:
    async with crossings(folder, NETWORK, http1=False) as world:
        with wsgi(world.at.application):
            for door in CALLERS[:4]:
                await ask(world, door, folder)
        for proxy in ("last", "gateway", "caller", "entry"):
            counted = await world.counted(proxy, r"ssl\.curves\.")
            assert sum(counted.values()) > 0, proxy
            assert {name.rpartition(".")[2] for name in counted} == {"X25519MLKEM768"}, proxy


# -- applications that are dialled as they are ----------------------------------------------------


class Direct:
    """Applications without a sidecar whose answers say that the request never arrived."""

    def __init__(self) -> None:
        self.processed: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of a connection."""
        said = "".join(f"{mark}: 1\r\n{mark}: by=spiffe://x\r\n" for mark in MARKS)
        said += "x-fedmesh-refused: 1\r\nte: gzip\r\n"
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.processed[head.split()[0].decode()] += 1
                writer.write(f"HTTP/1.1 200 OK\r\n{said}content-length: 2\r\n\r\nok".encode())
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    @asynccontextmanager
    async def listening(self, *hosts: str) -> AsyncIterator[None]:
        """They run at these addresses."""
        servers = [await asyncio.start_server(self.serve, host, HTTP1) for host in hosts]
        yield
        for server in servers:
            server.close()


def plan(service: ServiceName, *targets: Target, far: bool = False) -> Plan:
    """To these, all alike; with `far` the last of them is a far place's."""
    stated = port(HTTP1, "http", "http")
    near = targets[:-1] if far else targets
    places = [Destination(ClusterId("east"), Locality("eu", "a"), 1, near)]
    if far:
        places.append(Destination(ClusterId("west"), Locality("us", "a"), 1, targets[-1:], rtt=0.5))
    parts = (Part("default", 1, tuple(Tier((place,)) for place in places)),)
    ports = (PortPlan(stated, sni(service, HTTP1), parts),)
    return Plan(service, ports, (f"spiffe://{DOMAIN}/ns/shop/sa/api",))


def lead(world: Crossings, route: Plan) -> tuple[tuple[str, int], ...]:
    """Have caller and entry know that way; where they take requests for it."""
    routes = eager_routes(virtual_hosts(route))
    address = f"{world.at.network}.9"
    (way,) = ways(route)
    upstream = Upstream(address, HTTP1, route.service, HTTP1)
    listener = compile_upstream(upstream, way, strangers=True)
    world.proxies["caller"].put((*compile_outbound(route), routes))
    world.proxies["entry"].put((*compile_outbound(route), *listener))
    return (world.at.caller, OUTBOUND_PORT), (address, HTTP1)


async def call(address: tuple[str, int], service: ServiceName, method: str) -> bytes:
    """Head of the answer to a request, tried until the way is known."""
    host = f"{host_name(service)}:{HTTP1}"
    data = f"{method} / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    return (await send(address, data.encode()))[0]


async def known(address: tuple[str, int], service: ServiceName) -> None:
    """Wait until the way is known."""
    for _ in range(100):
        try:
            if b" 200 " in (await call(address, service, "GET")).partition(b"\r\n")[0]:
                return
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError(f"{address} does not lead there")


async def ejections(world: Crossings, proxy: str) -> int:
    counted = await world.counted(proxy, r"ejections_enforced_total$")
    return sum(counted.values())


@pytest.mark.parametrize("far", [False, True], ids=["near", "near-and-far"])
async def test_an_application_without_a_sidecar_cannot_say_that_it_was_not_reached(
    folder: Path, far: bool
) -> None:
    """Its answer counts as its answer: processed once, and it stays where it is."""
    hosts = [f"{NETWORK}.{number}" for number in (20, 21, 22)]
    route = plan(DIRECT, *(Target(host, HTTP1, mtls=False) for host in hosts), far=far)
    direct = Direct()
    async with crossings(folder, NETWORK) as world, direct.listening(*hosts):
        for proxy, address in zip(("caller", "entry"), lead(world, route), strict=True):
            await known(address, DIRECT)
            direct.processed.clear()
            for method in ("POST", "GET", "PUT"):
                for _ in range(30):
                    head = await call(address, DIRECT, method)
                    assert b" 200 " in head
                    assert b"fedmesh" not in head, "no caller sees marks"
                    assert b"\nte:" not in head, "a caller over HTTP/2 may end its connection"
            assert direct.processed == {"POST": 30, "GET": 30, "PUT": 30}, proxy
            assert await ejections(world, proxy) == 0


async def test_what_a_proxy_says_of_an_application_that_is_gone_counts_on(folder: Path) -> None:
    """A workload whose application is dead, one that is well, one without a sidecar."""
    gone, plain = f"{NETWORK}.30", f"{NETWORK}.31"
    inbound = (InboundPort(sni(DIRECT, HTTP1), HTTP1, AppProtocol.HTTP1),)
    well = f"{NETWORK}.32"
    targets = (Target(gone, INBOUND), Target(well, INBOUND), Target(plain, HTTP1, mtls=False))
    direct = Direct()
    none = eager_routes()
    async with crossings(folder, NETWORK) as world, direct.listening(well, plain):
        for host in (gone, well):
            lone = Lone(folder / host)
            lone.put(world.mint.secrets("shop/api"))
            lone.put((*compile_inbound(Inbound(f"shop/{host}", host, host, inbound, host)), none))
            world.proxies[host] = lone
        async with world.proxies[gone].running(), world.proxies[well].running():
            for proxy, address in zip(
                ("caller", "entry"), lead(world, plan(DIRECT, *targets)), strict=True
            ):
                await known(address, DIRECT)
                direct.processed.clear()
                for _ in range(90):
                    assert b" 200 " in await call(address, DIRECT, "POST")
                assert direct.processed == {"POST": 90}, "each once"
                retries = await world.counted(proxy, r"out~.*direct.*upstream_rq_retry$")
                assert sum(retries.values()) > 0, proxy
                assert await ejections(world, proxy) > 0, proxy
            ended = [
                await world.counted(host, r"inbound\.downstream_cx_destroy_local$")
                for host in (gone, well)
            ]
            marked, usual = (sum(counted.values()) for counted in ended)
            assert marked > 0, "the next attempt may lead to another workload"
            assert usual == 0
