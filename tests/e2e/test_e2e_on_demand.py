"""A sidecar holds what its workload has called: first calls, strangers, and parts that die."""

import asyncio
import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path

import aiohttp
import grpc.aio
import pytest

from federation.demo import readiness
from federation.demo.layout import (
    NAMESPACE,
    OUTBOUND_PORT,
    SERVICE_GRPC_PORT,
    SERVICE_PORT,
    Member,
    Role,
    members,
    service_host,
)
from federation.verify.client_grpc import options
from tests.e2e.documents import Document, api_workload, export, service, text_of
from tests.e2e.rig import Mesh, finish, pause, wait_until

pytestmark = pytest.mark.timeout(180)

HERE, THERE = "us-east", "us-west"
SIDECAR = f"{HERE}-web-1-sidecar"
OTHER = f"{HERE}-api-1-sidecar"
"""It calls services so that a test knows when its agent has heard of them."""
AGENT = f"{HERE}-agent"
NO_SUCH = "fedmesh: no such service in the clusterset\n"
NO_ANSWER = "fedmesh: the mesh does not answer\n"
FIVE_MB = b"x" * 5_000_000
GRPC = {"name": "grpc", "protocol": "TCP", "port": SERVICE_GRPC_PORT, "appProtocol": "grpc"}


def with_grpc(documents: tuple[Document, Document]) -> tuple[Document, Document]:
    """The same service with a port for gRPC."""
    made, slice_ = documents
    target = {**GRPC, "targetPort": SERVICE_GRPC_PORT}
    spec = {**made["spec"], "ports": [*made["spec"]["ports"], target]}
    return {**made, "spec": spec}, {**slice_, "ports": [*slice_["ports"], GRPC]}


@contextmanager
def offered(mesh: Mesh, *names: str, cluster: str = THERE) -> Iterator[None]:
    """Services of one cluster that nobody has called yet; afterwards they are gone."""
    workload = api_workload(mesh.layout, cluster)
    documents = [d for name in names for d in with_grpc(service(name, workload))]
    text = text_of(*documents, *map(export, names))
    with mesh.edited(cluster, f"{names[0]}.yaml", text):
        for name in names:  # another sidecar of the same agent is asked
            wait_until(f"{name} is there", partial(_is_there, mesh, name), 20)
        yield


def _is_there(mesh: Mesh, name: str) -> bool:
    address = api_workload(mesh.layout, HERE).address
    return readiness.get(f"{address}:{OUTBOUND_PORT}", "/", service_host(name))[0] == 200


def holds(mesh: Mesh, name: str = SIDECAR) -> set[str]:
    """The clusters of a sidecar's Envoy that lead to services."""
    found = mesh.ask_envoy(name, "/clusters").decode()
    lines = {line.partition("::")[0] for line in found.splitlines()}
    return {line for line in lines if line.startswith(("out~", "far~", "any~"))}


def held_of(mesh: Mesh, service_name: str) -> set[str]:
    return {name for name in holds(mesh) if f".{service_name}.{NAMESPACE}." in name}


def get(mesh: Mesh, host: str, *, seconds: float = 15.0) -> tuple[int, str, float]:
    """One GET on a connection of its own: status, text, how long it took in seconds."""
    address, _, port = mesh.proxy(HERE).rpartition(":")
    began = time.monotonic()
    with closing(http.client.HTTPConnection(address, int(port), timeout=seconds)) as connection:
        connection.request("GET", "/", headers={"Host": host})
        found = connection.getresponse()
        return found.status, found.read().decode(), time.monotonic() - began


def requests_at_once(mesh: Mesh, hosts: list[str]) -> Counter[int]:
    """A GET of each host, all at the same time."""

    async def all_of_them() -> Counter[int]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def one(host: str) -> int:
                url = f"http://{mesh.proxy(HERE)}/"
                async with session.get(url, headers={"Host": host}) as answer:
                    await answer.read()
                    return answer.status

            return Counter(await asyncio.gather(*map(one, hosts)))

    return finish(all_of_them())


# -- what a sidecar holds ----------------------------------------------------------------------


def test_a_sidecar_holds_a_service_once_it_is_called_and_not_before(mesh: Mesh) -> None:
    with offered(mesh, "quiet", "called"):
        assert not held_of(mesh, "called")
        assert get(mesh, service_host("called"))[0] == 200
        assert held_of(mesh, "called")
        assert not held_of(mesh, "quiet")
    wait_until("what is gone goes there too", lambda: not held_of(mesh, "called"), 20)
    assert get(mesh, service_host("called"))[:2] == (404, NO_SUCH)


def test_what_no_service_is_called_by_is_answered_at_once(mesh: Mesh) -> None:
    status, text, first = get(mesh, f"nobody.{NAMESPACE}")
    assert (status, text) == (404, NO_SUCH)
    again = [get(mesh, f"nobody.{NAMESPACE}") for _ in range(5)]
    assert {found[:2] for found in again} == {(404, NO_SUCH)}
    assert max(first, *(took for *_, took in again)) < 1.0, "it is held while nobody answers"


def test_a_service_that_comes_after_it_was_called_is_found(mesh: Mesh) -> None:
    host = service_host("later-called")
    assert get(mesh, host)[0] == 404
    workload = api_workload(mesh.layout, THERE)
    text = text_of(*service("later-called", workload), export("later-called"))
    for _ in range(2):  # it may come, go, and come again
        with mesh.edited(THERE, "later-called.yaml", text):
            wait_until("it is found", lambda: get(mesh, host)[0] == 200, 20)
        wait_until("it is gone", lambda: get(mesh, host)[0] == 404, 20)


# -- first calls -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["http1", "grpc", "websocket", "upload"])
def test_the_first_call_of_a_service_succeeds_whatever_it_is(mesh: Mesh, kind: str) -> None:
    name = f"first-{kind}"
    with offered(mesh, name):
        assert finish(CALLS[kind](mesh, name))
        assert held_of(mesh, name)


async def _http1(mesh: Mesh, name: str) -> bool:
    async with aiohttp.ClientSession() as session:
        url, headers = f"http://{mesh.proxy(HERE)}/", {"Host": service_host(name)}
        async with session.get(url, headers=headers) as answer:
            return answer.status == 200 and (await answer.json())["cluster"] == THERE


async def _upload(mesh: Mesh, name: str) -> bool:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(FIVE_MB), 250_000):
            yield FIVE_MB[start : start + 250_000]
            await asyncio.sleep(0)

    async with aiohttp.ClientSession() as session:
        url, headers = f"http://{mesh.proxy(HERE)}/load", {"Host": service_host(name)}
        async with session.post(url, headers=headers, data=body()) as answer:
            return answer.status == 200


async def _websocket(mesh: Mesh, name: str) -> bool:
    async with aiohttp.ClientSession() as session:
        url, headers = f"http://{mesh.proxy(HERE)}/ws", {"Host": service_host(name)}
        async with session.ws_connect(url, headers=headers) as ws:
            greeting = json.loads(await ws.receive_str(timeout=5))
            await ws.send_str("hello")
            return greeting["cluster"] == THERE and await ws.receive_str(timeout=5) == "hello"


async def _grpc(mesh: Mesh, name: str) -> bool:
    async with _channel(mesh, name) as channel:
        watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(
            "/fedmesh.demo.Echo/Watch"
        )
        counted = []
        async for message in watch(json.dumps({"interval": 0.05}).encode(), timeout=10):
            counted.append(json.loads(message)["counter"])
            if len(counted) == 5:
                return counted == sorted(counted)
    return False


@asynccontextmanager
async def _channel(mesh: Mesh, name: str) -> AsyncIterator[grpc.aio.Channel]:
    authority = service_host(name, SERVICE_GRPC_PORT)
    async with grpc.aio.insecure_channel(mesh.proxy(HERE), options=options(authority)) as channel:
        yield channel


CALLS = {"http1": _http1, "grpc": _grpc, "websocket": _websocket, "upload": _upload}


def test_a_hundred_new_hosts_at_once_are_all_answered(mesh: Mesh) -> None:
    names = [f"hundred-{number}" for number in range(100)]
    with offered(mesh, *names):
        assert requests_at_once(mesh, [service_host(n) for n in names]) == {200: 100}


def test_a_hundred_first_requests_of_one_host_are_all_answered(mesh: Mesh) -> None:
    with offered(mesh, "rushed"):
        assert requests_at_once(mesh, [service_host("rushed")] * 100) == {200: 100}


# -- without the agent, without the supervisor -------------------------------------------------


def test_first_calls_wait_for_an_agent_that_is_back_within_2_seconds(mesh: Mesh) -> None:
    with offered(mesh, "patient"):
        mesh.kill_alone(AGENT)
        found = []
        with _soon(mesh, AGENT, 1.0):
            found = [get(mesh, service_host("patient"))]
        status, text, took = found[0]
    assert (status, took > 0.5) == (200, True), (status, text, took)


@contextmanager
def _soon(mesh: Mesh, name: str, seconds: float) -> Iterator[None]:
    """Meanwhile a process that was killed comes back after so long."""

    def back() -> None:
        pause(seconds)
        mesh.start(name)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(back)
        yield
        done.result()


def test_first_calls_wait_for_a_supervisor_that_is_back_within_2_seconds(mesh: Mesh) -> None:
    with offered(mesh, "patient-too"):
        mesh.kill_alone(SIDECAR)
        with _soon(mesh, SIDECAR, 1.0):
            status, text, took = get(mesh, service_host("patient-too"))
    assert status == 200, (status, text, took)


def test_without_an_agent_what_was_called_works_and_a_first_call_is_told_so(mesh: Mesh) -> None:
    with offered(mesh, "known-before", "never-called"):
        assert get(mesh, service_host("known-before"))[0] == 200
        mesh.kill_alone(AGENT)
        try:
            assert get(mesh, service_host("known-before"))[0] == 200
            status, text, took = get(mesh, service_host("never-called"))
        finally:
            mesh.start(AGENT)
        assert (status, text) == (503, NO_ANSWER)
        assert 7 < took < 11, "a bounded wait"
        wait_until("it works", lambda: get(mesh, service_host("never-called"))[0] == 200, 20)


def test_a_sidecar_that_starts_again_without_its_agent_has_what_was_called(mesh: Mesh) -> None:
    with offered(mesh, "remembered"):
        assert get(mesh, service_host("remembered"))[0] == 200
        pause(0.5)  # it is on the disk a moment later
        mesh.kill_alone(AGENT)
        try:
            mesh.kill(SIDECAR)
            mesh.start(SIDECAR)
            wait_until("it is ready", lambda: mesh.is_ready(SIDECAR), 20)
            assert get(mesh, service_host("remembered"))[0] == 200
        finally:
            mesh.start(AGENT)


def test_a_supervisor_that_lost_its_disk_and_its_agent_takes_nothing_from_envoy(
    mesh: Mesh, tmp_path: Path
) -> None:
    with offered(mesh, "kept-alive"):
        assert get(mesh, service_host("kept-alive"))[0] == 200
        before = held_of(mesh, "kept-alive")  # what other tests withdrew may still be going
        assert before
        with mesh.traffic(HERE, tmp_path, service="kept-alive") as load:
            pause(0.5)
            mesh.kill_alone(SIDECAR)
            for file in mesh.paths.state(SIDECAR).glob("*.held"):
                file.unlink()
            (mesh.paths.state(SIDECAR) / "called.json").unlink()
            mesh.start(SIDECAR)
            wait_until("it is ready", lambda: mesh.is_ready(SIDECAR), 20)
            pause(2.0)
        assert Counter(r.status for r in load.over.records).keys() == {200}
        assert holds(mesh) >= before


def test_restarts_of_agent_and_supervisor_cost_no_request(mesh: Mesh, tmp_path: Path) -> None:
    names = ("steady", "steady-too")
    with offered(mesh, *names), mesh.traffic(HERE, tmp_path, service="steady") as load:
        for victim in (AGENT, SIDECAR, AGENT):
            mesh.kill_alone(victim)
            pause(0.5)
            mesh.start(victim)
            pause(2.0)
        assert get(mesh, service_host("steady-too"))[0] == 200
    assert Counter(r.status for r in load.over.records).keys() == {200}


# -- what a stranger in the workload can do ----------------------------------------------------


def test_odd_hosts_are_answered_and_never_asked_for(mesh: Mesh) -> None:
    odd = ["x" * 1100, "a.b.c.d.e", "10.0.0.1:8080", "UPPER_case.x", f"api.{NAMESPACE}:notaport"]
    assert {get(mesh, host)[:2] for host in odd} == {(404, NO_SUCH)}
    for raw in (b"a\xffb", b"a@b", b""):
        assert _raw(mesh, raw).startswith(b"HTTP/1.1 4")
    dump = mesh.ask_envoy(SIDECAR, "/config_dump?resource=dynamic_route_configs").decode()
    assert not [host for host in odd if host in dump]
    assert mesh.call(HERE)[0] == 200


def _raw(mesh: Mesh, host: bytes) -> bytes:
    address, _, port = mesh.proxy(HERE).rpartition(":")
    with socket.create_connection((address, int(port)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        return connection.recv(4096)


def test_ten_thousand_invented_hosts_are_answered_and_forgotten(mesh: Mesh, tmp_path: Path) -> None:
    with offered(mesh, "beside", "after"), mesh.traffic(HERE, tmp_path, service="beside") as load:
        for batch in range(100):
            hosts = [f"invented-{batch}-{number}.{NAMESPACE}" for number in range(100)]
            assert requests_at_once(mesh, hosts) == {404: 100}
        assert get(mesh, service_host("after"))[0] == 200, "the stream lives on"
    assert Counter(r.status for r in load.over.records).keys() == {200}
    counted = mesh.ask_envoy(SIDECAR, "/stats?format=json&filter=control_plane.connected_state")
    assert json.loads(counted)["stats"][0]["value"] == 1
    kept = json.loads((mesh.paths.state(SIDECAR) / "called.json").read_text())
    assert not [host for host in kept if host.startswith("invented")]


def test_a_host_that_was_invented_before_it_was_forgotten_is_found_when_it_comes(
    mesh: Mesh,
) -> None:
    """It is asked for once more, though Envoy had its answer."""
    host = service_host("forgotten-first")
    assert get(mesh, host)[0] == 404
    for batch in range(50):
        hosts = [f"more-{batch}-{number}.{NAMESPACE}" for number in range(100)]
        requests_at_once(mesh, hosts)
    with offered(mesh, "forgotten-first"):
        wait_until("it is found", lambda: get(mesh, host)[0] == 200, 20)


def test_hosts_invented_while_the_agent_is_away_cost_nothing_once_it_is_back(
    mesh: Mesh, tmp_path: Path
) -> None:
    """Who asks for them goes at once: Envoy asks for all, and its answers wait behind that."""
    with (
        offered(mesh, "known-long", "first-then"),
        mesh.traffic(HERE, tmp_path, service="known-long") as load,
    ):
        mesh.kill_alone(AGENT)
        try:
            for batch in range(120):
                _abandon(mesh, [f"away-{batch}-{number}.{NAMESPACE}" for number in range(100)])
        finally:
            mesh.start(AGENT)
        host = service_host("first-then")
        wait_until("a first call works", lambda: get(mesh, host)[0] == 200, 60)
        assert get(mesh, f"away-1-1.{NAMESPACE}")[:2] == (404, NO_SUCH)
    assert Counter(r.status for r in load.over.records).keys() == {200}
    counted = mesh.ask_envoy(SIDECAR, "/stats?format=json&filter=control_plane.connected_state")
    assert json.loads(counted)["stats"][0]["value"] == 1


def _abandon(mesh: Mesh, hosts: list[str]) -> None:
    """Ask for hosts and go away before there is an answer."""
    address, _, port = mesh.proxy(HERE).rpartition(":")
    with ExitStack() as connections:
        for host in hosts:
            opened = closing(socket.create_connection((address, int(port)), 10))
            connection = connections.enter_context(opened)
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        pause(0.05)


# -- all forms ---------------------------------------------------------------------------------


def test_every_form_of_a_host_leads_there(mesh: Mesh) -> None:
    short = f"api.{NAMESPACE}"
    hosts = [short, f"{short}.svc", f"{short}.svc.clusterset.local", short.upper(), f"{short}."]
    hosts += [f"{host}:{SERVICE_PORT}" for host in hosts[:3]]
    assert {host: get(mesh, host)[0] for host in hosts} == dict.fromkeys(hosts, 200)


def test_another_cluster_that_exports_is_seen_by_who_has_called_before(mesh: Mesh) -> None:
    """Near and far: an aggregate comes into being under load, and goes."""
    with offered(mesh, "grows"):
        assert get(mesh, service_host("grows"))[0] == 200
        workload = api_workload(mesh.layout, HERE)
        text = text_of(*service("grows", workload), export("grows"))

        def place() -> str:
            return str(json.loads(get(mesh, service_host("grows"))[1])["cluster"])

        with mesh.edited(HERE, "grows-here.yaml", text):
            wait_until("it is answered at home", lambda: place() == HERE, 20)
        wait_until("it is answered elsewhere", lambda: place() == THERE, 20)


def sidecars(mesh: Mesh) -> list[Member]:
    return [m for m in members(mesh.layout) if m.role is Role.SIDECAR]


def test_a_new_service_costs_sidecars_that_do_not_call_it_nothing(mesh: Mesh) -> None:
    names = [m.name for m in sidecars(mesh) if m.name != OTHER]
    before = {name: _updates(mesh, name) for name in names}
    with offered(mesh, "unnoticed"):
        assert {name: _updates(mesh, name) for name in names} == before


def _updates(mesh: Mesh, name: str) -> tuple[int, int]:
    """How often Envoy was sent clusters and virtual hosts."""
    pattern = "cluster_manager.cds.update_attempt|rds.vhds.outbound.update_attempt"
    found = json.loads(mesh.ask_envoy(name, f"/stats?format=json&filter={pattern}"))["stats"]
    values = sorted((stat["name"], stat["value"]) for stat in found if "value" in stat)
    (_, clusters), (_, hosts) = values
    return clusters, hosts


def test_what_nobody_calls_is_let_go_and_no_request_fails(mesh: Mesh, tmp_path: Path) -> None:
    """Again and again: requests now and then, so that each may meet the moment it is let go."""
    settings = mesh.paths.config(mesh.member(SIDECAR))
    before = settings.read_text()
    with offered(mesh, "seldom", "often"):
        settings.write_text(before + "\nunused_seconds: 1\n")
        mesh.kill(SIDECAR)
        mesh.start(SIDECAR)
        try:
            wait_until("it is ready", lambda: mesh.is_ready(SIDECAR), 20)
            with mesh.traffic(HERE, tmp_path, service="often") as load:
                statuses = []
                for turn in range(14):
                    statuses.append(get(mesh, service_host("seldom"))[0])
                    pause(0.85 + 0.05 * turn)
            wait_until("it is let go", lambda: not held_of(mesh, "seldom"), 10)
            assert held_of(mesh, "often") or get(mesh, service_host("often"))[0] == 200
            assert get(mesh, service_host("seldom"))[0] == 200
        finally:
            settings.write_text(before)
            mesh.kill(SIDECAR)
            mesh.start(SIDECAR)
    assert set(statuses) == {200}
    assert Counter(r.status for r in load.over.records).keys() == {200}
    log = mesh.log(SIDECAR)
    assert log.count("unused imports let go") > 3
