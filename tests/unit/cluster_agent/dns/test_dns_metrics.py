"""What Prometheus reads adds up to what was asked."""

from cluster_agent.dns.answer import answer
from cluster_agent.dns.metrics import Metrics
from cluster_agent.dns.rate_limit import Sources
from cluster_agent.dns.server import DnsServer, TcpLimits
from tests.unit.cluster_agent.dns.test_dns_answer import NAME, query, table


def test_queries_are_told_by_zone_type_code_and_path() -> None:
    names = table()
    sources = Sources(1)
    server = DnsServer(names, sources, TcpLimits(Sources(1)))
    metrics = Metrics(names, server, lambda: 17.0)
    metrics.note_change()
    for name, type_ in ((NAME, "A"), (NAME, "AAAA"), (NAME, "MX"), (NAME, "HINFO"), (".", "NS")):
        answer(names, query(name, type_), server.counts)
    for _ in range(3):
        sources.take(b"\x0a\0\0\1")
    text = metrics.text().decode()
    for labels, number in (
        ('path="table",rcode="NOERROR",type="A",zone="clusterset.local"', 1),
        ('path="other",rcode="NOERROR",type="AAAA",zone="clusterset.local"', 1),
        ('path="other",rcode="NOERROR",type="other",zone="clusterset.local"', 2),
        ('path="other",rcode="REFUSED",type="other",zone=""', 1),
    ):
        assert f"fedmesh_dns_queries_total{{{labels}}} {number}.0" in text
    assert "fedmesh_dns_limited_total 2.0" in text
    assert "fedmesh_dns_table_changed_timestamp_seconds 17.0" in text
