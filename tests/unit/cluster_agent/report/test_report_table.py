"""What goes up: news at once, counts coalesced, nothing twice, nothing lost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_agent.report.table import COALESCE_SECONDS, SMALLEST_MOVE, Reports
from federation.model.exports import Backend
from federation.model.names import ClusterId
from federation.model.observations import Observation, Remote
from federation.wire import codec
from tests.unit.builders import API, backend, export, gateway

EAST = ClusterId("east")


def said(reports: Reports) -> Backend | None:
    found = reports.table.get(codec.BACKEND, str(API))
    return codec.decode(Backend, found.body) if found else None


def with_ready(ready: int) -> Reports:
    reports = Reports()
    reports.backend(API, backend("east", ready=ready), 0.0)
    return reports


def test_an_export_is_news_once_and_its_withdrawal_as_well() -> None:
    reports = Reports()
    assert reports.export(API, export())
    assert reports.has_export(API)
    assert not reports.export(API, export())
    assert reports.export(API, None)
    assert not reports.has_export(API)
    assert not reports.export(API, None)


def test_a_gateway_is_news_once_and_its_withdrawal_as_well() -> None:
    reports = Reports()
    news = [reports.gateway(gateway().name, said) for said in (gateway(), gateway(), None, None)]
    assert news == [True, False, True, False]


def test_an_observation_is_news_when_it_changed_and_always_whole() -> None:
    """There is one of each cluster, so it needs no waiting until all are known."""
    reports = Reports()
    assert reports.table.is_complete(codec.OBSERVATION)
    seen = Observation(EAST, (Remote(ClusterId("west"), "g1", True),))
    other = replace(seen, remotes=(replace(seen.remotes[0], answers=False),))
    assert [reports.observation(o) for o in (seen, seen, other)] == [True, False, True]
    found = reports.table.get(codec.OBSERVATION, "east")
    assert found is not None
    assert codec.KINDS[codec.OBSERVATION].decode(found.body) == other


def test_a_first_backend_is_said_though_its_export_still_waits() -> None:
    """The order between both is the stream's affair: it sends exports first."""
    reports = Reports()
    assert reports.backend(API, backend("east"), 0.0)
    assert not reports.has_export(API)
    assert said(reports) == backend("east")


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (50, 0)])
def test_a_count_that_crosses_zero_goes_at_once(before: int, after: int) -> None:
    reports = with_ready(before)
    assert reports.backend(API, backend("east", ready=after), 1.0)
    assert said(reports) == backend("east", ready=after)


@pytest.mark.parametrize(
    "other",
    [
        backend("east", ready=3, ports=(80, 81)),
        backend("east", ready=3, accounts=("other",)),
        backend("east", ready=3, zone="b"),
    ],
)
def test_anything_but_a_count_goes_at_once(other: Backend) -> None:
    reports = with_ready(3)
    assert reports.backend(API, other, 1.0)
    assert said(reports) == other


def test_a_count_that_moves_waits_and_then_goes_as_it_is_by_then() -> None:
    reports = with_ready(3)
    assert not reports.backend(API, backend("east", ready=4), 10.0)
    assert reports.due() == 10.0 + COALESCE_SECONDS
    assert not reports.backend(API, backend("east", ready=5), 10.05)
    assert reports.tick(10.09) == ()
    assert reports.tick(10.0 + COALESCE_SECONDS) == (API,)
    assert said(reports) == backend("east", ready=5)
    assert reports.due() is None


def test_a_count_that_comes_back_is_not_said_at_all() -> None:
    reports = with_ready(3)
    reports.backend(API, backend("east", ready=5), 10.0)
    assert not reports.backend(API, backend("east", ready=3), 10.05)
    assert reports.due() is None
    assert reports.tick(99.0) == ()


def test_a_small_move_waits_until_it_has_become_a_large_one() -> None:
    reports = with_ready(100)
    reports.backend(API, backend("east", ready=91), 10.0)
    assert reports.due() is None
    assert reports.tick(99.0) == ()
    reports.backend(API, backend("east", ready=90), 100.0)
    assert reports.tick(100.0 + COALESCE_SECONDS) == (API,)


def test_a_withdrawn_backend_does_not_come_back_by_waiting() -> None:
    reports = with_ready(3)
    reports.backend(API, backend("east", ready=5), 10.0)
    assert reports.backend(API, None, 10.05)
    assert reports.tick(99.0) == ()
    assert said(reports) is None


def test_what_is_due_is_ripe() -> None:
    """Else the loop that waits for `due` and calls `tick` would turn without end."""
    reports = with_ready(1)
    reports.backend(API, backend("east", ready=9), 0.7)
    due = reports.due()
    assert due is not None
    assert reports.tick(due) == (API,)


@given(st.lists(st.integers(0, 200), min_size=1))
def test_what_was_said_is_never_far_from_the_truth(counts: list[int]) -> None:
    reports = Reports()
    for at, count in enumerate(counts):
        reports.backend(API, backend("east", ready=count), float(at))
        reports.tick(at + 0.5)
        found = said(reports)
        assert found is not None
        assert (found.ready == 0) == (count == 0)
        assert abs(found.ready - count) < max(1, SMALLEST_MOVE * found.ready)
