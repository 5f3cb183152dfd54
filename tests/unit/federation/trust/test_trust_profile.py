"""federation.trust.profile: what certificates must be."""

from datetime import timedelta
from ipaddress import ip_address

import pytest

from federation.model.errors import InvalidInput
from federation.trust import profile

EAST = "east.mesh.test"


def test_lives_are_those_of_the_design() -> None:
    assert profile.root_profile("mesh.test").life == timedelta(days=3650)
    assert profile.intermediate_profile(EAST).life == timedelta(days=7)
    assert profile.twin_profile(EAST).life == timedelta(days=3650)
    assert profile.leaf_profile(f"spiffe://{EAST}/agent").life == timedelta(hours=1)
    assert profile.controller_profile("mesh.test").life == timedelta(days=7)


def test_certificates_begin_five_minutes_back() -> None:
    assert profile.leaf_profile(f"spiffe://{EAST}/agent").backdate == timedelta(minutes=5)
    assert profile.root_profile("mesh.test").backdate == timedelta(minutes=5)


def test_a_short_life_is_not_at_its_half_when_it_begins() -> None:
    brief = profile.leaf_profile(f"spiffe://{EAST}/agent", life=timedelta(seconds=20))
    assert brief.backdate == timedelta(seconds=5)
    assert brief.backdate < (brief.backdate + brief.life) / 2


def test_twin_and_intermediate_differ_only_in_their_life() -> None:
    life = timedelta(days=1)
    assert profile.twin_profile(EAST, life) == profile.intermediate_profile(EAST, life)


def test_only_the_root_is_not_confined() -> None:
    assert profile.root_profile("mesh.test").confined_to == ""
    assert profile.root_profile("mesh.test").path_length == 1
    assert profile.intermediate_profile(EAST).confined_to == EAST
    assert profile.intermediate_profile(EAST).path_length == 0


def test_the_controller_serves_under_the_domain_and_nowhere_else() -> None:
    wanted = profile.controller_profile("mesh.test")
    assert wanted.uri == "spiffe://mesh.test/controller"
    assert (wanted.dns_names, wanted.addresses) == (("mesh.test",), ())


def test_the_api_serves_where_it_is_told_and_has_no_id() -> None:
    wanted = profile.api_profile("mesh.test", ["ctl.example", "ctl.example"], ["::1"])
    assert (wanted.uri, wanted.is_client) == ("", False)
    assert wanted.dns_names == ("ctl.example",)
    assert wanted.addresses == (ip_address("::1"),)


def test_the_api_does_not_serve_under_the_name_by_which_agents_know_the_controller() -> None:
    with pytest.raises(
        InvalidInput, match=r"advertise another name, such as controller\.mesh\.test"
    ):
        profile.api_profile("mesh.test", ["ctl.example", "mesh.test"], [])


def test_an_agent_serves_inside_its_trust_domain() -> None:
    assert profile.agent_host(EAST) == "agent.east.mesh.test"


def test_rubbish_is_refused() -> None:
    with pytest.raises(InvalidInput, match="address of API certificate is 'localhost'"):
        profile.api_profile("mesh.test", [], ["localhost"])
    with pytest.raises(InvalidInput, match="dns name of API certificate"):
        profile.api_profile("mesh.test", ["*.mesh.test"], [])
    with pytest.raises(InvalidInput, match="must have a path"):
        profile.leaf_profile("spiffe://east.mesh.test")
    with pytest.raises(InvalidInput, match="clusterset domain"):
        profile.root_profile("Mesh")
