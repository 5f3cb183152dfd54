"""A proxy starts with the certificate it has, renews it whatever happens, and says when not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path

import pytest

from federation.model.errors import NotReady
from federation.model.timestamps import rfc3339
from federation.process.settings import Address
from federation.runtime.clock import wall_seconds
from federation.runtime.disk import Disk, File, write_together
from federation.runtime.loops import LONGEST_PAUSE, running
from federation.supervisor.certificates import agent_trust
from federation.supervisor.certificates import renewal as module
from federation.supervisor.certificates.agent_trust import (
    Certified,
    Trust,
    file_of,
    format_trust,
    load_certified,
)
from federation.supervisor.certificates.renewal import TOLD_SECONDS, Certificate, Wanted
from federation.supervisor.settings import ProxySettings
from federation.trust.pem import pem
from federation.trust.workload_tokens import mint_workload_token
from tests.unit.federation.trust.trust_certs import API, LEAF_KEY, ROOT, Member, make_member


def settings(folder: Path) -> ProxySettings:
    return ProxySettings(
        agent=Address("127.0.0.1", 1),
        trust_file=folder / "trust.pem",
        token_file=folder / "token",
        state=folder,
        address="127.0.0.1",
        certificate_check_seconds=0.5,
    )


def full(files: tuple[File, ...]) -> None:
    raise OSError(ENOSPC, "No space left on device", str(files[0].path))


@dataclass
class World:
    """A certificate, whose agent gives those in `answers`, and what was shown of it."""

    folder: Path
    disk: Disk = field(default_factory=Disk)
    shown: list[Certified] = field(default_factory=list)
    answers: list[Certified] = field(default_factory=list)

    def __post_init__(self) -> None:
        wanted = Wanted("entry", self.folder / "token")
        self.certificate = Certificate(
            settings(self.folder), wanted, lambda _, found: self.shown.append(found), self.disk
        )

    def write_token(self) -> None:
        (self.folder / "trust.pem").write_bytes(format_trust(Trust(b"PEM", "east.mesh.test")))
        (self.folder / "token").write_text("token")

    def trust(self, *authorities: Member) -> None:
        """Show these in trust.pem."""
        text = format_trust(Trust(pem(*(a.twin for a in authorities)), "east.mesh.test"))
        (self.folder / "trust.pem").write_bytes(text)

    async def certify(self, _: object) -> Certified:
        if not self.answers:
            raise NotReady("the agent is away")
        return self.answers.pop(0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)

    @asynccontextmanager
    async def connect(*_: object) -> AsyncIterator[None]:
        yield

    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(agent_trust, "certify", made.certify)
    return made


def lasting(begins: float, ends: float, key: str = "KEY") -> Certified:
    """A certificate that begins and ends so many seconds from now."""
    now = int(wall_seconds())
    return Certified(key, "CHAIN", now + int(begins), now + int(ends))


@pytest.mark.parametrize(("ends_in", "shown"), [(60, True), (-1, False)])
def test_the_one_of_an_earlier_start_is_shown_while_it_is_valid(
    world: World, ends_in: int, shown: bool
) -> None:
    kept = lasting(-60, ends_in)
    write_together((file_of(world.folder / "entry.json", kept),))
    world.certificate.load()
    assert world.shown == ([kept] if shown else [])
    assert world.certificate.is_valid(wall_seconds()) == shown


@pytest.mark.looptime
async def test_a_token_that_cannot_be_read_for_a_while_ends_no_renewal(world: World) -> None:
    (world.folder / "token").mkdir()
    (world.folder / "trust.pem").mkdir()
    world.answers = [lasting(-60, 3600)]
    async with running([world.certificate.loop]):
        await asyncio.sleep(60)
        assert "Is a directory" in world.certificate.loop.trouble
        (world.folder / "token").rmdir()
        (world.folder / "trust.pem").rmdir()
        world.write_token()
        await asyncio.sleep(LONGEST_PAUSE)
    assert len(world.shown) == 1
    assert world.certificate.problem(datetime.now(UTC)) == ""  # noqa: TID251


OLD, NEW = make_member(ROOT, "east"), make_member(ROOT, "east")
"""Two authorities of one cluster, one after the other."""


def signed(authority: Member) -> Certified:
    """A certificate that ends in an hour."""
    chain = pem(authority.leaf(LEAF_KEY, API), authority.intermediate)
    return replace(lasting(-60, 3600), chain=chain.decode())


@pytest.mark.looptime
async def test_one_whose_signer_is_gone_is_renewed_at_once(world: World) -> None:
    """Of an earlier start, and one that is in use when the cluster gets another authority."""
    world.write_token()
    kept = signed(OLD)
    write_together((file_of(world.folder / "entry.json", kept),))
    world.certificate.load()
    world.trust(NEW)
    world.answers = [signed(NEW), signed(OLD)]
    async with running([world.certificate.loop]):
        await asyncio.sleep(0.1)
        assert len(world.shown) == 2, "at the start"
        await asyncio.sleep(30)
        assert len(world.shown) == 2, "it is not asked for again"
        world.trust(OLD)
        await asyncio.sleep(1)
    assert len(world.shown) == 3


@pytest.mark.looptime
async def test_a_key_that_follows_another_in_order_has_nothing_renewed(world: World) -> None:
    world.write_token()
    world.trust(OLD)
    world.answers = [signed(OLD), signed(NEW)]
    async with running([world.certificate.loop]):
        for shown in ((OLD, NEW), (NEW, OLD)):
            await asyncio.sleep(5)
            world.trust(*shown)
        await asyncio.sleep(5)
        (world.folder / "trust.pem").unlink()
        await asyncio.sleep(5)
    assert len(world.shown) == 1


@pytest.mark.looptime
async def test_an_agent_that_signs_with_a_key_it_does_not_show_is_asked_once(world: World) -> None:
    world.write_token()
    world.trust(NEW)
    world.answers = [signed(OLD) for _ in range(5)]
    async with running([world.certificate.loop]):
        await asyncio.sleep(60)
    assert len(world.shown) == 1


@pytest.mark.looptime
async def test_a_signer_that_is_gone_is_said_while_there_is_no_other(world: World) -> None:
    world.write_token()
    world.certificate._certified = signed(OLD)
    world.trust(NEW)
    async with running([world.certificate.loop]):
        await asyncio.sleep(TOLD_SECONDS * 2)
        said = world.certificate.problem(datetime.now(UTC))  # noqa: TID251
    assert said == (
        "it was signed with a key that the cluster has no more, but not renewed: the agent is away"
    )


@pytest.mark.looptime
async def test_a_certificate_is_used_though_it_cannot_be_kept(world: World) -> None:
    world.write_token()
    world.answers = [lasting(-60, 3600, "1")]
    world.disk._write = full
    async with running([world.certificate.loop, world.disk.loop]):
        await asyncio.sleep(30)
        assert [found.key for found in world.shown] == ["1"], "used, and not asked for again"
        assert "No space left" in world.disk.loop.trouble
        world.disk._write = write_together
        await asyncio.sleep(LONGEST_PAUSE)
    assert load_certified(world.folder / "entry.json") == world.shown[0]


@pytest.mark.looptime
async def test_one_that_has_ended_already_is_not_taken(world: World) -> None:
    world.write_token()
    world.answers = [lasting(-60, -1), lasting(-60, 3600)]
    async with running([world.certificate.loop]):
        await asyncio.sleep(LONGEST_PAUSE)
    assert len(world.shown) == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("begins", "ends", "trouble", "said"),
    [
        (-60, 3600, "", ""),
        (-60, 3600, "the agent is away", "and is not renewed: the agent is away"),
        (-2300, 1900, "", ""),  # past its half, but not by much
        (-2800, 1400, "", "and is not renewed"),
        (-3600, -1, "", "it ended at "),
        (-3600, -1, "the agent is away", "other proxies refuse this one: the agent is away"),
    ],
)
async def test_what_is_not_renewed_in_time_is_said(
    world: World, begins: int, ends: int, trouble: str, said: str
) -> None:
    world.certificate._certified = lasting(begins, ends)
    if trouble:
        world.certificate.loop.note(NotReady(trouble))
        await asyncio.sleep(TOLD_SECONDS)
    found = world.certificate.problem(datetime.fromtimestamp(wall_seconds(), UTC))
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.looptime
async def test_before_there_is_one_only_a_lasting_failure_is_said(world: World) -> None:
    now = datetime.fromtimestamp(wall_seconds(), UTC)
    assert world.certificate.problem(now) == ""
    world.certificate.loop.note(NotReady("the agent is away"))
    assert world.certificate.problem(now) == "", "it may still be starting"
    await asyncio.sleep(TOLD_SECONDS)
    assert world.certificate.problem(now) == "there is none yet: the agent is away"


@pytest.mark.parametrize(("hours", "is_said"), [(23, True), (-1, True), (25, False), (None, False)])
def test_a_token_that_ends_soon_is_said(
    world: World, caplog: pytest.LogCaptureFixture, hours: int | None, is_said: bool
) -> None:
    token = "a projected token of Kubernetes"
    if hours is not None:
        token = mint_workload_token(b"k" * 32, "shop/api", int(wall_seconds()) + hours * 3600)
    world.certificate._say_when_it_ends(token)
    said = [r.getMessage() for r in caplog.records]
    assert [text.startswith("token ends soon file=") for text in said] == [True] * is_said


def test_the_end_of_a_new_certificate_is_logged_as_a_time(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    certified = lasting(-1, 60)
    world.certificate._take(certified)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == f"certificate renewed secret=entry ends={rfc3339(certified.not_after)}"
