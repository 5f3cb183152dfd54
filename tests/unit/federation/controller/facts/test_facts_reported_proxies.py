"""What clusters say of their proxies is kept by cluster and name, and who changed is known."""

from federation.controller.facts.reported_proxies import ReportedProxies
from federation.model.names import ClusterId
from federation.model.proxies import Kind, KnownProxy, State

EAST, WEST = ClusterId("east"), ClusterId("west")
GATEWAY = KnownProxy(Kind.GATEWAY, "gw", True, State.SERVING)


def test_clusters_do_not_see_into_each_other() -> None:
    proxies = ReportedProxies()
    proxies.take(EAST, "gateway/gw", GATEWAY)
    assert proxies.get(EAST, "gateway/gw") == GATEWAY
    assert proxies.get(WEST, "gateway/gw") is None
    assert proxies.names(EAST) == ["gateway/gw"]
    assert proxies.names(WEST) == []


def test_what_changed_is_to_be_shown_what_is_gone_too() -> None:
    proxies = ReportedProxies()
    proxies.take(EAST, "gateway/gw", GATEWAY)
    proxies.to_show.clear()
    proxies.take(EAST, "gateway/gw", None)
    assert list(proxies.to_show) == [(EAST, "gateway/gw")]
    assert proxies.get(EAST, "gateway/gw") is None
    proxies.take(EAST, "gateway/gw", None)
    assert proxies.names(EAST) == []
