"""Bytes, TLS sockets and secrets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2

from federation.envoy.build import (
    checked_tls,
    downstream_tls,
    gateway_tls,
    packed,
    plain_match,
    plain_metadata,
    probe_tls,
    resource,
    spiffe_validation,
    upstream_tls,
)
from federation.envoy.identity import identity_secret
from federation.model import types
from federation.model.facts import Bundle
from federation.trust.issue import issue_leaf, make_twin, new_key
from federation.trust.pem import key_pem, pem
from federation.trust.profile import leaf_profile, twin_profile
from tests.unit.goldens import document, envoy_refusal

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def twin(domain: str) -> str:
    return pem(make_twin(new_key(), twin_profile(domain), NOW)).decode()


def test_a_resource_is_named_and_carries_its_type() -> None:
    made = resource("a", cluster_pb2.Cluster(name="a"))
    assert made[:2] == (types.CLUSTER, "a")
    assert document(made.body) == {"name": "a"}


def test_maps_in_a_message_have_the_same_bytes_in_any_order() -> None:
    def options(*names: str) -> bytes:
        made = cluster_pb2.Cluster(name="a")
        for name in names:
            made.typed_extension_protocol_options[name].type_url = name
        return packed(made)

    names = [f"name-{n}" for n in range(20)]
    assert options(*names) == options(*reversed(names))


def trust_domains(secret: bytes) -> list[dict[str, object]]:
    context = document(secret)["validation_context"]
    found: list[dict[str, object]] = context["custom_validator_config"]["typed_config"].get(
        "trust_domains", []
    )
    return found


def test_each_trust_domain_has_all_its_own_anchors_and_no_others() -> None:
    secret = spiffe_validation(
        [Bundle("west.mesh.test", ("W1", "W2\n")), Bundle("east.mesh.test", ("E",))]
    )
    assert document(secret)["name"] == "clusterset"
    assert trust_domains(secret) == [
        {"name": "east.mesh.test", "trust_bundle": {"inline_string": "E\n"}},
        {"name": "west.mesh.test", "trust_bundle": {"inline_string": "W1\nW2\n"}},
    ]


def test_without_bundles_no_trust_domain_is_believed() -> None:
    assert trust_domains(spiffe_validation([])) == []


def names_of(identities: tuple[str, ...]) -> list[object]:
    socket = upstream_tls(identities)["typed_config"]
    context = document(socket.SerializeToString())["common_tls_context"]
    matchers = context["combined_validation_context"]["default_validation_context"]
    return [matcher["matcher"] for matcher in matchers["match_typed_subject_alt_names"]]


def test_only_the_exact_identities_may_answer() -> None:
    assert names_of(("spiffe://a/b", "spiffe://c/d")) == [
        {"exact": "spiffe://a/b"},
        {"exact": "spiffe://c/d"},
    ]


@pytest.mark.parametrize(
    "socket",
    [
        upstream_tls(("spiffe://a/b",)),
        probe_tls("80.api.shop.svc.clusterset.local", "east.mesh.test", "check"),
        checked_tls("spiffe://a/gateway", "check"),
        gateway_tls("spiffe://a/gateway", "health.gateways.clusterset.local"),
        downstream_tls(),
    ],
    ids=["calling", "checking-a-workload", "checked-workload", "checking-a-gateway", "receiving"],
)
def test_keys_are_exchanged_by_the_hybrid_group_first_and_under_tls_1_3(
    socket: dict[str, Any],
) -> None:
    context = document(socket["typed_config"].SerializeToString())["common_tls_context"]
    assert context["tls_params"] == {
        "tls_minimum_protocol_version": "TLSv1_3",
        "tls_maximum_protocol_version": "TLSv1_3",
        "ecdh_curves": ["X25519MLKEM768", "X25519"],
    }


def test_an_empty_list_of_identities_means_nobody() -> None:
    """An empty list of matchers would mean anybody."""
    assert names_of(()) == [{"exact": "fedmesh:nobody"}]


def test_the_plain_socket_matches_exactly_the_marked_endpoints() -> None:
    """A nested `fields` in the match is valid to Envoy, and matches nothing."""
    (match,) = plain_match()
    marked = plain_metadata().filter_metadata["envoy.transport_socket_match"]
    assert dict(match["match"]) == dict(marked) == {"tls": "off"}


@pytest.mark.envoy
def test_a_real_envoy_takes_the_secrets(tmp_path: Path) -> None:
    authority, leaf = new_key(), new_key()
    anchor = make_twin(authority, twin_profile("east.mesh.test"), NOW)
    profile = leaf_profile("spiffe://east.mesh.test/ns/shop/sa/api")
    certificate = issue_leaf(anchor, authority, leaf.public_key(), profile, NOW)
    identity = identity_secret(pem(certificate).decode(), key_pem(leaf).decode())
    bundles = [Bundle("west.mesh.test", (twin("west.mesh.test"), twin("west.mesh.test")))]
    for known in (bundles, []):
        secrets = (
            (types.SECRET, "identity", identity),
            (types.SECRET, "clusterset", spiffe_validation(known)),
        )
        assert envoy_refusal(tmp_path, secrets) == ""
