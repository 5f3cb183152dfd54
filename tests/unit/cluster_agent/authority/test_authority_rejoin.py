"""A new token makes a cluster join again; whatever is wrong with one is said once, and no more."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cryptography.x509 import Certificate

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.rejoin import Rejoin
from federation.model.errors import Denied, Failed, InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.trust import issue, profile
from federation.trust.join_tokens import JoinToken, format_join_token
from federation.trust.pem import load_certificates, pem
from tests.unit.fakes.authorities import DOMAIN, make_authority

EAST = ClusterId("east")


def token(id: str = "new", cluster: str = "east") -> JoinToken:
    return JoinToken("https://127.0.0.1:1", "0" * 64, ClusterId(cluster), id, "secret")


def another_root(authority: Authority) -> tuple[Certificate, Certificate]:
    """A root, and the intermediate that it gives to the cluster's own key."""
    now, key = utc_now(), issue.new_key()
    root = issue.make_root(key, profile.root_profile(DOMAIN), now)
    wanted = profile.intermediate_profile(authority.membership.trust_domain)
    return root, issue.issue_intermediate(root, key, authority._key.public_key(), wanted, now)


class World:
    """An agent's folder, and a controller that lets it join, or raises `errors` first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "join.token"
        self.authority = make_authority(utc_now())
        self.root, self.intermediate = another_root(self.authority)
        self.joined: list[str] = []
        self.errors: list[Exception] = []
        self.rejoin = self.start()

    def start(self, file: Path | None = None) -> Rejoin:
        return Rejoin(self.authority, self.folder, EAST, file or self.file, redeem=self.redeem)

    async def redeem(self, folder: Path, spent: JoinToken) -> None:
        self.joined.append(spent.id)
        if self.errors:
            raise self.errors.pop(0)
        (folder / "root.pem").write_bytes(pem(self.root))
        (folder / "intermediate.pem").write_bytes(pem(self.intermediate))
        before = self.authority.membership
        membership = replace(before, grpc="127.0.0.9:1", token=spent.id)
        (folder / "member.json").write_text(json.dumps(asdict(membership)))

    def put(self, what: JoinToken | str) -> None:
        self.file.write_text(what if isinstance(what, str) else f"{format_join_token(what)}\n")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def root_shown(authority: Authority) -> bytes:
    return pem(load_certificates(authority.identity(utc_now()).roots)[0])


async def test_without_a_token_nothing_happens(world: World) -> None:
    await world.rejoin.check()
    await Rejoin(world.authority, world.folder, EAST, None, redeem=world.redeem).check()
    assert world.joined == []


async def test_a_new_token_is_redeemed_once_and_what_it_gave_is_shown_from_then_on(
    world: World,
) -> None:
    before = root_shown(world.authority)
    world.put(token())
    await world.rejoin.check()
    assert world.authority.membership.grpc == "127.0.0.9:1"
    assert root_shown(world.authority) == pem(world.root) != before
    await world.rejoin.check()
    await world.start().check()  # the agent was restarted
    assert world.joined == ["new"]


async def test_the_token_of_the_first_joining_is_left_alone(world: World) -> None:
    world.authority.membership = replace(world.authority.membership, token="first")
    world.put(token("first"))
    await world.rejoin.check()
    assert world.joined == []
    world.put(token("second"))
    await world.rejoin.check()
    assert world.joined == ["second"]


@pytest.mark.parametrize("error", [NotReady("away"), Failed("its disk is full")])
async def test_what_may_pass_is_tried_again_and_said_once(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    before = world.authority.membership
    world.put(token())
    world.errors = [error, error]
    for _ in range(2):
        await world.rejoin.check()
        assert world.authority.membership == before
    assert caplog.text.count("not joining again") == 1
    await world.rejoin.check()
    assert world.joined == ["new"] * 3
    assert world.authority.membership.token == "new"


@pytest.mark.parametrize("error", [Denied("expired"), InvalidInput("another domain")])
async def test_a_token_that_is_refused_is_not_tried_again_but_another_one_is(
    world: World, error: Exception
) -> None:
    world.put(token("bad"))
    world.errors = [error]
    await world.rejoin.check()
    await world.rejoin.check()
    assert world.joined == ["bad"]
    world.put(token("good"))
    await world.rejoin.check()
    assert world.joined == ["bad", "good"]


@pytest.mark.parametrize("text", ["", "no token at all", "fmj1.%%%"])
async def test_a_file_that_holds_no_token_is_no_obstacle(world: World, text: str) -> None:
    world.put(text)
    await world.rejoin.check()
    assert world.joined == []


async def test_the_token_of_another_cluster_is_no_obstacle(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put(token(cluster="west"))
    await world.rejoin.check()
    assert world.joined == []
    assert "for cluster west, but this is east" in caplog.text


async def test_a_file_that_cannot_be_read_is_no_obstacle(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.start(world.folder).check()
    assert "cannot be read: Is a directory" in caplog.text
