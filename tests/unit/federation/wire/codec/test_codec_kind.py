"""The table of kinds: every row is whole, and what derives from it is in the right order."""

import dataclasses

import pytest

from federation.model.errors import InvalidInput
from federation.model.exports import Gateway
from federation.model.facts import Bundle
from federation.model.names import ClusterId
from federation.model.zones import GatewayNames
from federation.wire import codec
from federation.wire.codec.kind import Owner, Seen, Withdrawal, reporter_of
from federation.xds.resources import Resource
from tests.unit.builders import backend, cluster, export, gateway, headless, service


def test_every_kind_that_travels_has_a_row() -> None:
    assert codec.KINDS.keys() == {*codec.REPORTS, *codec.FACTS, *codec.NAMES, codec.PROXY}


def test_reports_go_up_with_what_is_behind_a_service_before_its_export() -> None:
    assert codec.REPORTS == (
        codec.TOMBSTONE,
        codec.OBSERVATION,
        codec.GATEWAY,
        codec.HEADLESS,
        codec.BACKEND,
        codec.EXPORT,
        codec.KNOWN_PROXY,
    )
    assert {*codec.REPORTS} - {codec.KNOWN_PROXY} == codec.AWAITED
    rules = {rule.type_url: rule for rule in codec.REPORT_RULES}
    assert rules[codec.EXPORT].after == (codec.GATEWAY, codec.HEADLESS, codec.BACKEND)
    assert rules[codec.EXPORT].removals_after == (codec.TOMBSTONE,)
    assert rules[codec.BACKEND].removals_after == (codec.EXPORT,)


def test_facts_come_down_with_services_last_and_their_removals_first() -> None:
    *others, last = codec.FACT_RULES
    assert codec.FACTS == (
        codec.BUNDLE,
        codec.CLUSTER,
        codec.HEADLESS,
        codec.BACKEND,
        codec.SERVICE,
    )
    assert last.type_url == codec.SERVICE
    assert last.after == codec.FACTS[:-1]
    assert all(rule.removals_after == (codec.SERVICE,) for rule in others)


@pytest.mark.parametrize("type_url", [*codec.REPORTS, *codec.FACTS, *codec.NAMES, codec.PROXY])
def test_rules_name_only_kinds_of_their_own_stream(type_url: str) -> None:
    report = codec.REPORTED.get(type_url)
    if report is not None:
        assert {*report.after, *report.removals_after} <= set(codec.REPORTS) - {type_url}


def test_a_fact_of_its_reporter_names_that_cluster() -> None:
    for type_url, fact in codec.TOLD.items():
        kind = codec.KINDS[type_url]
        assert (fact.owner is Owner.REPORTER) == (kind.report is not None)
        assert fact.owner is not Owner.REPORTER or kind.cluster is not None
    assert codec.fact_of(backend("west")).name == "shop/api@west"
    assert codec.resource_of(backend("west")).name == "shop/api"
    assert reporter_of(codec.fact_of(headless("west")).name) == "west"
    assert codec.fact_of(cluster("east")).name == "east"
    assert codec.resource_of(gateway()).name == gateway().name


def test_addresses_of_workloads_stay_in_their_network() -> None:
    seen = {t for t, fact in codec.TOLD.items() if fact.seen is Seen.IN_ITS_NETWORK}
    assert seen == {codec.HEADLESS}


def test_only_what_is_told_again_is_not_stored() -> None:
    passing = {t for t, report in codec.REPORTED.items() if not report.stored}
    assert passing == {codec.TOMBSTONE, codec.OBSERVATION, codec.KNOWN_PROXY}
    withdrawals = {codec.REPORTED[t].withdrawal for t in passing}
    assert withdrawals == {Withdrawal.WITNESS, Withdrawal.FREE}


def test_values_are_written_and_read_by_their_row() -> None:
    for value in (export(), backend(), headless("west", "10.0.0.1"), gateway(), cluster()):
        assert codec.decode(type(value), codec.encode(value)) == value


def test_a_value_of_no_kind_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        codec.encode(object())


def test_rows_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        codec.KINDS[codec.GATEWAY].value = Gateway  # type: ignore[misc]


@pytest.mark.parametrize(
    "value",
    [service("west"), backend("west"), cluster("west"), Bundle("west.mesh.test", ("PEM",))],
    ids=lambda value: type(value).__name__,
)
def test_a_fact_must_be_what_its_name_says(value: object) -> None:
    fact = codec.fact_of(value)
    type_url = codec.kind_of(value).type_url
    assert codec.read_fact(type_url, fact) == value
    for name in ("east", "shop/api@east", "shop/other", "", "shop/api\n"):
        with pytest.raises(InvalidInput, match="it describes"):
            codec.read_fact(type_url, Resource(name, fact.version, fact.body))
    with pytest.raises(InvalidInput):
        codec.read_fact(type_url, Resource(fact.name, fact.version, b"\xff"))


def test_a_report_is_no_fact() -> None:
    with pytest.raises(InvalidInput, match="is no fact"):
        codec.read_fact(codec.GATEWAY, codec.resource_of(gateway()))


def test_what_is_told_to_dns_or_by_a_proxy_must_be_what_its_name_says() -> None:
    names = codec.resource_of(GatewayNames(ClusterId("east"), ("10.0.0.1",)))
    assert codec.read(codec.GATEWAY_NAMES, names).cluster == "east"
    with pytest.raises(InvalidInput, match="it describes gatewaynames east"):
        codec.read(codec.GATEWAY_NAMES, Resource("west", names.version, names.body))
