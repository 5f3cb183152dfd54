"""What proxies say becomes news once, and is forgotten when it must be."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.health.proxy_reports import ProxyChanges, ProxyReports
from federation.model.exports import Gateway
from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.model.proxies import Kind, Proxy, State
from federation.runtime.disk import Disk

WEST = ClusterId("west")
SIDECAR = Proxy("shop/api-1", Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006)
GATEWAY = Proxy(
    "gw", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443, unhealthy=("10.0.0.2",), sees_healthy=True
)
CUT_OFF = (Remote(WEST, "far", answers=False), Remote(WEST, "near", answers=True))


@pytest.fixture
def heard(tmp_path: Path) -> ProxyReports:
    found = ProxyReports(tmp_path, Disk())
    found.load()
    return found


def test_a_sidecar_that_goes_or_whose_application_died_is_news_once(heard: ProxyReports) -> None:
    assert heard.record(SIDECAR, 0) == ProxyChanges()
    for changed in (replace(SIDECAR, state=State.DRAINING), replace(SIDECAR, dead_ports=(8080,))):
        assert heard.record(changed, 0).workloads == {"shop/api-1"}
        assert heard.record(changed, 0) == ProxyChanges()
    assert heard.local_health.dead == {"shop/api-1": {8080}}
    assert heard.record(SIDECAR, 0).workloads == {"shop/api-1"}
    assert not heard.local_health.dead


def test_a_gateway_tells_of_itself_of_workloads_and_of_others(heard: ProxyReports) -> None:
    news = heard.record(replace(GATEWAY, remotes=CUT_OFF), 0)
    assert news.addresses == {"10.0.0.2"}
    assert news.clusters == {WEST}
    assert news.gateways == (("gw", Gateway("gw", "10.1.0.1", 15443)),)
    assert heard.reachability.unreachable == {(WEST, "far")}
    assert heard.observation(ClusterId("east")).remotes == CUT_OFF


def test_a_gateway_that_falls_silent_sees_nothing_but_is_still_led_to(heard: ProxyReports) -> None:
    heard.record(replace(GATEWAY, remotes=CUT_OFF), 0)
    assert heard.disconnect(Kind.GATEWAY, "gw", is_known=True) == ProxyChanges(
        clusters=frozenset({WEST})
    )
    assert not heard.reachability.unreachable


def test_a_workload_that_falls_silent_keeps_its_verdict_while_it_is_known(
    heard: ProxyReports,
) -> None:
    heard.record(replace(SIDECAR, state=State.DRAINING), 0)
    heard.disconnect(Kind.SIDECAR, "shop/api-1", is_known=True)
    assert heard.local_health.leaving == {"shop/api-1"}
    heard.disconnect(Kind.SIDECAR, "shop/api-1", is_known=False)
    assert not heard.local_health.leaving


def test_a_gateway_that_was_silent_for_an_hour_is_withdrawn(heard: ProxyReports) -> None:
    heard.record(GATEWAY, 0)
    assert heard.forget({"gw"}, 3000) == ProxyChanges()
    assert heard.forget((), 6000) == ProxyChanges()
    assert heard.forget((), 6601).gateways == (("gw", None),)


def test_the_next_agent_knows_the_gateways(heard: ProxyReports, tmp_path: Path) -> None:
    assert heard.never_had_a_gateway
    heard.record(GATEWAY, 0)
    later = ProxyReports(tmp_path, Disk())
    assert not later.never_had_a_gateway
    assert [gateway.name for gateway in later.load()] == ["gw"]
