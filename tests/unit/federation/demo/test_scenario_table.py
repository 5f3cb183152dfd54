"""A layout calls for the table of failover, or, with a far cluster, for that of distance."""

import pytest

from federation.demo.layout import plan_layout
from federation.demo.scenarios import table
from federation.demo.scenarios.distance import far_layout
from federation.model.errors import InvalidInput


def test_a_layout_with_a_far_cluster_calls_for_distance() -> None:
    layout = plan_layout()
    near = {step.name for step in table.steps(layout, 200.0, short=False)}
    far = {step.name for step in table.steps(far_layout(layout), 200.0, short=False)}
    assert len(near) > len(table.steps(layout, 200.0, short=True)) > 5
    assert far
    assert all(name.startswith("300 ms away") for name in far)
    assert not near & far


def test_thousands_a_second_call_for_the_rows_in_which_many_wait() -> None:
    layout = plan_layout()
    many = {step.name for step in table.steps(layout, 2000.0, short=False)}
    usual = {step.name for step in table.steps(layout, 500.0, short=False)}
    assert "one of two remote workloads frozen" in many - usual
    assert "local backends flap for a minute" in usual - many


def test_two_clusters_are_too_few_at_any_rate() -> None:
    for rate in (200.0, 2000.0):
        with pytest.raises(InvalidInput, match="at least 3 clusters"):
            table.steps(plan_layout(clusters=2), rate, short=True)
