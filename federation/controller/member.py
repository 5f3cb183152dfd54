"""A member of the clusterset, as the operator put it and as it joined: a value."""

from dataclasses import dataclass, field

from federation.model.names import ClusterId
from federation.trust.pem import certificate_key, key_sha256, load_certificates


@dataclass(frozen=True, slots=True)
class Member:
    """The operator's word about one cluster; `anchors` (PEM) is empty until it has joined.

    Clusters of one `network` reach each other's endpoints; "" is a network of its own.

    One that was `revoked` has none either, until it joins with a new key. Nothing of one that is
    `leaving` is shown to others any more. `replace_key` (SHA-256) is the key of its authority that
    is to be replaced by a new one. `ends` are the ends of the anchors' time, `leaf_seconds` is the
    life of its leaves (`federation.controller.trust.anchors`). `said` is the Cluster as it was sent
    (JSON of metadata and spec), of which the fields are what we read. `revision` is the store's, at
    which it was written.
    """

    id: ClusterId
    trust_domain: str
    region: str
    zones: tuple[str, ...] = ()
    network: str = ""
    gateway_cidrs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    revoked: bool = False
    leaving: bool = False
    replace_key: str = ""
    ends: tuple[int, ...] = ()
    leaf_seconds: int = 3600
    said: str = ""
    revision: int = field(default=0, compare=False)


def is_shut_out(member: Member) -> bool:
    """Whether nothing counts that a cluster says: it was revoked, or leaves."""
    return member.revoked or member.leaving


def anchor_keys(member: Member) -> tuple[str, ...]:
    """The digests (SHA-256) of a member's keys, the newest first."""
    certs = (load_certificates(anchor.encode())[0] for anchor in member.anchors)
    return tuple(key_sha256(certificate_key(cert)) for cert in certs)
