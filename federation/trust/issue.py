"""Sign certificates: the second of profile, issue, validate.

In: a profile, keys, and now. Out: certificates and requests. Nothing is judged here: whoever issues
passes the result to `federation.trust.validate` before it is used. `federation.trust.pem` turns
all of it into text and back.
"""

from datetime import datetime
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.trust.pem import PrivateKey, PublicKey
from federation.trust.profile import AuthorityProfile, LeafProfile

_EVERY_ADDRESS = ("0.0.0.0/0", "::/0")
_LONGEST_NAME = 64  # RFC 5280, ub-common-name


def new_key() -> PrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(key: PrivateKey, profile: AuthorityProfile, now: datetime) -> x509.Certificate:
    """The clusterset's root, signed by itself."""
    return _self_signed(key, profile, now)


def make_twin(key: PrivateKey, profile: AuthorityProfile, now: datetime) -> x509.Certificate:
    """The anchor of a trust domain: like its intermediate, signed by itself."""
    return _self_signed(key, profile, now)


def issue_intermediate(
    root: x509.Certificate,
    root_key: PrivateKey,
    public_key: PublicKey,
    profile: AuthorityProfile,
    now: datetime,
) -> x509.Certificate:
    """A cluster's authority for the key of its request; never outlives the root."""
    builder = _authority(profile, public_key)
    return _issued(builder, root, root_key, now - profile.backdate, now + profile.life)


def issue_leaf(
    authority: x509.Certificate,
    authority_key: PrivateKey,
    public_key: PublicKey,
    profile: LeafProfile,
    now: datetime,
) -> x509.Certificate:
    """A leaf for `public_key`; never outlives the authority that signs it."""
    builder = _leaf(profile, public_key)
    return _issued(builder, authority, authority_key, now - profile.backdate, now + profile.life)


def issue_controller(
    root: x509.Certificate,
    root_key: PrivateKey,
    public_key: PublicKey,
    profile: LeafProfile,
    now: datetime,
) -> x509.Certificate:
    """A leaf of the controller, its API or a user, signed by the root itself; never outlives it."""
    return issue_leaf(root, root_key, public_key, profile, now)


def make_csr(key: PrivateKey, common_name: str = "") -> x509.CertificateSigningRequest:
    """A request that proves possession of `key`.

    The name is for people and cut at 64 characters; issuers ignore it.
    """
    subject = _name(common_name[:_LONGEST_NAME])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, SHA256())


def _self_signed(key: PrivateKey, profile: AuthorityProfile, now: datetime) -> x509.Certificate:
    public_key = key.public_key()
    return (
        _authority(profile, public_key)
        .issuer_name(_name(profile.common_name))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key), False)
        .not_valid_before(now - profile.backdate)
        .not_valid_after(now + profile.life)
        .sign(key, SHA256())
    )


def _issued(
    builder: x509.CertificateBuilder,
    issuer: x509.Certificate,
    issuer_key: PrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    aki = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)
    return (
        builder.issuer_name(issuer.subject)
        .add_extension(aki, critical=False)
        .not_valid_before(not_before)
        .not_valid_after(min(not_after, issuer.not_valid_after_utc))
        .sign(issuer_key, SHA256())
    )


def _authority(profile: AuthorityProfile, public_key: PublicKey) -> x509.CertificateBuilder:
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(profile.uri)])
    builder = (
        _started(profile.common_name, public_key)
        .add_extension(x509.BasicConstraints(True, profile.path_length), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(uri, critical=False)
    )
    if profile.confined_to:
        return builder.add_extension(_confined_to(profile.confined_to), critical=True)
    return builder


def _leaf(profile: LeafProfile, public_key: PublicKey) -> x509.CertificateBuilder:
    names: list[x509.GeneralName] = []
    names += [x509.UniformResourceIdentifier(uri) for uri in (profile.uri,) if uri]
    names += [x509.DNSName(name) for name in profile.dns_names]
    names += [x509.IPAddress(address) for address in profile.addresses]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] if profile.is_server else []
    purposes += [ExtendedKeyUsageOID.CLIENT_AUTH] if profile.is_client else []
    return (
        _started(profile.common_name, public_key)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=not profile.common_name)
    )


def _started(common_name: str, public_key: PublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _confined_to(trust_domain: str) -> x509.NameConstraints:
    # The bare host means exactly it: with a leading dot only sub-domains would be permitted.
    # Constraints bind only the kinds of names they mention, so addresses are excluded by name.
    return x509.NameConstraints(
        permitted_subtrees=[
            x509.UniformResourceIdentifier(trust_domain),
            x509.DNSName(trust_domain),
        ],
        excluded_subtrees=[x509.IPAddress(ip_network(text)) for text in _EVERY_ADDRESS],
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    if not common_name:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
