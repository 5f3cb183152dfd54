"""Services get addresses at gateways, listeners there, and names that lead to them."""

from collections import Counter
from dataclasses import replace
from typing import Any

from cluster_agent.entry.allocation import Addresses, preferred
from cluster_agent.entry.dns_names import NAMES
from cluster_agent.entry.entry import Entry, EntryResources, variants
from federation.envoy.build import Resource
from federation.envoy.split import of_connections
from federation.model.annotations import STEERING
from federation.model.exports import Headless, Pairs, ServiceType
from federation.model.facts import Service, ServiceFacts
from federation.model.names import ClusterId
from federation.model.plans import Division, Importer, Plan
from federation.model.proxies import Kind, Node
from federation.model.types import EXTENSION, LISTENER, ROUTE
from federation.model.zones import ServiceNames
from federation.planning.plan import plan_service
from federation.wire.codec.zones import decode_service_names
from sidecar.outbound import shares_of
from tests.unit.builders import (
    API,
    backend,
    cluster,
    endpoint,
    facts,
    gateway,
    headless,
    local_service,
    port,
    service,
)
from tests.unit.goldens import document

Owned = dict[tuple[str | Node, str], tuple[Resource, ...]]
EAST = ClusterId("east")
HOST = preferred("shop/api") % 254 + 1
"""What the name of the service makes of its address in a range of 256."""
LOCAL = local_service(endpoint("10.0.0.1"), endpoint("10.0.0.2", ready=False))


def entry() -> Entry:
    return Entry(EAST, Addresses(), lambda: 0.0)


def known(
    annotations: Pairs = (),
    type: ServiceType = ServiceType.CLUSTERSET_IP,
    ready: int = 1,
    endpoints: tuple[Headless, ...] = (),
) -> tuple[ServiceFacts, Plan]:
    found = service("east", "west", ports=(port(80), port(7000, "tcp-echo", "")))
    found = Service(found.name, type, found.ports, found.exporters, annotations=annotations)
    clusters = (cluster("west", gateways=(gateway("10.2.0.1"),)), cluster("east"))
    behind = (backend("west", ready=ready, ports=(80, 7000)),)
    about = facts(found, behind, clusters, endpoints)
    return about, plan_service(about, LOCAL, Importer(EAST, "eu"))


def set_plans(entry: Entry, **about: object) -> Owned:
    found, plan = known(**about)  # type: ignore[arg-type]
    return by_owner(entry.set_plans(API, found, LOCAL, variants(found.service, plan)))


def by_owner(made: list[EntryResources]) -> Owned:
    return {(table, owner): found for table, owner, found in made}


def said(made: Owned) -> ServiceNames:
    return decode_service_names(made[NAMES, str(API)][0].body)


def listeners(found: tuple[Resource, ...]) -> list[str]:
    return sorted(r.name.removeprefix("up~") for r in found if r.type_url == LISTENER)


def test_without_a_range_a_service_has_a_name_and_no_address() -> None:
    made = set_plans(entry())
    assert list(made) == [(NAMES, "shop/api")]
    assert said(made).addresses == ()
    assert said(made).nearest == ()


def test_a_gateway_with_a_range_listens_at_every_port_of_the_service() -> None:
    found = entry()
    set_plans(found)
    made = by_owner(found.add_gateway("gw-1", "10.9.0.0/24"))
    assert found.is_used
    assert listeners(made[Node(Kind.GATEWAY, "gw-1"), "entry shop/api"]) == [
        f"10.9.0.{HOST}:7000",
        f"10.9.0.{HOST}:80",
    ]
    assert said(made).addresses == (f"10.9.0.{HOST}",)
    assert [c.addresses for c in said(made).nearest] == [(f"10.9.0.{HOST}",)]


def test_a_plan_that_changes_weights_leaves_the_listeners_alone() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    set_plans(found)
    assert list(set_plans(found, ready=5)) == [(NAMES, "shop/api")]


def test_several_gateways_have_addresses_each_and_dns_leads_to_those_that_are_there() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.1.0/24")
    found.add_gateway("gw-2", "10.9.2.0/24")
    assert said(set_plans(found)).addresses == (f"10.9.1.{HOST}", f"10.9.2.{HOST}")
    assert said(by_owner(found.set_serving(frozenset({"gw-2"})))).addresses == (f"10.9.2.{HOST}",)
    assert said(by_owner(found.set_serving(frozenset()))).addresses == (
        f"10.9.1.{HOST}",
        f"10.9.2.{HOST}",
    ), "the last"
    assert found.set_serving(frozenset({"gw-1", "gw-2"})) == []


def chosen(leading: dict[str, dict[str, Any]], address: str) -> str:
    """Which cluster the connections to an address get."""
    (said,) = leading[f"up~{address}"]["typed_config"]["on_new_connection"]
    return str(said["format_string"]["text_format_source"]["inline_string"])


def test_parts_divide_what_comes_in_at_an_address_and_the_answers_of_dns() -> None:
    about, _ = known(annotations=((STEERING, "true"),))
    divisions = (
        Division("a", 9, frozenset({EAST})),
        Division("b", 1, frozenset({ClusterId("west")})),
        Division("off", 0, frozenset({ClusterId("west")})),
    )
    here = local_service(endpoint("10.0.0.1", targets=((80, 8080), (7000, 7000))))
    plan = plan_service(about, here, Importer(EAST, "eu"), divisions=divisions)
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    made = by_owner(found.set_plans(API, about, here, variants(about.service, plan)))
    names = said(made)
    assert [choice.share for choice in names.nearest] == [9, 1]
    leading = {
        r.name: document(r.body)
        for r in made[Node(Kind.GATEWAY, "gw-1"), "entry shop/api"]
        if r.type_url in (EXTENSION, ROUTE)
    }
    (address,) = names.addresses
    route = leading[f"up~{address}:80"]["virtual_hosts"][0]["routes"][-1]["route"]
    assert [(c["name"], c["weight"]) for c in route["weighted_clusters"]["clusters"]] == [
        ("out~a.part~80.api.shop.svc.clusterset.local~", 9),
        ("out~b.part~80.api.shop.svc.clusterset.local~", 1),
    ]
    ports = plan.ports
    assert chosen(leading, f"{address}:7000") == of_connections(shares_of(ports[1]))
    (preferred_west,) = names.nearest[1].addresses
    there = chosen(leading, f"{preferred_west}:7000")
    assert there.startswith("out~prefer.west~b.part~"), "divided once"


def test_who_asks_for_steering_has_addresses_per_cluster() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    made = set_plans(found, annotations=((STEERING, "true"),))
    names = said(made)
    everything = {*names.addresses, *(a for c in names.nearest for a in c.addresses)}
    everything |= {a for _, addresses in names.only for a in addresses}
    assert len(everything) == 4, "one for all, one that prefers the own cluster, two strict ones"
    assert [cluster for cluster, _ in names.only] == ["east", "west"]
    assert len(listeners(made[Node(Kind.GATEWAY, "gw-1"), "entry shop/api"])) == 10
    assert said(set_plans(found)).only == (), "not any more"


def test_a_headless_service_has_names_of_its_ready_endpoints_and_no_address() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    names = said(set_plans(found, type=ServiceType.HEADLESS))
    assert names.addresses == ()
    assert [(e.cluster, e.hostname, e.addresses) for e in names.endpoints] == [
        ("east", "10-0-0-1", ("10.0.0.1",))
    ]
    assert [c.addresses for c in names.nearest] == [(f"10.9.0.{HOST}",)], "for mesh.local"


def test_endpoints_of_other_clusters_that_may_be_dialled_from_here_are_named_as_well() -> None:
    others = (headless("west", "10.2.0.1", "10.2.0.2"), headless("south", "10.3.0.1"))
    found = set_plans(entry(), type=ServiceType.HEADLESS, endpoints=others)
    assert [(e.cluster, e.hostname, e.addresses) for e in said(found).endpoints] == [
        ("east", "10-0-0-1", ("10.0.0.1",)),
        ("west", "pod-0", ("10.2.0.1",)),
        ("west", "pod-1", ("10.2.0.2",)),
    ], "south is not known"
    assert said(set_plans(entry(), endpoints=others)).endpoints == (), "it has an address"


def test_of_more_endpoints_than_dns_takes_each_cluster_names_its_fair_part() -> None:
    others = [f"c{n}" for n in range(5)]
    of = replace(service("east", *others), type=ServiceType.HEADLESS)
    clusters = tuple(map(cluster, ("east", *others)))
    there = tuple(
        headless(name, *(f"10.{n}.0.{i}" for i in range(250 if n else 3)))
        for n, name in enumerate(others)
    )
    about = facts(of, (), clusters, there)
    local = local_service(*(endpoint(f"10.9.0.{i}") for i in range(250)))
    plan = plan_service(about, local, Importer(EAST, "eu"))
    made = entry().set_plans(API, about, local, {"": plan})
    counts = Counter(e.cluster for e in said(by_owner(made)).endpoints)
    assert counts == {"east": 199, "c0": 3, "c1": 199, "c2": 199, "c3": 200, "c4": 200}


def test_a_service_that_is_gone_takes_listeners_and_names_along_and_keeps_its_address() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    before = said(set_plans(found)).addresses
    made = by_owner(found.set_plans(API, None, None, {}))
    assert made == {(NAMES, "shop/api"): (), (Node(Kind.GATEWAY, "gw-1"), "entry shop/api"): ()}
    assert found.set_plans(API, None, None, {}) == []
    assert said(set_plans(found)).addresses == before


def test_a_gateway_that_comes_back_is_told_everything_again() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    set_plans(found)
    assert found.add_gateway("gw-1", "10.9.0.0/24") == []
    assert found.forget("gw-1") == ["entry shop/api"]
    made = by_owner(found.add_gateway("gw-1", "10.9.0.0/24"))
    assert listeners(made[Node(Kind.GATEWAY, "gw-1"), "entry shop/api"]) == [
        f"10.9.0.{HOST}:7000",
        f"10.9.0.{HOST}:80",
    ]


def test_a_gateway_that_is_gone_for_good_takes_its_addresses_along() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.1.0/24")
    found.add_gateway("gw-2", "10.9.2.0/24")
    set_plans(found)
    found.forget("gw-1")
    assert said(by_owner(found.remove_gateway("gw-1"))).addresses == (f"10.9.2.{HOST}",)
    assert found.remove_gateway("gw-1") == []


def test_ranges_that_are_full_are_a_problem_to_be_told() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/30")
    set_plans(found)
    assert list(found.troubles) == []
    set_plans(found, annotations=((STEERING, "true"),))
    assert "are full" in found.troubles[0]


def test_nobody_is_told_of_an_address_before_gateways_listen_there() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    found.set_synced()
    made = set_plans(found)
    assert listeners(made[Node(Kind.GATEWAY, "gw-1"), "entry shop/api"])
    assert (NAMES, "shop/api") not in made
    assert found.has_waiting
    assert said(by_owner(found.release())).addresses == (f"10.9.0.{HOST}",)
    assert said(set_plans(found, ready=5)).addresses == (f"10.9.0.{HOST}",), "it is not new"


def test_what_is_listened_at_already_is_told_at_once_while_other_addresses_wait() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    before = said(set_plans(found))
    found.set_synced()
    made = set_plans(found, annotations=((STEERING, "true"),))
    assert (NAMES, "shop/api") not in made, "it would lead to an address per cluster"
    by_cluster = said(by_owner(found.release()))
    assert by_cluster.addresses == before.addresses
    assert len(by_cluster.only) == 2
    made = by_owner(found.add_gateway("gw-2", "10.9.1.0/24"))
    assert (NAMES, "shop/api") not in made
    assert said(by_owner(found.set_serving(frozenset({"gw-1"})))) == by_cluster, (
        "gw-2 is not needed"
    )
    assert found.has_waiting


def test_a_service_that_goes_while_it_waits_is_forgotten() -> None:
    found = entry()
    found.add_gateway("gw-1", "10.9.0.0/24")
    found.set_synced()
    set_plans(found)
    assert by_owner(found.set_plans(API, None, None, {}))[NAMES, "shop/api"] == ()
    assert not found.has_waiting
    assert found.release() == []


def test_an_agent_that_starts_leads_to_those_that_were_there() -> None:
    addresses = Addresses()
    first = Entry(EAST, addresses, lambda: 0.0)
    first.add_gateway("gw-1", "10.9.1.0/24")
    first.add_gateway("gw-2", "10.9.2.0/24")
    first.set_serving(frozenset({"gw-1"}))
    kept = Addresses()
    kept.restore(addresses.document())
    assert said(set_plans(Entry(EAST, kept, lambda: 0.0))).addresses == (f"10.9.1.{HOST}",)


def test_a_gateway_that_went_in_order_takes_its_addresses_along_later() -> None:
    now = 0.0
    found = Entry(EAST, Addresses(), lambda: now)
    found.add_gateway("gw-1", "10.9.1.0/24")
    found.add_gateway("gw-2", "10.9.2.0/24")
    set_plans(found)
    found.leave("gw-2")
    assert said(by_owner(found.set_serving(frozenset()))).addresses == (f"10.9.1.{HOST}",), (
        "the last"
    )
    assert found.remove_departed() == []
    now = 601.0
    assert said(by_owner(found.remove_departed())).addresses == (f"10.9.1.{HOST}",)
    assert found.remove_departed() == []
