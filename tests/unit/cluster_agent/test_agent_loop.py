"""The agent's main flow: objects up, facts down, and in which order others hear of it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from cluster_agent.loop import Agent
from cluster_agent.proxies import Touch
from cluster_agent.sources.source import Key
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Proxy, State
from federation.model.types import CLUSTER
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from federation.xds.session import Refused
from tests.unit.builders import API, backend, cluster, service
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.shop import shop

EAST = ClusterId("east")
EXPORT = Key("ServiceExport", *API)


class Streams:
    """The proxies' streams, quiet or not."""

    def __init__(self) -> None:
        self.quiet = True
        self.touched: list[Touch] = []
        self.woken = 0

    def touch(self, touched: Iterable[Touch]) -> None:
        self.touched += touched

    def wake_all(self) -> None:
        self.woken += 1

    def is_quiet(self) -> bool:
        return self.quiet

    def connected(self, kind: Kind) -> set[str]:
        return set()


class World:
    """An agent with its source, its streams, and what the controller was told."""

    def __init__(self, folder: Path) -> None:
        self.source, self.streams = FakeSource(), Streams()
        self.told: list[tuple[str, str]] = []
        self.agent = Agent(EAST, self.source, folder)
        self.agent.connect(self.streams, lambda type_url, name: self.told.append((type_url, name)))

    async def write(self, text: str) -> None:
        self.source.synced = True
        self.agent.on_source(self.source.write(text))
        await self.agent.turn()

    async def complete_facts(self) -> None:
        for type_url in codec.FACTS:
            self.agent.on_facts(self.agent.receiver.receive(Response(type_url, "1", complete=0)))
        await self.agent.turn()

    def fact(self, type_url: str, name: str, body: bytes) -> None:
        response = Response(type_url, "2", (resource(name, body),))
        self.agent.on_facts(self.agent.receiver.receive(response))

    def reported(self) -> set[str]:
        return set(self.agent.reports.table.names(codec.EXPORT))


async def test_before_facts_are_known_exports_are_reported_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.quiet = False
    await world.write(shop(True))
    assert world.reported() == {"shop/api"}
    assert (codec.EXPORT, "shop/api") in world.told


async def test_reports_are_not_whole_before_the_source_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agent.on_source(world.source.write(shop(True)))
    await world.agent.turn()
    assert not world.agent.reports.table.is_complete(codec.EXPORT)
    await world.write(shop(True))
    assert world.agent.reports.table.is_complete(codec.EXPORT)


async def test_a_new_export_waits_until_the_own_proxies_have_acknowledged(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    await world.write(shop(True))
    assert world.reported() == set()
    assert list(world.agent.reports.table.names(codec.BACKEND)) == [], "nor what is behind it"
    world.agent.report_fresh()
    assert world.reported() == {"shop/api"}


async def test_an_export_that_goes_while_it_waits_is_never_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    await world.write(shop(True))
    await world.write(shop(True, exported=False))
    world.agent.report_fresh()
    await world.write("")
    world.agent.report_fresh()
    assert world.reported() == set()
    assert (codec.EXPORT, "shop/api") not in world.told


async def test_an_export_that_changes_while_it_waits_is_reported_as_it_is_then(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    await world.write(shop(True))
    await world.write(shop(True, True, True))
    world.agent.report_fresh()
    found = world.agent.reports.table.get(codec.BACKEND, "shop/api")
    assert found is not None
    assert codec.decode_backend(found.body).ready == 3


@pytest.mark.looptime
async def test_an_export_that_no_proxy_confirms_is_reported_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    counting = start(world.agent.run_times(), "counts")
    await world.write(shop(True))
    await asyncio.sleep(0.19)
    assert world.reported() == set()
    await asyncio.sleep(0.02)
    assert world.reported() == {"shop/api"}
    await cancel(counting)


async def test_proxies_are_told_the_whole_only_when_facts_and_source_are_whole(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.complete_facts()
    assert world.streams.woken == 0
    await world.write(shop(True))
    assert world.streams.woken == 1


async def test_a_sidecar_that_goes_takes_its_endpoint_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True, True))
    leaving = Proxy("shop/api-1", Kind.SIDECAR, State.DRAINING, "10.1.0.1", 15006, "a")
    world.agent.on_proxy(leaving)
    await world.agent.turn()
    world.agent.reports.tick(float("inf"))
    found = world.agent.reports.table.get(codec.BACKEND, "shop/api")
    assert found is not None
    assert codec.decode_backend(found.body).ready == 1


@pytest.mark.looptime
async def test_an_agent_that_starts_again_plans_with_the_facts_it_held(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fact(codec.SERVICE, "shop/api", codec.encode_service(service("west")))
    world.fact(codec.BACKEND, "shop/api@west", codec.encode_backend(backend("west")))
    world.fact(codec.CLUSTER, "west", codec.encode_cluster(cluster("west")))
    await world.complete_facts()
    saving = start(world.agent.run_saving(), "saving")
    await asyncio.sleep(0.3)
    await cancel(saving)
    again = World(tmp_path)
    again.agent.load()
    await again.write("")
    layers = again.agent.proxies.layers(Kind.SIDECAR, "shop/client", "a")
    names = again.agent.proxies.view(layers).names(CLUSTER)
    assert list(names) == ["out~80.api.shop.svc.clusterset.local"]


async def test_an_export_keeps_its_age_over_a_restart(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    await world.write(shop(True))
    found = world.agent.reports.table.get(codec.EXPORT, "shop/api")
    assert found is not None
    assert codec.decode_export(found.body).created == 7


async def test_people_see_a_refusal_on_their_export(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    world.agent.on_refusals((Refused(codec.EXPORT, "shop/api", "v", "not allowed"),))
    assert world.agent.conditions()[EXPORT][0].reason == "NotAllowed"
    world.agent.on_refusals(())
    assert world.agent.conditions()[EXPORT][0].status == "True"


async def test_a_pods_account_and_zone_are_known_by_its_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    assert world.agent.account_of("shop/api-1") == "api"
    assert world.agent.zone_of("shop/api-1") == "a"
    assert world.agent.account_of("shop/other") is None


@pytest.mark.looptime
async def test_an_export_is_reported_a_moment_after_all_proxies_confirmed(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    times = start(world.agent.run_times(), "times")
    await world.write(shop(True))
    world.agent.on_quiet()
    assert world.reported() == set()
    await asyncio.sleep(0.04)
    assert world.reported() == {"shop/api"}
    await cancel(times)
