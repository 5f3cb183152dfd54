"""Clusters and endpoints: the failover settings, and how tiers become priorities."""

from federation.envoy.build import packed
from federation.envoy.clusters import (
    aggregate_cluster,
    application_cluster,
    application_http,
    eds_cluster,
    load_assignment,
)
from federation.envoy.senders import sender_http
from federation.model.exports import AppProtocol
from federation.model.locality import Locality
from federation.model.names import ClusterId
from federation.model.plans import Destination, Health, Target, Tier
from tests.unit.goldens import document

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def test_every_cluster_may_eject_all_its_endpoints_and_never_panics_below_1() -> None:
    cluster = document(packed(eds_cluster("a")))
    assert cluster["outlier_detection"]["max_ejection_percent"] == 100
    assert cluster["common_lb_config"]["healthy_panic_threshold"] == {"value": 1.0}
    assert cluster["common_lb_config"]["update_merge_window"] == "0s"
    assert cluster["connect_timeout"] == "0.500s"


def test_clusters_are_joined_in_order_with_limits_of_their_own() -> None:
    options = sender_http(AppProtocol.HTTP2)
    joined = document(packed(aggregate_cluster("any", ("near", "far"), options)))
    assert joined["cluster_type"]["name"] == "envoy.clusters.aggregate"
    assert joined["cluster_type"]["typed_config"]["clusters"] == ["near", "far"]
    assert joined["circuit_breakers"] == document(packed(eds_cluster("a")))["circuit_breakers"]
    assert list(joined["typed_extension_protocol_options"]) == [OPTIONS]


def test_an_application_is_spoken_to_in_its_own_protocol() -> None:
    assert application_http(AppProtocol.TCP) == {}
    for protocol, field in (
        (AppProtocol.HTTP1, "http_protocol_options"),
        (AppProtocol.HTTP2, "http2_protocol_options"),
    ):
        options = document(application_http(protocol)[OPTIONS].SerializeToString())
        assert list(options["explicit_http_config"]) == [field]
        assert options["common_http_protocol_options"]["idle_timeout"] == "1s"


def test_an_application_that_closes_gets_a_connection_for_each_request() -> None:
    for closes, common in (
        (False, {"idle_timeout": "1s"}),
        (True, {"idle_timeout": "1s", "max_requests_per_connection": 1}),
    ):
        found = application_http(AppProtocol.HTTP1, closes=closes)[OPTIONS]
        said = document(found.SerializeToString())["common_http_protocol_options"]
        assert {name: said[name] for name in said if "headers" not in name} == common


def test_the_application_cluster_has_one_address_and_raised_limits() -> None:
    cluster = document(packed(application_cluster("app", "127.0.0.1", 8080, AppProtocol.TCP)))
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": "127.0.0.1",
        "port_value": 8080,
    }
    assert cluster["circuit_breakers"]["thresholds"][0]["max_requests"] == 100000


def tier(*destinations: tuple[str, int, Target]) -> Tier:
    return Tier(
        tuple(
            Destination(ClusterId(name), Locality("eu", "a"), weight, (target,))
            for name, weight, target in destinations
        )
    )


def test_tiers_become_priorities_and_clusters_keep_their_weights_in_one_zone() -> None:
    made = load_assignment(
        "a",
        [
            tier(("east", 3, Target("10.0.0.1", 15006))),
            tier(("north", 1, Target("10.1.0.1", 1)), ("west", 4, Target("10.2.0.1", 1))),
        ],
    )
    found = document(packed(made))["endpoints"]
    assert [
        (e.get("priority", 0), e["locality"]["sub_zone"], e["load_balancing_weight"]) for e in found
    ] == [(0, "east", 3), (1, "north", 1), (1, "west", 4)]


def test_the_server_name_is_the_hostname_of_every_endpoint() -> None:
    made = load_assignment("a", [tier(("east", 1, Target("10.0.0.1", 15006)))], "80.api")
    (endpoint,) = document(packed(made))["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["hostname"] == "80.api"
    assert "metadata" not in endpoint


def test_an_endpoint_without_sidecar_is_marked_for_the_plain_socket() -> None:
    plain = Target("10.0.0.1", 8080, Health.UNHEALTHY, mtls=False)
    made = load_assignment("a", [tier(("east", 1, plain))])
    (endpoint,) = document(packed(made))["endpoints"][0]["lb_endpoints"]
    assert endpoint["metadata"]["filter_metadata"] == {
        "envoy.transport_socket_match": {"tls": "off"}
    }
    assert endpoint["health_status"] == "UNHEALTHY"


def test_a_weight_of_0_is_sent_as_1_since_envoy_refuses_0() -> None:
    made = load_assignment("a", [tier(("east", 0, Target("10.0.0.1", 1)))])
    assert document(packed(made))["endpoints"][0]["load_balancing_weight"] == 1


def test_answers_that_are_not_taken_hold_up_no_other_of_their_connection() -> None:
    """The streams of a connection fit into its window, however full each is."""
    for options in (
        *sender_http(AppProtocol.HTTP2).values(),
        *application_http(AppProtocol.HTTP2).values(),
    ):
        made = document(options.SerializeToString())["explicit_http_config"]
        http2 = made["http2_protocol_options"]
        stream = http2["initial_stream_window_size"]
        streams = http2["max_concurrent_streams"]
        assert http2["initial_connection_window_size"] >= stream * streams
