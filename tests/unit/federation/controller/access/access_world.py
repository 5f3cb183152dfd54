"""Users over a store, with an authority and what is said of them."""

from datetime import UTC, datetime

from federation.controller.access.users import KnownUser, Users
from federation.controller.intent.apply_intent import ApplyIntent
from federation.controller.trust.authority import Authority
from federation.trust.issue import make_csr, make_root, new_key
from federation.trust.pem import pem
from federation.trust.profile import root_profile
from tests.unit.fakes.fake_store import FakeStore

AT = datetime(2026, 3, 1, tzinfo=UTC)
NOW = AT.timestamp()
DOMAIN = "mesh.test"
DAY = 86_400


def make_authority() -> Authority:
    key = new_key()
    return Authority(make_root(key, root_profile(DOMAIN), AT), key, DOMAIN, ["127.0.0.1"])


class World:
    """`specs` may be changed at any time, like the kind User."""

    def __init__(self, store: FakeStore | None = None) -> None:
        self.store = store or FakeStore()
        self.authority = make_authority()
        self.specs = {"ann": KnownUser(("team",), uid="u1"), "bob": KnownUser()}
        self.users = self.started()

    def started(self) -> Users:
        """Users that know nothing yet of the store."""
        users = Users(self.store, self.authority, self.specs.get, self._catch_up)
        self.intent = ApplyIntent(self.store, (users.effect,))
        return users

    async def _catch_up(self, _: int) -> None:
        await self.intent.catch_up()

    async def restart(self) -> None:
        self.users = self.started()
        await self.intent.load()


def csr() -> bytes:
    return pem(make_csr(new_key(), "whoever"))
