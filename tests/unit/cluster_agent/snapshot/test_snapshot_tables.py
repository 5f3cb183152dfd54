"""Tables with owners: what is gone stays until nobody can name it any more."""

from cluster_agent.snapshot.tables import Changed, Tables
from federation.envoy.build import Resource
from federation.model.types import CLUSTER, ROUTE

A = Resource(CLUSTER, "a", b"1")
B = Resource(CLUSTER, "b", b"1")


def names(tables: Tables) -> set[str]:
    return set(tables.open("t").names(CLUSTER))


def test_an_owner_says_what_it_has_and_the_difference_is_told() -> None:
    tables = Tables(("t",))
    assert tables.put("t", "one", (A, B)) == [
        Changed("t", CLUSTER, "a"),
        Changed("t", CLUSTER, "b"),
    ]
    changed = Resource(CLUSTER, "b", b"2")
    assert tables.put("t", "one", (A, changed)) == [Changed("t", CLUSTER, "b")]
    assert tables.put("t", "one", (A, changed)) == []
    assert not tables.has_left


def test_what_is_gone_goes_when_it_is_dropped() -> None:
    tables = Tables(("t",))
    tables.put("t", "one", (A, B))
    assert tables.put("t", "one", (A,)) == []
    assert names(tables) == {"a", "b"}
    assert tables.has_left
    assert tables.drop_left() == [Changed("t", CLUSTER, "b")]
    assert names(tables) == {"a"}
    assert tables.drop_left() == []
    assert not tables.has_left


def test_what_comes_back_before_stays_whoever_brings_it() -> None:
    for owner in ("one", "other"):
        tables = Tables(("t",))
        tables.put("t", "one", (A,))
        tables.put("t", "one", ())
        assert tables.put("t", owner, (A,)) == []
        assert tables.drop_left() == []
        assert names(tables) == {"a"}


def test_a_table_that_is_closed_takes_along_what_was_leaving() -> None:
    tables = Tables(("t",))
    tables.open("own")
    tables.put("own", "one", (A, B))
    tables.put("own", "one", (A,))
    tables.close("own", ("one",))
    assert "own" not in tables
    assert tables.drop_left() == []
    tables.open("own")
    assert len(tables.put("own", "one", (A,))) == 1, "nothing is known of the one before"


def test_a_resource_without_an_owner_is_put_and_leaves_alone() -> None:
    tables = Tables(("t",))
    assert tables.put_one("t", ROUTE, "r", b"1") == [Changed("t", ROUTE, "r")]
    assert tables.put_one("t", ROUTE, "r", b"1") == []
    tables.leave("t", ROUTE, "r")
    assert tables.drop_left() == [Changed("t", ROUTE, "r")]
    tables.leave("t", ROUTE, "never there")
    assert tables.drop_left() == []
