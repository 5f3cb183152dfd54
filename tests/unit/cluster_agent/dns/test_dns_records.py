"""Records as bytes are read by others as what they are."""

import pytest
from dnslib import QTYPE, DNSHeader, DNSQuestion, DNSRecord

from cluster_agent.dns import records
from cluster_agent.dns.protocol import wire_name
from cluster_agent.dns.records import Record

NAME = "api.shop.svc.clusterset.local"


def read(record: Record, asked: str = NAME) -> tuple[str, str, int, str]:
    """The record behind a question, as dnslib reads it: owner, type, life, data."""
    question = DNSRecord(DNSHeader(a=1), q=DNSQuestion(asked, QTYPE.ANY)).pack()
    head = bytearray(question)
    head[7] = 1
    found = DNSRecord.parse(bytes(head) + record.pack(wire_name(asked))).rr[0]
    return str(found.rname), QTYPE[found.rtype], found.ttl, str(found.rdata)


@pytest.mark.parametrize(
    ("record", "seen"),
    [
        (records.addresses(NAME, ["10.0.0.1"], 5)[0], (f"{NAME}.", "A", 5, "10.0.0.1")),
        (records.addresses(NAME, ["fd00::1"], 5)[0], (f"{NAME}.", "AAAA", 5, "fd00::1")),
        (records.srv(NAME, 50, 80, "a.b", 30), (f"{NAME}.", "SRV", 30, "0 50 80 a.b.")),
        (records.txt(NAME, "1.0.0", 9), (f"{NAME}.", "TXT", 9, '"1.0.0"')),
        (records.ns("local", "ns.local", 5), ("local.", "NS", 5, "ns.local.")),
        (
            records.soa("local", "ns.local", "me.local", (1, 2, 3, 4, 5), 5),
            ("local.", "SOA", 5, "ns.local. me.local. 1 2 3 4 5"),
        ),
    ],
)
def test_a_record_is_read_as_it_was_meant(record: Record, seen: tuple[str, str, int, str]) -> None:
    assert read(record) == seen


@pytest.mark.parametrize(
    ("asked", "owner", "pointer"),
    [
        (NAME, NAME, b"\xc0\x0c"),
        (f"_http._tcp.{NAME}", NAME, b"\xc0\x17"),
        (NAME, "other.shop.svc.clusterset.local", b"\x05other"),
        ("xapi.shop", "api.shop", b"\x03api"),
    ],
)
def test_an_owner_points_into_the_question_where_it_is_its_end(
    asked: str, owner: str, pointer: bytes
) -> None:
    (record,) = records.addresses(owner, ["10.0.0.1"], 5)
    assert record.pack(wire_name(asked)).startswith(pointer)
    assert read(record, asked)[0] == f"{owner}."
