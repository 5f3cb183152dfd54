"""federation.trust.rules: certificates made wrong on purpose, one fault at a time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from federation.model.errors import InvalidInput
from federation.trust import rules
from tests.unit.federation.trust.trust_certs import (
    API,
    BOTH,
    EAST,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    WEST_MEMBER,
    Draft,
)

LEAF = Draft()
AUTHORITY = Draft(
    subject=EAST,
    uris=(f"spiffe://{EAST}",),
    names_critical=False,
    ca=True,
    path_length=0,
    usage=("key_cert_sign",),
    purposes=None,
    permitted=(x509.UniformResourceIdentifier(EAST), x509.DNSName(EAST)),
    excluded=("0.0.0.0/0", "::/0"),
)
KEY = EAST_MEMBER.key


def made(draft: Draft, **faults: Any) -> x509.Certificate:
    return replace(draft, **faults).signed(KEY, LEAF_KEY.public_key())


def test_a_good_leaf_shows_its_id() -> None:
    assert str(rules.leaf_identity(made(LEAF), NOW, "leaf")) == API


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"ca": True, "path_length": 0}, "is an authority, which proves no identity"),  # V2, V7
        ({"ca": None}, "lacks the extension BasicConstraints"),
        ({"usage": ("digital_signature", "key_cert_sign")}, "is for authorities"),  # V3
        ({"usage": ("digital_signature", "crl_sign")}, "is for authorities"),
        ({"usage": ("key_agreement",)}, "lacks the critical key usage digitalSignature"),
        ({"usage_critical": False}, "lacks the critical key usage digitalSignature"),
        ({"usage": None}, "lacks the extension KeyUsage"),
        ({"uris": (API, API)}, "has 2 URIs, but must have exactly one"),  # V4
        ({"uris": (API, "https://x.test/")}, "has 2 URIs"),
        ({"uris": (), "dns": (EAST,)}, "has 0 URIs"),
        ({"uris": None}, "lacks the extension SubjectAlternativeName"),
        ({"uris": (f"https://{EAST}/ns/shop/sa/api",)}, "must begin with spiffe://"),  # V5
        ({"uris": (f"spiffe://{EAST}:80/ns",)}, "must have a trust domain"),
        ({"uris": (f"spiffe://{EAST}/ns/../agent",)}, "must have path segments"),
        ({"uris": (f"spiffe://{EAST}/ns/%2e",)}, "must have path segments"),
        ({"uris": (f"spiffe://{EAST}",)}, "without a path"),  # V6
        ({"uris": (f"spiffe://{EAST}/",)}, "must have path segments"),
        ({"names_critical": False}, "critical alternative names exactly when"),
        ({"subject": "api"}, "critical alternative names exactly when"),
        ({"purposes": None}, "lacks the extension ExtendedKeyUsage"),
        ({"purposes": BOTH[:1]}, "must be for servers and for clients"),
        ({"purposes": BOTH[1:]}, "must be for servers and for clients"),
        ({"start": NOW + timedelta(seconds=1)}, "is not valid before 2026-03-01T12:00:01Z"),
        ({"end": NOW - timedelta(seconds=1)}, "has expired at 2026-03-01T11:59:59Z"),
        ({"ski": False}, "lacks the extension SubjectKeyIdentifier"),
        ({"aki": False}, "lacks the extension AuthorityKeyIdentifier"),
        ({"unknown_critical": True}, "critical extensions that are not known"),
        ({"sha384": True}, "is not signed with SHA-256"),
    ],
)
def test_a_leaf_with_one_fault_is_refused(faults: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^(leaf|spiffe id) .*{message}"):
        rules.leaf_identity(made(LEAF, **faults), NOW, "leaf")


def test_a_leaf_is_valid_in_its_first_and_last_second() -> None:
    for leaf in (made(LEAF, start=NOW), made(LEAF, end=NOW)):
        assert str(rules.leaf_identity(leaf, NOW, "leaf")) == API


def test_a_named_subject_goes_with_names_that_are_not_critical() -> None:
    named = made(LEAF, subject="api", names_critical=False)
    assert str(rules.leaf_identity(named, NOW, "leaf")) == API


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    ],
)
def test_only_keys_on_p256_are_accepted(
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
) -> None:
    with pytest.raises(InvalidInput, match="key of leaf is not an EC key on the curve P-256"):
        rules.leaf_identity(LEAF.signed(KEY, key), NOW, "leaf")


def test_a_good_authority_is_confined() -> None:
    """Nothing is raised."""
    rules.check_confined(made(AUTHORITY), EAST, "authority")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"ca": False, "path_length": None}, "not marked as an authority"),
        ({"ca": None}, "lacks the extension BasicConstraints"),
        ({"ca_critical": False}, "not marked as an authority"),
        ({"usage": ("crl_sign",)}, "lacks the key usage keyCertSign"),
        ({"usage_critical": False}, "lacks the key usage keyCertSign"),
        ({"usage": None}, "lacks the extension KeyUsage"),
        ({"subject": "west.mesh.test"}, "must have the common name east.mesh.test"),
        ({"subject": ""}, "must have the common name east.mesh.test"),
        ({"path_length": 1}, "has path length 1, but must have 0"),
        ({"path_length": None}, "has path length None, but must have 0"),
        ({"permitted": (), "excluded": ()}, "lacks the extension NameConstraints"),
        ({"constraints_critical": False}, "do not confine it to east.mesh.test"),
        ({"permitted": AUTHORITY.permitted[:1]}, "do not confine it"),
        ({"permitted": AUTHORITY.permitted[1:]}, "do not confine it"),
        ({"permitted": ()}, "do not confine it"),
        ({"excluded": ("0.0.0.0/0",)}, "do not confine it"),
        ({"excluded": ()}, "do not confine it"),
        (
            {"permitted": (*AUTHORITY.permitted, x509.UniformResourceIdentifier("x.test"))},
            "do not confine it",
        ),
        (
            {"permitted": (x509.UniformResourceIdentifier(f".{EAST}"), x509.DNSName(EAST))},
            "do not confine it",
        ),
    ],
)
def test_an_authority_with_one_fault_is_refused(faults: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^authority .*{message}"):
        rules.check_confined(made(AUTHORITY, **faults), EAST, "authority")


@pytest.mark.parametrize("dns", [(EAST,), (f"agent.{EAST}",), ()])
def test_names_inside_the_trust_domain_are_accepted(dns: tuple[str, ...]) -> None:
    """Nothing is raised."""
    rules.check_names_within(made(LEAF, dns=dns), EAST, "leaf")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"dns": ("agent.west.mesh.test",)}, "agent.west.mesh.test outside east.mesh.test"),
        ({"dns": ("mesh.test",)}, "mesh.test outside east.mesh.test"),
        ({"dns": ("noteast.mesh.test",)}, "noteast.mesh.test outside"),
        ({"addresses": ("10.0.0.1",)}, "10.0.0.1, neither URI nor DNS"),
        ({"emails": (f"a@{EAST}",)}, "neither URI nor DNS"),
    ],
)
def test_names_outside_the_trust_domain_are_refused(faults: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        rules.check_names_within(made(LEAF, **faults), EAST, "leaf")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"issuer": "west.mesh.test"}, "is not signed by CN=east.mesh.test"),
        ({"aki_of": WEST_MEMBER.key}, "names another key of CN=east.mesh.test"),
    ],
)
def test_an_issuer_is_named_rightly(faults: dict[str, Any], message: str) -> None:
    rules.check_signed_by(made(LEAF), EAST_MEMBER.twin, "leaf")
    with pytest.raises(InvalidInput, match=message):
        rules.check_signed_by(made(LEAF, **faults), EAST_MEMBER.twin, "leaf")


def test_a_signature_by_another_key_of_that_name_is_refused() -> None:
    forged = replace(LEAF, aki_of=KEY).signed(WEST_MEMBER.key, LEAF_KEY.public_key())
    with pytest.raises(InvalidInput, match=r"leaf is not signed by CN=east.mesh.test"):
        rules.check_signed_by(forged, EAST_MEMBER.twin, "leaf")


def test_a_certificate_that_outlives_its_issuer_is_refused() -> None:
    end = EAST_MEMBER.intermediate.not_valid_after_utc
    rules.check_issued_by(made(LEAF, end=end), EAST_MEMBER.intermediate, "leaf")
    late = made(LEAF, end=end + timedelta(seconds=1))
    with pytest.raises(InvalidInput, match="leaf outlives its issuer"):
        rules.check_issued_by(late, EAST_MEMBER.intermediate, "leaf")
