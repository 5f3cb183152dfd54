"""A small clusterset, and certificates made by hand, right or wrong on purpose.

`Draft` is signed with the cryptography library directly and shares no code with the mesh.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.model.names import ClusterId
from federation.trust import issue, profile, spiffe

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DOMAIN = "mesh.test"
EAST = "east.mesh.test"
WEST = "west.mesh.test"
API = f"spiffe://{EAST}/ns/shop/sa/api"
API_WEST = f"spiffe://{WEST}/ns/shop/sa/api"

BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Member:
    """A cluster with its authority."""

    trust_domain: str
    key: ec.EllipticCurvePrivateKey
    intermediate: x509.Certificate
    twin: x509.Certificate

    def leaf(
        self, key: ec.EllipticCurvePrivateKey, uri: str, dns: tuple[str, ...] = ()
    ) -> x509.Certificate:
        """A leaf that this authority signs, for whatever id it is asked."""
        wanted = profile.leaf_profile(uri, dns)
        return issue.issue_leaf(self.intermediate, self.key, key.public_key(), wanted, NOW)


@dataclass(frozen=True)
class Root:
    """The clusterset's root and its key."""

    key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate


def make_root(domain: str = DOMAIN) -> Root:
    key = issue.new_key()
    return Root(key, issue.make_root(key, profile.root_profile(domain), NOW))


def make_member(root: Root, cluster: str) -> Member:
    key = issue.new_key()
    domain = spiffe.trust_domain(ClusterId(cluster), DOMAIN)
    wanted = profile.intermediate_profile(domain)
    cert = issue.issue_intermediate(root.cert, root.key, key.public_key(), wanted, NOW)
    return Member(domain, key, cert, issue.make_twin(key, profile.twin_profile(domain), NOW))


ROOT = make_root()
EAST_MEMBER = make_member(ROOT, "east")
WEST_MEMBER = make_member(ROOT, "west")
ANCHORS: Mapping[str, tuple[x509.Certificate, ...]] = {
    EAST: (EAST_MEMBER.twin,),
    WEST: (WEST_MEMBER.twin,),
}
LEAF_KEY = issue.new_key()


@dataclass(frozen=True)
class Draft:
    """A certificate before it is signed; the defaults are a good leaf of EAST. None leaves out."""

    subject: str = ""
    uris: tuple[str, ...] | None = (API,)
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    names_critical: bool = True
    ca: bool | None = False
    ca_critical: bool = True
    path_length: int | None = None
    usage: tuple[str, ...] | None = ("digital_signature",)
    usage_critical: bool = True
    purposes: tuple[x509.ObjectIdentifier, ...] | None = BOTH
    permitted: tuple[x509.GeneralName, ...] = ()
    excluded: tuple[str, ...] = ()
    constraints_critical: bool = True
    unknown_critical: bool = False
    start: datetime = NOW - timedelta(minutes=5)
    end: datetime = NOW + timedelta(hours=1)
    ski: bool = True
    aki: bool = True
    aki_of: ec.EllipticCurvePrivateKey | None = None
    issuer: str = EAST
    sha384: bool = False

    def signed(
        self,
        signer: ec.EllipticCurvePrivateKey,
        key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    ) -> x509.Certificate:
        """Sign it for `key`; the authority key identifier is the signer's unless `aki_of`."""
        builder = x509.CertificateBuilder(
            issuer_name=_name(self.issuer),
            subject_name=_name(self.subject),
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=self.start,
            not_valid_after=self.end,
        )
        if self.aki:
            named = (self.aki_of or signer).public_key()
            aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(named)
            builder = builder.add_extension(aki, critical=False)
        if self.ski:
            ski = x509.SubjectKeyIdentifier.from_public_key(key)
            builder = builder.add_extension(ski, critical=False)
        for value, critical in (*self._identity(), *self._purpose()):
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(signer, SHA384() if self.sha384 else SHA256())

    def _identity(self) -> list[tuple[x509.ExtensionType, bool]]:
        if self.uris is None:
            return []
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in self.uris]
        names += [x509.DNSName(name) for name in self.dns]
        names += [x509.IPAddress(ip_address(text)) for text in self.addresses]
        names += [x509.RFC822Name(text) for text in self.emails]
        return [(x509.SubjectAlternativeName(names), self.names_critical)]

    def _purpose(self) -> list[tuple[x509.ExtensionType, bool]]:
        found: list[tuple[x509.ExtensionType, bool]] = []
        if self.ca is not None:
            found.append((x509.BasicConstraints(self.ca, self.path_length), self.ca_critical))
        if self.usage is not None:
            flags = {name: name in self.usage for name in _USAGES}
            found.append((x509.KeyUsage(**flags), self.usage_critical))
        if self.purposes is not None:
            found.append((x509.ExtendedKeyUsage(self.purposes), False))
        if self.permitted or self.excluded:
            excluded = [x509.IPAddress(ip_network(text)) for text in self.excluded]
            limits = x509.NameConstraints(list(self.permitted) or None, excluded or None)
            found.append((limits, self.constraints_critical))
        if self.unknown_critical:
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")
            found.append((x509.UnrecognizedExtension(oid, b"\x05\x00"), True))
        return found


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])
