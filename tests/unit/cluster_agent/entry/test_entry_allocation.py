"""Addresses stay: over changes, over restarts, and for ten minutes after they were given up."""

import json
from typing import Any

import pytest

from cluster_agent.entry.allocation import REST_SECONDS, Addresses

ALL = {"gw-1", "gw-2"}


def addresses(kept: dict[str, Any] | None = None) -> Addresses:
    found = Addresses()
    if kept is not None:
        found.restore(kept)
    found.set_range("gw-1", "10.0.0.0/29")
    return found


def test_a_name_keeps_its_address_over_a_restart() -> None:
    first = addresses()
    numbers = {name: first.give(name, 0.0) for name in ("shop/api", "shop/web")}
    first.give_up("shop/api", 1.0)
    again = addresses(json.loads(json.dumps(first.document())))
    assert again.gateways == ("gw-1",)
    assert again.give("shop/new", 2.0) not in numbers.values()
    assert {name: again.give(name, 2.0) for name in ("shop/web", "shop/api")} == numbers


def test_every_gateway_has_the_same_number_within_its_own_range() -> None:
    found = addresses()
    found.set_range("gw-2", "fd00::/64")
    number = found.give("shop/api", 0.0)
    assert number is not None
    assert found.at("gw-1", number) == f"10.0.0.{number + 1}"
    assert found.at("gw-2", number) == f"fd00::{number + 1:x}"
    assert found.at("gw-3", number) is None
    assert found.at("gw-1", 6) is None, "that is the broadcast address"


def test_what_was_given_up_rests_before_another_gets_it() -> None:
    found = addresses()
    numbers = [found.give(f"shop/{i}", 0.0) for i in range(6)]
    assert sorted(n for n in numbers if n is not None) == list(range(6))
    assert found.give("shop/late", 0.0) is None
    assert "are full: 1 have none, such as shop/late" in found.troubles(ALL)[0]
    found.give_up("shop/3", 10.0)
    assert found.give("shop/late", 9.0 + REST_SECONDS) is None
    assert found.give("shop/late", 10.0 + REST_SECONDS) == numbers[3]
    assert found.troubles(ALL) == ()


def test_without_a_range_nobody_misses_an_address() -> None:
    found = Addresses()
    assert found.give("shop/api", 0.0) is None
    assert found.troubles(ALL) == ()


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"ranges": {"gw": "no"}, "numbers": {}, "resting": {}},
        {"ranges": {}, "numbers": {"a": None}, "resting": {}},
        {"ranges": {}, "numbers": {}, "resting": {"a": 1}},
    ],
)
def test_what_is_no_document_is_refused_and_changes_nothing(kept: dict[str, Any]) -> None:
    found = addresses()
    with pytest.raises(ValueError):  # noqa: PT011 - the caller tells it on
        found.restore(kept)
    assert list(found.gateways) == ["gw-1"]


def test_only_what_must_be_kept_is_a_change() -> None:
    found = addresses()
    found.give("shop/api", 0.0)
    before = found.version
    found.give("shop/api", 5.0)
    found.set_range("gw-1", "10.0.0.0/29")
    assert found.version == before
    found.give_up("shop/api", 6.0)
    assert found.version > before


def test_an_agent_without_its_file_gives_the_same_addresses_again() -> None:
    numbers = []
    for _ in range(2):
        found = Addresses()
        found.set_range("gw", "10.96.0.0/16")
        numbers.append([found.give(f"shop/service-{i}", 0.0) for i in range(20)])
    assert numbers[0] == numbers[1]
    assert len(set(numbers[0])) == 20


def test_a_range_that_is_too_small_for_what_the_others_gave_is_said() -> None:
    found = Addresses()
    found.set_range("gw-1", "10.96.0.0/16")
    number = found.give("shop/api", 0.0)
    assert number is not None
    found.set_range("gw-2", "10.97.0.0/30")
    assert found.at("gw-2", number) is None
    (trouble,) = found.troubles(ALL)
    assert "gateway gw-2 has the entry addresses 10.97.0.0/30, too few" in trouble
    assert found.troubles({"gw-1"}) == (), "it has gone"
    found.set_range("gw-2", "10.97.0.0/16")
    assert found.troubles(ALL) == ()


def test_ranges_that_overlap_are_not_used_both_unless_they_are_equal() -> None:
    found = addresses()
    assert not found.set_range("gw-2", "10.0.0.0/28")
    assert list(found.gateways) == ["gw-1"]
    assert "overlap those of gateway gw-1 (10.0.0.0/29)" in found.troubles(ALL)[0]
    assert found.set_range("gw-2", "10.0.0.0/29")
    assert list(found.gateways) == ["gw-1", "gw-2"]
    assert found.troubles(ALL) == ()
    assert found.set_range("gw-3", "fd00::/64")


def test_a_gateway_that_went_in_order_is_gone_ten_minutes_later_unless_it_is_back() -> None:
    found = addresses()
    found.set_range("gw-2", "10.0.1.0/29")
    found.leave("gw-2", 100.0)
    assert list(found.staying) == ["gw-1"]
    assert found.gone(99.0 + REST_SECONDS) == ()
    assert found.gone(100.0 + REST_SECONDS) == ("gw-2",)
    again = addresses(json.loads(json.dumps(found.document())))
    assert again.gone(100.0 + REST_SECONDS) == ("gw-2",)
    again.set_range("gw-2", "10.0.1.0/29")
    assert again.gone(100.0 + REST_SECONDS) == ()
    found.leave("gw-1", 100.0)
    assert list(found.staying) == ["gw-1", "gw-2"], "when all go, all stay"


def test_whom_dns_leads_to_is_kept() -> None:
    found = addresses()
    assert found.shown is None
    assert found.set_serving(frozenset({"gw-1"}))
    assert not found.set_serving(frozenset({"gw-1"}))
    assert sorted(addresses(json.loads(json.dumps(found.document()))).shown or ()) == ["gw-1"]
