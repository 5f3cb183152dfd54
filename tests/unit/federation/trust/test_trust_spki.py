"""A program without the library for certificates still tells who signed one."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from federation.trust import issue, profile
from federation.trust.pem import PrivateKey, pem
from federation.trust.spki import is_signed_by_another, public_keys
from tests.unit.federation.trust.trust_certs import API, EAST, LEAF_KEY, NOW, ROOT, make_member

OLD, NEW = make_member(ROOT, "east"), make_member(ROOT, "east")
CHAIN = pem(OLD.leaf(LEAF_KEY, API), OLD.intermediate)


def der(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_it_finds_the_keys_that_the_library_finds() -> None:
    assert public_keys(CHAIN + pem(OLD.twin)) == (der(LEAF_KEY), der(OLD.key), der(OLD.key))


@pytest.mark.parametrize(
    "text", [b"", b"PEM", b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"]
)
def test_what_cannot_be_read_has_no_keys(text: bytes) -> None:
    assert public_keys(text) == ()


def test_a_chain_belongs_to_the_anchor_of_its_signer_and_to_no_other() -> None:
    assert not is_signed_by_another(CHAIN, pem(OLD.twin))
    assert not is_signed_by_another(CHAIN, pem(NEW.twin, OLD.twin)), "one key follows another"
    assert is_signed_by_another(CHAIN, pem(NEW.twin))


def test_what_cannot_be_told_is_not_said() -> None:
    assert not is_signed_by_another(CHAIN, b"PEM")
    assert not is_signed_by_another(b"CHAIN", pem(NEW.twin))


def test_other_kinds_of_keys_are_left_out() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        twin = issue.make_twin(key, profile.twin_profile(EAST), NOW)  # type: ignore[arg-type]
        assert public_keys(pem(twin)) == ()
