"""How gateways check workloads: over a connection that stays open, one answer for each name."""

from typing import Any

from federation.envoy import checks
from federation.envoy.build import packed
from federation.envoy.clusters import eds_cluster
from tests.unit.goldens import document

NAME = "80.api.shop.svc.clusterset.local"


def asked(*, closes: bool = False) -> dict[str, Any]:
    return document(packed(eds_cluster("a", **checks.asking(NAME, 0.5, closes=closes))))


def test_only_tcp_connections_to_a_frozen_workload_are_closed_together() -> None:
    for closes in (False, True):
        made = asked(closes=closes)
        assert made.get("close_connections_on_host_health_failure", False) is closes


def test_what_is_said_must_come_back_so_that_the_connection_is_kept() -> None:
    """Envoy keeps the connection of a check only when the check says something."""
    (check,) = asked()["health_checks"]
    said = check["tcp_health_check"]
    assert said["receive"] == [said["send"]]
    assert bytes.fromhex(said["send"]["text"])
    assert check.get("reuse_connection", True)


def test_the_answer_has_the_name_and_protocol_of_the_question() -> None:
    chain = document(packed(checks.answering(NAME, "a.test")))
    check = next(m for m in asked()["transport_socket_matches"] if m["name"] == "check")
    tls = check["transport_socket"]["typed_config"]
    assert chain["filter_chain_match"]["server_names"] == [tls["sni"]]
    alpn = tls["common_tls_context"]["alpn_protocols"]
    assert chain["filter_chain_match"]["application_protocols"] == alpn
    answering = chain["transport_socket"]["typed_config"]
    assert answering["common_tls_context"]["alpn_protocols"] == alpn
    assert [f["name"] for f in chain["filters"]] == ["envoy.filters.network.echo"]


def let_in(trust_domain: str) -> Any:
    tls = document(packed(checks.answering(NAME, trust_domain)))["transport_socket"]["typed_config"]
    assert tls["require_client_certificate"]
    names = tls["common_tls_context"]["combined_validation_context"]["default_validation_context"]
    return names["match_typed_subject_alt_names"]


def test_only_gateways_of_the_own_cluster_are_answered_and_nobody_while_it_is_unknown() -> None:
    """An empty list of names would mean anybody."""
    for trust_domain, who in (("a.test", "spiffe://a.test/gateway"), ("", "fedmesh:nobody")):
        assert let_in(trust_domain) == [{"san_type": "URI", "matcher": {"exact": who}}]
