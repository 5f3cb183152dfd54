"""The connection to the controller: opened from here, facts down and reports up, for ever."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from cluster_agent.identity import Authority, renew_intermediate
from cluster_agent.rejoin import Rejoin
from federation.model.errors import FedmeshError
from federation.runtime.backoff import Backoff
from federation.runtime.clock import utc_now
from federation.runtime.logs import event
from federation.runtime.tasks import cancel, start
from federation.trust.lives import seconds_until
from federation.trust.rotation import due_at, is_due
from federation.wire import codec, methods
from federation.wire import federation_pb2 as pb
from federation.wire.channel import Connection, connect
from federation.wire.pump import receive, send
from federation.xds.receiver import Received, Receiver
from federation.xds.session import Refused, Rule, Sender
from federation.xds.snapshot import Table

log = logging.getLogger(__name__)

REPORT_RULES = (
    Rule(codec.TOMBSTONE),
    Rule(codec.OBSERVATION),
    Rule(codec.GATEWAY, removals_after=(codec.EXPORT,)),
    Rule(codec.HEADLESS, removals_after=(codec.EXPORT,)),
    Rule(codec.BACKEND, after=(codec.TOMBSTONE,), removals_after=(codec.EXPORT,)),
    Rule(
        codec.EXPORT,
        after=(codec.GATEWAY, codec.HEADLESS, codec.BACKEND),
        removals_after=(codec.TOMBSTONE,),
    ),
)
"""A service is told when what is behind it is known; that somebody saw a thing go, before it goes.
"""
LOOK_SECONDS = 60.0
"""How long at most until the clock is looked at, so that one that was set is noticed."""
RENEW_AGAIN_SECONDS = 30.0
STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: after it the first pause is short again. So two
agents with copies of one state folder take turns every few seconds and not all the time."""


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
        self._wake = asyncio.Event()
        self.is_connected = False

    def touch(self, type_url: str, name: str) -> None:
        """A report changed."""
        if self._speaker is not None:
            self._speaker.touch(type_url, name)
        self._wake.set()

    def wake(self) -> None:
        """The reports became complete."""
        self._wake.set()

    async def run(self) -> None:
        """Stay connected; when the controller goes away, come back with growing pauses."""
        backoff = Backoff(SystemRandom())
        now = asyncio.get_running_loop().time
        said = ""
        while True:
            began = now()
            try:
                await self._rejoin.look()
                await self._meet()
            except FedmeshError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning(event("controller cannot be used", reason=said))
            finally:
                self.is_connected = False
            if now() - began > STEADY_SECONDS:
                backoff.reset()
            await asyncio.sleep(backoff.next_wait())

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
                log.info(event("controller connected"))
            self._on_facts(received)

        async with controller.stream(methods.FACTS) as link:
            await receive(link, self._facts, take)

    async def _report(self, controller: Connection) -> None:
        speaker = Sender(self._reports, REPORT_RULES)
        self._speaker = speaker
        async with controller.stream(methods.REPORTS) as link:
            await send(link, speaker, self._wake, lambda _: self._on_refusals(speaker.refusals()))

    async def run_renewal(self) -> None:
        """Have the intermediate renewed when it is due, over connections of their own.

        An open connection shows the certificate that it was made with, which may have run out.
        """
        backoff = Backoff(SystemRandom(), high=RENEW_AGAIN_SECONDS)
        said = ""
        while True:
            now = utc_now()
            due = due_at(self._authority.intermediate)
            await asyncio.sleep(seconds_until(due, now, least=0.0, most=LOOK_SECONDS))
            if not is_due(self._authority.intermediate, utc_now()):
                continue
            try:
                await renew_intermediate(self._authority, self._state, self.ask, utc_now())
                backoff.reset()
                said = ""
            except FedmeshError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning(event("intermediate is not renewed", reason=said))
                await asyncio.sleep(backoff.next_wait())

    async def ask(self, request: pb.CertifyRequest) -> pb.Certificate:
        """Put a request for a certificate to the controller; raises what it answers."""
        membership = self._authority.membership
        address = self._controller or membership.grpc
        identity = self._authority.identity(utc_now())
        async with connect(address, identity, membership.domain) as controller:
            answer: pb.Certificate = await controller.call(methods.RENEW, request)
            return answer
