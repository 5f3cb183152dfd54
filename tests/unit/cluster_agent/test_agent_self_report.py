"""What the controller is told of the agent itself, once, and while it lasts."""

from pathlib import Path

from cluster_agent.source.objects import Batch
from federation.model.proxies import Kind, Node, State
from federation.runtime.clock import wall_seconds
from federation.trust.workload_tokens import mint_workload_token
from tests.unit.fakes.agents import (
    World,
    gateway,
)
from tests.unit.fakes.shop import shop


async def test_a_gateway_that_was_killed_is_told_at_the_second_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    world.agent.on_proxy(gateway())
    world.streams.there = {Kind.GATEWAY: {"gw"}}
    await world.agent.gateways.wait_for_all()
    await world.agent.check_missing()
    assert world.problems() == ()
    world.streams.there = {}
    world.agent.on_gone(Node(Kind.GATEWAY, "gw"))
    await world.agent.check_missing()
    assert world.problems() == (), "it may connect anew"
    await world.agent.check_missing()
    assert world.problems() == ("gateway gw is not connected to its agent",)
    world.streams.there = {Kind.GATEWAY: {"gw"}}
    world.agent.on_proxy(gateway(state=State.STARTING))
    await world.agent.check_missing()
    assert world.problems() == ("gateway gw says that it does not serve",)
    world.agent.on_proxy(gateway())
    await world.agent.check_missing()
    assert world.problems() == ()
    world.agent.on_proxy(gateway(state=State.STOPPED))
    world.streams.there = {}
    await world.agent.check_missing()
    await world.agent.check_missing()
    assert world.problems() == (), "one that went in order is not missed"


async def test_a_sidecar_of_a_pod_that_is_not_there_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.there = {Kind.SIDECAR: {"shop/ghost"}}
    await world.agent.check_missing()
    assert world.problems() == (), "the source has not been read yet"
    await world.write(shop(True))
    await world.agent.check_missing()
    assert world.problems() == ("a sidecar says that it is of Pod shop/ghost, which is not there",)


async def test_a_token_that_somebody_has_shown_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    ends = int(wall_seconds()) + 3600
    token = mint_workload_token(b"k" * 32, "dns", ends)
    with world.streams.tokens.by("DNS server at 10.0.0.5", token):
        await world.agent.check_missing()
        (problem,) = world.problems()
    assert problem.startswith("DNS server at 10.0.0.5 has shown a workload token")
    await world.agent.check_missing()
    assert world.problems() == ()


async def test_a_proxy_that_was_turned_away_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.refused.stranger("10.0.0.5", "no token", wall_seconds())
    await world.agent.check_missing()
    assert world.problems() == ("a proxy at 10.0.0.5 gets no certificate: no token",)


async def test_an_export_that_is_not_valid_is_told_with_its_sentence(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True).replace("kind: Service\n", "kind: ConfigMap\n"))
    assert world.problems() == (
        "ServiceExport shop/api: there is no Service shop/api in this cluster",
    )
    await world.write(shop(True))
    assert world.problems() == ()


async def test_trouble_of_the_source_is_told_to_the_controller_while_it_lasts(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    world.source.trouble = "the folder cannot be read"
    world.agent.on_source(Batch(frozenset(), live=False))
    await world.agent.turn()
    assert world.problems() == ("the folder cannot be read",)
    world.source.trouble = ""
    await world.agent.turn()
    assert world.problems() == ()
