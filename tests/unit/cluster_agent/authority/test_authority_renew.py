"""An intermediate is renewed with the same key, and only by what the root has signed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from cluster_agent.authority.authority import Authority, Credentials, Membership
from cluster_agent.authority.renew import renew_intermediate
from federation.model.errors import InvalidInput
from federation.runtime.disk import Disk
from federation.trust import issue, profile
from federation.trust.pem import csr_key, load_certificates, pem, read_csr
from federation.wire import federation_pb2 as pb

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=4)
DOMAIN = "east.mesh.test"


class World:
    """An authority, and a controller that signs with its root: `root` or another one."""

    def __init__(self) -> None:
        self.root_key, self.key = issue.new_key(), issue.new_key()
        self.root = issue.make_root(self.root_key, profile.root_profile("mesh.test"), NOW)
        membership = Membership("east", "mesh.test", DOMAIN, "127.0.0.1:1")
        intermediate = self.sign(pem(issue.make_csr(self.key, DOMAIN)), NOW)
        credentials = Credentials(membership, self.root, intermediate)
        self.authority = Authority(credentials, self.key, timedelta(hours=1))

    def sign(self, csr: bytes, now: datetime) -> x509.Certificate:
        wanted = profile.intermediate_profile(DOMAIN)
        key = csr_key(read_csr(csr))
        return issue.issue_intermediate(self.root, self.root_key, key, wanted, now)

    async def ask(self, request: pb.CertifyRequest) -> pb.Certificate:
        return pb.Certificate(chain=pem(self.sign(request.csr, LATER)))

    async def renew(self, folder: Path) -> None:
        await renew_intermediate(self.authority, folder, self.ask, LATER, Disk())


async def test_the_renewed_one_has_the_same_key_signs_from_then_on_and_is_on_disk(
    tmp_path: Path,
) -> None:
    world = World()
    before = world.authority.intermediate
    await world.renew(tmp_path)
    after = world.authority.intermediate
    assert after.public_key() == before.public_key()
    assert after.not_valid_after_utc == before.not_valid_after_utc + timedelta(days=4)
    assert load_certificates((tmp_path / "intermediate.pem").read_bytes())[0] == after


async def test_one_of_another_root_is_not_taken(tmp_path: Path) -> None:
    world = World()
    before = world.authority.intermediate
    world.root_key = issue.new_key()
    world.root = issue.make_root(world.root_key, profile.root_profile("mesh.test"), NOW)
    with pytest.raises(InvalidInput):
        await world.renew(tmp_path)
    assert world.authority.intermediate == before
    assert not (tmp_path / "intermediate.pem").exists()


async def test_a_key_that_was_replaced_meanwhile_keeps_its_own(tmp_path: Path) -> None:
    world = World()
    other = issue.new_key()
    coming = world.sign(pem(issue.make_csr(other, DOMAIN)), LATER)

    async def ask(request: pb.CertifyRequest) -> pb.Certificate:
        answer = await world.ask(request)
        world.authority.use_key(other, coming)
        return answer

    await renew_intermediate(world.authority, tmp_path, ask, LATER, Disk())
    assert world.authority.intermediate == coming
