"""What an authority signs, and what the agent itself shows."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from federation.model.errors import InvalidInput
from federation.trust import issue
from federation.trust.pem import load_certificates, pem
from tests.unit.fakes.authorities import make_authority

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_leaf_has_the_name_of_its_token_whatever_the_request_asks_for() -> None:
    authority = make_authority(NOW)
    asked = pem(issue.make_csr(issue.new_key(), "west.mesh.test"))
    leaf, intermediate = load_certificates(authority.certify("shop/api", asked, NOW).chain)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ids = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert ids == ["spiffe://east.mesh.test/ns/shop/sa/api"]
    assert intermediate == authority.intermediate
    assert leaf.not_valid_after_utc - NOW <= timedelta(hours=1)


def test_a_request_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput):
        make_authority(NOW).certify("shop/api", b"no request", NOW)


def test_the_agent_shows_one_certificate_until_half_of_its_life_is_over() -> None:
    authority = make_authority(NOW)
    first = authority.identity(NOW)
    assert authority.identity(NOW + timedelta(minutes=5)) is first
    assert authority.identity(NOW + timedelta(minutes=40)) is not first
