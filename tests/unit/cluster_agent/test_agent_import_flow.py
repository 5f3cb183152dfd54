"""The way down: facts become plans, plans reach proxies and DNS, at the right moment."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.agent import Agent
from cluster_agent.entry.dns_names import NAMES
from cluster_agent.entry.name_delay import NAMES_WAIT_SECONDS
from cluster_agent.report.new_exports import SETTLE_SECONDS
from federation.model.facts import Bundle
from federation.model.names import ServiceName
from federation.model.observations import Observation
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node
from federation.model.types import CLUSTER, ENDPOINTS
from federation.planning.damping import DAMPING
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from tests.unit.builders import backend, cluster, service
from tests.unit.fakes.agents import (
    EAST,
    OUT,
    Streams,
    World,
    gateway,
    gateway_view,
    know_west,
    passed_on,
    sees,
    table_of_sidecar,
)
from tests.unit.fakes.fake_source import FakeSource, FakeStatus
from tests.unit.fakes.loops import named
from tests.unit.fakes.shop import shop


async def test_proxies_are_told_the_whole_only_when_facts_and_source_are_whole(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.complete_facts()
    assert world.streams.woken == 0
    await world.write(shop(True))
    assert world.streams.woken == 1


@pytest.mark.looptime
async def test_an_agent_that_starts_again_plans_with_the_facts_it_held(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fact(codec.SERVICE, "shop/api", codec.encode(service("west")))
    world.fact(codec.BACKEND, "shop/api@west", codec.encode(backend("west")))
    world.fact(codec.CLUSTER, "west", codec.encode(cluster("west")))
    await world.complete_facts()
    saving = start(named(world.agent.loops(), "saving").run(), "saving")
    await asyncio.sleep(0.3)
    await cancel(saving)
    again = World(tmp_path)
    again.agent.load()
    await again.write("")
    layers = again.agent.down.snapshots.admit(Node(Kind.SIDECAR, "shop/client"), Scope("a"))[0]
    names = again.agent.down.snapshots.view(layers).names(CLUSTER)
    assert list(names) == ["out~80.api.shop.svc.clusterset.local~"]


async def test_what_a_gateway_sees_goes_into_plans_and_to_the_controller(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    assert "HEALTHY" in table_of_sidecar(world, ENDPOINTS)[OUT]
    world.agent.on_proxy(gateway(*sees(answers=False)))
    await world.agent.turn()
    assert "DEGRADED" in table_of_sidecar(world, ENDPOINTS)[OUT]
    assert world.told.count((codec.OBSERVATION, "east")) == 1
    found = world.agent.reports.table.get(codec.OBSERVATION, "east")
    assert found is not None
    assert codec.decode(Observation, found.body) == Observation(EAST, sees(answers=False))


async def test_a_gateway_that_offers_services_where_an_endpoint_is_said_to_be_is_not_led_there(
    tmp_path: Path,
) -> None:
    """Also when the range is known after the endpoint, and from the start of the next agent on."""
    world = World(tmp_path)
    five = shop(*[True] * 5)  # 10.1.0.1 to 10.1.0.5
    await world.write(five)
    assert passed_on(world) == 5
    world.agent.on_proxy(replace(gateway(), entry="10.1.0.0/30"))
    await world.agent.turn()
    assert passed_on(world) == 2
    again = World(tmp_path)
    again.agent.load()
    await again.write(five)
    assert passed_on(again) == 2


async def test_a_cluster_that_answers_again_is_held_before_it_is_trusted(tmp_path: Path) -> None:
    """West is lost while the own workload serves; back, it does not take its turn at once."""
    world = World(tmp_path)
    await know_west(world)
    assert world.agent.down.recovery.due(0.0) is None
    for answers in (False, True):
        world.agent.on_proxy(gateway(*sees(answers=answers)))
        await world.agent.turn()
    now = asyncio.get_running_loop().time()
    assert world.agent.down.recovery.due(now) == pytest.approx(now + DAMPING.hold, abs=1.0)


async def test_the_gateways_of_others_are_checked_by_ours(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    view = gateway_view(world)
    assert list(view.names(CLUSTER)) == ["remote~west~g1~"]
    assert ("gateways", CLUSTER, "remote~west~g1~") in [
        (touch.table, touch.type_url, touch.name) for touch in world.streams.touched
    ]


async def test_an_agent_that_starts_again_knows_how_far_others_are(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    world.agent.on_proxy(gateway(*sees(rtt=0.4)))
    again = World(tmp_path)
    again.agent.load()
    await know_west(again)
    assert list(table_of_sidecar(again, CLUSTER)) == [OUT.replace("out~", "far~")]


@pytest.mark.looptime
async def test_dns_is_told_of_an_address_once_every_gateway_listens_there(tmp_path: Path) -> None:
    """Also when another listener was sent after the first one was confirmed."""
    world = World(tmp_path)
    world.agent.on_proxy(replace(gateway(), entry="10.9.0.0/24"))
    await know_west(world)
    times = start(named(world.agent.loops(), "times").run(), "times")

    async def come(name: str) -> None:
        world.streams.quiet = False
        api = replace(service("west"), name=ServiceName("shop", name))
        world.fact(codec.SERVICE, f"shop/{name}", codec.encode(api))
        await world.agent.turn()

    def names() -> set[str]:
        return set(world.agent.down.snapshots.view([NAMES]).names(codec.SERVICE_NAMES))

    world.agent.on_quiet()
    await asyncio.sleep(SETTLE_SECONDS + 0.01)
    assert names() == {"shop/api"}
    await come("first")
    await asyncio.sleep(1.0)
    assert "shop/first" not in names(), "a gateway is busy"
    world.agent.on_quiet()
    await come("second")
    await asyncio.sleep(SETTLE_SECONDS + 0.01)
    assert "shop/second" not in names(), "nobody listens there yet"
    await asyncio.sleep(NAMES_WAIT_SECONDS)
    assert names() == {"shop/api", "shop/first", "shop/second"}, "a gateway that is frozen"
    await cancel(times)


async def test_grpc_clients_believe_who_is_not_revoked(tmp_path: Path) -> None:
    file = tmp_path / "anchors.pem"
    agent = Agent(EAST, FakeSource(), FakeStatus(), tmp_path, anchors=file, streams=Streams())

    def hear(nonce: str, **anchors: tuple[str, ...]) -> None:
        found = tuple(
            resource(name, codec.encode(Bundle(name, given))) for name, given in anchors.items()
        )
        agent.on_facts(agent.down.receiver.receive(Response(codec.BUNDLE, nonce, found)))

    hear("1", west=("WEST",), east=("EAST\n", "NEW"))
    assert file.read_text() == "EAST\nNEW\nWEST\n"
    hear("2", west=())
    assert file.read_text() == "EAST\nNEW\n"
