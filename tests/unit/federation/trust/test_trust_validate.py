"""federation.trust.validate: documents; what was issued is accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from federation.model.errors import InvalidInput
from federation.trust import issue, profile, validate
from federation.trust.pem import certificate_sha256, pem
from tests.unit.federation.trust.trust_certs import (
    API,
    API_WEST,
    DOMAIN,
    EAST,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
    WEST,
    WEST_MEMBER,
    Draft,
    make_member,
    make_root,
)

LEAF = EAST_MEMBER.leaf(LEAF_KEY, API, (profile.agent_host(EAST),))
CONTROLLER = issue.issue_controller(
    ROOT.cert,
    ROOT.key,
    LEAF_KEY.public_key(),
    profile.controller_profile(DOMAIN),
    NOW,
)
OTHER_ROOT = make_root()
STRANGER = make_member(OTHER_ROOT, "east")
LATER = NOW + timedelta(days=4000)


def text(cert: x509.Certificate) -> str:
    return pem(cert).decode()


def test_all_that_issue_makes_is_valid() -> None:
    """Nothing is raised."""
    east = EAST_MEMBER
    validate.check_root(ROOT.cert, NOW)
    validate.check_intermediate(east.intermediate, root=ROOT.cert, trust_domain=EAST, now=NOW)
    key = east.key.public_key()
    validate.check_twin(east.twin, public_key=key, trust_domain=EAST, now=NOW)
    validate.check_controller(CONTROLLER, root=ROOT.cert, domain=DOMAIN, now=NOW)
    for issuer in (east.intermediate, east.twin):
        validate.check_leaf(LEAF, issuer=issuer, spiffe_id=API, now=NOW)


def test_the_apis_certificate_is_nobodys_identity() -> None:
    def by_root(wanted: profile.LeafProfile) -> x509.Certificate:
        return issue.issue_controller(ROOT.cert, ROOT.key, LEAF_KEY.public_key(), wanted, NOW)

    def check(cert: x509.Certificate) -> None:
        validate.check_api(cert, root=ROOT.cert, domain=DOMAIN, now=NOW)

    wanted = profile.api_profile(DOMAIN, ["ctl.example"], [])
    check(by_root(wanted))
    with pytest.raises(InvalidInput, match="must be for servers and for clients"):
        validate.check_controller(by_root(wanted), root=ROOT.cert, domain=DOMAIN, now=NOW)
    for changed, reason in (
        (replace(wanted, uri="spiffe://mesh.test/controller"), "but must have none"),
        (replace(wanted, dns_names=(DOMAIN,)), "by which agents know the controller"),
        (replace(wanted, is_client=True), "must be for servers alone"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            check(by_root(changed))


def test_a_pinned_root_is_the_one_that_the_token_names() -> None:
    digest = certificate_sha256(ROOT.cert)
    validate.check_pinned_root(ROOT.cert, sha256=digest, now=NOW)
    with pytest.raises(InvalidInput, match="but the join token names"):
        validate.check_pinned_root(OTHER_ROOT.cert, sha256=digest, now=NOW)


def test_a_root_signs_itself_and_permits_authorities() -> None:
    with pytest.raises(InvalidInput, match="root certificate is not signed by"):
        validate.check_root(EAST_MEMBER.intermediate, NOW)
    with pytest.raises(InvalidInput, match="permits no authority below it"):
        validate.check_root(EAST_MEMBER.twin, NOW)
    with pytest.raises(InvalidInput, match="root certificate has expired"):
        validate.check_root(ROOT.cert, LATER)


@pytest.mark.parametrize(
    ("cert", "domain", "message"),
    [
        (EAST_MEMBER.intermediate, WEST, "must have the common name west.mesh.test"),
        (EAST_MEMBER.twin, EAST, "is not signed by CN=fedmesh root"),
        (STRANGER.intermediate, EAST, "is not signed by CN=fedmesh root"),
        (LEAF, EAST, "is not marked as an authority"),
        (ROOT.cert, EAST, "must have the common name"),
    ],
)
def test_an_intermediate_is_of_this_root_and_trust_domain(
    cert: x509.Certificate, domain: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        validate.check_intermediate(cert, root=ROOT.cert, trust_domain=domain, now=NOW)


def test_an_intermediate_under_an_expired_root_is_refused() -> None:
    brief = profile.root_profile(DOMAIN, timedelta(hours=1))
    root = issue.make_root(ROOT.key, brief, NOW)
    with pytest.raises(InvalidInput, match="root certificate has expired"):
        validate.check_intermediate(
            EAST_MEMBER.intermediate, root=root, trust_domain=EAST, now=NOW + timedelta(hours=2)
        )


def test_a_twin_is_signed_by_itself_with_the_key_of_the_intermediate() -> None:
    key = EAST_MEMBER.key.public_key()
    other = WEST_MEMBER.key.public_key()
    with pytest.raises(InvalidInput, match="another key than its intermediate"):
        validate.check_twin(EAST_MEMBER.twin, public_key=other, trust_domain=EAST, now=NOW)
    with pytest.raises(InvalidInput, match=r"is not signed by CN=east.mesh.test"):
        validate.check_twin(EAST_MEMBER.intermediate, public_key=key, trust_domain=EAST, now=NOW)
    with pytest.raises(InvalidInput, match=r"common name west.mesh.test"):
        validate.check_twin(EAST_MEMBER.twin, public_key=key, trust_domain=WEST, now=NOW)
    with pytest.raises(InvalidInput, match="has expired"):
        validate.check_twin(EAST_MEMBER.twin, public_key=key, trust_domain=EAST, now=LATER)


def test_a_leaf_is_for_exactly_the_id_and_by_its_authority() -> None:
    api2 = f"{API}2"
    with pytest.raises(InvalidInput, match=f"says it is {API}"):
        validate.check_leaf(LEAF, issuer=EAST_MEMBER.intermediate, spiffe_id=api2, now=NOW)
    with pytest.raises(InvalidInput, match=r"is not signed by CN=east.mesh.test"):
        validate.check_leaf(LEAF, issuer=STRANGER.intermediate, spiffe_id=API, now=NOW)
    foreign = EAST_MEMBER.leaf(LEAF_KEY, API_WEST)
    with pytest.raises(InvalidInput, match=r"must have the common name west.mesh.test"):
        validate.check_leaf(foreign, issuer=EAST_MEMBER.intermediate, spiffe_id=API_WEST, now=NOW)
    with pytest.raises(InvalidInput, match="must have the common name"):
        validate.check_leaf(
            issue.issue_leaf(
                ROOT.cert, ROOT.key, LEAF_KEY.public_key(), profile.leaf_profile(API), NOW
            ),
            issuer=ROOT.cert,
            spiffe_id=API,
            now=NOW,
        )


@pytest.mark.parametrize("draft", [Draft(dns=(f"agent.{WEST}",)), Draft(addresses=("10.0.0.1",))])
def test_a_leaf_with_a_name_outside_its_trust_domain_is_refused(draft: Draft) -> None:
    leaf = draft.signed(EAST_MEMBER.key, LEAF_KEY.public_key())
    with pytest.raises(InvalidInput, match=r"leaf .* has the name"):
        validate.check_leaf(leaf, issuer=EAST_MEMBER.twin, spiffe_id=API, now=NOW)


def test_a_leaf_under_an_expired_intermediate_is_refused() -> None:
    long = replace(profile.leaf_profile(API), life=timedelta(days=30))
    key = LEAF_KEY.public_key()
    leaf = issue.issue_leaf(EAST_MEMBER.twin, EAST_MEMBER.key, key, long, NOW)
    now = NOW + timedelta(days=8)
    with pytest.raises(InvalidInput, match=r"issuer of leaf .* has expired"):
        validate.check_leaf(leaf, issuer=EAST_MEMBER.intermediate, spiffe_id=API, now=now)
