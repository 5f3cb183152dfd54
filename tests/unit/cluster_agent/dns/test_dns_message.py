"""The pieces of replies."""

from dnslib import DNSRecord

from cluster_agent.dns.message import (
    KINDS,
    NOT_AUTHORITATIVE,
    Negatives,
    body,
    form_of,
    kind_of,
    opt,
)
from cluster_agent.dns.protocol import Code, question, wire_name
from cluster_agent.dns.zone import negative


def test_a_head_says_what_the_query_wished_and_how_much_follows() -> None:
    made = body(b"records", (1, 2, 3), flags=NOT_AUTHORITATIVE, code=Code.SERVFAIL)
    head = made.heads[form_of(recursion=True, edns=True)]
    assert head == b"\x81\x02\0\1\0\1\0\2\0\4"
    assert made.heads[form_of(recursion=False, edns=False)] == b"\x80\x02\0\1\0\1\0\2\0\3"
    assert made.length == len(b"records") + len(opt())


def test_the_owner_of_a_negative_answers_soa_is_the_zone_in_the_question() -> None:
    zone = "clusterset.local"
    negatives = Negatives(wire_name(zone), negative(zone), Code.NXDOMAIN)
    for name in ("nobody.clusterset.local", "a.b.c.d.clusterset.local", zone):
        asked = wire_name(name)
        found = negatives.of(asked)
        reply = b"\0\7" + found.heads[0] + question(asked, 1) + found.records
        (soa,) = DNSRecord.parse(reply).auth
        assert str(soa.rname) == f"{zone}."


def test_equal_kinds_are_one() -> None:
    heads = body(b"", (1, 0, 0)).heads
    first = kind_of("clusterset.local", 1, heads)
    assert first == kind_of("clusterset.local", 1, heads)
    assert first != kind_of("mesh.local", 1, heads)
    assert first is not None
    assert KINDS[first].zone == "clusterset.local"
