"""A cluster that lies, with valid certificates of its own, against a running controller.

All it sends is refused or capped with a reason, nothing of it ends the controller, and the other
cluster's reports and facts go on.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.client.client import Client
from federation.client.documents import cluster_document
from federation.model.errors import FedmeshError
from federation.model.names import ServiceName
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.discovery import encode_response
from federation.wire.rpc import methods
from federation.wire.rpc.methods import MAX_MESSAGE_BYTES
from federation.xds.messages import WILDCARD, Point, Request, Response
from federation.xds.resources import Resource, resource
from tests.e2e.hostile import RAW_REPORTS, Agent, exchange, join
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import fedctl, finish
from tests.unit.builders import backend, export

MAX_RESIDENT_KB = 260_000


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneController]:
    with lone_controller(tmp_path_factory.mktemp("hostile")) as made:
        made.host = "127.46.0.1"
        made.start()
        yield made


@pytest.fixture(scope="module")
def agents(controller: LoneController) -> tuple[Agent, Agent]:
    """East lies, west is honest."""
    client, address = controller.client(), f"{controller.host}:7443"
    for name, cidr in (("east", "10.1.0.0/16"), ("west", "10.2.0.0/16")):
        words = {"zones": ["a"], "gateway_cidrs": [cidr], "namespaces": ["shop"]}
        client.put_cluster(cluster_document(name, "eu", **words))  # type: ignore[arg-type]
    return join(client, "east", address), join(client, "west", address)


def services(client: Client) -> dict[str, dict[str, int]]:
    """For each service, the ready endpoints of its exporters."""
    return {
        item["name"]: {b["cluster"]: b["ready"] for b in item["backends"]}
        for item in client.services()
    }


def problems(controller: LoneController, cluster: str = "east") -> str:
    (found,) = [c for c in controller.client().clusters() if c["id"] == cluster]
    return "\n".join(found["problems"])


def good(cluster: str, name: str, ready: int = 3) -> list[Response]:
    """One service, reported as it should be."""
    service = ServiceName("shop", name)
    said = resource(str(service), codec.encode(export(cluster, name=service)))
    counts = resource(str(service), codec.encode(backend(cluster, name=service, ready=ready)))
    return [
        Response(codec.BACKEND, f"{name}-1", (counts,)),
        Response(codec.EXPORT, f"{name}-2", (said,)),
    ]


def an_export(name: str, cluster: str = "east", **values: object) -> Resource:
    message = pb.Export(service=name, cluster=cluster, type="Headless", **values)  # type: ignore[arg-type]
    return resource(name, message.SerializeToString())


def a_gateway(name: str, address: str) -> Resource:
    body = pb.Gateway(name=name, address=address, port=15443).SerializeToString()
    return resource(name, body)


LIES: dict[str, list[Resource]] = {
    codec.EXPORT: [
        an_export("shop/foreign", "west"),
        an_export("pay/card"),
        an_export("shop/\u202eipa"),
        an_export("shop/nul\0"),
        an_export("shop/.."),
        an_export(""),
        an_export("shop/" + "x" * 5000),
        Resource("shop/version", "1", an_export("shop/version").body),
        Resource("shop/rubbish", "1", b"\xff" * 50),
        an_export("shop/fat", labels={f"k{n}": "v" * 1024 for n in range(64)}),
    ],
    codec.GATEWAY: [
        a_gateway("outside", "192.0.2.1"),
        a_gateway("neighbour", "10.2.0.1"),
        a_gateway("nowhere", "0.0.0.0"),
        a_gateway("Odd\n", "10.1.0.1"),
    ],
    codec.OBSERVATION: [resource("west", pb.Observation(cluster="west").SerializeToString())],
}


def test_every_lie_is_refused_with_a_reason_and_the_rest_of_its_report_counts(
    controller: LoneController, agents: tuple[Agent, Agent]
) -> None:
    east, _ = agents
    lying = [
        Response(type_url, f"lie-{n}", tuple(said))
        for n, (type_url, said) in enumerate(LIES.items())
    ]
    answers = finish(east.report(*lying, *good("east", "api")))
    assert len(answers) == len(lying) + 2
    assert all(answer.error for answer in answers[: len(lying)])
    assert not any(answer.error for answer in answers[len(lying) :])
    client = controller.client()
    assert services(client) == {"shop/api": {"east": 3}}
    (shown,) = [c for c in client.clusters() if c["id"] == "east"]
    assert shown["gateways"] == []
    text = problems(controller)
    for reason in (
        "Export shop/foreign: it names cluster west, but east reports it",
        "namespace pay may not be exported by cluster east, only shop",
        "Gateway outside: gateway outside of cluster east has address 192.0.2.1",
        "Observation west: it names cluster west",
    ):
        assert reason in text
    assert text.replace("\n", "").isprintable()
    assert "report refused" in controller.log


def test_a_billion_ready_endpoints_count_as_ten_thousand(
    controller: LoneController, agents: tuple[Agent, Agent]
) -> None:
    group = pb.Group(zone="a", ready=1_000_000_000, total=1_000_000_000)
    message = pb.Backend(service="shop/api", cluster="east", ports=[80], groups=[group] * 64)
    said = resource("shop/api", message.SerializeToString())
    finish(agents[0].report(Response(codec.BACKEND, "1", (said,))))
    assert services(controller.client())["shop/api"]["east"] == 10_000


def test_a_service_that_runs_elsewhere_is_not_taken_over_by_an_old_date(
    controller: LoneController, agents: tuple[Agent, Agent]
) -> None:
    east, west = agents
    finish(west.report(*(Response(t, f"w{t}", complete=0) for t in codec.REPORTS)))
    finish(east.report(*(Response(t, f"e{t}", complete=1) for t in codec.REPORTS)))
    finish(west.report(*good("west", "cart")))
    evil = an_export(
        "shop/cart", created=0, ports=[pb.Port(name="http", transport="TCP", number=1)]
    )
    assert finish(east.report(Response(codec.EXPORT, "1", (evil,))))[0].error == ""
    (cart,) = [s for s in controller.client().services() if s["name"] == "shop/cart"]
    assert (cart["type"], cart["exporters"]) == ("ClusterSetIP", ["east", "west"])
    assert [port["port"] for port in cart["ports"]] == [80]


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 100, b"\x08", b"\0" * (MAX_MESSAGE_BYTES + 1), b"\x12\xff\xff\xff\x7f"],
    ids=["rubbish", "cut", "more than 8 MiB", "a length beyond its end"],
)
def test_bytes_that_are_no_message_end_that_stream_and_nothing_else(
    controller: LoneController, agents: tuple[Agent, Agent], data: bytes
) -> None:
    async def send() -> None:
        async with agents[0].connected() as to, to.stream(RAW_REPORTS) as link:
            await link.write(data)
            while await link.read() is not None:
                pass

    with pytest.raises(FedmeshError):
        finish(asyncio.wait_for(send(), 10))
    assert controller.client().is_healthy()
    assert "shop/api" in services(controller.client())


async def flood(agent: Agent, until: asyncio.Event) -> int:
    """The largest messages there may be, full of small resources and of names that are gone."""
    one = Resource("shop/x", "", b"")
    removed = tuple(f"shop/gone-{n}" for n in range(100_000))
    messages = [
        Response(codec.EXPORT, "m", (one,) * 300_000),
        Response(codec.EXPORT, "r", removed=removed),
        Response(codec.EXPORT, "s", tuple(an_export(f"pay/s{n}") for n in range(1000))),
        Response(codec.BACKEND, "e", point=Point("x" * 500_000, 1)),
    ]
    encoded = [encode_response(message) for message in messages]
    assert max(map(len, encoded)) < MAX_MESSAGE_BYTES
    sent = 0
    async with agent.connected() as connection:
        while not until.is_set():
            with contextlib.suppress(FedmeshError):  # the stream is ended, and begins anew
                async with connection.stream(RAW_REPORTS) as link:
                    reader = asyncio.ensure_future(_drain(link))
                    try:
                        while not until.is_set():
                            await link.write(encoded[sent % len(encoded)])
                            sent += 1
                    finally:
                        reader.cancel()
    return sent


async def _drain(link: object) -> None:
    with contextlib.suppress(FedmeshError):
        while await link.read() is not None:  # type: ignore[attr-defined]
            pass


def test_a_flood_of_reports_neither_delays_others_for_long_nor_fills_the_memory(
    controller: LoneController, agents: tuple[Agent, Agent]
) -> None:
    east, west = agents

    async def story() -> list[float]:
        stop = asyncio.Event()
        flooding = asyncio.ensure_future(flood(east, stop))
        took = []
        try:
            async with west.connected() as connection, connection.stream(methods.REPORTS) as link:
                for n in range(6):
                    await asyncio.sleep(0.5)
                    began = time.monotonic()
                    answers = await exchange(link, *good("west", f"calm-{n}"))
                    assert not any(answer.error for answer in answers)
                    took.append(time.monotonic() - began)
        finally:
            stop.set()
        assert await asyncio.wait_for(flooding, 10) > 10, "it was a flood"
        return took

    took = finish(story())
    assert max(took) < 3, took
    assert {f"shop/calm-{n}" for n in range(6)} <= services(controller.client()).keys()
    assert resident_kb(controller) < MAX_RESIDENT_KB
    assert "shop/api" in services(controller.client())
    lines = [line for line in controller.log.splitlines() if "report refused" in line]
    assert len(lines) < 60, "a line a second at most"
    assert max(map(len, lines)) < 2_000


def resident_kb(controller: LoneController) -> int:
    assert controller.process is not None
    status = Path(f"/proc/{controller.process.pid}/status").read_text()
    return next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))


def test_a_stream_that_starts_over_for_ever_is_cut(
    controller: LoneController, agents: tuple[Agent, Agent]
) -> None:
    async def ask() -> None:
        async with agents[0].connected() as to, to.stream(methods.FACTS) as link:
            for _ in range(10_000):
                await link.write(Request(codec.SERVICE, subscribe=(WILDCARD,)))
            while await link.read() is not None:
                pass

    with pytest.raises(FedmeshError):
        finish(asyncio.wait_for(ask(), 20))
    assert controller.client().is_healthy()


def test_afterwards_the_other_cluster_hears_and_is_heard(
    controller: LoneController, agents: tuple[Agent, Agent], tmp_path: Path
) -> None:
    east, west = agents

    async def story() -> set[str]:
        async with west.connected() as connection, connection.stream(methods.FACTS) as facts:
            await facts.write(Request(codec.SERVICE, subscribe=(WILDCARD,)))
            await west.report(*good("west", "after"))
            names: set[str] = set()
            while "shop/after" not in names:
                response = await asyncio.wait_for(facts.read(), 5)
                assert response is not None
                names |= {found.name for found in response.resources}
                await facts.write(Request(codec.SERVICE, nonce=response.nonce))
            return names

    assert "shop/api" in finish(story())
    finish(east.report(*good("east", "api")))
    assert "Traceback" not in controller.log
    config = tmp_path / "fedctl.yaml"
    config.write_text(
        f"controller: https://{controller.host}:8443\n"
        f"ca_file: {controller.state}/root.pem\ntoken_file: {controller.state}/admin.token\n"
    )
    shown = fedctl("cluster", "list", "--config", str(config))
    assert shown.returncode == 0
    assert shown.stdout.count("\n") == 1 + 2, "one line for each cluster, whatever they said"
