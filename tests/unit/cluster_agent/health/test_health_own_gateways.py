"""Which gateways others are told about; silence alone takes none away."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster_agent.health.own_gateways import FORGET_SECONDS, OwnGateways
from federation.model.exports import Gateway
from federation.model.proxies import Kind, Proxy, State
from federation.runtime.disk import Disk

NOW = 1_000.0
SERVING = Proxy("gw-1", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443, "a")
TOLD = Gateway("gw-1", "10.1.0.1", 15443, "a")


def in_state(state: State) -> Proxy:
    return replace(SERVING, state=state)


def test_a_gateway_is_told_once_it_serves(tmp_path: Path) -> None:
    gateways = OwnGateways(tmp_path / "g.json", Disk())
    assert gateways.record(in_state(State.STARTING), NOW) == ()
    assert gateways.record(SERVING, NOW) == (("gw-1", TOLD),)
    assert gateways.record(SERVING, NOW) == ()


@pytest.mark.parametrize("state", [State.DRAINING, State.STOPPED])
def test_a_gateway_that_goes_is_taken_back_once(tmp_path: Path, state: State) -> None:
    gateways = OwnGateways(tmp_path / "g.json", Disk())
    gateways.record(SERVING, NOW)
    assert gateways.record(in_state(state), NOW) == (("gw-1", None),)
    assert gateways.record(in_state(state), NOW) == ()


def test_a_gateway_whose_envoy_starts_again_stays_told(tmp_path: Path) -> None:
    gateways = OwnGateways(tmp_path / "g.json", Disk())
    gateways.record(SERVING, NOW)
    assert gateways.record(in_state(State.STARTING), NOW) == ()


def test_a_gateway_that_moved_is_told_anew(tmp_path: Path) -> None:
    gateways = OwnGateways(tmp_path / "g.json", Disk())
    gateways.record(SERVING, NOW)
    moved = replace(SERVING, address="10.1.0.2")
    assert gateways.record(moved, NOW) == (("gw-1", replace(TOLD, address="10.1.0.2")),)


def test_an_agent_that_starts_again_knows_its_gateways(tmp_path: Path) -> None:
    OwnGateways(tmp_path / "g.json", Disk()).record(SERVING, NOW)
    again = OwnGateways(tmp_path / "g.json", Disk())
    assert again.load() == (TOLD,)
    assert again.record(in_state(State.STOPPED), NOW) == (("gw-1", None),)
    assert OwnGateways(tmp_path / "g.json", Disk()).load() == ()


@pytest.mark.parametrize("damaged", [b"", b"{", b"[1]", b'[{"gateway": {"name": "x"}}]', b"7"])
def test_a_damaged_file_counts_as_not_there(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "g.json").write_bytes(damaged)
    assert OwnGateways(tmp_path / "g.json", Disk()).load() == ()


def test_only_a_gateway_silent_for_an_hour_is_forgotten(tmp_path: Path) -> None:
    gateways = OwnGateways(tmp_path / "g.json", Disk())
    gateways.record(SERVING, NOW)
    assert gateways.forget(set(), NOW + FORGET_SECONDS) == ()
    assert gateways.forget({"gw-1"}, NOW + FORGET_SECONDS + 1) == (), "connected is not silent"
    assert gateways.forget(set(), NOW + FORGET_SECONDS + 2) == ()
    assert gateways.forget(set(), NOW + 3 * FORGET_SECONDS) == ("gw-1",)
    assert OwnGateways(tmp_path / "g.json", Disk()).load() == ()
