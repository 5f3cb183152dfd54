"""federation.envoy.rbac: the filter that obeys, and the rule that refuses."""

from federation.envoy.build import packed
from federation.envoy.http import Gate, last_hop_routes
from federation.envoy.rbac import obeying, refusing
from tests.unit.goldens import document

FILTER = "envoy.filters.http.rbac"


def test_without_a_revoked_cluster_everybody_passes() -> None:
    assert obeying()["name"] == FILTER
    assert document(obeying()["typed_config"].SerializeToString()) == {}
    assert refusing(()) == {}


def test_every_identity_of_a_revoked_trust_domain_is_refused_and_no_other() -> None:
    """The prefix ends in a slash: west.mesh.test must not stand for west.mesh.testing."""
    routes = document(packed(last_hop_routes("in", {"cluster": "app"}, Gate(("west.m", "east.m")))))
    rules = routes["virtual_hosts"][0]["typed_per_filter_config"][FILTER]["rbac"]["rules"]
    assert rules["action"] == "DENY"
    (policy,) = rules["policies"].values()
    prefixes = [p["authenticated"]["principal_name"]["prefix"] for p in policy["principals"]]
    assert prefixes == ["spiffe://east.m/", "spiffe://west.m/"]
    assert policy["permissions"] == [{"any": True}]


def test_the_order_of_trust_domains_does_not_change_the_bytes() -> None:
    one = packed(last_hop_routes("in", {"cluster": "app"}, Gate(("a.m", "b.m"))))
    assert one == packed(last_hop_routes("in", {"cluster": "app"}, Gate(("b.m", "a.m"))))
