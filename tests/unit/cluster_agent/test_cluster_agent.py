"""The agent's main flow: objects up, facts down, and in which order others hear of it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.agent import (
    GATEWAYS_WAIT_SECONDS,
    NAMES_WAIT_SECONDS,
    SOURCE_WAIT_SECONDS,
    Agent,
)
from cluster_agent.entry.entry import NAMES
from cluster_agent.report.new_exports import SETTLE_SECONDS
from cluster_agent.snapshot.tables import Touch
from cluster_agent.source.objects import Batch, Key
from federation.model.exports import Backend, Export, Gateway, Tombstone
from federation.model.facts import Bundle
from federation.model.names import ClusterId, ServiceName
from federation.model.observations import Observation, Remote
from federation.model.proxies import Kind, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS, SECRET
from federation.planning.damping import DAMPING
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.resources import resource
from federation.xds.sender import Refused
from tests.unit.builders import API, backend, cluster, service
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.loops import named
from tests.unit.fakes.shop import shop
from tests.unit.goldens import document

EAST = ClusterId("east")
EXPORT = Key("ServiceExport", *API)


class Streams:
    """The proxies' streams, quiet or not."""

    def __init__(self) -> None:
        self.quiet = True
        self.taken = True
        self.touched: list[Touch] = []
        self.woken = 0
        self.there: dict[Kind, set[str]] = {}
        self.tokens: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    def touch(self, touched: Iterable[Touch]) -> None:
        self.touched += touched

    def wake_all(self) -> None:
        self.woken += 1

    def is_quiet(self) -> bool:
        return self.quiet

    def have_taken(self, type_url: str) -> bool:
        assert type_url == SECRET
        return self.taken

    def connected(self, kind: Kind) -> set[str]:
        return self.there.get(kind, set())

    def ending_tokens(self, now: float) -> dict[str, str]:
        return self.tokens

    def turned_away(self, now: float) -> dict[str, str]:
        return self.refused


class World:
    """An agent with its source, its streams, and what the controller was told."""

    def __init__(self, folder: Path) -> None:
        self.source, self.streams = FakeSource(), Streams()
        self.told: list[tuple[str, str]] = []
        self.agent = Agent(EAST, self.source, folder)
        self.agent.connect(self.streams, lambda type_url, name: self.told.append((type_url, name)))

    async def write(self, text: str, *, live: bool = True) -> None:
        self.source.synced = True
        self.agent.on_source(self.source.write(text, live=live))
        await self.agent.turn()

    async def complete_facts(self) -> None:
        for type_url in codec.FACTS:
            self.agent.on_facts(self.agent.receiver.receive(Response(type_url, "1", complete=0)))
        await self.agent.turn()

    def fact(self, type_url: str, name: str, body: bytes) -> None:
        response = Response(type_url, "2", (resource(name, body),))
        self.agent.on_facts(self.agent.receiver.receive(response))

    def tombstone(self) -> Tombstone | None:
        found = self.agent.reports.table.get(codec.TOMBSTONE, "shop/api")
        return codec.decode(Tombstone, found.body) if found is not None else None

    def problems(self) -> tuple[str, ...]:
        found = self.agent.reports.table.get(codec.OBSERVATION, "east")
        seen = codec.decode(Observation, found.body) if found is not None else None
        return tuple(finding.what for finding in seen.findings) if seen is not None else ()

    def reported(self) -> set[str]:
        return set(self.agent.reports.table.names(codec.EXPORT))


async def test_before_facts_are_known_exports_are_reported_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.quiet = False
    await world.write(shop(True))
    assert world.reported() == {"shop/api"}
    assert (codec.EXPORT, "shop/api") in world.told


async def test_a_workload_of_both_families_is_dialled_where_its_sidecar_says_it_is(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    first = shop(True)
    other = first[first.rindex("---") :].replace("api-1, namespace", "api-6, namespace")
    other = other.replace("IPv4", "IPv6").replace("[10.1.0.1]", "['FD00::1']")
    await world.write(first + other)
    assert world.agent.proxies.addresses_of("shop/api-1") == {"10.1.0.1", "fd00::1"}

    def dialled() -> list[str]:
        view = world.agent.proxies.view(("gateways",))
        name = "80.api.shop.svc.clusterset.local"
        found = view.get(ENDPOINTS, name)
        assert found is not None
        return [a for a in ("10.1.0.1", "fd00::1") if a in str(document(found.body))]

    assert dialled() == ["10.1.0.1"]
    sidecar = Proxy("shop/api-1", Kind.SIDECAR, State.SERVING, "fd00::1", 15006)
    world.agent.on_proxy(sidecar)
    await world.agent.turn()
    assert dialled() == ["fd00::1"]


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
    world.agent.pass_time(float("inf"), float("inf"))
    assert world.reported() == {"shop/api"}


async def test_an_export_that_goes_while_it_waits_is_never_reported(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    await world.write(shop(True))
    await world.write(shop(True, exported=False))
    world.agent.pass_time(float("inf"), float("inf"))
    await world.write("")
    world.agent.pass_time(float("inf"), float("inf"))
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
    world.agent.pass_time(float("inf"), float("inf"))
    found = world.agent.reports.table.get(codec.BACKEND, "shop/api")
    assert found is not None
    assert codec.decode(Backend, found.body).ready == 3


@pytest.mark.looptime
async def test_an_export_that_no_proxy_confirms_is_reported_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write("")
    await world.complete_facts()
    world.streams.quiet = False
    counting = start(named(world.agent.loops(), "times").run(), "counts")
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
    assert codec.decode(Backend, found.body).ready == 1


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
    layers = again.agent.proxies.admit(Kind.SIDECAR, "shop/client", "a")[0]
    names = again.agent.proxies.view(layers).names(CLUSTER)
    assert list(names) == ["out~80.api.shop.svc.clusterset.local~"]


async def test_an_agent_that_starts_again_leads_nobody_away_before_it_knows_what_is_here(
    tmp_path: Path,
) -> None:
    """Facts are on disk, objects are read file by file: to its own sidecars nothing has changed."""
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    for cluster_id in ("east", "west"):
        there = cluster(cluster_id, gateways=(WESTERN,) if cluster_id == "west" else ())
        world.fact(codec.CLUSTER, cluster_id, codec.encode(there))
        found = codec.encode(backend(cluster_id))
        world.fact(codec.BACKEND, f"shop/api@{cluster_id}", found)
    world.fact(codec.SERVICE, "shop/api", codec.encode(service("east", "west")))
    for part in ("", shop(exported=False), shop()):
        world.agent.on_source(world.source.write(part, live=False))
        await world.complete_facts()
        assert table_of_sidecar(world, ENDPOINTS) == {}
        assert world.reported() == set()
        assert world.streams.woken == 0
    await world.write(shop(True))
    assert "10.1.0.1" in table_of_sidecar(world, ENDPOINTS)[OUT]
    assert world.streams.woken == 1


async def test_what_was_here_and_is_missing_leaves_proxies_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    await know_west(world)
    assert table_of_sidecar(world, ENDPOINTS) == {}
    await world.write("kind: Node\napiVersion: v1\nmetadata: {name: n1}\n")
    assert list(table_of_sidecar(world, ENDPOINTS)) == [OUT], "believed: it is gone"


@pytest.mark.looptime
async def test_sidecars_wait_until_the_source_was_read_but_not_for_ever(tmp_path: Path) -> None:
    world = World(tmp_path)
    now = asyncio.get_running_loop().time
    began = now()
    await world.agent.source_read()
    assert now() - began == SOURCE_WAIT_SECONDS
    await world.write("")
    await world.agent.source_read()
    assert now() - began == SOURCE_WAIT_SECONDS


WEST = ClusterId("west")
WESTERN = Gateway("g1", "10.2.0.1", 15443, "a")
OUT = "out~80.api.shop.svc.clusterset.local~"


async def know_west(world: World) -> None:
    """A service of `west`, which has one gateway and lies in our region."""
    there = cluster("west", gateways=(WESTERN,))
    world.fact(codec.SERVICE, "shop/api", codec.encode(service("west")))
    world.fact(codec.BACKEND, "shop/api@west", codec.encode(backend("west")))
    world.fact(codec.CLUSTER, "west", codec.encode(there))
    world.fact(codec.CLUSTER, "east", codec.encode(cluster("east")))
    await world.complete_facts()
    await world.write("")


def gateway(*remotes: Remote, state: State = State.SERVING) -> Proxy:
    return Proxy("gw", Kind.GATEWAY, state, "10.1.0.1", 15443, remotes=remotes)


def sees(answers: bool = True, rtt: float = 0.0) -> tuple[Remote, Remote]:
    """Another cluster that answers, so that our gateway is not itself cut off, and west."""
    return Remote(ClusterId("other"), "g1", True), Remote(WEST, "g1", answers, rtt)


def table_of_sidecar(world: World, type_url: str) -> dict[str, str]:
    """What a sidecar of zone a gets, as text by name."""
    view = world.agent.proxies.view(world.agent.proxies.admit(Kind.SIDECAR, "shop/client", "a")[0])
    found = {name: view.get(type_url, name) for name in view.names(type_url)}
    return {name: str(document(f.body)) for name, f in found.items() if f is not None}


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


def passed_on(world: World) -> int:
    """To how many endpoints of the service gateways pass connections on."""
    view = world.agent.proxies.view(world.agent.proxies.admit(Kind.GATEWAY, "gw", "")[0])
    found = view.get(ENDPOINTS, "80.api.shop.svc.clusterset.local")
    assert found is not None
    return found.body.count(b"10.1.0.")


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


async def test_what_is_seen_again_is_not_told_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    for _ in range(3):
        world.agent.on_proxy(gateway(*sees()))
    assert world.told.count((codec.OBSERVATION, "east")) == 1


async def test_what_a_gateway_saw_before_it_went_goes_with_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    world.agent.on_proxy(gateway(*sees(answers=False)))
    world.agent.on_proxy(gateway(*sees(answers=False), state=State.DRAINING))
    await world.agent.turn()
    assert "DEGRADED" not in table_of_sidecar(world, ENDPOINTS)[OUT]


async def test_a_cluster_that_answers_again_is_held_before_it_is_trusted(tmp_path: Path) -> None:
    """West is lost while the own workload serves; back, it does not take its turn at once."""
    world = World(tmp_path)
    await know_west(world)
    assert world.agent._recovery.due(0.0) is None
    for answers in (False, True):
        world.agent.on_proxy(gateway(*sees(answers=answers)))
        await world.agent.turn()
    now = asyncio.get_running_loop().time()
    assert world.agent._recovery.due(now) == pytest.approx(now + DAMPING.hold, abs=1.0)


async def test_the_gateways_of_others_are_checked_by_ours(tmp_path: Path) -> None:
    world = World(tmp_path)
    await know_west(world)
    view = world.agent.proxies.view(world.agent.proxies.admit(Kind.GATEWAY, "gw", "")[0])
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


async def test_an_export_keeps_its_age_over_a_restart(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    await world.write(shop(True))
    found = world.agent.reports.table.get(codec.EXPORT, "shop/api")
    assert found is not None
    assert codec.decode(Export, found.body).created == 7


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
    times = start(named(world.agent.loops(), "times").run(), "times")
    await world.write(shop(True))
    world.agent.on_quiet()
    assert world.reported() == set()
    await asyncio.sleep(0.04)
    assert world.reported() == {"shop/api"}
    await cancel(times)


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
        return set(world.agent.proxies.view([NAMES]).names(codec.SERVICE_NAMES))

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


async def test_what_was_seen_to_go_is_told_before_it_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    await world.write(shop(True, exported=False))
    assert world.tombstone() == Tombstone(API, EAST, export=True, endpoints=True)
    order = [told for told in world.told if told[1] == "shop/api"]
    assert order.index((codec.TOMBSTONE, "shop/api")) < len(order) - 1
    await world.write(shop(True))
    world.agent.pass_time(float("inf"), float("inf"))
    assert world.tombstone() is None


async def test_what_was_missing_when_the_source_could_be_read_again_was_not_seen_to_go(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    await world.write(shop(True, exported=False), live=False)
    assert world.tombstone() is None
    assert world.reported() == set()


async def test_workloads_that_do_not_answer_are_seen_whatever_the_source_says(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.write(shop(True), live=False)
    sick = replace(gateway(), unhealthy=("10.1.0.1",), sees_healthy=True)
    world.agent.on_proxy(sick)
    await world.agent.turn()
    assert world.tombstone() == Tombstone(API, EAST, endpoints=True)


async def test_an_empty_source_at_the_start_withdraws_nothing(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    await world.complete_facts()
    await world.write("")
    assert not world.agent.reports.table.is_complete(codec.EXPORT)
    assert world.streams.woken == 0, "nor are the own proxies told"
    assert "exported shop/api before" in world.problems()[0]
    await world.write(shop(True))
    assert world.agent.reports.table.is_complete(codec.EXPORT)
    assert world.streams.woken == 1
    assert world.problems() == ()


async def test_an_empty_source_keeps_the_age_of_what_was_exported(tmp_path: Path) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7}')
    world = World(tmp_path)
    world.agent.load()
    await world.write("")
    assert "shop/api" in (tmp_path / "first-seen.json").read_text()


async def test_a_file_that_was_never_read_holds_up_a_start_that_misses_exports(
    tmp_path: Path,
) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7, "shop/web": 8}')
    world = World(tmp_path)
    world.agent.load()
    world.source.break_file("web.yaml")
    await world.write(shop(True))
    assert world.reported() == {"shop/api"}, "what is there is told"
    assert not world.agent.reports.table.is_complete(codec.EXPORT)
    assert any("web.yaml cannot be read" in problem for problem in world.problems())


async def test_a_gateway_that_was_killed_is_told_at_the_second_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    world.agent.on_proxy(gateway())
    world.streams.there = {Kind.GATEWAY: {"gw"}}
    await world.agent._meet_gateways()
    await world.agent._look_around()
    assert world.problems() == ()
    world.streams.there = {}
    world.agent.on_gone(Kind.GATEWAY, "gw")
    await world.agent._look_around()
    assert world.problems() == (), "it may connect anew"
    await world.agent._look_around()
    assert world.problems() == ("gateway gw is not connected to its agent",)
    world.streams.there = {Kind.GATEWAY: {"gw"}}
    world.agent.on_proxy(gateway(state=State.STARTING))
    await world.agent._look_around()
    assert world.problems() == ("gateway gw says that it does not serve",)
    world.agent.on_proxy(gateway())
    await world.agent._look_around()
    assert world.problems() == ()
    world.agent.on_proxy(gateway(state=State.STOPPED))
    world.streams.there = {}
    await world.agent._look_around()
    await world.agent._look_around()
    assert world.problems() == (), "one that went in order is not missed"


async def test_a_sidecar_of_a_pod_that_is_not_there_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.there = {Kind.SIDECAR: {"shop/ghost"}}
    await world.agent._look_around()
    assert world.problems() == (), "the source has not been read yet"
    await world.write(shop(True))
    await world.agent._look_around()
    assert world.problems() == ("a sidecar says that it is of Pod shop/ghost, which is not there",)


async def test_a_token_that_somebody_has_shown_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.tokens = {"DNS server at 10.0.0.5": "its token ends"}
    await world.agent._look_around()
    assert world.problems() == ("its token ends",)


async def test_a_proxy_that_was_turned_away_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.streams.refused = {"proxy at 10.0.0.5": "a proxy gets no certificate"}
    await world.agent._look_around()
    assert world.problems() == ("a proxy gets no certificate",)


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


@pytest.mark.looptime
async def test_a_bundle_counts_as_believed_once_every_proxy_has_taken_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    bundle = resource("west.mesh.test", codec.encode(Bundle("west.mesh.test", ("PEM",))))
    said = Response(codec.BUNDLE, "1", (bundle,), complete=1)
    world.agent.on_facts(world.agent.receiver.receive(said))

    def believed() -> tuple[tuple[str, str], ...]:
        found = world.agent.reports.table.get(codec.OBSERVATION, EAST)
        return codec.decode(Observation, found.body).believed if found else ()

    assert believed() == (), "proxies of an earlier agent had no time to come back"
    world.streams.taken = False
    gateways = start(named(world.agent.loops(), "gateways").run(), "gateways")
    await asyncio.sleep(GATEWAYS_WAIT_SECONDS + 0.1)
    assert believed() == ()
    world.streams.taken = True
    world.agent.on_believed()
    assert believed() == (("west.mesh.test", bundle.version),)
    await cancel(gateways)


async def test_grpc_clients_believe_who_is_not_revoked(tmp_path: Path) -> None:
    file = tmp_path / "anchors.pem"
    agent = Agent(EAST, FakeSource(), tmp_path, anchors=file)
    agent.connect(Streams(), lambda _type, _name: None)

    def hear(nonce: str, **anchors: tuple[str, ...]) -> None:
        found = tuple(
            resource(name, codec.encode(Bundle(name, given))) for name, given in anchors.items()
        )
        agent.on_facts(agent.receiver.receive(Response(codec.BUNDLE, nonce, found)))

    hear("1", west=("WEST",), east=("EAST\n", "NEW"))
    assert file.read_text() == "EAST\nNEW\nWEST\n"
    hear("2", west=())
    assert file.read_text() == "EAST\nNEW\n"
