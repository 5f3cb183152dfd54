"""Secrets that believe some clusters only, made as long as somebody needs them.

In: bundles, and who needs which trust domains. Out: resources to put and names to drop. A proxy
keeps the anchors of every TLS context of its own, so it is given no more than it needs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from federation.envoy.build import CLUSTERSET, spiffe_validation, trust_name
from federation.model.facts import Bundle

Domains = tuple[str, ...]


class Trusts:
    """Which secrets there are; `clusterset`, which believes all, always is."""

    def __init__(self) -> None:
        self._bundles: Mapping[str, Bundle] = {}
        self._wanted: dict[object, frozenset[Domains]] = {}
        self._users: Counter[Domains] = Counter()

    def set_bundles(self, bundles: Iterable[Bundle]) -> dict[str, bytes]:
        """Whom to believe now; returns all secrets by name."""
        self._bundles = {bundle.trust_domain: bundle for bundle in bundles}
        everybody = spiffe_validation(self._bundles.values())
        return {CLUSTERSET: everybody} | {trust_name(d): self._secret(d) for d in self._users}

    def want(self, owner: object, domains: Iterable[Domains]) -> dict[str, bytes | None]:
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
        """A domain nobody has told of yet is not believed."""
        known = [self._bundles[domain] for domain in domains if domain in self._bundles]
        return spiffe_validation(known, trust_name(domains))
