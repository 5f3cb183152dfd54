"""The certificates of a large mesh: one authority that certifies, and the anchors of all others."""

from collections.abc import Collection, Iterable

from federation.envoy.build import CLUSTERSET, Resource, spiffe_validation, trust_name
from federation.envoy.identity import IDENTITY, identity_secret
from federation.model.facts import Bundle
from federation.model.types import SECRET
from federation.runtime.clock import utc_now
from federation.supervisor.certificates.agent_trust import Certified
from federation.trust import issue, profile, spiffe
from federation.trust.pem import key_pem, pem


class Authority:
    """Certifies proxies of `domains[0]`; every proxy trusts all `domains`.

    `spare` is the anchor of a cluster that is yet to come.
    """

    def __init__(self, domains: Iterable[str], root_domain: str) -> None:
        self._domain, *others = domains
        now, root_key = utc_now(), issue.new_key()
        root = issue.make_root(root_key, profile.root_profile(root_domain), now)
        self._key = issue.new_key()
        wanted = profile.intermediate_profile(self._domain)
        self._signer = issue.issue_intermediate(root, root_key, self._key.public_key(), wanted, now)
        own = issue.make_twin(self._key, profile.twin_profile(self._domain), now)
        self._bundles = [Bundle(self._domain, (pem(own).decode(),)), *map(_bundle, others)]
        self._spare = _bundle(f"spare.{root_domain}")

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The anchors of all domains."""
        return tuple(self._bundles)

    def trusted(self, *, spare: bool = False) -> Resource:
        """Whom proxies believe."""
        bundles = [*self._bundles, self._spare] if spare else self._bundles
        return Resource(SECRET, CLUSTERSET, spiffe_validation(bundles))

    def certify(self, subject: str) -> Certified:
        """A new key and its certificate for a workload (`namespace/account`) or `gateway:name`."""
        key, uri = issue.new_key(), spiffe.subject_id(self._domain, subject)
        leaf = issue.issue_leaf(
            self._signer, self._key, key.public_key(), profile.leaf_profile(uri), utc_now()
        )
        ends = int(leaf.not_valid_after_utc.timestamp())
        return Certified(key_pem(key).decode(), pem(leaf, self._signer).decode(), 0, ends)

    def only(self, domains: Collection[str]) -> Resource:
        """The secret that believes these alone."""
        bundles = [bundle for bundle in self._bundles if bundle.trust_domain in domains]
        name = trust_name(domains)
        return Resource(SECRET, name, spiffe_validation(bundles, name))

    def secrets(self, subject: str) -> tuple[Resource, ...]:
        """What a proxy of the own cluster shows, and whom it believes there and everywhere."""
        return self._shown(subject), self.trusted(), self.only([self._domain])

    def secrets_of_many(self, subject: str) -> tuple[Resource, ...]:
        """For an Envoy in place of many: it believes its own cluster only, and starts sooner."""
        own = Resource(SECRET, CLUSTERSET, spiffe_validation(self._bundles[:1]))
        return self._shown(subject), own

    def _shown(self, subject: str) -> Resource:
        made = self.certify(subject)
        return Resource(SECRET, IDENTITY, identity_secret(made.chain, made.key))


def _bundle(domain: str) -> Bundle:
    twin = issue.make_twin(issue.new_key(), profile.twin_profile(domain), utc_now())
    return Bundle(domain, (pem(twin).decode(),))
