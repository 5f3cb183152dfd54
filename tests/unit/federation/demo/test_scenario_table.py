"""A layout calls for the table of failover, or, with a far cluster, for that of distance."""

from federation.demo.layout import plan_layout
from federation.demo.scenarios import table
from federation.demo.scenarios.distance import far_layout


def test_a_layout_with_a_far_cluster_calls_for_distance() -> None:
    layout = plan_layout()
    near = {step.name for step in table.steps(layout, 200.0, short=False)}
    far = {step.name for step in table.steps(far_layout(layout), 200.0, short=False)}
    assert len(near) > len(table.steps(layout, 200.0, short=True)) > 5
    assert far
    assert all(name.startswith("300 ms away") for name in far)
    assert not near & far
