"""Members whose changes are in memory when a call returns, without a loop that follows them."""

from federation.controller.effects import effects
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.intent.documents import at_once
from federation.controller.membership.joining import Joining
from federation.controller.membership.members import Members
from federation.controller.sessions import Sessions
from federation.controller.store.store import IntentStore
from federation.controller.trust.authority import Authority

URL = "https://127.0.0.1:8443"


class AppliedMembers(Members):
    """Members that let clusters join, too; with `federation` they have their effect there."""

    def __init__(
        self,
        store: IntentStore,
        authority: Authority,
        sessions: Sessions | None = None,
        domain: str = "mesh.test",
    ) -> None:
        self.intent = ApplyIntent(store, effects(sessions) if sessions is not None else ())
        waits = self._catch_up if sessions is not None else at_once
        super().__init__(store, authority, domain, URL, waits)
        self.joining = Joining(store, self, authority)
        self.join = self.joining.join

    async def _catch_up(self, _: int) -> None:
        await self.intent.catch_up()
