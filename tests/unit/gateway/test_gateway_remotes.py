"""How gateways see each other: the checks, their answer, and whether a real Envoy takes them."""

from dataclasses import replace
from pathlib import Path
from typing import Any as Document

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from google.protobuf.any_pb2 import Any

from federation.envoy.build import ADS, packed
from federation.model import types
from federation.model.facts import Cluster
from federation.model.names import ClusterId, remote_name
from gateway.compile import compile_listener
from gateway.remotes import compile_remotes, health_chain, said_by
from tests.unit import builders as b
from tests.unit.goldens import Named, check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"
EAST, WEST = ClusterId("east"), ClusterId("west")
RTT = {WEST: 0.0}
CLUSTERS = (
    b.cluster("west", gateways=(b.gateway("10.2.0.1"), b.gateway("fd00::2", port=443))),
    b.cluster("east", gateways=(b.gateway("10.1.0.1"),)),
    b.cluster("bare"),
)


def compiled(*clusters: Cluster, interval: float = 0.5) -> tuple[Named, ...]:
    return compile_remotes(EAST, clusters, RTT, interval)


def made(*clusters: Cluster, interval: float = 0.5) -> dict[str, Document]:
    """Clusters by name."""
    return {name: document(body) for _, name, body in compiled(*clusters, interval=interval)}


def test_resources_equal_the_golden_files() -> None:
    check_golden(GOLDEN, "remotes", compiled(*CLUSTERS))


def taken_apart(resources: tuple[Named, ...]) -> list[Named]:
    """The clusters and their addresses one by one.

    Out of a file Envoy makes clusters with addresses before it has a stream for their secrets, and
    crashes; ours come by that stream.
    """
    found: list[Named] = []
    for type_url, name, body in resources:
        cluster = cluster_pb2.Cluster()
        assert Any.FromString(body).Unpack(cluster)
        found.append((types.ENDPOINTS, name, packed(cluster.load_assignment)))
        cluster.ClearField("load_assignment")
        late = cluster_pb2.Cluster(type="EDS", eds_cluster_config={"eds_config": ADS})
        cluster.MergeFrom(late)
        found.append((type_url, name, packed(cluster)))
    return found


@pytest.mark.envoy
def test_a_real_envoy_takes_the_checks(tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, taken_apart(compiled(*CLUSTERS))) == ""


@pytest.mark.envoy
def test_a_real_envoy_takes_the_listener_that_answers_them(tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, [compile_listener("10.1.0.1", 15443, EAST, "gw")]) == ""


@pytest.mark.envoy
def test_a_real_envoy_refuses_a_check_without_an_interval(tmp_path: Path) -> None:
    """So that the tests above can fail."""
    resources = taken_apart(compiled(*CLUSTERS, interval=0))
    assert "Interval: value must be greater than" in envoy_refusal(tmp_path, resources)


def test_each_gateway_of_the_others_is_checked_and_none_of_our_own() -> None:
    found = made(*CLUSTERS)
    assert list(found) == ["remote~west~gw-10.2.0.1~", "remote~west~gw-fd00::2~"]
    assert {name for name in found if not name.startswith("remote~")} == set()
    assert {t for t, _, _ in compiled(*CLUSTERS)} == {types.CLUSTER}


def test_the_order_of_clusters_does_not_change_the_bytes() -> None:
    south = b.cluster("south", gateways=(b.gateway("10.4.0.1"),))
    assert compiled(*CLUSTERS, south) == compiled(south, *reversed(CLUSTERS))


def test_a_gateway_is_asked_at_its_address_and_must_be_one_of_that_cluster() -> None:
    found = made(*CLUSTERS)["remote~west~gw-10.2.0.1~"]
    (endpoint,) = found["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"]["socket_address"] == {
        "address": "10.2.0.1",
        "port_value": 15443,
    }
    tls = found["transport_socket"]["typed_config"]
    assert tls["sni"] == "health.gateways.clusterset.local"
    validation = tls["common_tls_context"]["combined_validation_context"]
    names = validation["default_validation_context"]["match_typed_subject_alt_names"]
    assert names == [{"san_type": "URI", "matcher": {"exact": "spiffe://west.mesh.test/gateway"}}]


def check_of(interval: float = 0.5) -> dict[str, Document]:
    (check,) = made(*CLUSTERS, interval=interval)["remote~west~gw-10.2.0.1~"]["health_checks"]
    return dict(check)


def test_an_answer_in_another_name_is_a_failure() -> None:
    """An address may have been given to another gateway of the same cluster."""
    (text,) = check_of()["http_health_check"]["receive"]
    assert bytes.fromhex(text["text"]).decode() == "west/gw-10.2.0.1\n"


def test_it_takes_two_failures_in_a_row_to_leave_a_gateway() -> None:
    assert (check_of()["unhealthy_threshold"], check_of()["healthy_threshold"]) == (2, 2)


def test_a_gateway_is_checked_as_often_as_is_asked_for_whether_it_has_traffic_or_not() -> None:
    for interval, text in ((0.5, "0.500s"), (2.0, "2s")):
        check = check_of(interval)
        assert (check["interval"], check["no_traffic_interval"]) == (text, text)


def test_a_gateway_says_who_it_is_to_those_who_ask_by_the_name_of_checks() -> None:
    listener = document(compile_listener("10.1.0.1", 15443, WEST, "g1").body)
    chain = listener["filter_chains"][-1]
    assert chain["filter_chain_match"]["server_names"] == ["health.gateways.clusterset.local"]
    tls = chain["transport_socket"]["typed_config"]
    assert tls["require_client_certificate"] is True
    (filter_,) = chain["filters"]
    (host,) = filter_["typed_config"]["route_config"]["virtual_hosts"]
    (route,) = host["routes"]
    assert route["direct_response"] == {"status": 200, "body": {"inline_string": "west/g1\n"}}


def test_what_is_expected_is_what_is_said() -> None:
    gateway = replace(b.gateway(), name="g1")
    (found,) = made(b.cluster("west", gateways=(gateway,))).values()
    (text,) = found["health_checks"][0]["http_health_check"]["receive"]
    assert bytes.fromhex(text["text"]).decode() == said_by(WEST, "g1")
    assert said_by(WEST, "g1") in str(health_chain(WEST, "g1")).replace("\\n", "\n")


def test_a_gateway_that_drains_says_no_to_checks() -> None:
    """`pass_through_mode` answers 503 once Envoy was told to fail its checks."""
    listener = document(compile_listener("10.1.0.1", 15443, WEST, "g1").body)
    (filter_,) = listener["filter_chains"][-1]["filters"]
    first, *_ = filter_["typed_config"]["http_filters"]
    assert first["name"] == "envoy.filters.http.health_check"
    assert first["typed_config"]["pass_through_mode"] is True
    assert first["typed_config"]["headers"][0]["string_match"] == {"exact": "/ready"}


def test_the_name_of_a_check_says_which_gateway_it_is_of() -> None:
    assert remote_name(WEST, "g1") == "remote~west~g1~"
