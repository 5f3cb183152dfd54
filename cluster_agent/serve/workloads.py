"""What the proxy server asks of the cluster's objects: who a workload is, and where.

In: the source, and word that it changed. Out: service account and scope of a workload
("namespace/pod"). A proxy that comes before the source was read waits a moment for the answer.
"""

import asyncio
import contextlib

from cluster_agent.observe.endpoints import account_of_workload, zone_of_workload
from cluster_agent.source.source import Source
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node

SOURCE_WAIT_SECONDS = 2.0
"""Sidecars that come before the source was read wait: in which zone they are is not known yet."""


class Workloads:
    """The workloads of the cluster, by the objects of its source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._is_read = asyncio.Event()

    def source_changed(self) -> None:
        """There are other objects than before."""
        if self._source.synced:
            self._is_read.set()

    async def wait_until_read(self) -> None:
        """Wait until the source was read as a whole, for `SOURCE_WAIT_SECONDS` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SOURCE_WAIT_SECONDS):
                await self._is_read.wait()

    def account_of(self, workload: str) -> str | None:
        """The service account a Pod runs as; None when there is no such Pod."""
        return account_of_workload(workload, self._source.objects)

    def scope_of(self, workload: str) -> Scope:
        """Whose plans hold for a Pod."""
        return Scope(zone_of_workload(workload, self._source.objects))

    def is_expected(self, node: Node) -> bool:
        """Whether there should be such a proxy: gateways come and go as they like."""
        return node.kind is Kind.SIDECAR and self.account_of(node.id) is not None

    def without_pod(self, sidecars: set[str]) -> tuple[str, ...]:
        """The sidecars of Pods that are not there, once the source was read."""
        if not self._source.synced:
            return ()
        return tuple(sorted(w for w in sidecars if self.account_of(w) is None))
