"""Judge the certificates of the API's users, by no word of those who issue them.

In: certificates, the root, and now. Out: nothing, or the user's name. Only what the root's own key
has signed makes a user: a cluster's authority cannot, whatever names it writes into a leaf.
"""

from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.model.errors import Denied, InvalidInput
from federation.trust.rules import (
    UNREADABLE,
    check_form,
    check_issued_by,
    demand,
    extension,
)
from federation.trust.spiffe import parse
from federation.trust.validate import check_root

_LARGEST = 4096
_PATH = "/user/"


def check_user(
    cert: x509.Certificate, *, root: x509.Certificate, domain: str, name: str, now: datetime
) -> None:
    """A certificate for exactly this user; raises InvalidInput."""
    found = _user_in(cert, root, domain, now)
    demand(found == name, f"user certificate of {name} says it is {found}")


def verify_user(
    der: bytes, *, root: x509.Certificate, domain: str, now: datetime
) -> tuple[str, x509.Certificate]:
    """The user of a peer by the certificate that it presented (DER); raises Denied."""
    try:
        demand(len(der) <= _LARGEST, f"user certificate has {len(der)} bytes, too many")
        try:
            cert = x509.load_der_x509_certificate(der)
        except UNREADABLE as error:
            raise InvalidInput("user certificate cannot be read") from error
        return _user_in(cert, root, domain, now), cert
    except InvalidInput as reason:
        raise Denied(f"user is refused: {reason}") from reason


def _user_in(cert: x509.Certificate, root: x509.Certificate, domain: str, now: datetime) -> str:
    what = "user certificate"
    check_form(cert, now, what)
    demand(
        not extension(cert, x509.BasicConstraints, what).value.ca,
        f"{what} is an authority, which is nobody",
    )
    usage = extension(cert, x509.KeyUsage, what)
    demand(
        usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign,
        f"{what} must have the critical key usage digitalSignature, and none of an authority",
    )
    purposes = list(extension(cert, x509.ExtendedKeyUsage, what).value)
    demand(purposes == [ExtendedKeyUsageOID.CLIENT_AUTH], f"{what} must be for clients alone")
    name = _name(cert, domain, what)
    check_root(root, now)
    check_issued_by(cert, root, what)
    return name


def _name(cert: x509.Certificate, domain: str, what: str) -> str:
    names = list(extension(cert, x509.SubjectAlternativeName, what).value)
    uris = [n.value for n in names if isinstance(n, x509.UniformResourceIdentifier)]
    demand(len(names) == len(uris) == 1, f"{what} must have one URI, and no other name")
    identity = parse(uris[0])
    demand(
        identity.trust_domain == domain,
        f"{what} is one of {identity.trust_domain}, but users are of {domain}",
    )
    name = identity.path.removeprefix(_PATH)
    demand(
        identity.path.startswith(_PATH) and name != "" and "/" not in name,
        f"{what} has the id {identity}, which is no user's",
    )
    subject = [(part.oid, part.value) for part in cert.subject]
    demand(subject == [(NameOID.COMMON_NAME, name)], f"{what} must have the common name {name}")
    return name
