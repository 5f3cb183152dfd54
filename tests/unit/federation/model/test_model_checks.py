"""The table of checks: ids that stay, words for each, and what agents may tell."""

import re

from federation.model.checks import CHECKS, OF_AGENTS, WELL, Group


def test_every_check_is_complete() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", id) for id in CHECKS)
    for check in CHECKS.values():
        assert check.meaning
        assert check.remedy.format(cluster="east")
        assert "|" not in check.meaning + check.remedy


def test_every_group_has_checks_and_a_word_for_when_it_is_well() -> None:
    assert {check.group for check in CHECKS.values()} == set(Group) == set(WELL)
    assert list(WELL) == list(Group)


def test_agents_tell_only_checks_that_there_are() -> None:
    assert CHECKS.keys() >= OF_AGENTS
