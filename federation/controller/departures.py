"""Clusters that leave in order: first others move away from them, then they are believed no more.

What is to be done is in the store, so a restart of the controller goes on with it.
"""

import asyncio
import logging
from contextlib import suppress

from federation.controller.membership.members import Members
from federation.controller.sessions import Sessions
from federation.model.errors import FedmeshError
from federation.model.names import ClusterId
from federation.runtime.logs import event
from federation.runtime.loops import Loop

log = logging.getLogger(__name__)

LEAVE_SECONDS = 5.0
"""Between showing nothing of a cluster and taking its trust away: others move within
milliseconds, and what is under way ends."""
AGAIN_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""One whose leaving was written, but not heard of in time, is found so."""


class Departures:
    """Takes clusters through their leaving."""

    def __init__(self, sessions: Sessions, members: Members) -> None:
        self._sessions = sessions
        self._members = members
        self._asked = asyncio.Event()
        self.loop = Loop("departures", self._turn)

    async def begin(self, cluster: ClusterId) -> None:
        """A cluster leaves; raises NotReady when there is none of this name."""
        try:
            await self._members.begin_leaving(cluster)
        finally:
            self._asked.set()
        log.info(event("cluster leaves", cluster=cluster))

    async def _turn(self) -> None:
        """Let all go that have had their time."""
        leaving = [m.id for m in self._sessions.registry.members.values() if m.leaving]
        if not leaving:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            self._asked.clear()
            return
        await asyncio.sleep(LEAVE_SECONDS)
        for cluster in leaving:
            await self._let_go(cluster)

    async def _let_go(self, cluster: ClusterId) -> None:
        try:
            await self._members.remove(cluster)
        except FedmeshError as error:
            log.warning(event("cluster cannot leave yet", cluster=cluster, reason=error))
            await asyncio.sleep(AGAIN_SECONDS)
            return
        log.info(event("cluster has left", cluster=cluster))
