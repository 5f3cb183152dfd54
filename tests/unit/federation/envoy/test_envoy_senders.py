"""How a proxy sends: each number is bound by others, for every class of distance.

What they are for was measured on real Envoy (docs/decisions/023); the end-to-end tests of failover
see the effect.
"""

from typing import Any

import pytest

from federation.envoy.build import packed
from federation.envoy.clusters import eds_cluster
from federation.envoy.senders import HTTP_OPTIONS, NEAR, Reach, least_loaded, reach, sender_http
from federation.model.exports import AppProtocol
from federation.planning.rtt_class import FAR_FROM, LARGEST, STEP
from tests.unit.goldens import document

FAR_CLASSES = tuple(STEP * number for number in range(1, round(LARGEST / STEP) + 1))
ALL_CLASSES = (0.0, *FAR_CLASSES)


def options(rtt: float = 0.0, protocol: AppProtocol = AppProtocol.HTTP2) -> dict[str, Any]:
    (made,) = sender_http(protocol, reach(rtt)).values()
    return document(made.SerializeToString())


def http2(rtt: float = 0.0) -> dict[str, Any]:
    found: dict[str, Any] = options(rtt)["explicit_http_config"]["http2_protocol_options"]
    return found


def outliers() -> dict[str, Any]:
    found: dict[str, Any] = document(packed(eds_cluster("a")))["outlier_detection"]
    return found


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


@pytest.mark.parametrize("rtt", ALL_CLASSES)
def test_a_connection_breaks_only_after_those_that_wait_for_a_new_one_have_gone(rtt: float) -> None:
    """Or requests that wait would be put on the dead one when it breaks, and be lost."""
    cluster = document(packed(eds_cluster("a", reach(rtt))))
    alive = http2(rtt)["connection_keepalive"]
    assert seconds(alive["timeout"]) > seconds(cluster["connect_timeout"])


@pytest.mark.parametrize("rtt", ALL_CLASSES)
def test_a_busy_peer_has_longer_to_answer_than_the_way_takes(rtt: float) -> None:
    """Half a second more than the way near, and three ways: overload is not taken for death."""
    way = rtt or FAR_FROM
    assert seconds(http2(rtt)["connection_keepalive"]["timeout"]) >= max(3 * way, 0.6)
    assert seconds(document(packed(eds_cluster("a", reach(rtt))))["connect_timeout"]) >= 4 * way


def test_a_silent_near_peer_is_noticed_within_a_second() -> None:
    alive = http2()["connection_keepalive"]
    assert seconds(alive["interval"]) + seconds(alive["timeout"]) < 0.9


@pytest.mark.parametrize(
    ("rtt", "connect", "ping"),
    [(0.25, 1.0, 1.1), (0.5, 2.0, 2.1), (2.0, 8.0, 8.1)],
)
def test_time_outs_grow_with_the_round_trip_time(rtt: float, connect: float, ping: float) -> None:
    assert reach(rtt) == Reach(connect, 1.0, ping)
    assert reach(0.0) == NEAR


def test_however_many_fail_in_one_moment_nobody_is_dead_by_that() -> None:
    """One new connection that is late takes all along that wait, also of a peer that is busy."""
    assert outliers()["enforcing_consecutive_local_origin_failure"] == 0


def test_a_peer_is_dead_after_a_second_in_which_nothing_succeeded() -> None:
    """A frozen workload holds the only connection of a sender with few requests for less."""
    found, alive = outliers(), http2()["connection_keepalive"]
    assert found["enforcing_failure_percentage_local_origin"] == 100
    assert found["failure_percentage_threshold"] == 100
    noticed = seconds(alive["interval"]) + seconds(alive["timeout"])
    assert noticed < seconds(found["interval"]) <= 1


def test_a_frozen_peer_holds_few_requests_of_a_connection() -> None:
    assert http2()["max_concurrent_streams"] <= 8


@pytest.mark.parametrize("protocol", [AppProtocol.HTTP1, AppProtocol.HTTP2])
def test_a_connection_is_left_after_seconds_however_few_requests_there_are(
    protocol: AppProtocol,
) -> None:
    """It leads to one workload only: a sender of 50 requests a second would use no other."""
    common = options(protocol=protocol)["common_http_protocol_options"]
    assert seconds(common["max_connection_duration"]) <= 5


def test_requests_that_wait_cost_few_handshakes() -> None:
    """Or answers that are slow for a moment stay slow: by 1 s there were 250 a second, and did."""
    life = seconds(options()["common_http_protocol_options"]["max_connection_duration"])
    assert 2000 / http2()["max_concurrent_streams"] / life <= 50


def test_many_requests_share_a_handshake() -> None:
    """Each new connection may lead to a frozen workload: 40 a second purged all that waited."""
    common = options()["common_http_protocol_options"]
    assert common["max_requests_per_connection"] >= 500


def test_requests_go_where_the_fewest_are_under_way() -> None:
    cluster = document(packed(eds_cluster("a", **least_loaded())))
    assert cluster["lb_policy"] == "LEAST_REQUEST"
    assert cluster["least_request_lb_config"]["choice_count"] >= 8, "of two, both may be frozen"


def test_answers_that_are_not_taken_hold_up_no_other_of_their_connection() -> None:
    """The streams of a connection fit into its window, however full each is."""
    found = http2()
    room = found["initial_stream_window_size"] * found["max_concurrent_streams"]
    assert found["initial_connection_window_size"] >= room
    assert HTTP_OPTIONS in sender_http(AppProtocol.HTTP2)
