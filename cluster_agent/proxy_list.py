"""The list of this cluster's proxies, for people who ask the controller.

In: what supervisors say, streams that come and go, time. Out: reports, of which the stream upwards
hears when they changed (`cluster_agent.report.known_proxies` decides).
"""

import asyncio
from math import inf

from cluster_agent.report.known_proxies import KnownProxies
from cluster_agent.report.table import Reports
from cluster_agent.serve.streams import ProxyStreams
from cluster_agent.serve.workloads import Workloads
from federation.model.proxies import Kind, Node, Proxy
from federation.runtime.loops import Loop
from federation.wire import codec

TURN_SECONDS = 1.0
KEPT_SECONDS = 3_600.0
"""For how long a proxy that is away is told of, as long as gateways are; one whose Pod is not there
any more goes earlier."""
STRANGER_SECONDS = 60.0


class ProxyList:
    """What is told of proxies."""

    def __init__(self, reports: Reports, streams: ProxyStreams, workloads: Workloads) -> None:
        self._reports = reports
        self._streams = streams
        self._workloads = workloads
        self._known = KnownProxies(reports.table)
        self._silent: frozenset[Node] = frozenset()
        self.loop = Loop("proxies", self.turn, rest=TURN_SECONDS)

    @property
    def untold(self) -> int:
        """How many connected proxies have no room in the list."""
        return len(self._known.untold)

    def record(self, proxy: Proxy) -> None:
        """A supervisor describes its proxy."""
        self._known.record(proxy)

    def gone(self, node: Node) -> None:
        """Both streams of a proxy have ended."""
        self._known.note(node)

    def silent(self) -> None:
        """Others than before send nothing any more."""
        silent = self._streams.silent_nodes
        for node in silent ^ self._silent:
            self._known.note(node)
        self._silent = silent

    async def turn(self) -> None:
        """Tell what has changed, and that these are all."""
        now = asyncio.get_running_loop().time()
        for name in self._known.turn(now, self._streams.is_alive, self._kept_seconds):
            self._reports.on_change(codec.KNOWN_PROXY, name)
        if self._known.settle(now):
            self._reports.on_change(codec.KNOWN_PROXY, "")

    def _kept_seconds(self, node: Node) -> float:
        if self._streams.has_stream(node):
            return inf
        is_there = node.kind is Kind.GATEWAY or self._workloads.account_of(node.id) is not None
        return KEPT_SECONDS if is_there else STRANGER_SECONDS
