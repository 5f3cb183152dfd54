"""How this cluster sees the others: what counts, what is kept, and what the controller is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.health.remote_gateways import RemoteGateways
from federation.model.names import ClusterId
from federation.model.observations import Observation, Remote
from federation.model.plans import ALL_REACHABLE, Reachability
from federation.model.proxies import Kind, Proxy, State
from federation.runtime.disk import Disk

EAST, WEST, FAR = ClusterId("east"), ClusterId("west"), ClusterId("far")


def gateway(name: str, *remotes: Remote, state: State = State.SERVING) -> Proxy:
    there = Proxy(name, Kind.GATEWAY, state, "10.1.0.1", 15443)
    return replace(there, remotes=remotes)


def west(answers: bool = True, rtt: float = 0.0, name: str = "g1") -> Remote:
    return Remote(WEST, name, answers, rtt)


def far(answers: bool = True, rtt: float = 0.0, name: str = "g1") -> Remote:
    return Remote(FAR, name, answers, rtt)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "remotes.json"


def test_what_any_of_our_gateways_does_not_reach_is_unreachable(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    assert remotes.record(gateway("one", far(), west(answers=True))) == frozenset()
    assert remotes.record(gateway("two", far(), west(answers=False))) == {WEST}
    assert remotes.reachability.unreachable == {(WEST, "g1")}
    assert remotes.record(gateway("two", far(), west())) == {WEST}
    assert remotes.reachability == ALL_REACHABLE


def test_each_gateway_of_a_cluster_is_seen_for_itself(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("one", west(answers=False, name="g1"), west(name="g2")))
    assert remotes.reachability.unreachable == {(WEST, "g1")}


def test_a_gateway_that_reaches_nobody_is_itself_cut_off(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("one", far(), west()))
    cut_off = gateway("two", far(answers=False), west(answers=False))
    assert remotes.record(cut_off) == frozenset()
    assert remotes.reachability.unreachable == frozenset()
    alone = RemoteGateways(file, Disk())
    assert alone.record(cut_off) == frozenset()


def test_the_same_again_changes_nothing(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    seen = gateway("one", far(answers=False), west())
    assert remotes.record(seen) == {FAR}
    assert remotes.record(seen) == frozenset()


def test_a_gateway_that_is_forgotten_has_no_say(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("one", far(), west(answers=False)))
    assert remotes.forget("one") == {WEST}
    assert remotes.reachability.unreachable == frozenset()
    assert remotes.observation(EAST).remotes == ()
    assert remotes.forget("one") == frozenset()
    assert remotes.forget("never heard of") == frozenset()


@pytest.mark.parametrize("state", [State.DRAINING, State.STOPPED])
def test_what_a_gateway_saw_before_it_went_does_not_count(file: Path, state: State) -> None:
    """It would count for ever: nobody forgets a gateway that said that it goes."""
    remotes = RemoteGateways(file, Disk())
    seen = (far(), west(answers=False))
    remotes.record(gateway("one", *seen))
    assert remotes.record(gateway("one", *seen, state=state)) == {WEST}
    assert remotes.reachability.unreachable == frozenset()


def test_a_cluster_is_as_far_as_its_shortest_way_rounded(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    assert remotes.record(gateway("one", far(rtt=0.6), west(rtt=0.01))) == {FAR, WEST}
    assert dict(remotes.reachability.rtt) == {FAR: 0.75, WEST: 0.0}
    nearer = gateway("two", far(rtt=0.7), far(rtt=0.3, name="g2"), west())
    assert remotes.record(nearer) == {FAR}
    assert dict(remotes.reachability.rtt) == {FAR: 0.5, WEST: 0.0}


def test_a_time_at_the_border_of_its_class_changes_nothing(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("one", west(rtt=0.06)))
    assert remotes.record(gateway("one", west(rtt=0.095))) == frozenset()
    assert remotes.record(gateway("one", west(rtt=0.12))) == {WEST}


def test_what_is_not_measured_now_stays_as_it_was(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("one", far(rtt=0.2), west()))
    assert remotes.record(gateway("one", west())) == frozenset()
    assert dict(remotes.reachability.rtt) == {FAR: 0.25}


def test_an_agent_that_starts_again_knows_how_far_others_are_and_not_who_is_gone(
    file: Path,
) -> None:
    RemoteGateways(file, Disk()).record(gateway("one", far(rtt=0.4), west(answers=False, rtt=0.01)))
    again = RemoteGateways(file, Disk())
    again.load()
    assert again.reachability == Reachability(rtt=((FAR, 0.5), (WEST, 0.0)))
    measured = gateway("one", far(rtt=0.22), west(rtt=0.01))
    assert again.record(measured) == frozenset(), "at its border it stays what it was"


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[1]", b"7", b'{"west": "x"}', b'{"west": null}', b"\xff"]
)
def test_a_damaged_file_counts_as_not_there(file: Path, damaged: bytes) -> None:
    file.write_bytes(damaged)
    remotes = RemoteGateways(file, Disk())
    remotes.load()
    assert remotes.reachability == ALL_REACHABLE


def test_without_a_file_nothing_is_seen(file: Path) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.load()
    assert remotes.reachability == ALL_REACHABLE


def test_the_controller_is_told_what_any_gateway_reaches_and_the_shortest_time(
    file: Path,
) -> None:
    remotes = RemoteGateways(file, Disk())
    remotes.record(gateway("two", west(answers=False), far(rtt=0.3)))
    remotes.record(gateway("one", west(rtt=0.012), far(answers=False, rtt=0.2)))
    assert remotes.observation(EAST) == Observation(EAST, (far(rtt=0.2), west(rtt=0.012)))


def test_an_observation_is_joined_in_any_order(file: Path) -> None:
    said = [
        gateway("one", west(answers=False), far()),
        gateway("two", west(rtt=0.02), far(answers=False, rtt=0.4)),
        gateway("three", west(rtt=0.01), far(rtt=0.5)),
    ]
    found = set()
    for order in (said, said[::-1], said[1:] + said[:1]):
        remotes = RemoteGateways(file, Disk())
        for proxy in order:
            remotes.record(proxy)
        found.add(remotes.observation(EAST))
    assert found == {Observation(EAST, (far(rtt=0.4), west(rtt=0.01)))}
