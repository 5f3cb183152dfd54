"""A receiver sees what it asked for with all that brings, and nothing of what others ask for."""

from federation.model.imports import Import
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, LISTENER
from federation.wire.codec.imports import brought_by, encode_import
from federation.xds.messages import Request, Response
from federation.xds.on_demand import OnDemand
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from federation.xds.snapshot import Table


class World:
    """A pool with two services that share a cluster, and one that is shown to everybody."""

    def __init__(self) -> None:
        self.common, self.pool = Table(), Table()
        self.common.put(CLUSTER, resource("app", b"app"))
        for name in ("one", "two", "both"):
            self.pool.put(CLUSTER, resource(name, b"1"))
            self.pool.put(ENDPOINTS, resource(name, b"1"))
        self.lead("one.shop", "one", "both")
        self.lead("two.shop", "two", "both")
        self.view = OnDemand(IMPORT, self.common, self.pool, brought_by)

    def lead(self, name: str, *clusters: str) -> None:
        self.pool.put(IMPORT, resource(name, encode_import(Import(b"h", clusters))))

    def ask(self, *names: str) -> set[tuple[str, str]]:
        return set(self.view.follow(Request(IMPORT, subscribe=names)))

    def drop(self, *names: str) -> set[tuple[str, str]]:
        return set(self.view.follow(Request(IMPORT, unsubscribe=names)))

    def clusters(self) -> set[str]:
        return set(self.view.names(CLUSTER))


def pairs(*names: str) -> set[tuple[str, str]]:
    return {(type_url, name) for type_url in (CLUSTER, ENDPOINTS) for name in names}


def test_what_was_not_asked_for_is_not_there() -> None:
    world = World()
    assert world.clusters() == {"app"}
    assert world.view.get(CLUSTER, "one") is None
    assert world.view.get(CLUSTER, "app") is not None


def test_an_import_brings_its_clusters_and_endpoints() -> None:
    world = World()
    assert world.ask("one.shop") == pairs("one", "both")
    assert world.clusters() == {"app", "one", "both"}
    assert world.view.get(ENDPOINTS, "one") is not None
    assert world.view.get(IMPORT, "one.shop") is not None


def test_what_two_imports_bring_stays_until_both_are_gone() -> None:
    world = World()
    world.ask("one.shop", "two.shop")
    assert world.drop("one.shop") >= pairs("one")
    assert world.clusters() == {"app", "both", "two"}
    world.drop("two.shop")
    assert world.clusters() == {"app"}


def test_asking_twice_or_dropping_what_was_never_asked_for_changes_nothing() -> None:
    world = World()
    world.ask("one.shop")
    assert world.ask("one.shop") == set()
    assert world.drop("two.shop") == set()
    assert world.clusters() == {"app", "one", "both"}


def test_requests_of_other_types_are_of_no_concern() -> None:
    world = World()
    assert world.view.follow(Request(CLUSTER, subscribe=("one",))) == []
    assert world.clusters() == {"app"}


def test_a_changed_import_brings_others_and_lets_go() -> None:
    world = World()
    world.ask("one.shop")
    world.lead("one.shop", "two", "both")
    changed = world.view.changed(IMPORT, "one.shop")
    assert set(changed) == {(IMPORT, "one.shop")} | pairs("one", "two")
    assert world.clusters() == {"app", "two", "both"}


def test_a_service_that_comes_after_it_was_asked_for_is_seen() -> None:
    world = World()
    assert world.ask("late.shop") == set()
    world.lead("late.shop", "two")
    assert set(world.view.changed(IMPORT, "late.shop")) >= {(IMPORT, "late.shop")} | pairs("two")
    world.pool.drop(IMPORT, "late.shop")
    world.view.changed(IMPORT, "late.shop")
    assert world.clusters() == {"app"}


def test_changes_of_what_nobody_asked_for_concern_nobody() -> None:
    world = World()
    world.ask("one.shop")
    assert world.view.changed(CLUSTER, "two") == []
    assert world.view.changed(IMPORT, "two.shop") == []
    assert world.view.changed(CLUSTER, "one") == [(CLUSTER, "one")]


def test_it_is_complete_when_the_pool_and_the_rest_are() -> None:
    world = World()
    world.common.mark_complete(CLUSTER, LISTENER)
    assert not world.view.is_complete(CLUSTER)
    assert not world.view.is_complete(IMPORT)
    world.pool.mark_complete(IMPORT)
    assert world.view.is_complete(CLUSTER)
    assert world.view.is_complete(IMPORT)
    assert not world.view.is_complete(ENDPOINTS)


def test_what_was_on_its_way_when_it_was_asked_for_no_more_is_not_held() -> None:
    receiver = Receiver("x", (IMPORT,), by_name=(IMPORT,))
    receiver.ask(IMPORT, ("one.shop", "two.shop"))
    receiver.drop(IMPORT, ("two.shop",))
    found = tuple(resource(name, b"1") for name in ("one.shop", "two.shop"))
    received = receiver.receive(Response(IMPORT, "1", found, removed=("three.shop",)))
    assert set(receiver.held(IMPORT)) == {"one.shop"}
    assert received.settled == ("one.shop",)
    assert received.reply.error == ""
