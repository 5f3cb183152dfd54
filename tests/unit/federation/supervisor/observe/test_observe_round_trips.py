"""Round-trip times through Envoy: who is asked, how often, and when a time is said anew."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from federation.model.names import ClusterId
from federation.supervisor.observe import round_trips as module
from federation.supervisor.observe.round_trips import (
    LOOK_BACK_SECONDS,
    MEASURE_SECONDS,
    MOST_AT_ONCE,
    Measure,
)
from tests.unit.fakes.fake_rtt import FakeRtt

Key = tuple[ClusterId, str]
WEST: Key = (ClusterId("west"), "g1")
ASKED = "remote~west~g1~"
WHILE = round(LOOK_BACK_SECONDS / MEASURE_SECONDS)
"""In so many rounds all earlier times are forgotten."""


def keys(count: int, cluster: str = "c") -> list[Key]:
    return [(ClusterId(f"{cluster}{number:03}"), "g") for number in range(count)]


@pytest_asyncio.fixture
async def envoy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRtt]:
    fake = FakeRtt()
    monkeypatch.setattr(module, "time", fake)
    async with fake.at(tmp_path / "s"):
        yield fake


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    return Measure(tmp_path / "s")


async def take(measure: Measure, envoy: FakeRtt, *seconds: float) -> list[float]:
    """What is said of one gateway after each of these times."""
    said = []
    for envoy.seconds in seconds:
        envoy.now += MEASURE_SECONDS - envoy.seconds
        await measure.round({WEST: True})
        said.append(round(measure.rtt[WEST], 6))
    return said


async def test_the_first_request_does_not_count_since_it_may_wait_for_a_connection(
    measure: Measure, envoy: FakeRtt
) -> None:
    envoy.slow[ASKED] = 0.5
    await measure.round({WEST: True})
    assert envoy.asked == [ASKED, ASKED]
    assert measure.rtt == {WEST: pytest.approx(0.02)}
    await measure.round({WEST: True})
    assert envoy.asked == [ASKED] * 3


async def test_a_time_is_said_anew_only_when_it_has_moved_by_a_quarter(
    measure: Measure, envoy: FakeRtt
) -> None:
    assert await take(measure, envoy, 0.1, 0.12, 0.12, 0.12, 0.12) == [0.1] * 5
    assert (await take(measure, envoy, *[0.13] * (WHILE + 1)))[-1] == 0.13
    assert await take(measure, envoy, 0.1) == [0.13], "a quarter less is 0.0975"
    assert await take(measure, envoy, 0.09) == [0.09]


async def test_a_short_time_may_waver_by_milliseconds(measure: Measure, envoy: FakeRtt) -> None:
    assert await take(measure, envoy, 0.001, 0.005, 0.005, 0.005, 0.005) == [0.001] * 5
    assert (await take(measure, envoy, *[0.007] * (WHILE + 1)))[-1] == 0.007


async def test_what_is_slow_for_some_seconds_is_busy_and_not_far(
    measure: Measure, envoy: FakeRtt
) -> None:
    await take(measure, envoy, 0.02)
    assert await take(measure, envoy, *[0.9] * (WHILE - 1)) == [0.02] * (WHILE - 1)


async def test_a_way_that_stays_longer_is_said_after_a_while(
    measure: Measure, envoy: FakeRtt
) -> None:
    await take(measure, envoy, 0.1)
    said = await take(measure, envoy, *[0.9] * (WHILE + 1))
    assert (said[0], said[-1]) == (0.1, 0.9)


async def test_a_way_that_is_shorter_is_said_at_once(measure: Measure, envoy: FakeRtt) -> None:
    await take(measure, envoy, *[0.3] * (WHILE + 1))
    assert await take(measure, envoy, 0.02) == [0.02]


async def test_one_slow_answer_does_not_count_where_each_is_asked_rarely(
    measure: Measure, envoy: FakeRtt
) -> None:
    await take(measure, envoy, 0.02)
    envoy.now += 2 * LOOK_BACK_SECONDS
    assert await take(measure, envoy, 0.9) == [0.02]


async def test_at_most_so_many_are_measured_in_a_round_and_all_in_turn(
    measure: Measure, envoy: FakeRtt
) -> None:
    remotes = dict.fromkeys(keys(MOST_AT_ONCE + 5), True)
    await measure.round(remotes)
    first = set(envoy.asked)
    assert len(first) == MOST_AT_ONCE
    assert len(measure.rtt) == MOST_AT_ONCE
    envoy.asked.clear()
    await measure.round(remotes)
    assert len(set(envoy.asked)) == MOST_AT_ONCE
    assert len(set(envoy.asked) - first) == 5
    assert measure.rtt.keys() == remotes.keys()


async def test_new_ones_come_first(measure: Measure, envoy: FakeRtt) -> None:
    known = dict.fromkeys(keys(MOST_AT_ONCE), True)
    await measure.round(known)
    envoy.asked.clear()
    await measure.round({**known, (ClusterId("zz"), "new"): True})
    assert envoy.asked[0] == "remote~zz~new~"


async def test_only_those_that_answer_are_measured(measure: Measure, envoy: FakeRtt) -> None:
    await measure.round({WEST: False})
    assert (envoy.asked, measure.rtt) == ([], {})


async def test_one_that_does_not_answer_for_a_while_keeps_its_time(
    measure: Measure, envoy: FakeRtt
) -> None:
    await measure.round({WEST: True})
    await measure.round({WEST: False})
    assert measure.rtt == {WEST: pytest.approx(0.02)}


async def test_one_that_is_not_there_any_more_is_forgotten(
    measure: Measure, envoy: FakeRtt
) -> None:
    await measure.round({WEST: True})
    await measure.round({})
    assert measure.rtt == {}
    envoy.asked.clear()
    await measure.round({WEST: True})
    assert len(envoy.asked) == 2, "it is new again"


async def test_a_request_that_fails_measures_nothing_and_stops_nobody(
    measure: Measure, envoy: FakeRtt
) -> None:
    far: Key = (ClusterId("far"), "g1")
    envoy.broken.add("remote~far~g1~")
    await measure.round({far: True, WEST: True})
    assert envoy.asked == ["remote~far~g1~", ASKED, ASKED]
    assert measure.rtt.keys() == {WEST}
    envoy.broken.clear()
    await measure.round({far: True, WEST: True})
    assert measure.rtt.keys() == {far, WEST}


async def test_without_envoy_nothing_is_measured(tmp_path: Path) -> None:
    measure = Measure(tmp_path / "nobody")
    await measure.round({WEST: True})
    assert measure.rtt == {}
