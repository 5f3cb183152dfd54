"""What Prometheus reads: queries by zone, type, code and path; time; size and age of the table."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from cluster_agent.dns.protocol import Code, Type
from cluster_agent.dns.server import DnsServer
from cluster_agent.dns.table import Table

_TYPES = {int(t): t.name for t in Type}


class Metrics(Collector):
    """Collects what the parts have counted when it is asked."""

    def __init__(self, table: Table, server: DnsServer, now: Callable[[], float]) -> None:
        self._table = table
        self._server = server
        self._now = now
        self._changed = 0.0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics now, as Prometheus reads them."""
        return generate_latest(self._registry)

    def note_change(self) -> None:
        """The table has changed."""
        self._changed = self._now()

    def collect(self) -> Iterator[Metric]:
        """All metrics now."""
        yield self._queries()
        counts, spent = self._server.counts, self._server.spent
        for name, what, value in (
            ("truncated", "answers that did not fit into a UDP packet", counts.truncated),
            ("dropped", "packets that were no query", counts.dropped),
            ("limited", "queries above the limit of their source", self._server.limited),
        ):
            metric = CounterMetricFamily(f"fedmesh_dns_{name}", what)
            metric.add_metric([], value)
            yield metric
        yield SummaryMetricFamily(
            "fedmesh_dns_answer_seconds",
            "time from reading a query to having sent the answer",
            count_value=spent.queries,
            sum_value=spent.seconds,
        )
        yield GaugeMetricFamily(
            "fedmesh_dns_table_answers", "answers in the table", len(self._table)
        )
        yield GaugeMetricFamily(
            "fedmesh_dns_table_names", "names that exist", len(self._table.names)
        )
        yield GaugeMetricFamily(
            "fedmesh_dns_table_changed_timestamp_seconds",
            "when the table last changed, 0 since the start not",
            self._changed,
        )
        yield GaugeMetricFamily(
            "fedmesh_dns_table_synced", "1 once the agent has said all", self._table.is_synced
        )

    def _queries(self) -> Metric:
        found = CounterMetricFamily(
            "fedmesh_dns_queries",
            "queries that were answered",
            labels=("zone", "type", "rcode", "path"),
        )
        numbers: Counter[tuple[str, ...]] = Counter()
        for (zone, type_), number in self._table.asked().items():
            numbers[zone, _name(type_), "NOERROR", "table"] += number
        for (zone, type_, code), number in self._server.counts.others.items():
            numbers[zone, _name(type_), Code(code).name, "other"] += number
        for labels, number in numbers.items():
            found.add_metric(labels, number)
        return found


def _name(type_: int) -> str:
    """The name of a type; those that nobody answers count together."""
    return _TYPES.get(type_, "other")
