"""A range is offered while the machine takes its addresses as its own."""

import asyncio

import pytest

from federation.runtime.tasks import cancel, start
from federation.supervisor import ownrange


@pytest.mark.parametrize("network", ["127.99.0.0/20", "127.99.0.0/30"])
def test_a_loopback_range_is_the_machines_own(network: str) -> None:
    assert ownrange.foreign(network) == ""


@pytest.mark.parametrize("network", ["203.0.113.0/24", "2001:db8::/64"])
def test_a_range_of_others_is_not_and_the_remedy_is_said(network: str) -> None:
    assert f"say there: ip route add local {network} dev lo" in ownrange.foreign(network)


@pytest.mark.looptime
async def test_it_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = iter(("none takes it", "", "gone again", ""))
    monkeypatch.setattr(ownrange, "foreign", lambda _network: next(problems))
    seen: list[str] = []
    running = start(ownrange.watch("203.0.113.0/24", seen.append), "watch")
    await asyncio.sleep(3.5 * ownrange.LOOK_SECONDS)
    await cancel(running)
    assert seen == ["none takes it", "", "gone again"]
