"""What a supervisor says of itself: whether it serves, and what it cannot do."""

import asyncio
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from federation.model.proxies import NO_LISTENER, TOKEN_ENDS, TROUBLE, Kind, Nack, Proxy, State
from federation.runtime.clock import wall_seconds
from federation.supervisor.certificates.agent_trust import Certified
from federation.supervisor.certificates.renewal import TOLD_SECONDS
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.main import Supervisor
from federation.trust.workload_tokens import mint_workload_token
from federation.wire import codec
from tests.unit.fakes.loops import named
from tests.unit.test_loops import proxy_settings

PROXY = Proxy("shop/api", Kind.SIDECAR, State.STARTING, "127.0.0.1", 15006, app_address="127.0.0.1")


class World:
    """A sidecar's supervisor whose Envoy is live."""

    def __init__(self, folder: Path, ends_in: int) -> None:
        self.supervisor = Supervisor(proxy_settings(folder), PROXY, ())
        now = int(wall_seconds())
        (certificate,) = self.supervisor._certificates
        certificate._certified = Certified("KEY", "CHAIN", now - 3600, now + ends_in)

    async def look(self) -> Proxy:
        """Look at Envoy once; returns what the agent is told."""
        await self.supervisor._look_at_envoy()
        found = self.supervisor._said.get(codec.PROXY, PROXY.id)
        assert found is not None
        return codec.decode(Proxy, found.body)


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_: object, path: str) -> bytes:
        return b"LIVE" if path == "/ready" else b"{}"

    monkeypatch.setattr(KeptAdmin, "ask", answer)


@pytest.mark.looptime
@pytest.mark.parametrize(("ends_in", "ready"), [(3600, True), (-1, False)])
async def test_a_proxy_is_ready_only_while_its_certificate_is_valid(
    tmp_path: Path, ends_in: int, ready: bool
) -> None:
    world = World(tmp_path, ends_in)
    told = await world.look()
    assert world.supervisor._is_ready() == ready
    assert told.state is (State.SERVING if ready else State.STARTING)
    ended = datetime.fromtimestamp(wall_seconds() + ends_in, UTC).year
    problems = [r.reason.startswith(f"it ended at {ended}") for r in told.refused]
    assert problems == ([] if ready else [True])


@pytest.mark.looptime
async def test_its_version_and_the_end_of_its_first_certificate_are_told(tmp_path: Path) -> None:
    world = World(tmp_path, 3600)
    told = await world.look()
    assert told.version == version("fedmesh")
    (certificate,) = world.supervisor._certificates
    assert told.certificate_ends == certificate.ends > wall_seconds()
    certificate._certified = Certified("KEY", "CHAIN", 0, certificate.ends + 60)
    assert (await world.look()).certificate_ends == told.certificate_ends + 60


@pytest.mark.looptime
async def test_a_proxy_that_does_not_listen_is_not_ready_and_says_where(tmp_path: Path) -> None:
    world = World(tmp_path, 3600)
    supervisor = world.supervisor
    supervisor._listeners._missing = {"up~10.0.0.9:80": "it is taken"}
    supervisor._listeners._is_known = True
    supervisor._listeners._next = float("inf")
    told = await world.look()
    assert told.state is State.STARTING
    assert told.refused == (Nack(NO_LISTENER, "10.0.0.9:80", "it is taken"),)
    assert not supervisor._is_ready()
    supervisor._listeners.start_over()
    assert (await world.look()).state is State.SERVING


@pytest.mark.looptime
async def test_a_token_that_ends_soon_is_told_and_the_proxy_is_ready(tmp_path: Path) -> None:
    world = World(tmp_path, 3600)
    (file,) = world.supervisor._troubles.tokens._files
    file.write_text(mint_workload_token(b"k" * 32, "shop/api", int(wall_seconds()) + 3600))
    (told,) = (await world.look()).refused
    assert (told.type_url, told.name) == (TOKEN_ENDS, file.name)
    assert world.supervisor._is_ready()


@pytest.mark.looptime
async def test_what_a_supervisor_cannot_do_is_told_to_its_agent(tmp_path: Path) -> None:
    world = World(tmp_path, 3600)
    disk = named(world.supervisor.loops, "disk")
    disk.note(OSError(28, "No space left on device", "/state/envoy.pid"))
    assert (await world.look()).refused == (), "it may pass"
    await asyncio.sleep(TOLD_SECONDS)
    reason = "No space left on device: /state/envoy.pid"
    assert (await world.look()).refused == (Nack(TROUBLE, "disk", reason),)
    disk.works()
    assert (await world.look()).refused == ()
