"""Questions and answers, written as in a zone file."""

from collections.abc import Iterable

import pytest
from dnslib import CLASS, EDNS0, OPCODE, QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord

from cluster_agent.dns.answer import TCP_SIZE, Counts, answer, truncated
from cluster_agent.dns.message import UDP_SIZE
from cluster_agent.dns.protocol import Zones
from cluster_agent.dns.table import Table
from cluster_agent.dns.zone import gateway_records, service_records
from federation.model.exports import NamedEndpoint, ServicePort, ServiceType, Transport
from federation.model.names import ClusterId, ServiceName
from federation.model.zones import Choice, GatewayNames, ServiceNames

ZONES = Zones("clusterset.local", "mesh.local")
EAST, WEST = ClusterId("us-east"), ClusterId("us-west")
HTTP = ServicePort("http", Transport.TCP, 80)
ADMIN = ServicePort("admin", Transport.TCP, 9000)
UNNAMED = ServicePort("", Transport.TCP, 7000)

API = ServiceNames(
    ServiceName("shop", "api"),
    ServiceType.CLUSTERSET_IP,
    (HTTP, ADMIN),
    addresses=("10.1.0.1",),
    nearest=(Choice(1, ("10.1.0.1",)),),
)
STEERED = ServiceNames(
    ServiceName("shop", "cart"),
    ServiceType.CLUSTERSET_IP,
    (UNNAMED,),
    addresses=("10.1.0.2", "fd00::2"),
    nearest=(Choice(3, ("10.1.0.10",)), Choice(1, ("10.1.0.11",))),
    only=((EAST, ("10.1.0.20",)), (WEST, ("10.1.0.21",))),
)
DATABASE = ServiceNames(
    ServiceName("data", "db"),
    ServiceType.HEADLESS,
    (HTTP,),
    endpoints=(
        NamedEndpoint(EAST, "db-0", ("10.2.0.1", "fd00::1"), (HTTP,)),
        NamedEndpoint(WEST, "db-0", ("10.3.0.1",), (HTTP,)),
    ),
)
EMPTY = ServiceNames(ServiceName("data", "gone"), ServiceType.HEADLESS, (HTTP,))


def table(*services: ServiceNames, synced: bool = True) -> Table:
    made = Table(ZONES)
    for names in services or (API, STEERED, DATABASE, EMPTY):
        made.set(str(names.service), service_records(names, ZONES))
    made.set("gateways", gateway_records(GatewayNames(EAST, ("10.9.0.1",)), ZONES))
    made.set_synced(synced)
    return made


def query(name: str, type_: str = "A", *, edns: int = 1232, rd: int = 1) -> bytes:
    asked = DNSRecord(DNSHeader(id=7, rd=rd), q=DNSQuestion(name, getattr(QTYPE, type_)))
    if edns:
        asked.add_ar(EDNS0(udp_len=edns))
    return bytes(asked.pack())


def ask(name: str, type_: str = "A", found: Table | None = None, **more: int) -> DNSRecord:
    reply = answer(found or table(), query(name, type_, **more), Counts())
    assert reply is not None
    return DNSRecord.parse(reply)


def records(found: Iterable[object]) -> list[str]:
    """As a zone file has them, without what is the same everywhere."""
    shown = (" ".join(str(record).split()) for record in found if "EDNS" not in str(record))
    return sorted(text for text in shown if not text.startswith(";"))


NAME = "api.shop.svc.clusterset.local"
HEADLESS = "db.data.svc.clusterset.local"
SOA = "ns.dns.{0} hostmaster.{0}. 1 7200 1800 86400 5"


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("dns-version.clusterset.local", "TXT", ['{}. 28800 IN TXT "1.0.0"']),
        (NAME, "A", ["{}. 5 IN A 10.1.0.1"]),
        ("cart.shop.svc.clusterset.local", "A", ["{}. 5 IN A 10.1.0.2"]),
        ("cart.shop.svc.clusterset.local", "AAAA", ["{}. 5 IN AAAA fd00::2"]),
        (f"_http._tcp.{NAME}", "SRV", [f"{{}}. 5 IN SRV 0 100 80 {NAME}."]),
        (
            NAME,
            "SRV",
            [f"{{}}. 5 IN SRV 0 50 80 {NAME}.", f"{{}}. 5 IN SRV 0 50 9000 {NAME}."],
        ),
        (HEADLESS, "A", ["{}. 5 IN A 10.2.0.1", "{}. 5 IN A 10.3.0.1"]),
        (HEADLESS, "AAAA", ["{}. 5 IN AAAA fd00::1"]),
        (f"db-0.us-west.{HEADLESS}", "A", ["{}. 5 IN A 10.3.0.1"]),
        (
            f"_http._tcp.{HEADLESS}",
            "SRV",
            [
                f"{{}}. 5 IN SRV 0 50 80 db-0.us-east.{HEADLESS}.",
                f"{{}}. 5 IN SRV 0 50 80 db-0.us-west.{HEADLESS}.",
            ],
        ),
        ("api.shop.svc.mesh.local", "A", ["{}. 5 IN A 10.1.0.1"]),
        ("us-west.cart.shop.svc.mesh.local", "A", ["{}. 5 IN A 10.1.0.21"]),
        ("us-east.gateways.mesh.local", "A", ["{}. 5 IN A 10.9.0.1"]),
        ("clusterset.local", "NS", ["{}. 5 IN NS ns.dns.clusterset.local."]),
    ],
)
def test_a_question_has_its_records(name: str, type_: str, expected: list[str]) -> None:
    reply = ask(name, type_)
    assert reply.header.aa == 1
    assert reply.header.rcode == RCODE.NOERROR
    assert records(reply.rr) == sorted(line.format(name) for line in expected)


@pytest.mark.parametrize(
    ("name", "type_", "code"),
    [
        (NAME, "AAAA", RCODE.NOERROR),
        (NAME, "TXT", RCODE.NOERROR),
        ("cart.shop.svc.mesh.local", "AAAA", RCODE.NOERROR),
        ("svc.clusterset.local", "A", RCODE.NOERROR),
        ("shop.svc.clusterset.local", "A", RCODE.NOERROR),
        (f"_tcp.{NAME}", "SRV", RCODE.NOERROR),
        ("svc.mesh.local", "A", RCODE.NOERROR),
        ("gateways.mesh.local", "A", RCODE.NOERROR),
        (f"us-east.{HEADLESS}", "A", RCODE.NOERROR),
        (f"us-east.{NAME}", "A", RCODE.NXDOMAIN),
        ("nobody.shop.svc.clusterset.local", "A", RCODE.NXDOMAIN),
        (f"_._tcp.{NAME}", "SRV", RCODE.NXDOMAIN),
        ("gone.data.svc.clusterset.local", "A", RCODE.NXDOMAIN),
        (f"db-0.{HEADLESS}", "A", RCODE.NXDOMAIN),
        ("eu.gateways.mesh.local", "A", RCODE.NXDOMAIN),
        ("us-east.cart.shop.svc.clusterset.local", "A", RCODE.NXDOMAIN),
    ],
)
def test_a_negative_answer_carries_the_soa(name: str, type_: str, code: int) -> None:
    reply = ask(name, type_)
    zone = ".".join(name.rsplit(".", 2)[1:])
    assert (reply.header.rcode, reply.header.aa, reply.rr) == (code, 1, [])
    soa = SOA.format(f"{zone}").replace(f"ns.dns.{zone}", f"ns.dns.{zone}.")
    assert records(reply.auth) == [f"{zone}. 5 IN SOA {soa}"]


def test_names_are_found_in_any_case_and_keep_theirs() -> None:
    name = "aPi.ShOp.sVc.ClusterSet.LOCAL"
    reply = answer(table(), query(name), Counts())
    assert reply is not None
    assert b"\x03aPi\x04ShOp\x03sVc\x0aClusterSet\x05LOCAL\x00" in reply
    assert records(DNSRecord.parse(reply).rr) == [f"{name}. 5 IN A 10.1.0.1"]


def test_srv_targets_are_not_compressed_and_their_addresses_come_along() -> None:
    reply = answer(table(), query(f"_http._tcp.{NAME}", "SRV"), Counts())
    assert reply is not None
    parsed = DNSRecord.parse(reply)
    assert records(parsed.ar) == [f"{NAME}. 5 IN A 10.1.0.1"]
    assert reply.count(b"\x03api\x04shop\x03svc\x0aclusterset\x05local\x00") == 2


def test_addresses_take_turns() -> None:
    names = table()
    first = [str(ask(HEADLESS, "A", names).rr[0].rdata) for _ in range(4)]
    assert sorted(set(first)) == ["10.2.0.1", "10.3.0.1"]
    assert first[0] != first[1]
    assert first[:2] == first[2:]


def test_steering_mixes_clusters_smoothly_by_their_shares() -> None:
    names = table()
    found = [str(ask("cart.shop.svc.mesh.local", "A", names).rr[0].rdata) for _ in range(8)]
    assert found.count("10.1.0.10") == 6
    assert "10.1.0.11" in found[:4]
    assert "10.1.0.11" in found[4:]


def test_before_the_first_sync_nothing_is_known() -> None:
    empty = table(synced=False)
    for name in (NAME, "nobody.shop.svc.clusterset.local", "clusterset.local"):
        reply = ask(name, "A", empty)
        assert (reply.header.rcode, reply.header.aa) == (RCODE.SERVFAIL, 0)


@pytest.mark.parametrize("name", [".", "example.com", "local", "xclusterset.local"])
def test_other_zones_are_refused(name: str) -> None:
    reply = ask(name, "NS")
    assert (reply.header.rcode, reply.header.aa) == (RCODE.REFUSED, 0)


def test_a_label_that_looks_like_the_zone_is_not_the_zone() -> None:
    name = b"\x0cx\x0aclusterset\x05local\x00"
    raw = query(NAME, edns=0)[:12] + name + b"\0\1\0\1"
    reply = answer(table(), raw, Counts())
    assert reply is not None
    assert reply[3] & 15 == RCODE.REFUSED


@pytest.mark.parametrize("type_", ["AXFR", "IXFR"])
def test_transfers_are_refused(type_: str) -> None:
    assert ask(NAME, type_).header.rcode == RCODE.REFUSED


def test_another_class_is_refused() -> None:
    raw = query("version.bind", "TXT", edns=0)[:-2] + CLASS.CH.to_bytes(2, "big")
    reply = answer(table(), raw, Counts())
    assert reply is not None
    assert DNSRecord.parse(reply).header.rcode == RCODE.REFUSED


@pytest.mark.parametrize("opcode", [OPCODE.NOTIFY, OPCODE.UPDATE, 15])
def test_other_operations_are_not_implemented(opcode: int) -> None:
    raw = bytearray(query(NAME, edns=0))
    raw[2] |= opcode << 3
    reply = answer(table(), bytes(raw), Counts())
    assert reply is not None
    assert reply[3] & 15 == RCODE.NOTIMP
    assert reply[:2] == raw[:2]
    assert reply[2] >> 3 & 15 == opcode


def test_any_gets_records_of_one_type() -> None:
    assert records(ask(NAME, "ANY").rr) == [f"{NAME}. 5 IN A 10.1.0.1"]
    assert ask("shop.svc.clusterset.local", "ANY").rr == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 11,
        query(NAME)[:2] + b"\x81" + query(NAME)[3:],
    ],
    ids=["empty", "short", "a response"],
)
def test_what_is_no_query_is_not_answered(raw: bytes) -> None:
    counts = Counts()
    assert answer(table(), raw, counts) is None
    assert counts.dropped == 1


@pytest.mark.parametrize(
    "raw",
    [
        query(NAME, edns=0)[:-1],
        query(NAME, edns=0) + b"x",
        query(NAME, edns=0)[:12] + b"\xc0\x0c\0\1\0\1",
        query(NAME, edns=0)[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
        query(NAME, edns=0)[:4] + b"\0\2" + query(NAME, edns=0)[6:],
        query(NAME)[:-1] + b"\5",
        query(NAME, edns=0)[:12] + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
    ],
    ids=["cut", "longer", "pointer", "label", "two questions", "length of options", "name"],
)
def test_a_malformed_query_is_said_to_be_one(raw: bytes) -> None:
    reply = answer(table(), raw, Counts())
    assert reply is not None
    assert reply[3] & 15 == RCODE.FORMERR
    assert reply[:2] == raw[:2]


def test_edns_is_answered_with_edns_and_without_without() -> None:
    with_edns, without = ask(NAME), ask(NAME, edns=0)
    assert [r.rtype for r in with_edns.ar] == [QTYPE.OPT]
    assert with_edns.ar[0].edns_len == UDP_SIZE
    assert without.ar == []


def test_an_unknown_version_of_edns_is_refused_as_such() -> None:
    raw = bytearray(query(NAME))
    raw[-5] = 1
    reply = DNSRecord.parse(answer(table(), bytes(raw), Counts()))
    assert reply.rr == []
    assert (reply.ar[0].edns_rcode << 4 | reply.header.rcode) == 16


def many() -> Table:
    endpoints = tuple(
        NamedEndpoint(EAST, f"db-{i}", (f"10.2.{i // 200}.{i % 200}",), (HTTP,)) for i in range(200)
    )
    return table(
        ServiceNames(ServiceName("data", "db"), ServiceType.HEADLESS, (HTTP,), (), endpoints)
    )


@pytest.mark.parametrize(("edns", "limit"), [(0, 512), (400, 512), (900, 900), (4096, UDP_SIZE)])
def test_what_does_not_fit_into_a_packet_is_cut_and_said_so(edns: int, limit: int) -> None:
    counts = Counts()
    reply = answer(many(), query(HEADLESS, edns=edns), counts)
    assert reply is not None
    assert len(reply) <= limit
    parsed = DNSRecord.parse(reply)
    assert (parsed.header.tc, parsed.rr, counts.truncated) == (1, [], 1)


def test_over_tcp_everything_fits() -> None:
    reply = answer(many(), query(HEADLESS), Counts(), TCP_SIZE)
    assert len(DNSRecord.parse(reply).rr) == 200


def test_who_asks_too_much_gets_no_more_bytes_than_it_sent() -> None:
    raw = query(NAME)
    reply = truncated(raw)
    assert reply is not None
    assert len(reply) <= len(raw)
    assert DNSRecord.parse(reply).header.tc == 1
    assert truncated(raw[:20]) is None


def test_the_id_and_the_wish_for_recursion_come_back() -> None:
    reply = ask(NAME, rd=0)
    assert (reply.header.id, reply.header.rd, reply.header.ra, reply.header.qr) == (7, 0, 0, 1)
    assert ask(NAME).header.rd == 1


@pytest.mark.parametrize("most", [UDP_SIZE, TCP_SIZE])
@pytest.mark.parametrize("name", [NAME, f"nobody.{NAME}"])
def test_edns_is_judged_over_udp_and_tcp_alike(name: str, most: int) -> None:
    missing = bytearray(query(name, edns=0))
    missing[11] = 1  # an additional record that is not there
    version = bytearray(query(name))
    version[-5] = 1
    trailing = query(name, edns=0) + b"more"
    codes = []
    for raw in (bytes(missing), bytes(version), trailing):
        reply = answer(table(), raw, Counts(), most)
        assert reply is not None
        parsed = DNSRecord.parse(reply)
        assert parsed.rr == []
        extended = parsed.ar[0].edns_rcode << 4 if parsed.ar else 0
        codes.append(extended | parsed.header.rcode)
    assert codes == [RCODE.FORMERR, 16, RCODE.FORMERR]


def test_aa_means_nothing_in_a_query() -> None:
    raw = bytearray(query(NAME))
    raw[2] |= 4
    reply = DNSRecord.parse(answer(table(), bytes(raw), Counts()))
    assert (reply.header.rcode, len(reply.rr)) == (RCODE.NOERROR, 1)


@pytest.mark.parametrize(
    ("zone", "code"),
    [(b"\x0aclusterset\x05local", RCODE.NXDOMAIN), (b"\x07example", RCODE.REFUSED)],
)
@pytest.mark.parametrize("edns", [b"", b"\0\0\x29\x04\xd0\0\0\0\0\0\0"])
def test_a_label_may_have_a_zero_byte_inside(zone: bytes, code: int, edns: bytes) -> None:
    head = b"\0\x07\1\0\0\1\0\0\0\0\0" + bytes((bool(edns),))
    asked = b"\3a\0b" + zone + b"\0\0\1\0\1"
    reply = answer(table(), head + asked + edns, Counts())
    assert reply is not None
    assert reply[3] & 15 == code
    assert reply[12 : 12 + len(asked)] == asked


@pytest.mark.parametrize("opcode", [0, 5])
def test_a_refused_head_has_edns_for_whom_has_it(opcode: int) -> None:
    raw = bytearray(query(NAME))
    raw[2] |= opcode << 3
    raw[5] = 1 if opcode else 2
    reply = DNSRecord.parse(answer(table(), bytes(raw), Counts()))
    assert reply.header.rcode == (RCODE.NOTIMP if opcode else RCODE.FORMERR)
    assert [record.rtype for record in reply.ar] == [QTYPE.OPT]
    plain = bytearray(query(NAME, edns=0))
    plain[2] |= opcode << 3
    plain[5] = 1 if opcode else 2
    assert DNSRecord.parse(answer(table(), bytes(plain), Counts())).ar == []
