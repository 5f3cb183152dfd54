"""What the mesh does not issue for is refused by its kind and size, before anything is computed."""

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from federation.model.errors import InvalidInput
from federation.trust import gate, pem
from federation.trust.issue import make_csr, new_key
from tests.unit.fakes.costly import dsa_request, explicit_curve_request, rsa_request

OTHER_KIND = "not an EC key on the curve P-256"
COSTLY = {
    "DSA 10,000": (dsa_request(10_000), "has 5375 bytes, but must have at most 4096"),
    "DSA 7,000": (dsa_request(7_000), OTHER_KIND),
    "RSA 3,072, exponent of 3,071": (rsa_request(3_072, 3_071), OTHER_KIND),
    "RSA 16,384": (rsa_request(16_384, 17), "but must have at most 4096"),
    "RSA 10,000, exponent of 64": (rsa_request(10_000, 64), OTHER_KIND),
    "a curve of its own": (explicit_curve_request(2_048), "cannot be read"),
}
MOST_SECONDS = 0.002
"""Loading and using one of these keys takes 3 to 40 ms; refusing it 0.2 ms at most."""


@pytest.mark.parametrize("kind", COSTLY)
def test_a_key_that_costs_dearly_is_never_used(kind: str) -> None:
    request, reason = COSTLY[kind]
    fastest = 1.0
    for _ in range(5):
        began = time.thread_time()
        with pytest.raises(InvalidInput, match=reason):
            pem.read_csr(request)
        fastest = min(fastest, time.thread_time() - began)
    assert fastest < MOST_SECONDS


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        dsa.generate_private_key(key_size=1024),
    ],
)
def test_a_good_request_of_another_kind_is_refused(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey,
) -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    with pytest.raises(InvalidInput, match=OTHER_KIND):
        gate.p256_key(builder.sign(key, SHA256()), "certificate request")


def test_what_the_mesh_makes_is_let_through() -> None:
    key = new_key()
    assert gate.p256_key(make_csr(key), "certificate request") == key.public_key()


def test_a_twin_that_is_too_large_is_not_parsed() -> None:
    text = make_csr(new_key()).public_bytes(Encoding.PEM)
    with pytest.raises(InvalidInput, match="twin certificate has 5000 bytes"):
        pem.read_twin(text.ljust(5_000))
