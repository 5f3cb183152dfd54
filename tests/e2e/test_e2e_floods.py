"""Floods of strangers from one address: no request of anybody else fails, none is shut out."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from cluster_agent.serve import certificate_quota
from federation.demo.layout import SERVICE_PORT, service_host
from federation.demo.readiness import get
from federation.envoy.limits import CONNECTIONS_AT_AN_ADDRESS, HANDSHAKE_SECONDS, HEADERS_SECONDS
from federation.model.errors import NotReady
from federation.runtime.limited_log import BURST
from federation.supervisor.certificates import agent_trust
from federation.trust.issue import make_csr, new_key
from federation.trust.pem import pem
from federation.verify import guarantees
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect
from tests.e2e.conftest import REPORTS
from tests.e2e.documents import exports
from tests.e2e.flood import Flood, half_open
from tests.e2e.rig import Mesh, finish, pause, wait_until
from tests.e2e.test_e2e_only_ours import certify, workload_token

pytestmark = [pytest.mark.timeout(180), pytest.mark.alone]

SOURCE = "127.30.250.1"
NAMES = ("8080.orders.demo.svc.clusterset.local", "8080.orders.demo.svc-t.clusterset.local")


@contextmanager
def running(flood: Flood, seconds: float) -> Iterator[None]:
    """The flood, on a thread of its own."""
    thread = threading.Thread(target=lambda: finish(flood.run(seconds)))
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("seconds", "connections"),
    [
        pytest.param(HANDSHAKE_SECONDS + 1.0, 1000, id="short"),
        pytest.param(20.0, 2000, id="whole", marks=pytest.mark.slow),
    ],
)
def test_half_open_handshakes_at_a_gateway_fail_nobodys_request(
    mesh: Mesh, tmp_path: Path, seconds: float, connections: int
) -> None:
    """All requests go through the flooded gateway: nobody else exports what is called."""
    flood = Flood(
        mesh.member("us-west-gateway").address("mtls"), SOURCE, connections, half_open(*NAMES)
    )
    told = len(mesh.log("us-west-gateway"))
    with (
        mesh.edited("eu-west", "exports.yaml", exports("api", "web")),
        mesh.traffic("us-east", tmp_path, service="orders") as load,
    ):
        wait_until(
            "only us-west answers",
            lambda: {mesh.call("us-east", "orders")[1]["cluster"] for _ in range(8)} == {"us-west"},
            5,
        )
        began = time.monotonic()
        with running(flood, seconds):
            pass
        ended = time.monotonic()
        pause(1.0)
    during = [r for r in load.over.records if began <= r.start <= ended]
    calm = [r for r in load.over.records if not began <= r.start <= ended]
    found = {
        "seconds": seconds,
        "connections": connections,
        "most_open": flood.most,
        **flood.counts,
        "requests": len(during),
        "failed": len(guarantees.failures(during)),
        "worst_ms": round(guarantees.worst(during) * 1000, 1),
        "p99_ms": round(guarantees.percentile([r.latency for r in during], 99) * 1000, 1),
        "worst_ms_without": round(guarantees.worst(calm) * 1000, 1),
    }
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"flood-{connections}.json").write_text(json.dumps(found, indent=1))
    assert not guarantees.failures(load.over.records), found
    assert {r.cluster for r in during} == {"us-west"}, found
    assert flood.most >= 0.9 * connections, found
    assert flood.counts["closed by the other side"] >= connections / 2, found
    wait_until(
        "the gateway tells of it",
        lambda: "no_server_name_in_time=" in mesh.log("us-west-gateway")[told:],
        12,
    )


# -- the controller and the agent ---------------------------------------------------------------


async def _slow_requests(address: str, source: str, number: int) -> list[asyncio.StreamWriter]:
    """Connections whose TLS is done and whose request never comes whole."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async def one(number: int) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection(
            host, int(port), ssl=context, local_addr=(source, 0)
        )
        body = b"POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx"
        writer.write(body if number % 2 else b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ")
        return writer

    return [await one(i) for i in range(number)]


def test_slow_requests_at_the_api_shut_nobody_out(mesh: Mesh) -> None:
    async def hold() -> None:
        writers = await _slow_requests(mesh.member("controller").address("api"), SOURCE, 700)
        for _ in range(5):
            began = time.monotonic()
            assert (await asyncio.to_thread(mesh.client.status))["domain"] == "fedmesh.demo"
            assert time.monotonic() - began < 2.0
        for writer in writers:
            writer.transport.abort()

    finish(hold())


@pytest.mark.parametrize(
    ("name", "purpose"), [("controller", "api"), ("controller", "grpc"), ("us-east-agent", "xds")]
)
def test_half_open_handshakes_at_the_control_plane_shut_nobody_out(
    mesh: Mesh, name: str, purpose: str
) -> None:
    flood = Flood(mesh.member(name).address(purpose), SOURCE, 500, half_open("fedmesh.demo"))
    with running(flood, HANDSHAKE_SECONDS + 1.5):
        wait_until("it has begun", lambda: flood.most > 400, 15)
        assert mesh.client.status()["domain"] == "fedmesh.demo"
        finish(certify(mesh, workload_token(mesh, "us-east", "demo/web")))
        connected = {c["id"] for c in mesh.client.clusters() if c["connected"]}
        assert connected >= {site.id for site in mesh.layout.sites}
    assert flood.counts["closed by the other side"] >= 400, flood.counts


_LONGER_SECONDS = 12.0


async def _ask_for_certificates(
    agent: Connection, csr: bytes, until: float, answers: Counter[str]
) -> None:
    """Ask for one after the other, on a slow machine until there were too many."""
    while time.monotonic() < until + (0.0 if answers["refused"] else _LONGER_SECONDS):
        try:
            await agent.call(methods.CERTIFY, pb.CertifyRequest(csr=csr))
            answers["given"] += 1
        except NotReady as error:
            answers["refused" if "ask again in" in str(error) else str(error)] += 1


def test_a_token_that_asks_for_many_certificates_takes_few_and_nobody_else_waits(
    mesh: Mesh,
) -> None:
    """As one account over four connections, sixteen calls at a time; as others 20 a second."""
    trust = agent_trust.read_trust(mesh.paths.state("us-east-agent") / "trust.pem")
    address = mesh.member("us-east-agent").address("xds")
    csr, told = pem(make_csr(new_key())), len(mesh.log("us-east-agent"))
    seconds, answers = 3.0, Counter[str]()

    def as_account(name: str) -> AbstractAsyncContextManager[Connection]:
        token = workload_token(mesh, "us-east", f"demo/{name}")
        return connect(address, trust.identity, trust.agent_host, token)

    async def attack() -> list[float]:
        until, took = time.monotonic() + seconds, []
        async with (
            AsyncExitStack() as stack,
            as_account("one") as one,
            as_account("two") as two,
            asyncio.TaskGroup() as flood,
        ):
            for _ in range(4):
                thief = await stack.enter_async_context(as_account("thief"))
                for _ in range(4):
                    flood.create_task(_ask_for_certificates(thief, csr, until, answers))
            for number in range(int(20 * seconds)):
                began = time.monotonic()
                honest = (one, two)[number % 2]
                await honest.call(methods.CERTIFY, pb.CertifyRequest(csr=csr))
                took.append(time.monotonic() - began)
                await asyncio.sleep(max(0.0, 0.05 - took[-1]))
        return sorted(took)

    began = time.monotonic()
    took = finish(attack())
    seconds = time.monotonic() - began
    assert set(answers) == {"given", "refused"}, answers
    assert 0 < answers["given"] <= certificate_quota.BURST_FROM_ONE + 2 * seconds, answers
    assert took[-1] < 2.0, took
    lines = mesh.log("us-east-agent")[told:].splitlines()
    assert sum("subject=demo/thief" in line for line in lines) <= BURST + 2 * seconds


async def open_many(host: str, port: int, count: int) -> list[asyncio.StreamWriter | None]:
    """So many connections; None for those that were closed at once."""

    async def one() -> asyncio.StreamWriter | None:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            return None
        try:
            async with asyncio.timeout(1.0):
                await reader.read(1)
        except TimeoutError:
            return writer
        except OSError:
            pass
        writer.close()
        return None

    found: list[asyncio.StreamWriter | None] = []
    for first in range(0, count, 200):
        found += await asyncio.gather(*(one() for _ in range(first, min(count, first + 200))))
    return found


def test_silent_clients_at_one_address_do_not_take_the_gateway_from_others(mesh: Mesh) -> None:
    """Plain text, without a sidecar: beyond the bound of an address nobody is let in there."""
    host = mesh.entry("us-east")

    async def flood() -> None:
        opened = await open_many(host, SERVICE_PORT, CONNECTIONS_AT_AN_ADDRESS + 100)
        kept = [writer for writer in opened if writer is not None]
        try:
            assert len(opened) - len(kept) >= 90
            for service in ("web", "orders"):
                address = f"{mesh.entry('us-east', service)}:{SERVICE_PORT}"
                found = await asyncio.to_thread(get, address, "/", service_host(service))
                assert found[0] == HTTPStatus.OK
            assert (await asyncio.to_thread(mesh.call, "eu-west", "api"))[0] == HTTPStatus.OK
        finally:
            for writer in kept:
                writer.close()

    finish(flood())
    wait_until(
        "the address answers again",
        lambda: get(f"{host}:{SERVICE_PORT}", "/", service_host("api"))[0] == HTTPStatus.OK,
        10,
    )


def test_half_a_head_at_an_address_of_a_service_is_not_waited_for(mesh: Mesh) -> None:
    with socket.create_connection((mesh.entry("us-east"), SERVICE_PORT)) as slow:
        slow.settimeout(HEADERS_SECONDS + 5)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: api\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
