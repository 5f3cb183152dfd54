"""This cluster's certificate authority: signs for its own proxies.

In: the credentials that joining gave (`join`), the key, `now`. Out: leaves, and what the agent
itself shows. The key is made in the cluster and never leaves the state folder (0600).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from cryptography import x509

from federation.trust.issue import issue_leaf, make_csr, new_key
from federation.trust.pem import (
    PrivateKey,
    PublicKey,
    csr_key,
    key_pem,
    key_sha256,
    pem,
    read_csr,
)
from federation.trust.profile import agent_host, leaf_profile
from federation.trust.rotation import is_due
from federation.trust.spiffe import agent_id, subject_id
from federation.trust.validate import check_leaf
from federation.wire import federation_pb2 as pb
from federation.wire.rpc.channel import Identity


@dataclass(frozen=True, slots=True)
class Membership:
    """What joining gave; `grpc` is where the controller takes agents. Kept in member.json.

    `token` is the id of the token that was spent.
    """

    cluster: str
    domain: str
    trust_domain: str
    grpc: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """How this cluster stands in the clusterset: what changes when it joins again."""

    membership: Membership
    root: x509.Certificate
    intermediate: x509.Certificate


class Authority:
    """Signs leaves of one cluster with its intermediate."""

    def __init__(self, credentials: Credentials, key: PrivateKey, leaf_life: timedelta) -> None:
        self._key = key
        self._life = leaf_life
        self._own: x509.Certificate | None = None
        self._identity = Identity(b"")
        self.replace_credentials(credentials)

    def replace_credentials(self, credentials: Credentials) -> None:
        """Take what joining gave; the key is the same as before."""
        self.membership = credentials.membership
        self.root = credentials.root
        self._intermediate = credentials.intermediate
        self._own = None

    @property
    def intermediate(self) -> x509.Certificate:
        """The certificate that signs."""
        return self._intermediate

    def replace_intermediate(self, renewed: x509.Certificate) -> None:
        """Sign with a renewed certificate of the same key."""
        self._intermediate = renewed

    @property
    def key_sha256(self) -> str:
        """Which key signs."""
        return key_sha256(self._key.public_key())

    @property
    def leaf_life(self) -> timedelta:
        """How long what it signs lives."""
        return self._life

    def use_key(self, key: PrivateKey, intermediate: x509.Certificate) -> None:
        """Sign with another key from now on."""
        self._key, self._intermediate, self._own = key, intermediate, None

    def request(self) -> bytes:
        """A request (PEM) to renew the intermediate."""
        return pem(make_csr(self._key, self.membership.trust_domain))

    def identity(self, now: datetime) -> Identity:
        """What the agent shows to the controller and to its proxies, renewed when due."""
        if self._own is None or is_due(self._own, now):
            key = new_key()
            domain = self.membership.trust_domain
            self._own = self._sign(
                key.public_key(), agent_id(domain), now, dns=(agent_host(domain),)
            )
            chain = pem(self._own, self._intermediate)
            self._identity = Identity(pem(self.root), key_pem(key), chain)
        return self._identity

    def certify(self, subject: str, csr: bytes, now: datetime) -> pb.Certificate:
        """A leaf for the holder of a workload token ("NAMESPACE/ACCOUNT" or "gateway").

        Raises InvalidInput for an unusable request. The request's own names do not count.
        """
        spiffe_id = subject_id(self.membership.trust_domain, subject)
        leaf = self._sign(csr_key(read_csr(csr)), spiffe_id, now)
        return pb.Certificate(
            chain=pem(leaf, self._intermediate),
            not_before=int(leaf.not_valid_before_utc.timestamp()),
            not_after=int(leaf.not_valid_after_utc.timestamp()),
            root=pem(self.root),
        )

    def _sign(
        self, key: PublicKey, spiffe_id: str, now: datetime, dns: tuple[str, ...] = ()
    ) -> x509.Certificate:
        profile = leaf_profile(spiffe_id, dns, self._life)
        leaf = issue_leaf(self._intermediate, self._key, key, profile, now)
        check_leaf(leaf, issuer=self._intermediate, spiffe_id=spiffe_id, now=now)
        return leaf


def whole_seconds(life: timedelta) -> int:
    """The life of leaves as the controller is told it."""
    return ceil(life.total_seconds())
