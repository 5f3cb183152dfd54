"""Each way does what it says to all members, says when, and can be undone."""

import pytest

from federation.model.errors import Failed
from federation.verify.faults import Fault, Way, inject, unavailable
from tests.unit.fakes.fake_rig import FakeRig

NAMES = ("a-gateway", "a-sidecar")


@pytest.fixture
def rig() -> FakeRig:
    return FakeRig([*NAMES, "another"])


@pytest.mark.parametrize(
    ("way", "struck", "undone"),
    [
        (Way.KILL, [("kill", "with Envoy")], [("start", "")]),
        (Way.FREEZE, [("SIGSTOP", "with Envoy")], [("SIGCONT", "with Envoy")]),
        (
            Way.HANG,
            [("kill", "with Envoy"), ("stand in", "hang")],
            [("leave", "hang"), ("start", "")],
        ),
        (
            Way.REFUSE,
            [("kill", "with Envoy"), ("stand in", "refuse")],
            [("leave", "refuse"), ("start", "")],
        ),
    ],
)
def test_a_way_strikes_and_its_end_undoes_it(
    way: Way, struck: list[tuple[str, str]], undone: list[tuple[str, str]], rig: FakeRig
) -> None:
    injection = inject(Fault("it", way, NAMES), rig)
    assert [(order, how) for order, _, how in rig.told] == struck
    assert not rig.is_whole
    injection.end()
    assert [(order, how) for order, _, how in rig.told[len(struck) :]] == undone
    assert {names for _, names, _ in rig.told} == {NAMES}
    assert rig.is_whole


@pytest.mark.parametrize("way", Way)
def test_a_fault_is_in_force_since_the_first_that_was_done(way: Way, rig: FakeRig) -> None:
    fault = Fault("it", way, NAMES)
    injection = inject(fault, rig)
    assert injection.fault == fault
    assert injection.at == 100.0


def test_a_frozen_process_is_neither_dead_nor_started_again(rig: FakeRig) -> None:
    injection = inject(Fault("it", Way.FREEZE, NAMES), rig)
    assert rig.frozen == set(NAMES)
    assert all(map(rig.is_alive, NAMES))
    injection.end()
    assert "start" not in [order for order, _, _ in rig.told]


@pytest.mark.parametrize("way", Way)
def test_alone_spares_the_envoys_in_every_order_that_could_reach_them(
    way: Way, rig: FakeRig
) -> None:
    inject(Fault("it", way, NAMES, alone=True), rig).end()
    assert "with Envoy" not in [how for _, _, how in rig.told]
    assert "alone" in [how for _, _, how in rig.told]


@pytest.mark.parametrize("way", Way)
def test_only_what_runs_can_be_struck(way: Way, rig: FakeRig) -> None:
    fault = Fault("the pair", way, NAMES)
    assert unavailable(fault, rig) == ""
    rig.dead = {"a-sidecar", "another"}
    assert unavailable(fault, rig) == "the pair: a-sidecar does not run"
    rig.dead = set(NAMES)
    assert unavailable(fault, rig) == "the pair: a-gateway, a-sidecar does not run"
    assert rig.told == []


def test_a_stand_in_that_cannot_be_leaves_nobody_dead(rig: FakeRig) -> None:
    rig.refuses_stand_ins = True
    with pytest.raises(Failed, match="taken"):
        inject(Fault("it", Way.HANG, NAMES), rig)
    assert rig.is_whole
