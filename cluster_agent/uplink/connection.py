"""The connection to the controller: opened from here, facts down and reports up, for ever."""

import asyncio
import logging
from collections.abc import Callable

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.rejoin import Rejoin
from cluster_agent.report.table import Reports
from federation.runtime.clock import utc_now
from federation.runtime.logs import event
from federation.runtime.tasks import until_one_ends
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect, stay_connected
from federation.wire.rpc.heartbeat import beating
from federation.wire.rpc.run_session import receive, send
from federation.xds.nacks import Nack
from federation.xds.receiver import Received, Receiver
from federation.xds.sender import Sender

log = logging.getLogger(__name__)


class ControllerConnection:
    """Both streams to the controller.

    `controller`: its address, empty for the one that it gave when this cluster joined.
    """

    def __init__(
        self,
        authority: Authority,
        facts: Receiver,
        reports: Reports,
        *,
        rejoin: Rejoin,
        controller: str,
        on_facts: Callable[[Received], None],
        on_refusals: Callable[[tuple[Nack, ...]], None],
    ) -> None:
        self._authority = authority
        self._facts = facts
        self._reports = reports.table
        reports.on_change = self._report_changed
        self._rejoin = rejoin
        self._controller = controller
        self._on_facts = on_facts
        self._on_refusals = on_refusals
        self._sender: Sender | None = None
        self._wake = asyncio.Event()
        self.is_connected = False
        self.loop = stay_connected("controller", self._connect)

    def _report_changed(self, type_url: str, name: str) -> None:
        if self._sender is not None:
            self._sender.touch(type_url, name)
        self._wake.set()

    async def _connect(self) -> None:
        """Stay connected; when the controller goes away, come back with growing pauses."""
        try:
            await self._rejoin.check()
            await self._run_streams()
        finally:
            self.is_connected = False

    async def _run_streams(self) -> None:
        membership = self._authority.membership
        identity = self._authority.identity(utc_now())
        address = self._controller or membership.grpc
        async with connect(address, identity, membership.domain) as controller:
            await until_one_ends(facts=self._follow(controller), reports=self._report(controller))

    async def _follow(self, controller: Connection) -> None:
        def apply(received: Received) -> None:
            if not self.is_connected:
                self.is_connected = True
                self.loop.works()
                log.info(event("controller connected"))
            self._on_facts(received)

        async with controller.stream(methods.FACTS) as stream, beating(stream) as link:
            await receive(link, self._facts, apply)

    async def _report(self, controller: Connection) -> None:
        sender = Sender(self._reports, codec.REPORT_RULES)
        self._sender = sender
        async with controller.stream(methods.REPORTS) as link:
            await send(link, sender, self._wake, lambda _: self._on_refusals(sender.nacks()))

    async def ask(self, request: pb.CertifyRequest) -> pb.Certificate:
        """Put a request for a certificate to the controller; raises what it answers."""
        membership = self._authority.membership
        address = self._controller or membership.grpc
        identity = self._authority.identity(utc_now())
        async with connect(address, identity, membership.domain) as controller:
            answer: pb.Certificate = await controller.call(methods.RENEW, request)
            return answer
