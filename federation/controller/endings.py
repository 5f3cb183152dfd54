"""Ends the time of old anchors: what a key signed that speaks for its cluster no more.

The end is in the store from the moment when another key spoke, so a restart of the controller
neither forgets nor moves it. At that time the anchor goes from the facts, and proxies everywhere
refuse what it vouched for.
"""

import logging

from federation.controller.membership.members import Members
from federation.controller.sessions import Sessions
from federation.controller.trust.anchors import still_good
from federation.model.errors import FedmeshError
from federation.model.names import ClusterId
from federation.runtime.clock import wall_seconds
from federation.runtime.logs import event
from federation.runtime.loops import Loop

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Endings:
    """Looks every second whose time is over."""

    def __init__(self, sessions: Sessions, members: Members) -> None:
        self._sessions = sessions
        self._members = members
        self.loop = Loop("endings", lambda: self.turn(wall_seconds()), rest=LOOK_SECONDS)

    async def turn(self, now: float) -> None:
        """Take away the anchors whose end has come."""
        for member in tuple(self._sessions.registry.members.values()):
            if still_good(member, now) != member:
                self._sessions.trust_less(still_good(member, now))
                log.info(event("old key is trusted no more", cluster=member.id))
                await self._drop(member.id, now)

    async def _drop(self, cluster: ClusterId, now: float) -> None:
        """Drop them in the store; one that cannot be written keeps nobody's key alive."""
        try:
            await self._members.drop_ended(cluster, now)
        except FedmeshError as error:
            log.warning(event("old key stays in the store", cluster=cluster, reason=error))
