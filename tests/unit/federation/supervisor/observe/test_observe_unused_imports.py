"""What nobody has called for long enough is found, and nothing that is in use."""

from pathlib import Path

from federation.supervisor.observe.unused_imports import Unused, UnusedImports, Use, read_use

ANSWER = b"""cluster.out~80.api.shop.svc.clusterset.local~.upstream_rq_active: 1
cluster.out~80.api.shop.svc.clusterset.local~.upstream_rq_total: 12
cluster.far~80.api.shop.svc.clusterset.local~.upstream_rq_total: 0
"""
OUT, FAR = "out~80.api.shop.svc.clusterset.local~", "far~80.api.shop.svc.clusterset.local~"


def test_requests_are_read_for_each_cluster() -> None:
    assert read_use(ANSWER) == {OUT: Use(12, 1), FAR: Use(0, 0)}
    assert read_use(b"") == {}


def test_a_cluster_is_unused_after_its_time_without_a_request() -> None:
    unused = Unused(10.0)
    assert unused.note({"a": Use(1), "b": Use(1)}, 0.0) == frozenset()
    assert unused.note({"a": Use(1), "b": Use(2)}, 9.0) == frozenset()
    assert unused.note({"a": Use(1), "b": Use(2)}, 10.0) == {"a"}
    assert unused.note({"a": Use(1), "b": Use(2)}, 19.0) == {"a", "b"}


def test_a_request_that_is_still_under_way_is_use() -> None:
    unused = Unused(10.0)
    unused.note({"a": Use(1, 1)}, 0.0)
    assert unused.note({"a": Use(1, 1)}, 50.0) == frozenset()
    assert unused.note({"a": Use(1, 0)}, 55.0) == frozenset()
    assert unused.note({"a": Use(1, 0)}, 60.0) == {"a"}


def test_the_counters_of_another_envoy_begin_anew() -> None:
    unused = Unused(10.0)
    unused.note({"a": Use(5)}, 0.0)
    assert unused.note({"a": Use(0)}, 10.0) == frozenset()
    unused.note({}, 11.0)
    assert unused.note({"a": Use(0)}, 30.0) == frozenset(), "it was gone in between"


def test_nothing_is_looked_at_when_nothing_is_let_go() -> None:
    assert UnusedImports(Path("s"), 0, lambda _: None).loops() == ()
    (loop,) = UnusedImports(Path("s"), 100, lambda _: None).loops()
    assert loop.name == "unused"
