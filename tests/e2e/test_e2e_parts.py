"""A service in two parts, by real Envoys: each gets its share, and nothing that fails in the other.

Counted, with bounds of five standard deviations: a right division fails once in a million runs.
"""

import asyncio
import math
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId, sni
from federation.model.plans import WHOLE, Destination, Part, Plan, PortPlan, Target, Tier
from federation.model.proxies import Upstream
from sidecar.compile import Inbound, InboundPort, compile_inbound
from sidecar.outbound import compile_outbound
from sidecar.upstreams import compile_upstream, ways
from tests.e2e.lone import DOMAIN, Lone, Mint
from tests.eager import eager_routes, virtual_hosts
from tests.unit.builders import API, port

pytestmark = [pytest.mark.timeout(120), pytest.mark.envoy]

NEAR, NEXT, CANARY, CLIENT = "127.71.0.1", "127.71.0.2", "127.71.0.3", "127.71.0.4"
DEAD, ALSO_DEAD = "127.71.0.8", "127.71.0.9"
NAMES = {NEAR: "near", NEXT: "next", CANARY: "canary"}
WEB, RAW = port(8080, "http", "http"), port(7000, "tcp-echo", "")
INBOUND, OUTBOUND_PORT = 15006, 15001
PROTOCOLS = {WEB.number: AppProtocol.HTTP1, RAW.number: AppProtocol.TCP}
UPSTREAMS = {
    (number, strangers): Upstream(CLIENT, 17000 + number + strangers, API, number)
    for number in PROTOCOLS
    for strangers in (False, True)
}
"""A listener for the own application and one as gateways have it at entry, for each port."""

COUNT = 300
FAILED = "failed"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


def tier(address: str) -> Tier:
    target = Target(address, INBOUND)
    place = Destination(
        ClusterId(f"c-{address.rpartition('.')[2]}"), Locality("eu", "a"), 1, (target,)
    )
    return Tier((place,))


def part(name: str, weight: int, *addresses: str) -> Part:
    return Part(name, weight, tuple(map(tier, addresses)))


def plan(*parts: Part) -> Plan:
    ports = tuple(PortPlan(stated, sni(API, stated.number), parts) for stated in (WEB, RAW))
    return Plan(API, ports, (f"spiffe://{DOMAIN}/ns/shop/sa/api",), WEB.number)


class Caller:
    """The proxy of a client: by host name, at upstreams, and at listeners like those of entry."""

    def __init__(self, folder: Path, mint: Mint) -> None:
        self.proxy = Lone(folder / "client")
        self.proxy.put(mint.secrets("shop/web"))
        self.proxy.put(compile_inbound(Inbound("shop/web-1", CLIENT, CLIENT, (), CLIENT)))
        self._before: set[tuple[str, str]] = set()

    def follow(self, made: Plan) -> None:
        """Go by another plan; what is not in it any more is taken away last."""
        found = [
            *compile_outbound(made),
            eager_routes(virtual_hosts(made)),
        ]
        for way in ways(made):
            for strangers in (False, True):
                upstream = UPSTREAMS[way.port, strangers]
                found += compile_upstream(upstream, way, strangers=strangers)
        self.proxy.put(found)
        names = {(r.type_url, r.name) for r in found}
        self.proxy.drop(self._before - names)
        self._before = names


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[Caller]:
    """Three places that say their names, and a client."""
    mint = Mint()
    inbound = tuple(InboundPort(sni(API, n), n, protocol) for n, protocol in PROTOCOLS.items())
    async with AsyncExitStack() as stack:
        for address, name in NAMES.items():
            for number, serve in ((WEB.number, _web(name)), (RAW.number, _raw(name))):
                server = await asyncio.start_server(serve, address, number)
                stack.callback(server.close)
            proxy = Lone(folder / name)
            own = Inbound(f"shop/{name}", address, address, inbound, address)
            proxy.put((*mint.secrets("shop/api"), *compile_inbound(own)))
            proxy.put([eager_routes()])
            await stack.enter_async_context(proxy.running())
        caller = Caller(folder, mint)
        caller.follow(plan(part(WHOLE, 1, NEAR, NEXT)))
        await stack.enter_async_context(caller.proxy.running())
        yield caller


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _web(name: str) -> Serve:
    answer = f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    return serve


def _raw(name: str) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(f"{name}\n".encode())
            while line := await reader.readline():
                writer.write(line)
        finally:
            writer.close()

    return serve


async def by_http(address: str, number: int, method: str, count: int = COUNT) -> Counter[str]:
    """Who answers so many requests, one after the other; "failed" for what is not 200."""
    reader, writer = await asyncio.open_connection(address, number)
    host = f"api.shop.svc.clusterset.local:{WEB.number}"
    request = f"{method} / HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n".encode()
    found: Counter[str] = Counter()
    for _ in range(count):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        (length,) = (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        body = (await reader.readexactly(length)).decode()
        found[body if head.startswith(b"http/1.1 200") else FAILED] += 1
    writer.close()
    return found


async def dial(number: int) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(CLIENT, number)
    name = (await reader.readline()).decode().strip()
    return name or FAILED, reader, writer


async def by_tcp(number: int, count: int = COUNT) -> Counter[str]:
    """Who says its name at so many connections, some at a time: one that fails takes its time."""
    places = asyncio.Semaphore(20)

    async def one() -> str:
        async with places:
            try:
                name, _, writer = await dial(number)
                writer.close()
            except OSError:
                return FAILED
            return name

    return Counter(await asyncio.gather(*(one() for _ in range(count))))


async def every_way(count: int = COUNT) -> dict[str, Counter[str]]:
    """Who answers, by each way to the service."""
    web, raw = WEB.number, RAW.number
    asked = {
        "GET by name": by_http(CLIENT, OUTBOUND_PORT, "GET", count),
        "POST by name": by_http(CLIENT, OUTBOUND_PORT, "POST", count),
        "HTTP upstream": by_http(CLIENT, UPSTREAMS[web, False].listen_port, "GET", count),
        "HTTP entry": by_http(CLIENT, UPSTREAMS[web, True].listen_port, "GET", count),
        "TCP upstream": by_tcp(UPSTREAMS[raw, False].listen_port, count),
        "TCP entry": by_tcp(UPSTREAMS[raw, True].listen_port, count),
    }
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


def within(found: int, percent: int, count: int = COUNT) -> bool:
    share = percent / 100
    slack = 5 * math.sqrt(count * share * (1 - share))
    return count * share - slack <= found <= count * share + slack


async def settled(*expected: str, count: int = 40) -> None:
    """The client goes by its last plan: nobody else than these answers."""
    async with asyncio.timeout(30):
        while True:
            found = await every_way(count)
            if all(set(answers) <= set(expected) for answers in found.values()):
                return
            await asyncio.sleep(0.1)


async def assert_divided(stable: str, *, canary: int) -> None:
    """By every way so many percent are answered by the canary, all others by `stable`."""
    await asyncio.sleep(0.5)
    for way, answers in (await every_way()).items():
        assert within(answers["canary"], canary), (way, answers)
        assert answers[stable] + answers["canary"] == COUNT, (way, answers)


async def test_each_part_gets_its_share_by_every_way_and_one_without_weight_nothing(
    folder: Path,
) -> None:
    async with world(folder) as caller:
        await settled("near")
        caller.follow(plan(part("stable", 90, NEAR, NEXT), part("canary", 10, CANARY)))
        await settled("near", "canary")
        await assert_divided("near", canary=10)
        caller.follow(plan(part("stable", 1, NEAR, NEXT), part("canary", 0, CANARY)))
        await settled("near", count=100)
        for way, answers in (await every_way()).items():
            assert answers == {"near": COUNT}, way


async def test_what_fails_in_a_part_fails_over_within_it_and_never_goes_to_another(
    folder: Path,
) -> None:
    async with world(folder) as caller:
        await settled("near")
        caller.follow(plan(part("stable", 80, DEAD, NEXT), part("canary", 20, CANARY)))
        await settled("next", "canary")
        await assert_divided("next", canary=20)
        caller.follow(plan(part("stable", 80, DEAD, ALSO_DEAD), part("canary", 20, CANARY)))
        await settled("canary", FAILED, count=20)
        count = 60
        for way, answers in (await every_way(count)).items():
            assert within(answers["canary"], 20, count), (way, answers)
            assert answers["canary"] + answers[FAILED] == count, (way, answers)


async def test_a_division_that_begins_changes_and_ends_cuts_no_connection(folder: Path) -> None:
    listen = UPSTREAMS[RAW.number, False].listen_port
    async with world(folder) as caller:
        await settled("near")
        held = [await dial(listen) for _ in range(10)]
        for stable, canary in ((90, 10), (50, 50), (0, 1)):
            caller.follow(plan(part("stable", stable, NEAR, NEXT), part("canary", canary, CANARY)))
            await asyncio.sleep(0.5)
            held += [await dial(listen) for _ in range(10)]
        await settled("canary")
        caller.follow(plan(part(WHOLE, 1, NEAR, NEXT)))
        await settled("near")
        await asyncio.sleep(6.0)  # longer than a listener drains
        for name, reader, writer in held:
            writer.write(b"still here\n")
            assert await reader.readline() == b"still here\n", name
            writer.close()
        assert {name for name, _, _ in held} == {"near", "canary"}
