"""Judge certificates: the third of profile, issue, validate, and it shares no code with them.

In: certificates, who they must be, and now. Out: nothing, or the identity; every check raises.
`check_*` judge a document before it is used (InvalidInput); `verify_*` judge a peer (Denied). They
are the second lock beside TLS: a peer's leaf counts only when the anchor of its own trust domain
signed it. Checked by hand, as the library's verifier refuses name constraints on URIs; V1 to V7
are the rules of the X509-SVID standard.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hmac import compare_digest

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from federation.model.errors import Denied, InvalidInput
from federation.trust.rules import (
    UNREADABLE,
    check_authority,
    check_confined,
    check_form,
    check_issued_by,
    check_names_within,
    check_signed_by,
    demand,
    extension,
    leaf_identity,
)
from federation.trust.spiffe import SpiffeId, controller_id

Anchors = Mapping[str, tuple[x509.Certificate, ...]]

_LARGEST_CHAIN = 64 * 1024
_LONGEST_CHAIN = 3  # leaf, intermediate, root


def check_root(cert: x509.Certificate, now: datetime) -> None:
    """The clusterset's root: signed by itself, an authority above other authorities."""
    what = "root certificate"
    check_form(cert, now, what)
    check_authority(cert, what)
    check_signed_by(cert, cert, what)
    length = extension(cert, x509.BasicConstraints, what).value.path_length
    demand(length is None or length >= 1, f"{what} permits no authority below it")


def check_pinned_root(cert: x509.Certificate, *, sha256: str, now: datetime) -> None:
    """The root that a join token names by the SHA-256 of its DER (hexadecimal)."""
    found = cert.fingerprint(SHA256()).hex()
    demand(
        compare_digest(found.encode(), sha256.encode()),
        f"root certificate has the digest {found}, but the join token names {sha256[:64]}",
    )
    check_root(cert, now)


def check_intermediate(
    cert: x509.Certificate, *, root: x509.Certificate, trust_domain: str, now: datetime
) -> None:
    """A cluster's authority: signed by the root, confined to its trust domain."""
    what = f"intermediate certificate of {trust_domain}"
    check_form(cert, now, what)
    check_root(root, now)
    check_confined(cert, trust_domain, what)
    check_issued_by(cert, root, what)


def check_twin(
    twin: x509.Certificate,
    *,
    public_key: ec.EllipticCurvePublicKey,
    trust_domain: str,
    now: datetime,
) -> None:
    """The anchor of a trust domain: the intermediate's subject and key, signed by itself."""
    what = f"twin certificate of {trust_domain}"
    check_form(twin, now, what)
    check_confined(twin, trust_domain, what)
    check_signed_by(twin, twin, what)
    demand(twin.public_key() == public_key, f"{what} has another key than its intermediate")


def check_leaf(
    cert: x509.Certificate, *, issuer: x509.Certificate, spiffe_id: str, now: datetime
) -> None:
    """A leaf for exactly this id, signed by the authority (or twin) of the id's trust domain."""
    what = f"leaf certificate of {spiffe_id}"
    identity = leaf_identity(cert, now, what)
    demand(str(identity) == spiffe_id, f"{what} says it is {identity}")
    check_names_within(cert, identity.trust_domain, what)
    check_form(issuer, now, f"issuer of {what}")
    check_confined(issuer, identity.trust_domain, f"issuer of {what}")
    check_issued_by(cert, issuer, what)


def check_controller(
    cert: x509.Certificate, *, root: x509.Certificate, domain: str, now: datetime
) -> None:
    """The controller's leaf: signed by the root itself, serving under the clusterset's domain."""
    what = f"controller certificate of {domain}"
    identity = leaf_identity(cert, now, what)
    demand(str(identity) == controller_id(domain), f"{what} says it is {identity}")
    names = extension(cert, x509.SubjectAlternativeName, what).value
    demand(domain in names.get_values_for_type(x509.DNSName), f"{what} lacks the name {domain}")
    check_root(root, now)
    check_issued_by(cert, root, what)


def check_api(
    cert: x509.Certificate, *, root: x509.Certificate, domain: str, now: datetime
) -> None:
    """The certificate of the controller's API, by which nobody can be the controller to agents."""
    what = "API certificate"
    check_form(cert, now, what)
    names = extension(cert, x509.SubjectAlternativeName, what).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    demand(not uris, f"{what} has the id {', '.join(uris)}, but must have none")
    hosts = names.get_values_for_type(x509.DNSName)
    demand(
        domain not in hosts, f"{what} has the name {domain}, by which agents know the controller"
    )
    purposes = list(extension(cert, x509.ExtendedKeyUsage, what).value)
    demand(purposes == [ExtendedKeyUsageOID.SERVER_AUTH], f"{what} must be for servers alone")
    demand(
        not extension(cert, x509.BasicConstraints, what).value.ca,
        f"{what} is an authority, which serves nobody",
    )
    check_root(root, now)
    check_issued_by(cert, root, what)


def verify_peer_chain(
    chain_pem: bytes, *, root: x509.Certificate, anchors: Anchors, now: datetime
) -> tuple[SpiffeId, x509.Certificate]:
    """The identity of a peer by what it presented (PEM, leaf first), and the anchor that proves it.

    Raises Denied. `anchors` maps each member's trust domain to its twins, each judged here. Anchors
    of different trust domains are never pooled (V1). The intermediate may be missing, as some TLS
    libraries hand over the leaf alone; when it is there, it must be right as well.
    """
    what = "peer certificate"
    try:
        leaf, *others = _parsed(chain_pem)
        identity = leaf_identity(leaf, now, what)
        check_names_within(leaf, identity.trust_domain, what)
        anchor = _anchor(leaf, anchors.get(identity.trust_domain, ()), identity, now)
        for cert in _without(others, root):
            check_intermediate(cert, root=root, trust_domain=identity.trust_domain, now=now)
            demand(
                cert.public_key() == anchor.public_key(), "intermediate of the peer is not its own"
            )
    except InvalidInput as reason:
        raise Denied(f"peer is refused: {reason}") from reason
    return identity, anchor


def _parsed(pem: bytes) -> list[x509.Certificate]:
    demand(len(pem) <= _LARGEST_CHAIN, f"certificate chain has {len(pem)} bytes, too many")
    try:
        certs = x509.load_pem_x509_certificates(pem)
    except UNREADABLE as error:
        raise InvalidInput("certificate chain is not PEM of certificates") from error
    demand(len(certs) <= _LONGEST_CHAIN, f"certificate chain has {len(certs)} parts, too many")
    return certs


def _without(certs: Iterable[x509.Certificate], root: x509.Certificate) -> list[x509.Certificate]:
    return [cert for cert in certs if cert != root]


def _anchor(
    leaf: x509.Certificate,
    twins: tuple[x509.Certificate, ...],
    identity: SpiffeId,
    now: datetime,
) -> x509.Certificate:
    demand(
        bool(twins),
        f"no anchor is known of trust domain {identity.trust_domain}: it has not joined, has left, "
        "or was revoked",
    )
    reasons = []
    for twin in twins:
        what = f"anchor of {identity.trust_domain}"
        try:
            check_form(twin, now, what)
            check_confined(twin, identity.trust_domain, what)
            check_signed_by(leaf, twin, f"leaf certificate of {identity}")
        except InvalidInput as reason:
            reasons.append(str(reason))
        else:
            return twin
    raise InvalidInput("; ".join(reasons))
