"""Only the root's own key makes a user of the API, and nothing else is one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from federation.model.errors import Denied, InvalidInput
from federation.trust import issue, profile, validate
from federation.trust.validate_users import check_user, verify_user
from tests.unit.federation.trust.trust_certs import (
    ANCHORS,
    API,
    DOMAIN,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
    Draft,
    make_root,
)

ANN = f"spiffe://{DOMAIN}/user/ann"
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
KEY = LEAF_KEY.public_key()
GOOD = Draft(
    subject="ann", uris=(ANN,), purposes=CLIENT, names_critical=False, issuer="fedmesh root"
)
WANTED = profile.user_profile(DOMAIN, "ann")


def by_root(wanted: profile.LeafProfile = WANTED) -> x509.Certificate:
    return issue.issue_controller(ROOT.cert, ROOT.key, KEY, wanted, NOW)


def verified(cert: x509.Certificate) -> str:
    der = cert.public_bytes(Encoding.DER)
    return verify_user(der, root=ROOT.cert, domain=DOMAIN, now=NOW)[0]


def test_what_the_root_signs_for_a_user_is_that_user() -> None:
    cert = by_root()
    check_user(cert, root=ROOT.cert, domain=DOMAIN, name="ann", now=NOW)
    assert verified(cert) == "ann"
    assert verified(GOOD.signed(ROOT.key, KEY)) == "ann", "so the other drafts fail by one fault"
    with pytest.raises(InvalidInput, match="certificate of bob says it is ann"):
        check_user(cert, root=ROOT.cert, domain=DOMAIN, name="bob", now=NOW)


def test_it_is_a_client_only_and_nobody_of_the_mesh() -> None:
    cert = by_root()
    assert list(cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [*CLIENT]
    with pytest.raises(InvalidInput, match="must be for servers and for clients"):
        validate.check_controller(cert, root=ROOT.cert, domain=DOMAIN, now=NOW)
    with pytest.raises(Denied):
        validate.verify_peer_chain(
            cert.public_bytes(Encoding.PEM), root=ROOT.cert, anchors=ANCHORS, now=NOW
        )


def test_a_clusters_authority_makes_no_user() -> None:
    for forged in (replace(GOOD, issuer="east.mesh.test"), replace(GOOD, aki_of=ROOT.key)):
        with pytest.raises(Denied, match="is not signed by CN=fedmesh root"):
            verified(forged.signed(EAST_MEMBER.key, KEY))


def test_a_root_of_the_same_name_makes_no_user() -> None:
    other = make_root()
    with pytest.raises(Denied, match="is not signed by CN=fedmesh root"):
        verified(issue.issue_controller(other.cert, other.key, KEY, WANTED, NOW))


def test_what_members_and_the_controller_have_makes_no_user() -> None:
    for cert in (
        EAST_MEMBER.leaf(LEAF_KEY, API),
        EAST_MEMBER.intermediate,
        EAST_MEMBER.twin,
        ROOT.cert,
        by_root(profile.controller_profile(DOMAIN)),
        by_root(profile.api_profile(DOMAIN, ["ctl.example"], [])),
    ):
        with pytest.raises(Denied, match="user is refused"):
            verified(cert)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"end": NOW - timedelta(seconds=1)}, "has expired"),
        ({"start": NOW + timedelta(minutes=1)}, "is not valid before"),
        ({"subject": "bob"}, "must have the common name ann"),
        ({"subject": ""}, "must have the common name ann"),
        ({"uris": (ANN, ANN)}, "must have one URI, and no other name"),
        ({"uris": ()}, "must have one URI, and no other name"),
        ({"dns": (DOMAIN,)}, "must have one URI, and no other name"),
        ({"emails": ("a@b",)}, "must have one URI, and no other name"),
        ({"uris": ("spiffe://east.mesh.test/user/ann",)}, "is one of east.mesh.test"),
        ({"uris": (f"spiffe://{DOMAIN}/controller",)}, "which is no user's"),
        ({"uris": (f"spiffe://{DOMAIN}/user/ann/x",)}, "which is no user's"),
        ({"uris": (f"spiffe://{DOMAIN}/user/",)}, "path segments"),
        ({"purposes": (*CLIENT, ExtendedKeyUsageOID.SERVER_AUTH)}, "for clients alone"),
        ({"purposes": None}, "lacks the extension ExtendedKeyUsage"),
        ({"ca": True}, "is an authority"),
        ({"usage": ("digital_signature", "key_cert_sign")}, "none of an authority"),
        ({"usage": ()}, "key usage digitalSignature"),
        ({"sha384": True}, "is not signed with SHA-256"),
        ({"unknown_critical": True}, "critical extensions"),
        ({"end": NOW + timedelta(days=4000)}, "outlives its issuer"),
    ],
)
def test_one_thing_wrong_is_enough(change: dict[str, object], reason: str) -> None:
    with pytest.raises(Denied, match=reason):
        verified(replace(GOOD, **change).signed(ROOT.key, KEY))  # type: ignore[arg-type]


@pytest.mark.parametrize("der", [b"", b"x", bytes(5_000), b"\x30\x82"])
def test_what_cannot_be_read_is_refused(der: bytes) -> None:
    with pytest.raises(Denied, match="user is refused"):
        verify_user(der, root=ROOT.cert, domain=DOMAIN, now=NOW)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: profile.user_profile(DOMAIN, "a/b"), "name of the user"),
        (lambda: profile.user_profile(DOMAIN, "a" * 65), "at most 64 fit"),
        (lambda: profile.user_profile(DOMAIN, "ann", timedelta(days=366)), "365 days"),
        (lambda: profile.user_profile(DOMAIN, "ann", timedelta(0)), "365 days"),
    ],
)
def test_a_profile_of_a_user_has_its_bounds(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        make()
