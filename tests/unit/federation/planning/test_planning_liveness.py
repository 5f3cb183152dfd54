"""What people are told of a cluster's life."""

import pytest

from federation.planning.liveness import SILENT_SECONDS, Life, verdict_of


@pytest.mark.parametrize("answers", [[], [True], [False, False]])
def test_a_cluster_whose_agent_speaks_is_live_whatever_others_reach(answers: list[bool]) -> None:
    assert verdict_of(0.0, answers) is Life.LIVE
    assert verdict_of(SILENT_SECONDS - 0.1, answers) is Life.LIVE


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], Life.SUSPECT),
        ([True], Life.SUSPECT),
        ([False], Life.LOST),
        ([True, False], Life.SUSPECT),
        ([True, True, False], Life.SUSPECT),
        ([True, False, False], Life.LOST),
        ([False, False, False], Life.LOST),
    ],
)
def test_a_silent_cluster_is_lost_only_when_most_others_do_not_reach_it(
    answers: list[bool], verdict: Life
) -> None:
    assert verdict_of(SILENT_SECONDS, answers) is verdict
    assert verdict_of(None, answers) is verdict, "one never heard of is silent"


def test_witnesses_may_come_one_by_one() -> None:
    assert verdict_of(None, (answer for answer in (False, False))) is Life.LOST
