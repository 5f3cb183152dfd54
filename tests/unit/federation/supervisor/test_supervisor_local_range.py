"""A range is offered while the machine takes its addresses as its own."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

import pytest

from federation.runtime.tasks import cancel, start
from federation.supervisor import local_range


@pytest.mark.parametrize("network", ["127.99.0.0/20", "127.99.0.0/30"])
def test_a_loopback_range_is_the_machines_own(network: str) -> None:
    assert local_range.foreign(network) == ""


def test_a_range_of_others_is_not_and_the_remedy_is_said() -> None:
    said = local_range.foreign("203.0.113.0/24")
    assert "does not take 203.0.113.1 as its own" in said
    assert said.endswith("say there: ip route add local 203.0.113.0/24 dev lo")


def test_of_ipv6_the_remedy_has_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "federation.supervisor.local_range.socket.socket", refusing(errno.EADDRNOTAVAIL)
    )
    said = local_range.foreign("2001:db8::/64")
    assert "say there: sysctl net.ipv6.ip_nonlocal_bind=1, and ip route add local" in said


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS])
def test_a_look_that_could_not_be_had_takes_nothing_away(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federation.supervisor.local_range.socket.socket", refusing(number))
    assert local_range.foreign("203.0.113.0/24") == ""


@pytest.mark.parametrize("number", [errno.EACCES, errno.EAFNOSUPPORT])
def test_what_else_is_wrong_is_said_as_it_is(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("federation.supervisor.local_range.socket.socket", refusing(number))
    assert local_range.foreign("10.0.0.0/24") == (
        f"nothing can listen at 10.0.0.1: {os.strerror(number)}"
    )


def refusing(number: int) -> Callable[..., socket.socket]:
    def make(*_: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    return make


@pytest.mark.looptime
async def test_it_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = iter(("none takes it", "", "gone again", ""))
    monkeypatch.setattr(local_range, "foreign", lambda _network: next(problems))
    seen: list[str] = []
    running = start(local_range.watching("203.0.113.0/24", seen.append).run(), "watch")
    await asyncio.sleep(3.5 * local_range.LOOK_SECONDS)
    await cancel(running)
    assert seen == ["none takes it", "", "gone again"]
