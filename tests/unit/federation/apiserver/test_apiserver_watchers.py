"""Who watches must still be let in, and still be allowed to: otherwise the watch ends."""

import pytest

from federation.apiserver.access import Attributes, Decision
from federation.apiserver.caller import ADMINS, Authenticate, Caller, known
from tests.unit.fakes.api_world import TOKEN, ApiWorld, api_world

POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"


class Doors:
    """Who is let in, and what he may."""

    def __init__(self) -> None:
        self.is_known = self.is_allowed = True

    def by_token(self, token: str) -> Authenticate:
        def authenticate(header: str, certificate: bytes | None, now: float) -> Caller | None:
            return known("ann", (ADMINS,), f"token {token}") if self.is_known else None

        return authenticate

    def decide(self, caller: Caller, asked: Attributes) -> Decision:
        return Decision(self.is_allowed, "this is a test")


async def ends(world: ApiWorld, doors: Doors, what: str) -> bool:
    """Whether a watch goes on while all is well, and ends when that is no more."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    path = f"{POLICIES}?watch=true&timeoutSeconds=60"
    async with world.client.get(path, headers=headers) as answer:
        await world.ask("POST", POLICIES, {"metadata": {"name": "near"}})
        first = await answer.content.readline()
        setattr(doors, what, False)
        return b"ADDED" in first and await answer.read() == b""


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Doors:
    made = Doors()
    monkeypatch.setattr("tests.unit.fakes.let_in.by_token", made.by_token)
    monkeypatch.setattr("tests.unit.fakes.let_in.Everything.decide", made_decide(made))
    monkeypatch.setattr("federation.apiserver.watching.LOOK_SECONDS", 0.01)
    return made


def made_decide(doors: Doors) -> object:
    """The decision as a method."""
    return lambda self, caller, asked: doors.decide(caller, asked)


async def test_a_watch_ends_when_what_was_shown_counts_no_more(doors: Doors) -> None:
    async with api_world() as world:
        assert await ends(world, doors, "is_known")


async def test_a_watch_ends_when_the_role_is_taken_away(doors: Doors) -> None:
    async with api_world() as world:
        assert await ends(world, doors, "is_allowed")
