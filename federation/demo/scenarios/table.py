"""Which steps a layout and a rate call for: failover, that at thousands a second, or distance."""

from federation.demo.layout import Layout
from federation.demo.scenarios import distance, failover, many
from federation.demo.scenarios.loads import MOST_BY_PYTHON
from federation.demo.scenarios.steps import Step


def steps(layout: Layout, rate: float, *, short: bool) -> tuple[Step, ...]:
    """The steps at `rate` requests per second and flow; raises InvalidInput."""
    if any(site.rtt for site in layout.sites):
        return distance.steps(layout, rate)
    failover.check_clusters(layout)
    if rate > MOST_BY_PYTHON:
        return many.steps(layout, rate, short=short)
    return failover.steps(layout, rate, short=short)
