"""Which steps a layout calls for: the table of failover, or that of distance."""

from federation.demo.layout import Layout
from federation.demo.scenarios import distance, failover
from federation.demo.scenarios.steps import Step


def steps(layout: Layout, rate: float, *, short: bool) -> tuple[Step, ...]:
    """The steps at `rate` requests per second and flow; raises InvalidInput."""
    if any(site.rtt for site in layout.sites):
        return distance.steps(layout, rate)
    return failover.steps(layout, rate, short=short)
