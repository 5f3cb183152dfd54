"""Whose address it is: the namespaces of the Pods that have it.

In: Pods that came, changed or went. Out: for an address, who has it. Used by
`cluster_agent.observe.index`.
"""

from collections.abc import Set as AbstractSet

from cluster_agent.source.objects import Key
from federation.api.base import Document
from federation.api.kubernetes import PodDocument
from federation.model.addresses import plain


class PodAddresses:
    """The addresses of all Pods."""

    def __init__(self) -> None:
        self._of_pod: dict[Key, frozenset[str]] = {}
        self._pods: dict[str, set[Key]] = {}

    def update(self, key: Key, pod: Document | None) -> frozenset[str]:
        """Take a Pod as it is now; returns the addresses that it gained or lost."""
        before = self._of_pod.pop(key, frozenset())
        for address in before:
            self._pods[address].discard(key)
            if not self._pods[address]:
                del self._pods[address]
        now = frozenset(map(plain, pod.addresses)) if isinstance(pod, PodDocument) else frozenset()
        if now:
            self._of_pod[key] = now
        for address in now:
            self._pods.setdefault(address, set()).add(key)
        return before ^ now

    def namespaces_at(self, address: str) -> AbstractSet[str]:
        """The namespaces of the Pods that have it."""
        return {key.namespace for key in self._pods.get(plain(address), ())}
