"""TCP: silence cuts nothing, dead peers are noticed, a failed connection leads elsewhere."""

from federation.envoy import tcp
from federation.envoy.build import packed
from federation.envoy.clusters import eds_cluster
from federation.envoy.split import Share
from tests.unit.goldens import document


def filter_of(**settings: float) -> dict[str, object]:
    made = tcp.proxy("x", "out", **settings)  # type: ignore[arg-type]
    return document(made["typed_config"].SerializeToString())


def test_a_silent_connection_is_never_cut() -> None:
    """Envoy's default cuts it after an hour."""
    assert filter_of()["idle_timeout"] == "0s"


def test_the_life_of_a_connection_is_bounded_only_where_that_is_asked_for() -> None:
    assert "max_downstream_connection_duration" not in filter_of(most_seconds=0)
    found = filter_of(most_seconds=14400)
    assert found["max_downstream_connection_duration"] == "14400s"
    assert found["max_downstream_connection_duration_jitter_percentage"] == {"value": 10.0}


def test_few_failed_connections_lead_the_next_one_elsewhere() -> None:
    found = document(packed(tcp.sender_cluster("a")))
    outliers = found["outlier_detection"]
    assert outliers["consecutive_local_origin_failure"] == 2
    assert outliers["enforcing_consecutive_local_origin_failure"] == 100
    assert outliers["split_external_local_origin_errors"] is True
    other = document(packed(eds_cluster("a")))
    assert found["circuit_breakers"] == other["circuit_breakers"]
    assert outliers["max_ejection_percent"] == 100


def test_one_failure_closes_the_door_of_an_application() -> None:
    """So that callers, whose handshake then fails, go elsewhere: what is accepted is theirs."""
    found = document(packed(tcp.application_cluster("app", "127.0.0.1", 5432)))
    assert found["outlier_detection"]["consecutive_local_origin_failure"] == 1
    assert found["outlier_detection"]["max_ejection_percent"] == 100
    assert found["common_lb_config"]["healthy_panic_threshold"] == {}


def test_a_place_up_to_250_ms_away_changes_nothing_and_a_farther_one_is_waited_for() -> None:
    """A changed cluster cuts the connections it has."""
    near = tcp.sender_cluster("a", 0.0)
    assert near.connect_timeout.ToTimedelta().total_seconds() == 1.0
    assert tcp.sender_cluster("a", 0.25) == near
    assert tcp.sender_cluster("a", 0.5).connect_timeout.ToTimedelta().total_seconds() == 2.0


def test_who_tries_again_waits_a_moment() -> None:
    """Else it meets the same endpoint before its ejection is known."""
    assert "backoff_options" not in filter_of()
    assert filter_of(attempts=4)["backoff_options"]["base_interval"] == "0.020s"  # type: ignore[index]


def chosen(*shares: Share) -> str:
    found = document(packed(tcp.division("up", shares)))
    assert found["name"] == "up"
    choosing, _ = tcp.divided_proxy("up", "x", 8)
    assert found["typed_config"]["@type"] in choosing["config_discovery"]["type_urls"]
    (said,) = found["typed_config"]["on_new_connection"]
    assert said["object_key"] == "envoy.tcp_proxy.cluster"
    return str(said["format_string"]["text_format_source"]["inline_string"])


def test_where_connections_go_is_discovered_and_the_proxy_behind_it_never_changes() -> None:
    choosing, passing = tcp.divided_proxy("up", "x", 8)
    assert choosing["name"] == "up"
    made = document(passing["typed_config"].SerializeToString())
    assert made == filter_of(attempts=8) | {"cluster": "none"}


def test_one_part_is_named_and_without_a_weight_connections_are_closed() -> None:
    assert chosen(Share("a", 3), Share("off", 0)) == "a"
    assert chosen(Share("a", 0)) == "none"


def test_both_ends_probe_alike() -> None:
    probing = tcp.probing()["tcp_keepalive"]
    options = {o["description"]: o["int_value"] for o in tcp.probed_sockets()}
    assert options == {
        "keep-alive": 1,
        "keep-alive idle": probing["keepalive_time"]["value"],
        "keep-alive interval": probing["keepalive_interval"]["value"],
        "keep-alive probes": probing["keepalive_probes"]["value"],
    }
