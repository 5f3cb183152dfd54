"""Single rules of what a certificate must be; `federation.trust.validate` composes them.

In: certificates of any origin, and `what` they are, for the message. Out: nothing, or the value
that the rule reads; every rule raises InvalidInput. V1 to V7 are the rules of the X509-SVID
standard. Nothing here is shared with `federation.trust.issue`, so that a mistake there is found.
"""

from datetime import datetime
from ipaddress import ip_network
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.model.errors import InvalidInput
from federation.trust.gate import p256_key
from federation.trust.spiffe import SpiffeId, parse

Kind = TypeVar("Kind", bound=x509.ExtensionType)

_KINDS = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
    x509.NameConstraints,
    x509.SubjectKeyIdentifier,
    x509.AuthorityKeyIdentifier,
)
# What the library raises for damaged certificates; most of it is parsed only when it is read.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def check_form(cert: x509.Certificate, now: datetime, what: str) -> None:
    """What holds of every certificate: P-256, SHA-256, its time, and nothing critical unknown."""
    p256_key(cert, what)
    try:
        _ = (cert.subject.rdns, cert.issuer.rdns)
        algorithm = cert.signature_hash_algorithm
        unknown = [e for e in cert.extensions if e.critical and not isinstance(e.value, _KINDS)]
    except UNREADABLE as error:
        raise InvalidInput(f"{what} cannot be read: {error}") from error
    demand(isinstance(algorithm, SHA256), f"{what} is not signed with SHA-256")
    demand(not unknown, f"{what} has critical extensions that are not known")
    extension(cert, x509.SubjectKeyIdentifier, what)
    extension(cert, x509.AuthorityKeyIdentifier, what)
    _check_time(cert, now, what)


def _check_time(cert: x509.Certificate, now: datetime, what: str) -> None:
    start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    demand(now >= start, f"{what} is not valid before {start:%Y-%m-%dT%H:%M:%SZ}")
    demand(now <= end, f"{what} has expired at {end:%Y-%m-%dT%H:%M:%SZ}")


def check_authority(cert: x509.Certificate, what: str) -> None:
    """It may sign certificates, by basic constraints and by key usage, both critical."""
    basic = extension(cert, x509.BasicConstraints, what)
    demand(basic.critical and basic.value.ca, f"{what} is not marked as an authority")
    usage = extension(cert, x509.KeyUsage, what)
    demand(usage.critical and usage.value.key_cert_sign, f"{what} lacks the key usage keyCertSign")


def check_confined(cert: x509.Certificate, trust_domain: str, what: str) -> None:
    """An authority of exactly one trust domain: by subject, path length and name constraints."""
    check_authority(cert, what)
    subject = [(part.oid, part.value) for part in cert.subject]
    demand(
        subject == [(NameOID.COMMON_NAME, trust_domain)],
        f"{what} has the subject {cert.subject.rfc4514_string()!r}, but must have the common name "
        f"{trust_domain}",
    )
    length = extension(cert, x509.BasicConstraints, what).value.path_length
    demand(length == 0, f"{what} has path length {length}, but must have 0")
    limits = extension(cert, x509.NameConstraints, what)
    permitted = {x509.UniformResourceIdentifier(trust_domain), x509.DNSName(trust_domain)}
    excluded = {x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))}
    demand(
        limits.critical
        and set(limits.value.permitted_subtrees or ()) == permitted
        and set(limits.value.excluded_subtrees or ()) == excluded,
        f"{what} has name constraints that do not confine it to {trust_domain}",
    )


def leaf_identity(cert: x509.Certificate, now: datetime, what: str) -> SpiffeId:
    """The id in a leaf, by the rules V2 to V7."""
    check_form(cert, now, what)
    _check_leaf_usage(cert, what)
    names = extension(cert, x509.SubjectAlternativeName, what)
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    demand(len(uris) == 1, f"{what} has {len(uris)} URIs, but must have exactly one")
    demand(
        names.critical == (not cert.subject.rdns),
        f"{what} must have critical alternative names exactly when its subject is empty",
    )
    identity = parse(uris[0])
    demand(identity.path != "", f"{what} has the id {identity} without a path")
    return identity


def _check_leaf_usage(cert: x509.Certificate, what: str) -> None:
    demand(
        not extension(cert, x509.BasicConstraints, what).value.ca,
        f"{what} is an authority, which proves no identity",
    )
    usage = extension(cert, x509.KeyUsage, what)
    demand(
        usage.critical and usage.value.digital_signature,
        f"{what} lacks the critical key usage digitalSignature",
    )
    demand(
        not usage.value.key_cert_sign and not usage.value.crl_sign,
        f"{what} has a key usage that is for authorities",
    )
    purposes = set(extension(cert, x509.ExtendedKeyUsage, what).value)
    demand(
        purposes >= {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH},
        f"{what} must be for servers and for clients",
    )


def check_names_within(cert: x509.Certificate, trust_domain: str, what: str) -> None:
    """DNS names lie in the trust domain, and there are none of another kind (no addresses)."""
    for name in extension(cert, x509.SubjectAlternativeName, what).value:
        match name:
            case x509.UniformResourceIdentifier():
                pass  # the id, from which the trust domain was taken
            case x509.DNSName(value=host):
                within = host == trust_domain or host.endswith(f".{trust_domain}")
                demand(within, f"{what} has the name {host} outside {trust_domain}")
            case _:
                raise InvalidInput(f"{what} has the name {name.value}, neither URI nor DNS")


def check_issued_by(cert: x509.Certificate, issuer: x509.Certificate, what: str) -> None:
    """Signed by the issuer, and not to outlive it."""
    check_signed_by(cert, issuer, what)
    demand(cert.not_valid_after_utc <= issuer.not_valid_after_utc, f"{what} outlives its issuer")


def check_signed_by(cert: x509.Certificate, issuer: x509.Certificate, what: str) -> None:
    """Signed directly by the issuer's key, and naming issuer and key so that TLS finds them."""
    p256_key(issuer, f"issuer of {what}")
    signer = issuer.subject.rfc4514_string()
    try:
        cert.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature) as error:
        raise InvalidInput(f"{what} is not signed by {signer}") from error
    named = extension(cert, x509.AuthorityKeyIdentifier, what).value.key_identifier
    own = extension(issuer, x509.SubjectKeyIdentifier, f"issuer of {what}").value.digest
    demand(named == own, f"{what} names another key of {signer} as its issuer")


def extension(cert: x509.Certificate, kind: type[Kind], what: str) -> x509.Extension[Kind]:
    """The extension of this kind, which must be there."""
    try:
        return cert.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound as error:
        raise InvalidInput(f"{what} lacks the extension {kind.__name__}") from error


def demand(holds: bool, otherwise: str) -> None:
    """Raise InvalidInput with the sentence `otherwise` unless the rule holds."""
    if not holds:
        raise InvalidInput(otherwise)
