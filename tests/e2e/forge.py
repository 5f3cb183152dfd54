"""Certificates as an attacker makes them who has the keys of a cluster, or even the root's.

Made by hand with the cryptography library (`Draft`), sharing no code with what issues for the mesh.
The attacker has one cluster; us-east, the victim, must not suffer from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography import x509

from federation.model.facts import Bundle
from federation.runtime.clock import utc_now
from federation.trust import issue, profile
from federation.trust.pem import PrivateKey, key_pem, load_certificates, load_key, pem
from tests.e2e.rig import Mesh
from tests.e2e.tls import Shown
from tests.unit.federation.trust.trust_certs import Draft

DOMAIN = "fedmesh.demo"
VICTIM = f"us-east.{DOMAIN}"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stolen:
    """All the keys that the attacker may have: those of a cluster's authority and the root's."""

    trust_domain: str
    key: PrivateKey
    intermediate: x509.Certificate
    root: x509.Certificate
    root_key: PrivateKey

    def own(self, path: str) -> str:
        """An id of this cluster."""
        return f"spiffe://{self.trust_domain}{path}"

    @property
    def bundle(self) -> Bundle:
        """The anchor by which others know this cluster."""
        twin = issue.make_twin(self.key, profile.twin_profile(self.trust_domain), utc_now())
        return Bundle(self.trust_domain, (pem(twin).decode(),))

    def draft(self, *uris: str) -> Draft:
        """A leaf as this cluster would sign it, right in all but what is changed afterwards."""
        now = utc_now()
        start, end = now - timedelta(minutes=5), now + HOUR
        return Draft(uris=uris, issuer=self.trust_domain, start=start, end=end)

    def shown(self, draft: Draft, authority: x509.Certificate | None = None) -> Shown:
        """The draft signed with the cluster's key, with the chain to the root."""
        key = issue.new_key()
        leaf = draft.signed(self.key, key.public_key())
        return Shown(key_pem(key), pem(leaf, authority or self.intermediate))

    def unconfined(self) -> x509.Certificate:
        """The cluster's authority without name constraints: who makes it has the root's key."""
        now = utc_now()
        free = Draft(
            subject=self.trust_domain,
            uris=(f"spiffe://{self.trust_domain}",),
            names_critical=False,
            ca=True,
            path_length=0,
            usage=("key_cert_sign", "crl_sign"),
            purposes=None,
            issuer="fedmesh root",
            start=now - timedelta(minutes=5),
            end=now + HOUR,
        )
        return free.signed(self.root_key, self.key.public_key())


def stolen(mesh: Mesh, cluster: str) -> Stolen:
    """What an attacker finds in the state folders of a cluster's agent and of the controller."""
    agent, controller = mesh.paths.state(f"{cluster}-agent"), mesh.paths.state("controller")
    return Stolen(
        f"{cluster}.{DOMAIN}",
        load_key((agent / "ca.key").read_bytes()),
        load_certificates((agent / "intermediate.pem").read_bytes())[0],
        load_certificates((controller / "root.pem").read_bytes())[0],
        load_key((controller / "root.key").read_bytes()),
    )


def clusterset(*clusters: str) -> tuple[Stolen, ...]:
    """New clusters under a new root, for tests without a running mesh."""
    now, root_key = utc_now(), issue.new_key()
    root = issue.make_root(root_key, profile.root_profile(DOMAIN), now)
    found = []
    for cluster in clusters:
        key, domain = issue.new_key(), f"{cluster}.{DOMAIN}"
        wanted = profile.intermediate_profile(domain)
        made = issue.issue_intermediate(root, root_key, key.public_key(), wanted, now)
        found.append(Stolen(domain, key, made, root, root_key))
    return tuple(found)


Forger = Callable[[Stolen, str], Shown]
"""Makes a certificate; the text is the path of the id, such as /ns/demo/sa/web."""


def good(west: Stolen, path: str) -> Shown:
    """Nothing wrong with it: for showing that the tests refuse for the right reason."""
    return west.shown(west.draft(west.own(path)))


def expired(west: Stolen, path: str) -> Shown:
    now = utc_now()
    draft = west.draft(west.own(path))
    return west.shown(replace(draft, start=now - HOUR, end=now - timedelta(seconds=5)))


def not_yet_valid(west: Stolen, path: str) -> Shown:
    now = utc_now()
    draft = west.draft(west.own(path))
    return west.shown(replace(draft, start=now + timedelta(minutes=5), end=now + HOUR))


def of_another_cluster(west: Stolen, path: str) -> Shown:
    return west.shown(west.draft(f"spiffe://{VICTIM}{path}"))


def of_another_cluster_unconfined(west: Stolen, path: str) -> Shown:
    return west.shown(west.draft(f"spiffe://{VICTIM}{path}"), west.unconfined())


def two_clusters(west: Stolen, path: str) -> Shown:
    uris = (west.own(path), f"spiffe://{VICTIM}{path}")
    return west.shown(west.draft(*uris), west.unconfined())


def two_ids(west: Stolen, path: str) -> Shown:
    return west.shown(west.draft(west.own(path), west.own("/ns/demo/sa/other")))


def authority_itself(west: Stolen, path: str) -> Shown:
    del path
    return Shown(key_pem(west.key), pem(west.intermediate))


def authority_with_an_id(west: Stolen, path: str) -> Shown:
    draft = west.draft(west.own(path))
    return west.shown(replace(draft, ca=True, usage=("digital_signature", "key_cert_sign")))


def without_key_usage(west: Stolen, path: str) -> Shown:
    return west.shown(replace(west.draft(west.own(path)), usage=None))


def unknown_trust_domain(west: Stolen, path: str) -> Shown:
    return west.shown(west.draft(f"spiffe://elsewhere.test{path}"), west.unconfined())


def controllers_domain(west: Stolen, path: str) -> Shown:
    del path
    return west.shown(west.draft(f"spiffe://{DOMAIN}/controller"), west.unconfined())


def without_an_id(west: Stolen, path: str) -> Shown:
    del path
    return west.shown(replace(west.draft(), uris=None))


FORGED: Mapping[str, Forger] = {
    "expired": expired,
    "not-yet-valid": not_yet_valid,
    "of-another-cluster": of_another_cluster,
    "of-another-cluster-unconfined": of_another_cluster_unconfined,
    "two-clusters-at-once": two_clusters,
    "two-ids": two_ids,
    "authority-itself": authority_itself,
    "authority-with-an-id": authority_with_an_id,
    "without-key-usage": without_key_usage,
    "unknown-trust-domain": unknown_trust_domain,
    "controllers-domain": controllers_domain,
    "without-an-id": without_an_id,
}
