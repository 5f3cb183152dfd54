"""federation.trust.spiffe: the rules I1 to I4 of the SPIFFE-ID standard, and our ids."""

import pytest

from federation.model.errors import InvalidInput
from federation.model.names import ClusterId
from federation.trust import spiffe

EAST = "east.mesh.test"


def test_ids_have_the_paths_of_the_design() -> None:
    assert spiffe.trust_domain(ClusterId("east"), "mesh.test") == EAST
    assert spiffe.workload_id(EAST, "shop", "api") == "spiffe://east.mesh.test/ns/shop/sa/api"
    assert spiffe.gateway_id(EAST) == "spiffe://east.mesh.test/gateway"
    assert spiffe.entry_id(EAST) == "spiffe://east.mesh.test/entry"
    assert spiffe.agent_id(EAST) == "spiffe://east.mesh.test/agent"
    assert spiffe.controller_id("mesh.test") == "spiffe://mesh.test/controller"


def test_a_trust_domain_fits_into_a_common_name() -> None:
    longest = ClusterId("a" * (64 - len(".mesh.test")))
    assert len(spiffe.trust_domain(longest, "mesh.test")) == 64
    with pytest.raises(InvalidInput, match="at most 64 fit into a certificate"):
        spiffe.trust_domain(ClusterId(longest + "a"), "mesh.test")


@pytest.mark.parametrize("domain", ["", "Mesh.test", "mesh..test", "mesh.test/x", "mesh_test"])
def test_a_clusterset_domain_is_a_dns_name(domain: str) -> None:
    with pytest.raises(InvalidInput, match="trust domain of cluster east"):
        spiffe.trust_domain(ClusterId("east"), domain)


@pytest.mark.parametrize(
    ("namespace", "account"),
    [("", "api"), ("shop", ""), ("shop/sa/x", "api"), ("shop", "api/../x"), ("..", "api")],
)
def test_a_name_cannot_become_the_id_of_another(namespace: str, account: str) -> None:
    with pytest.raises(InvalidInput, match="of a workload id"):
        spiffe.workload_id(EAST, namespace, account)


def test_an_account_may_have_as_long_a_name_as_kubernetes_allows() -> None:
    account = f"{'a' * 100}.{'b' * 152}"
    found = spiffe.workload_id(EAST, "shop", account)
    assert spiffe.parse(found).path == f"/ns/shop/sa/{account}"
    with pytest.raises(InvalidInput, match="253 characters"):
        spiffe.workload_id(EAST, "shop", f"{account}b")


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("gateway:gw-1", "/gateway"),
        ("entry:gw-1", "/entry"),
        ("gateway/api", "/ns/gateway/sa/api"),
        ("shop/api.v1", "/ns/shop/sa/api.v1"),
    ],
)
def test_subjects_of_tokens_become_ids(subject: str, path: str) -> None:
    assert spiffe.subject_id(EAST, subject) == f"spiffe://{EAST}{path}"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "agent",
        "agent:a",
        "gateway",
        "gateway:",
        "entry:A",
        "controller",
        "shop/",
        "/api",
        "shop/api/x",
    ],
)
def test_no_subject_becomes_the_id_of_an_agent(subject: str) -> None:
    with pytest.raises(InvalidInput):
        spiffe.subject_id(EAST, subject)


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://mesh.test",
        "spiffe://mesh.test/controller",
        "spiffe://a/b",
        "spiffe://my_domain.x-1/A.b_c-d/...",
        "spiffe://" + "a" * 255 + "/x",
        "spiffe://a/" + "x" * (2048 - len("spiffe://a/")),
    ],
)
def test_a_valid_id_is_read_and_written_alike(text: str) -> None:
    assert str(spiffe.parse(text)) == text


def test_an_id_has_two_parts() -> None:
    assert spiffe.parse("spiffe://a.b/ns/c/sa/d") == spiffe.SpiffeId("a.b", "/ns/c/sa/d")
    assert spiffe.parse("spiffe://a.b") == spiffe.SpiffeId("a.b", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mesh.test/x",
        "http://mesh.test/x",
        "SPIFFE://mesh.test/x",
        "spiffe:/mesh.test/x",
        " spiffe://mesh.test/x",
        "spiffe://",
        "spiffe:///x",
        "spiffe://Mesh.test/x",
        "spiffe://mesh%2etest/x",
        "spiffe://mesh.test:80/x",
        "spiffe://user@mesh.test/x",
        "spiffe://mésh.test/x",
        "spiffe://" + "a" * 256 + "/x",
        "spiffe://mesh.test/" + "x" * 2_048,
        "spiffe://mesh.test?q=1",
        "spiffe://mesh.test/x?q=1",
        "spiffe://mesh.test/x#f",
        "spiffe://mesh.test/",
        "spiffe://mesh.test/x/",
        "spiffe://mesh.test//x",
        "spiffe://mesh.test/./x",
        "spiffe://mesh.test/x/..",
        "spiffe://mesh.test/x%20y",
        "spiffe://mesh.test/x y",
        "spiffe://mesh.test/x\n",
        "spiffe://mesh.test/ü",
        "spiffe://a/" + "x" * (2049 - len("spiffe://a/")),
    ],
)
def test_an_invalid_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="spiffe id"):
        spiffe.parse(text)
