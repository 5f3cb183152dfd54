"""The steps of replacing a key, with a controller that waits for others as it is told to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from errno import ENOSPC
from pathlib import Path

import pytest
from cryptography import x509

from cluster_agent.authority import key_files
from cluster_agent.authority.authority import Authority, Credentials, Membership
from cluster_agent.authority.rekey import Rekeying
from federation.model.errors import NotReady
from federation.runtime.files import write_private
from federation.trust import issue, profile
from federation.trust.pem import (
    PublicKey,
    certificate_key,
    csr_key,
    key_pem,
    key_sha256,
    load_certificates,
    load_key,
    pem,
    read_csr,
)
from federation.trust.rotation import Step
from federation.wire import federation_pb2 as pb

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOMAIN = "east.mesh.test"
LEAF_LIFE = timedelta(hours=1)


class World:
    """An agent's authority in a folder, and a controller that signs with the root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root_key, key = issue.new_key(), issue.new_key()
        self.root = issue.make_root(self.root_key, profile.root_profile("mesh.test"), NOW)
        made = self._sign(key.public_key(), NOW)
        membership = Membership("east", "mesh.test", DOMAIN, "127.0.0.1:1")
        self.authority = Authority(Credentials(membership, self.root, made), key, LEAF_LIFE)
        twin = issue.make_twin(key, profile.twin_profile(DOMAIN), NOW)
        write_private(folder / "ca.key", key_pem(key))
        (folder / "twin.pem").write_bytes(pem(twin))
        (folder / "intermediate.pem").write_bytes(pem(made))
        self.old = self.authority.key_sha256
        self.wanted = ""
        self.waiting: tuple[str, ...] = ("west",)
        self.away = False
        self.asked: list[pb.CertifyRequest] = []
        self.now = NOW
        self.begin()

    def begin(self) -> None:
        """An agent starts (again)."""
        self.rekeying = Rekeying(self.authority, self.folder, lambda: self.wanted, self._answer)

    def _sign(self, key: PublicKey, now: datetime) -> x509.Certificate:
        wanted = profile.intermediate_profile(DOMAIN)
        return issue.issue_intermediate(self.root, self.root_key, key, wanted, now)

    async def _answer(self, request: pb.CertifyRequest) -> pb.Certificate:
        if self.away:
            raise NotReady("the controller is away")
        self.asked.append(request)
        made = self._sign(csr_key(read_csr(request.csr)), self.now)
        return pb.Certificate(chain=pem(made), waiting=self.waiting if request.twin else ())

    async def turn(self, after: timedelta = timedelta(0)) -> Step:
        self.now += after
        return await self.rekeying.turn(self.now)

    def anchors(self) -> list[str]:
        """The keys by which proxies know this agent."""
        text = (self.folder / "trust.pem").read_bytes()
        return [key_sha256(certificate_key(c)) for c in load_certificates(text)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_without_being_asked_nothing_happens(world: World) -> None:
    world.wanted = "another key"
    assert await world.turn() is Step.REST
    assert world.asked == []


async def test_a_new_key_is_used_once_all_know_it_and_the_old_one_goes_with_its_leaves(
    world: World,
) -> None:
    world.wanted = world.old
    assert await world.turn() is Step.PREPARE
    assert len(world.anchors()) == 2
    assert await world.turn() is Step.SPREAD
    assert await world.turn() is Step.SPREAD, "west does not know it yet"
    assert world.authority.key_sha256 == world.old
    world.waiting = ()
    assert await world.turn() is Step.SPREAD
    assert await world.turn() is Step.ACTIVATE
    new = world.authority.key_sha256
    assert new != world.old
    shown = world.asked[-1]
    assert key_sha256(csr_key(read_csr(shown.csr))) == new, "the old one speaks no more"
    assert (shown.twin, shown.alone) == (b"", False)
    assert {request.leaf_seconds for request in world.asked if request.twin} == {3600}
    assert world.anchors() == [new, world.old]
    leaf = load_certificates(world.authority.identity(world.now).chain)[0]
    leaf.verify_directly_issued_by(world.authority.intermediate)
    assert await world.turn(LEAF_LIFE - timedelta(seconds=1)) is Step.REST
    assert await world.turn(timedelta(seconds=1)) is Step.RETIRE
    assert world.asked[-1].alone
    assert key_sha256(csr_key(read_csr(world.asked[-1].csr))) == new
    assert world.anchors() == [new]
    assert await world.turn() is Step.REST


async def test_a_cluster_that_is_away_is_waited_for_until_a_third_of_the_life_is_left(
    world: World,
) -> None:
    world.wanted = world.old
    await world.turn()
    two_thirds = profile.INTERMEDIATE_LIFE * 2 / 3
    assert await world.turn(two_thirds - timedelta(seconds=1)) is Step.SPREAD
    assert await world.turn(timedelta(seconds=1)) is Step.ACTIVATE
    assert world.authority.key_sha256 != world.old


async def test_without_the_controller_a_signed_key_is_used_in_time_and_an_unsigned_one_never(
    world: World,
) -> None:
    world.wanted, world.away = world.old, True
    await world.turn()
    with pytest.raises(NotReady):
        await world.turn(profile.INTERMEDIATE_LIFE * 2 / 3)
    world.away = False
    assert await world.turn() is Step.SPREAD
    world.away = True
    assert await world.turn() is Step.ACTIVATE
    with pytest.raises(NotReady):
        await world.turn(LEAF_LIFE)
    assert len(world.anchors()) == 2, "the old anchor stays until the controller has dropped it"


async def test_an_agent_that_starts_again_goes_on_with_the_same_key(world: World) -> None:
    world.wanted = world.old
    await world.turn()
    await world.turn()
    first = world.asked[-1].twin
    world.begin()
    assert await world.turn() is Step.SPREAD, "what it heard before is asked again"
    assert world.asked[-1].twin == first


class SmallDisk:
    """No room for one write, the `full_at`-th from now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for name in ("write_private", "write_atomic"):
            self._fill(monkeypatch, name, getattr(key_files, name))

    def _fill(self, monkeypatch: pytest.MonkeyPatch, name: str, real: Callable[..., None]) -> None:
        def write(path: Path, data: bytes, **how: bool) -> None:
            self.left -= 1
            if self.left == 0:
                raise OSError(ENOSPC, "No space left on device", str(path))
            real(path, data, **how)

        monkeypatch.setattr(key_files, name, write)


@pytest.mark.parametrize("full_at", range(1, 13))
async def test_a_full_disk_delays_a_step_and_neither_loses_nor_doubles_a_key(
    world: World, monkeypatch: pytest.MonkeyPatch, full_at: int
) -> None:
    """There are 10 writes on the way to the new key; the last two numbers hit none."""
    disk = SmallDisk(monkeypatch)
    world.wanted, world.waiting, disk.left = world.old, (), full_at
    refused = 0
    for _ in range(6):
        try:
            await world.turn()
        except OSError:
            refused += 1
    assert refused == (full_at <= 10)
    assert world.authority.key_sha256 != world.old
    assert key_sha256(load_key((world.folder / "ca.key").read_bytes()).public_key()) == (
        world.authority.key_sha256
    )
    signer = load_certificates((world.folder / "intermediate.pem").read_bytes())[0]
    assert signer == world.authority.intermediate
    assert world.anchors() == [world.authority.key_sha256, world.old]
    assert len({request.twin for request in world.asked if request.twin}) == 1
