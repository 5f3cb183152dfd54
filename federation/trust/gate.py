"""The gate for keys of others: only what the mesh issues for is loaded, and nothing costly is.

In: a certificate or request of any origin, parsed but not judged. Out: its P-256 key, or
InvalidInput. What a document says of its key is read first: a library that loads and uses a DSA key
of 10,000 bits, or an RSA key with a huge exponent, is busy for 30 ms each time.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import PublicKeyAlgorithmOID

from federation.model.errors import InvalidInput

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def p256_key(
    document: x509.Certificate | x509.CertificateSigningRequest, what: str
) -> ec.EllipticCurvePublicKey:
    """The key of a certificate or request, which must be P-256."""
    kind = document.public_key_algorithm_oid  # type: ignore[union-attr] # missing in the stubs
    if kind != PublicKeyAlgorithmOID.EC_PUBLIC_KEY:
        raise _other_kind(what)
    try:
        key = document.public_key()
    except _UNREADABLE as error:
        raise InvalidInput(f"key of {what} cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _other_kind(what)
    return key


def check_size(data: bytes, most: int, what: str) -> None:
    """Raise InvalidInput for more than `most` bytes."""
    if len(data) > most:
        raise InvalidInput(f"{what} has {len(data)} bytes, but must have at most {most}")


def _other_kind(what: str) -> InvalidInput:
    return InvalidInput(f"key of {what} is not an EC key on the curve P-256")
