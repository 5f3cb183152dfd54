"""Secrets (Envoy: validation contexts) that trust some clusters only, as long as they are needed.

In: bundles, and who needs which trust domains. Out: secrets in the table `secrets`. A proxy
keeps the anchors of every TLS context of its own, so it is given no more than it needs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from cluster_agent.snapshot.tables import SECRETS, Changed, Tables
from federation.envoy.build import CLUSTERSET, spiffe_validation, trust_name
from federation.model.facts import Bundle
from federation.model.types import SECRET

Domains = tuple[str, ...]


class ValidationSecrets:
    """Which secrets there are; `clusterset`, which trusts all, always is."""

    def __init__(self) -> None:
        self._bundles: Mapping[str, Bundle] = {}
        self._wanted: dict[object, frozenset[Domains]] = {}
        self._users: Counter[Domains] = Counter()

    def set_bundles(self, bundles: Iterable[Bundle]) -> dict[str, bytes]:
        """Whom to trust now; returns all secrets by name."""
        self._bundles = {bundle.trust_domain: bundle for bundle in bundles}
        everybody = spiffe_validation(self._bundles.values())
        return {CLUSTERSET: everybody} | {trust_name(d): self._secret(d) for d in self._users}

    def require(self, owner: object, domains: Iterable[Domains]) -> dict[str, bytes | None]:
        """What `owner` needs now; returns new secrets by name, None: nobody needs it any more."""
        after = frozenset(d for d in domains if trust_name(d) != CLUSTERSET)
        before = self._wanted.pop(owner, frozenset())
        if after:
            self._wanted[owner] = after
        changed: dict[str, bytes | None] = {}
        for wanted in sorted(after - before):
            self._users[wanted] += 1
            if self._users[wanted] == 1:
                changed[trust_name(wanted)] = self._secret(wanted)
        for wanted in sorted(before - after):
            self._users[wanted] -= 1
            if not self._users[wanted]:
                del self._users[wanted]
                changed[trust_name(wanted)] = None
        return changed

    def _secret(self, domains: Domains) -> bytes:
        """A domain without a bundle yet is not trusted."""
        known = [self._bundles[domain] for domain in domains if domain in self._bundles]
        return spiffe_validation(known, trust_name(domains))


class SecretsTable:
    """The same, put into the table that all proxies read."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._secrets = ValidationSecrets()

    def set_bundles(self, bundles: Iterable[Bundle]) -> list[Changed]:
        """Whom to trust now."""
        return self._put(self._secrets.set_bundles(bundles))

    def require(self, owner: object, domains: Iterable[Domains]) -> list[Changed]:
        """What `owner` needs now."""
        return self._put(self._secrets.require(owner, domains))

    def _put(self, bodies: Mapping[str, bytes | None]) -> list[Changed]:
        changed = []
        for name, body in bodies.items():
            if body is None:
                self._tables.leave(SECRETS, SECRET, name)
            else:
                changed += self._tables.put_one(SECRETS, SECRET, name, body)
        return changed
