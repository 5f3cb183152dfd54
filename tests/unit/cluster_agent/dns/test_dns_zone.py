"""What is said of one service: what fits, and in which turns."""

from dnslib import QTYPE, DNSRecord

from cluster_agent.dns.answer import TCP_SIZE, Counts, answer
from cluster_agent.dns.message import Body
from cluster_agent.dns.message import body as body_of
from cluster_agent.dns.zone import RecordSet, service_records, smooth
from federation.model.exports import NamedEndpoint, ServicePort, ServiceType, Transport
from federation.model.names import ClusterId, ServiceName
from federation.model.zones import ServiceNames
from tests.unit.cluster_agent.dns.test_dns_answer import ZONES, query, table


def bodies(order: list[Body]) -> str:
    return "".join(body.records.decode() for body in order)


def body(text: str) -> Body:
    return body_of(text.encode())


def test_turns_are_smooth_and_as_many_as_the_shares() -> None:
    assert bodies(smooth([(5, body("a")), (1, body("b")), (1, body("c"))])) == "aabacaa"
    assert bodies(smooth([(1, body("a")), (1, body("b"))])) == "ab"


def test_large_shares_make_a_round_of_about_a_hundred() -> None:
    order = bodies(smooth([(9_000, body("a")), (1_000, body("b"))]))
    assert len(order) == 100
    assert order.count("b") == 10


def test_a_service_without_addresses_exists_without_data() -> None:
    names = ServiceNames(ServiceName("shop", "api"), ServiceType.CLUSTERSET_IP, ())
    said = service_records(names, ZONES)
    assert said.answers == {}
    assert any(name.startswith(b"\x03api\x04shop\x03svc\x0aclusterset") for name in said.names)


EAST = ClusterId("east")
DB = ServiceName("data", "db")


def port(name: str, number: int, transport: Transport = Transport.TCP) -> ServicePort:
    return ServicePort(name, transport, number)


def headless(*endpoints: NamedEndpoint, ports: tuple[ServicePort, ...]) -> ServiceNames:
    return ServiceNames(DB, ServiceType.HEADLESS, ports, endpoints=endpoints)


def asked(names: ServiceNames, name: str, type_: str) -> DNSRecord:
    """The answer over TCP, as dnslib reads it."""
    reply = answer(table(names), query(f"{name}.clusterset.local", type_), Counts(), TCP_SIZE)
    return DNSRecord.parse(reply)


def test_a_port_whose_name_leaves_no_room_for_the_underscore_has_no_srv() -> None:
    ports = (port("a" * 63, 80), port("http", 81))
    names = ServiceNames(DB, ServiceType.CLUSTERSET_IP, ports, ("10.0.0.1",))
    assert str(asked(names, "db.data.svc", "A").rr[0].rdata) == "10.0.0.1"
    assert len(asked(names, "_http._tcp.db.data.svc", "SRV").rr) == 1
    assert len(asked(names, "db.data.svc", "SRV").rr) == 2, "all ports"


def test_srv_of_a_headless_service_has_the_ports_of_the_endpoint_of_both_transports() -> None:
    there = (port("dns", 5353, Transport.UDP), port("http", 8080))
    names = headless(
        NamedEndpoint(EAST, "db-0", ("10.0.0.1",), there),
        ports=(port("dns", 53, Transport.UDP), port("http", 80), port("none", 53)),
    )
    said = {
        name: sorted(str(r.rdata) for r in asked(names, f"{name}db.data.svc", "SRV").rr)
        for name in ("_http._tcp.", "_dns._udp.", "_dns._tcp.", "_none._tcp.", "")
    }
    target = "db-0.east.db.data.svc.clusterset.local."
    assert said == {
        "_http._tcp.": [f"0 100 8080 {target}"],
        "_dns._udp.": [f"0 100 5353 {target}"],
        "_dns._tcp.": [],
        "_none._tcp.": [],
        "": [f"0 50 5353 {target}", f"0 50 8080 {target}"],
    }


def test_an_endpoint_whose_name_is_too_long_is_left_out_and_the_others_are_not() -> None:
    names = ServiceNames(
        ServiceName("n" * 63, "s" * 63),
        ServiceType.HEADLESS,
        (),
        endpoints=(
            NamedEndpoint(ClusterId("c" * 42), "h" * 63, ("10.0.0.1",), ()),
            NamedEndpoint(EAST, "short", ("10.0.0.2",), ()),
        ),
    )
    found = asked(names, f"{'s' * 63}.{'n' * 63}.svc", "A").rr
    assert [str(record.rdata) for record in found] == ["10.0.0.2"]


def test_endpoints_of_one_hostname_share_its_name() -> None:
    names = headless(*(NamedEndpoint(EAST, "db-0", (f"10.0.0.{i}",), ()) for i in (1, 2)), ports=())
    found = asked(names, "db-0.east.db.data.svc", "A").rr
    assert {str(record.rdata) for record in found} == {"10.0.0.1", "10.0.0.2"}


def test_of_a_thousand_endpoints_as_many_are_told_as_fit_into_an_answer_of_any_type() -> None:
    ports = (port("http", 80), port("grpc", 90))
    names = headless(
        *(
            NamedEndpoint(EAST, f"db-{i}", (f"10.{i // 250}.0.{i % 250}",), ports)
            for i in range(1_000)
        ),
        ports=ports,
    )
    addresses = asked(names, "db.data.svc", "A")
    both = asked(names, "db.data.svc", "SRV")
    assert (addresses.header.tc, both.header.tc) == (0, 0)
    assert len(addresses.rr) > 400
    assert len(both.rr) == 2 * len(addresses.rr)


def test_a_cluster_with_many_endpoints_and_ports_takes_no_place_from_those_of_others() -> None:
    ports = (port("http", 80),)
    greedy = tuple(port("http", number) for number in range(1, 101))
    names = headless(
        *(NamedEndpoint(EAST, f"{i}-{'x' * 50}", (f"10.1.0.{i}",), greedy) for i in range(250)),
        *(NamedEndpoint(ClusterId("west"), f"db-{i}", (f"10.2.0.{i}",), ports) for i in range(200)),
        ports=ports,
    )
    addresses = [str(record.rdata) for record in asked(names, "db.data.svc", "A").rr]
    assert sum(address.startswith("10.2.") for address in addresses) == 200
    assert 0 < sum(address.startswith("10.1.") for address in addresses) < 10
    both = asked(names, "db.data.svc", "SRV")
    assert (both.header.tc, len(both.rr) > 200) == (0, True)


def test_ports_that_the_service_has_not_cost_an_endpoint_nothing() -> None:
    others = tuple(port(f"p{number}", number) for number in range(1, 101))
    names = headless(
        *(NamedEndpoint(EAST, f"db-{i}", (f"10.1.0.{i}",), others) for i in range(250)),
        ports=(port("http", 80),),
    )
    assert len(asked(names, "db.data.svc", "A").rr) == 250


def test_records_are_as_dnslib_makes_them() -> None:
    names = ServiceNames(DB, ServiceType.CLUSTERSET_IP, (port("http", 80),), ("10.0.0.1", "fd::1"))
    reply = asked(names, "_http._tcp.db.data.svc", "SRV")
    assert str(reply.rr[0].rname) == "_http._tcp.db.data.svc.clusterset.local."
    assert {(str(r.rname), QTYPE[r.rtype], str(r.rdata), r.ttl) for r in reply.ar[:2]} == {
        ("db.data.svc.clusterset.local.", "A", "10.0.0.1", 5),
        ("db.data.svc.clusterset.local.", "AAAA", "fd::1", 5),
    }


def test_a_large_set_has_few_turns_and_a_small_one_has_one_for_each_record() -> None:
    def turns(count: int) -> int:
        made = (
            NamedEndpoint(EAST, f"db-{i}", (f"10.0.{i // 250}.{i % 250}",), ())
            for i in range(count)
        )
        said: RecordSet = service_records(headless(*made, ports=()), ZONES)
        return max(len(getattr(found, "bodies", ())) for found in said.answers.values())

    assert turns(3) == 3
    assert turns(100) == 16
    assert turns(1_000) == 2
