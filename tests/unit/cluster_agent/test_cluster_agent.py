"""The agent's main flow: objects up, facts down, and in which order others hear of it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.gateway_watch import WAIT_SECONDS
from federation.model.exports import Backend, Export, Tombstone
from federation.model.facts import Bundle
from federation.model.observations import Observation
from federation.model.proxies import Kind, Proxy, State
from federation.model.types import ENDPOINTS
from federation.runtime.tasks import cancel, start
from federation.wire import codec
from federation.xds.messages import Response
from federation.xds.nacks import Nack
from federation.xds.resources import resource
from tests.unit.builders import API, backend, cluster, service
from tests.unit.fakes.agents import (
    EAST,
    EXPORT,
    OUT,
    WESTERN,
    World,
    gateway,
    know_west,
    sees,
    table_of_sidecar,
)
from tests.unit.fakes.loops import named
from tests.unit.fakes.shop import shop
from tests.unit.goldens import document


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
    assert world.agent.down.snapshots.sidecars.addresses_of("shop/api-1") == {"10.1.0.1", "fd00::1"}

    def dialled() -> list[str]:
        view = world.agent.down.snapshots.view(("gateways",))
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
    world.agent.on_refusals((Nack(codec.EXPORT, "shop/api", "v", "not allowed"),))
    await world.agent.tell_status()
    assert world.status.told[EXPORT][0].reason == "NotAllowed"
    world.agent.on_refusals(())
    await world.agent.tell_status()
    assert world.status.told[EXPORT][0].status == "True"


async def test_only_what_may_be_news_of_exports_is_told_and_what_failed_again(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    await world.write(shop(True))
    await world.agent.tell_status()
    await world.agent.tell_status()
    assert [set(news) for news in world.status.news] == [{EXPORT}, set()]
    await world.write(shop(True, False))
    world.status.errors.append(OSError("no room"))
    with pytest.raises(OSError, match="no room"):
        await world.agent.tell_status()
    await world.agent.tell_status()
    assert set(world.status.news[-1]) == {EXPORT}
    await world.write(shop(True, exported=False))
    world.status.errors.append(OSError("no room"))
    with pytest.raises(OSError, match="no room"):
        await world.agent.tell_status()
    await world.agent.tell_status()
    assert (world.status.news[-1], world.status.told) == ({EXPORT: None}, {})


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


@pytest.mark.looptime
async def test_a_bundle_counts_as_believed_once_every_proxy_has_taken_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    bundle = resource("west.mesh.test", codec.encode(Bundle("west.mesh.test", ("PEM",))))
    said = Response(codec.BUNDLE, "1", (bundle,), complete=1)
    world.agent.on_facts(world.agent.down.receiver.receive(said))

    def believed() -> tuple[tuple[str, str], ...]:
        found = world.agent.reports.table.get(codec.OBSERVATION, EAST)
        return codec.decode(Observation, found.body).believed if found else ()

    assert believed() == (), "proxies of an earlier agent had no time to come back"
    world.streams.taken = False
    gateways = start(named(world.agent.loops(), "gateways").run(), "gateways")
    await asyncio.sleep(WAIT_SECONDS + 0.1)
    assert believed() == ()
    world.streams.taken = True
    world.agent.on_secrets_taken()
    assert believed() == (("west.mesh.test", bundle.version),)
    await cancel(gateways)
