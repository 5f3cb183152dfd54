"""federation.trust.issue: certificates say what their profile says."""

from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.trust import issue, profile
from tests.unit.federation.trust.trust_certs import (
    API,
    DOMAIN,
    EAST,
    EAST_MEMBER,
    LEAF_KEY,
    NOW,
    ROOT,
)

CONTROLLER = issue.issue_controller(
    ROOT.cert,
    ROOT.key,
    LEAF_KEY.public_key(),
    profile.controller_profile(DOMAIN),
    NOW,
)
LEAF = EAST_MEMBER.leaf(LEAF_KEY, API, (profile.agent_host(EAST),))
ISSUERS = [
    (ROOT.cert, ROOT.cert),
    (EAST_MEMBER.intermediate, ROOT.cert),
    (EAST_MEMBER.twin, EAST_MEMBER.twin),
    (LEAF, EAST_MEMBER.intermediate),
    (LEAF, EAST_MEMBER.twin),
    (CONTROLLER, ROOT.cert),
]


def names(cert: x509.Certificate) -> x509.Extension[x509.SubjectAlternativeName]:
    return cert.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def common_name(cert: x509.Certificate) -> str:
    (part,) = cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(part.value)


@pytest.mark.parametrize(("cert", "issuer"), ISSUERS)
def test_every_certificate_names_its_issuer_and_the_key(
    cert: x509.Certificate, issuer: x509.Certificate
) -> None:
    cert.verify_directly_issued_by(issuer)
    aki = cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert aki.key_identifier == ski.digest
    own = cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(cert.public_key())


def test_twin_and_intermediate_share_subject_and_key() -> None:
    twin, intermediate = EAST_MEMBER.twin, EAST_MEMBER.intermediate
    assert common_name(twin) == EAST
    assert twin.subject.public_bytes() == intermediate.subject.public_bytes()
    assert twin.issuer.public_bytes() == twin.subject.public_bytes()
    assert twin.public_key() == intermediate.public_key()


@pytest.mark.parametrize("cert", [EAST_MEMBER.twin, EAST_MEMBER.intermediate])
def test_an_authority_is_confined_to_its_trust_domain(cert: x509.Certificate) -> None:
    limits = cert.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert limits.value.permitted_subtrees == [
        x509.UniformResourceIdentifier(EAST),
        x509.DNSName(EAST),
    ]
    assert limits.value.excluded_subtrees == [
        x509.IPAddress(ip_network("0.0.0.0/0")),
        x509.IPAddress(ip_network("::/0")),
    ]
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)


def test_the_root_permits_one_authority_below_itself() -> None:
    basic = ROOT.cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 1)
    with pytest.raises(x509.ExtensionNotFound):
        ROOT.cert.extensions.get_extension_for_class(x509.NameConstraints)


def test_a_leaf_has_one_id_and_serves_both_directions() -> None:
    assert names(LEAF).value.get_values_for_type(x509.UniformResourceIdentifier) == [API]
    assert names(LEAF).value.get_values_for_type(x509.DNSName) == ["agent.east.mesh.test"]
    assert set(LEAF.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    usage = LEAF.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign


def test_alternative_names_are_critical_exactly_when_the_subject_is_empty() -> None:
    assert not LEAF.subject.rdns
    assert names(LEAF).critical
    assert CONTROLLER.subject.rdns
    assert not names(CONTROLLER).critical


def test_the_controller_serves_the_domain_alone() -> None:
    found = names(CONTROLLER).value
    assert found.get_values_for_type(x509.DNSName) == ["mesh.test"]
    assert found.get_values_for_type(x509.IPAddress) == []


def test_the_api_serves_names_and_addresses_and_is_nobody() -> None:
    wanted = profile.api_profile(DOMAIN, ["ctl.example"], ["192.0.2.1"])
    made = issue.issue_controller(ROOT.cert, ROOT.key, LEAF_KEY.public_key(), wanted, NOW)
    found = names(made).value
    assert found.get_values_for_type(x509.DNSName) == ["ctl.example"]
    assert found.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.1")]
    assert found.get_values_for_type(x509.UniformResourceIdentifier) == []
    purposes = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_times_follow_the_profile() -> None:
    assert LEAF.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert LEAF.not_valid_after_utc == NOW + timedelta(hours=1)


def test_nothing_outlives_its_issuer() -> None:
    late = NOW + timedelta(days=7, minutes=-10)
    wanted = profile.leaf_profile(API)
    leaf = issue.issue_leaf(
        EAST_MEMBER.intermediate, EAST_MEMBER.key, LEAF_KEY.public_key(), wanted, late
    )
    assert leaf.not_valid_after_utc == EAST_MEMBER.intermediate.not_valid_after_utc


def test_serial_numbers_differ() -> None:
    again = EAST_MEMBER.leaf(LEAF_KEY, API, (profile.agent_host(EAST),))
    assert again.serial_number != LEAF.serial_number


def test_a_request_is_signed_by_its_key_and_its_name_is_cut() -> None:
    csr = issue.make_csr(LEAF_KEY, "n" * 100)
    assert csr.is_signature_valid
    assert csr.public_key() == LEAF_KEY.public_key()
    (part,) = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert part.value == "n" * 64
    assert not issue.make_csr(LEAF_KEY).subject.rdns
