"""Certificates, keys and requests as PEM, and their fingerprints.

In: bytes from a file or a peer. Out: objects whose key is known to be P-256, or InvalidInput; and
back. That a certificate can be read says nothing of its worth: `federation.trust.validate` does.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from federation.model.errors import InvalidInput
from federation.trust.gate import check_size, p256_key

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

LARGEST_FROM_OUTSIDE = 4096
"""Bytes of a request, or of a certificate that comes with one; ours have less than 1,000."""
_LARGEST_PEM = 1 << 20
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


def read_csr(pem: bytes) -> x509.CertificateSigningRequest:
    """Parse a request and check that its key is P-256 and its own signature; raises InvalidInput.

    Only the key of the request counts: names and extensions are the issuer's decision. What is
    cheap is judged first, and the signature last.
    """
    what = "certificate request"
    check_size(pem, LARGEST_FROM_OUTSIDE, what)
    try:
        csr = x509.load_pem_x509_csr(pem)
        p256_key(csr, what)
        is_signed = csr.is_signature_valid
    except _UNREADABLE as error:
        raise InvalidInput(
            "certificate request cannot be read, but must be PEM of one PKCS #10 request"
        ) from error
    if not is_signed:
        raise InvalidInput(
            "signature of certificate request is wrong, but must be made by the key that it carries"
        )
    return csr


def csr_key(csr: x509.CertificateSigningRequest) -> PublicKey:
    """The P-256 key of a request; raises InvalidInput for another kind."""
    return p256_key(csr, "certificate request")


def certificate_key(cert: x509.Certificate) -> PublicKey:
    """The P-256 key of a certificate; raises InvalidInput for another kind."""
    return p256_key(cert, "the certificate")


def read_twin(pem: bytes) -> x509.Certificate:
    """The twin certificate that comes with a request; raises InvalidInput. Not judged yet."""
    check_size(pem, LARGEST_FROM_OUTSIDE, "twin certificate")
    return load_certificates(pem)[0]


def pem(*documents: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """PEM of certificates (a chain: leaf first) or of a request."""
    return b"".join(document.public_bytes(Encoding.PEM) for document in documents)


def key_pem(key: PrivateKey) -> bytes:
    """PEM of a private key, PKCS #8, not encrypted: the shell that stores it keeps it 0600."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """All certificates in `pem`, in their order, at least one; raises InvalidInput."""
    check_size(pem, _LARGEST_PEM, "certificate file")
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except _UNREADABLE as error:
        raise InvalidInput(
            "certificates cannot be read, but must be PEM with at least one CERTIFICATE"
        ) from error


def load_key(pem: bytes) -> PrivateKey:
    """The P-256 key in `pem`, not encrypted; raises InvalidInput."""
    check_size(pem, _LARGEST_PEM, "private key")
    try:
        key = load_pem_private_key(pem, password=None)
    except _UNREADABLE as error:
        raise InvalidInput(
            "private key cannot be read, but must be PEM of a key that is not encrypted"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not _is_p256(key.public_key()):
        raise InvalidInput("private key is not an EC key on the curve P-256")
    return key


def key_sha256(key: PublicKey) -> str:
    """SHA-256 of a public key (DER of its SubjectPublicKeyInfo), in hexadecimal."""
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def certificate_sha256(cert: x509.Certificate) -> str:
    """SHA-256 of a certificate (DER), in hexadecimal: what a join token says of the root."""
    return cert.fingerprint(SHA256()).hex()


def _is_p256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
