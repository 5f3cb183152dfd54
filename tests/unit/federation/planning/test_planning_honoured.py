"""What a Service asks for is done, or it is said that it is not (decision 002)."""

from dataclasses import replace

import pytest

from federation.model.exports import ServiceType
from federation.planning.honoured import SAME_ZONE, not_honoured
from federation.planning.plan import plan_service
from tests.unit import builders as b

API = b.service("east", "west")
HOME = b.cluster("east", zones=("a", "b"))
WEST = b.cluster("west", gateways=(b.gateway("10.2.0.1", "a"), b.gateway("10.2.0.2", "b")))


@pytest.mark.parametrize("value", ["", *SAME_ZONE, "PreferSameNode"])
def test_the_callers_zone_comes_first_whatever_is_stated(value: str) -> None:
    merged = replace(API, traffic_distribution=value)
    local = b.local_service(b.endpoint("10.0.0.1", zone="a"), b.endpoint("10.0.0.2", zone="b"))
    for zone in ("a", "b"):
        plan = plan_service(
            b.facts(merged, (b.backend("west"),), (HOME, WEST)), local, b.importer(zone=zone)
        )
        tiers = plan.ports[0].parts[0].tiers
        places = [(d.cluster, d.locality.zone) for tier in tiers[:2] for d in tier.destinations]
        assert places == [("east", zone), ("west", zone)]
        assert {d.locality.zone for tier in tiers[2:] for d in tier.destinations} == {"a", "b"} - {
            zone
        }


@pytest.mark.parametrize("value", ["", *SAME_ZONE])
def test_what_is_done_is_not_said(value: str) -> None:
    assert not_honoured(replace(API, traffic_distribution=value)) == ()


def test_what_is_not_done_is_said_with_its_value() -> None:
    found = not_honoured(
        replace(
            API,
            session_affinity="ClientIP",
            internal_traffic_policy="Local",
            traffic_distribution="PreferSameNode",
        )
    )
    assert [text.partition(":")[0] for text in found] == [
        "sessionAffinity ClientIP",
        "internalTrafficPolicy Local",
        "trafficDistribution PreferSameNode",
    ]
    (unknown,) = not_honoured(replace(API, traffic_distribution="PreferMoon"))
    assert unknown.startswith("trafficDistribution PreferMoon: not known")


def test_affinity_means_nothing_without_an_address() -> None:
    headless = replace(API, type=ServiceType.HEADLESS, session_affinity="ClientIP")
    assert not_honoured(headless) == ()
