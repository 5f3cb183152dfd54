"""federation.trust.pem: what is read is what was written, and rubbish is refused."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from federation.model.errors import InvalidInput
from federation.trust import issue, pem
from tests.unit.federation.trust.trust_certs import API, EAST_MEMBER, LEAF_KEY, ROOT

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P384_KEY = ec.generate_private_key(ec.SECP384R1())
RUBBISH = [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]


def csr_by(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_a_chain_keeps_its_order() -> None:
    chain = (EAST_MEMBER.leaf(LEAF_KEY, API), EAST_MEMBER.intermediate, ROOT.cert)
    assert pem.load_certificates(pem.pem(*chain)) == chain


def test_a_key_is_read_back() -> None:
    found = pem.load_key(pem.key_pem(LEAF_KEY))
    assert found.private_numbers() == LEAF_KEY.private_numbers()


def test_a_request_is_read_back() -> None:
    csr = issue.make_csr(LEAF_KEY, "shop/api")
    assert pem.csr_key(pem.read_csr(pem.pem(csr))) == LEAF_KEY.public_key()


@pytest.mark.parametrize("data", [*RUBBISH, b"x" * (1 << 21)])
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="certificate"):
        pem.load_certificates(data)
    with pytest.raises(InvalidInput, match="private key"):
        pem.load_key(data)
    with pytest.raises(InvalidInput, match="certificate request"):
        pem.read_csr(data)


@pytest.mark.parametrize("key", [RSA_KEY, P384_KEY, ed25519.Ed25519PrivateKey.generate()])
def test_other_kinds_of_keys_are_refused(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(InvalidInput, match="not an EC key on the curve P-256"):
        pem.load_key(text)


def test_an_encrypted_key_is_refused() -> None:
    locked = BestAvailableEncryption(b"secret")
    text = LEAF_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    with pytest.raises(InvalidInput, match="not encrypted"):
        pem.load_key(text)


@pytest.mark.parametrize("key", [RSA_KEY, P384_KEY])
def test_a_request_for_another_kind_of_key_is_refused(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
) -> None:
    with pytest.raises(InvalidInput, match="not an EC key on the curve P-256"):
        pem.read_csr(csr_by(key))


def test_a_request_without_possession_of_its_key_is_refused() -> None:
    mine = issue.make_csr(LEAF_KEY, "shop/api").public_bytes(Encoding.DER)
    own = LEAF_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    other = EAST_MEMBER.key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert own in mine
    forged = x509.load_der_x509_csr(mine.replace(own, other))
    with pytest.raises(InvalidInput, match="signature of certificate request is wrong"):
        pem.read_csr(forged.public_bytes(Encoding.PEM))


def test_fingerprints_are_over_the_der() -> None:
    der = ROOT.cert.public_bytes(Encoding.DER)
    assert pem.certificate_sha256(ROOT.cert) == hashlib.sha256(der).hexdigest()
    spki = LEAF_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert pem.key_sha256(LEAF_KEY.public_key()) == hashlib.sha256(spki).hexdigest()
