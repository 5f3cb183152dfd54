"""New exports wait for the own proxies, but not for ever."""

from cluster_agent.report.new_exports import PENDING_SECONDS, SETTLE_SECONDS, PendingExports
from federation.model.names import ServiceName

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")


def test_what_waits_is_ripe_when_its_time_is_over_and_no_earlier() -> None:
    fresh = PendingExports()
    assert (bool(fresh), fresh.due(), fresh.ripe(1e9)) == (False, None, ())
    fresh.add(API, 10.0)
    fresh.add(API, 10.1)
    assert fresh.due() == 10.0 + PENDING_SECONDS, "seeing it again does not prolong the wait"
    assert fresh.ripe(10.0 + PENDING_SECONDS - 0.01) == ()
    assert fresh.ripe(10.0 + PENDING_SECONDS) == (API,)
    assert not fresh


def test_proxies_that_have_acknowledged_shorten_the_wait() -> None:
    fresh = PendingExports()
    fresh.add(API, 10.0)
    fresh.settle(10.05)
    assert fresh.due() == 10.05 + SETTLE_SECONDS
    fresh.settle(11.0)
    assert fresh.due() == 10.05 + SETTLE_SECONDS, "and never lengthen it"


def test_what_is_dropped_is_not_ripe() -> None:
    fresh = PendingExports()
    fresh.add(API, 10.0)
    fresh.add(WEB, 10.0)
    fresh.drop(API)
    assert fresh.ripe(1e9) == (WEB,)
