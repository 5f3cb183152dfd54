"""The connection to the controller: opened from here, facts down and reports up, for ever."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from cluster_agent.authority.authority import Authority, renew_intermediate
from cluster_agent.authority.rejoin import Rejoin
from federation.model.errors import FedmeshError
from federation.runtime.clock import utc_now
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.runtime.tasks import cancel, start
from federation.trust.lives import seconds_until
from federation.trust.rotation import due_at, is_due
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.rpc import methods
from federation.wire.rpc.channel import Connection, connect
from federation.wire.rpc.heartbeat import beating
from federation.wire.rpc.run_session import receive, send
from federation.xds.receiver import Received, Receiver
from federation.xds.sender import Refused, Sender
from federation.xds.snapshot import Table

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How long at most until the clock is looked at, so that one that was set is noticed."""
RENEW_AGAIN_SECONDS = 30.0
LONGEST_PAUSE = 3.0
"""Between two tries to connect."""


class Sync:
    """Both streams to the controller.

    `controller` is where it is, empty for where it said it is when this cluster joined.
    """

    def __init__(
        self,
        authority: Authority,
        state: Path,
        facts: Receiver,
        reports: Table,
        *,
        rejoin: Rejoin,
        controller: str,
        disk: Disk,
        on_facts: Callable[[Received], None],
        on_refusals: Callable[[tuple[Refused, ...]], None],
    ) -> None:
        self._authority = authority
        self._state = state
        self._facts = facts
        self._reports = reports
        self._rejoin = rejoin
        self._controller = controller
        self._on_facts = on_facts
        self._on_refusals = on_refusals
        self._speaker: Sender | None = None
        self._disk = disk
        self._wake = asyncio.Event()
        self.is_connected = False
        self._link = Loop(
            "controller",
            self._connect,
            says="controller cannot be used",
            rest=None,
            longest_pause=LONGEST_PAUSE,
            explained=(FedmeshError,),
        )
        self._renewal = Loop(
            "renewal",
            self._renew,
            says="intermediate is not renewed",
            longest_pause=RENEW_AGAIN_SECONDS,
            explained=(FedmeshError,),
        )

    def touch(self, type_url: str, name: str) -> None:
        """A report changed."""
        if self._speaker is not None:
            self._speaker.touch(type_url, name)
        self._wake.set()

    def wake(self) -> None:
        """The reports became complete."""
        self._wake.set()

    @property
    def loops(self) -> tuple[Loop, ...]:
        """What this does for ever."""
        return self._link, self._renewal

    async def _connect(self) -> None:
        """Stay connected; when the controller goes away, come back with growing pauses."""
        try:
            await self._rejoin.look()
            await self._meet()
        finally:
            self.is_connected = False

    async def _meet(self) -> None:
        membership = self._authority.membership
        identity = self._authority.identity(utc_now())
        address = self._controller or membership.grpc
        async with connect(address, identity, membership.domain) as controller:
            tasks = [
                start(self._follow(controller), "facts"),
                start(self._report(controller), "reports"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    await cancel(task)

    async def _follow(self, controller: Connection) -> None:
        def take(received: Received) -> None:
            if not self.is_connected:
                self.is_connected = True
                self._link.works()
                log.info(event("controller connected"))
            self._on_facts(received)

        async with controller.stream(methods.FACTS) as stream, beating(stream) as link:
            await receive(link, self._facts, take)

    async def _report(self, controller: Connection) -> None:
        speaker = Sender(self._reports, codec.REPORT_RULES)
        self._speaker = speaker
        async with controller.stream(methods.REPORTS) as link:
            await send(link, speaker, self._wake, lambda _: self._on_refusals(speaker.refusals()))

    async def _renew(self) -> None:
        """Have the intermediate renewed when it is due, over connections of their own.

        An open connection shows the certificate that it was made with, which may have run out.
        """
        due = due_at(self._authority.intermediate)
        await asyncio.sleep(seconds_until(due, utc_now(), least=0.0, most=LOOK_SECONDS))
        if is_due(self._authority.intermediate, utc_now()):
            await renew_intermediate(self._authority, self._state, self.ask, utc_now(), self._disk)

    async def ask(self, request: pb.CertifyRequest) -> pb.Certificate:
        """Put a request for a certificate to the controller; raises what it answers."""
        membership = self._authority.membership
        address = self._controller or membership.grpc
        identity = self._authority.identity(utc_now())
        async with connect(address, identity, membership.domain) as controller:
            answer: pb.Certificate = await controller.call(methods.RENEW, request)
            return answer
