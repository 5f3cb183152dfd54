"""The connection to the controller: opened from here, facts down and reports up, for ever."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom

from cluster_agent.identity import Authority, renew_intermediate
from federation.model.errors import FedmeshError
from federation.runtime.backoff import Backoff
from federation.runtime.clock import utc_now
from federation.runtime.logs import event
from federation.runtime.tasks import cancel, start
from federation.wire import codec, methods
from federation.wire.channel import Connection, connect
from federation.wire.pump import receive, send
from federation.xds.receiver import Received, Receiver
from federation.xds.session import Refused, Sender
from federation.xds.snapshot import Table

log = logging.getLogger(__name__)

REPORT_RULES = codec.in_order(codec.REPORTS)
RENEW_CHECK_SECONDS = 60.0


class Sync:
    """Both streams to the controller."""

    def __init__(
        self,
        authority: Authority,
        state: Path,
        facts: Receiver,
        reports: Table,
        *,
        on_facts: Callable[[Received], None],
        on_refusals: Callable[[tuple[Refused, ...]], None],
    ) -> None:
        self._authority = authority
        self._state = state
        self._facts = facts
        self._reports = reports
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
        said = ""
        while True:
            try:
                await self._meet(backoff)
            except FedmeshError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning(event("controller cannot be used", reason=said))
            finally:
                self.is_connected = False
            await asyncio.sleep(backoff.next_wait())

    async def _meet(self, backoff: Backoff) -> None:
        membership = self._authority.membership
        identity = self._authority.identity(utc_now())
        async with connect(membership.grpc, identity, membership.domain) as controller:
            tasks = [
                start(self._follow(controller, backoff), "facts"),
                start(self._report(controller), "reports"),
                start(self._renew(controller), "intermediate"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    await cancel(task)

    async def _follow(self, controller: Connection, backoff: Backoff) -> None:
        def take(received: Received) -> None:
            if not self.is_connected:
                self.is_connected = True
                backoff.reset()
                log.info(event("controller connected"))
            self._on_facts(received)

        async with controller.stream(methods.FACTS) as link:
            await receive(link, self._facts, take)

    async def _report(self, controller: Connection) -> None:
        speaker = Sender(self._reports, REPORT_RULES)
        self._speaker = speaker
        async with controller.stream(methods.REPORTS) as link:
            await send(link, speaker, self._wake, lambda _: self._on_refusals(speaker.refusals()))

    async def _renew(self, controller: Connection) -> None:
        while True:
            await renew_intermediate(self._authority, self._state, controller, utc_now())
            await asyncio.sleep(RENEW_CHECK_SECONDS)
