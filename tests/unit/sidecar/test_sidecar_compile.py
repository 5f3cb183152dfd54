"""What a sidecar's Envoy is told, byte for byte, and whether a real one takes it."""

from pathlib import Path

import pytest

from federation.model import types
from federation.model.exports import AppProtocol
from federation.model.imports import Plan
from federation.planning.plan import plan_service
from sidecar.compile import (
    Inbound,
    InboundPort,
    compile_inbound,
    compile_outbound,
    compile_routes,
    virtual_hosts,
)
from tests.unit import builders as b
from tests.unit.goldens import Named, check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"
WEST = b.cluster("west", gateways=(b.gateway("10.2.0.1"), b.gateway("10.2.0.2", zone="b")))
FAR = b.cluster("far", region="us", gateways=(b.gateway("10.3.0.1"),))
HOME = b.cluster("east", zones=("a", "b"))


def plan(*endpoints: object, ports: tuple[object, ...] = (b.HTTP,)) -> Plan:
    numbers = tuple(port.number for port in ports)  # type: ignore[attr-defined]
    return plan_service(
        b.facts(
            b.service("east", "far", "west", ports=ports),  # type: ignore[arg-type]
            (b.backend("west", ready=3, ports=numbers), b.backend("far", ready=2, ports=numbers)),
            (HOME, WEST, FAR),
        ),
        b.local_service(*endpoints, ports=ports),  # type: ignore[arg-type]
        b.importer(),
    )


def workload(*ports: InboundPort) -> Inbound:
    return Inbound("shop/api-1", "10.0.0.1", "127.0.0.1", ports, "127.0.0.1")


def serving(number: int = 80, protocol: AppProtocol = AppProtocol.HTTP1) -> InboundPort:
    return InboundPort(f"{number}.api.shop.svc.clusterset.local", 8000 + number, protocol)


TCP = b.port(5432, "db", "")
GRPC = b.port(9000, "grpc", "grpc")
OUTBOUND = {
    "http": plan(
        b.endpoint("10.0.0.1"),
        b.endpoint("10.0.0.2", ready=False),
        b.endpoint("10.0.1.1", zone="b", draining=True),
        ports=(b.HTTP, GRPC),
    ),
    "tcp": plan(b.endpoint("10.0.0.1", targets=((5432, 5432),)), ports=(TCP,)),
    "plain-http": plan(b.endpoint("10.0.0.1"), b.endpoint("10.0.0.2", sidecar=False)),
    "plain-grpc": plan(
        b.endpoint("10.0.0.2", sidecar=False, targets=((9000, 9000),)), ports=(GRPC,)
    ),
    "nothing-known": plan_service(b.facts(b.service("far")), None, b.importer()),
}
INBOUND = {
    "inbound": workload(
        serving(),
        serving(9000, AppProtocol.HTTP2),
        serving(5432, AppProtocol.TCP),
    ),
    "inbound-without-services": workload(),
}


def compiled(case: str) -> tuple[Named, ...]:
    if case in INBOUND:
        return compile_inbound(INBOUND[case])
    routes = compile_routes(virtual_hosts(OUTBOUND[case]))
    return (*compile_outbound(OUTBOUND[case]), (types.ROUTE, "outbound", routes))


@pytest.mark.parametrize("case", [*OUTBOUND, *INBOUND])
def test_resources_equal_the_golden_files(case: str) -> None:
    check_golden(GOLDEN, case, compiled(case))


@pytest.mark.envoy
@pytest.mark.parametrize("case", [*OUTBOUND, *INBOUND])
def test_a_real_envoy_takes_the_resources(case: str, tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, compiled(case)) == ""


@pytest.mark.envoy
def test_a_real_envoy_refuses_the_same_domain_twice(tmp_path: Path) -> None:
    """So that the test above can fail."""
    hosts = virtual_hosts(OUTBOUND["http"])
    routes = (types.ROUTE, "outbound", compile_routes([*hosts, hosts[0]]))
    clusters = compile_outbound(OUTBOUND["http"])
    assert "unique" in envoy_refusal(tmp_path, (*clusters, routes))


def route_names(body: bytes) -> list[str]:
    return [host["name"] for host in document(body)["virtual_hosts"]]


def test_routes_of_all_plans_have_the_same_bytes_in_any_order() -> None:
    one, two = virtual_hosts(OUTBOUND["http"])
    assert compile_routes([one, two]) == compile_routes([two, one])
    assert route_names(compile_routes([one, two])) == [
        "out~80.api.shop.svc.clusterset.local",
        "out~9000.api.shop.svc.clusterset.local",
        "unknown",
    ]


def domains(*numbers: int) -> list[list[str]]:
    ports = tuple(b.port(number, f"http-{number}") for number in numbers)
    routes = document(compile_routes(virtual_hosts(plan(ports=ports))))
    return [host["domains"] for host in routes["virtual_hosts"][:-1]]


def test_the_host_without_a_port_means_port_80() -> None:
    first, second = domains(79, 80)
    assert "api.shop.svc.clusterset.local" not in first
    assert {"api.shop.svc.clusterset.local", "api.shop.svc", "api.shop"} <= set(second)


def test_the_host_without_a_port_means_the_lowest_http_port_when_there_is_no_80() -> None:
    first, second = domains(8080, 9090)
    assert "api.shop" in first
    assert second == ["api.shop.svc.clusterset.local:9090", "api.shop.svc:9090", "api.shop:9090"]


def test_tcp_ports_have_no_virtual_host() -> None:
    assert virtual_hosts(OUTBOUND["tcp"]) == ()


def test_an_unknown_host_gets_404_with_the_reason() -> None:
    (host,) = document(compile_routes([]))["virtual_hosts"]
    assert host["domains"] == ["*"]
    answer = host["routes"][0]["direct_response"]
    assert answer["status"] == 404
    assert answer["body"]["inline_string"] == "fedmesh: no such service in the clusterset\n"


def test_only_idempotent_methods_retry_a_reset() -> None:
    safe, other = document(compile_routes(virtual_hosts(OUTBOUND["http"])))["virtual_hosts"][0][
        "routes"
    ]
    regex = safe["match"]["headers"][0]["string_match"]["safe_regex"]["regex"]
    assert set(regex.split("|")) == {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
    assert "reset" in safe["route"]["retry_policy"]["retry_on"].split(",")
    assert "reset" not in other["route"]["retry_policy"]["retry_on"].split(",")
    assert "headers" not in other["match"]


def test_a_service_without_known_identities_may_be_answered_by_nobody() -> None:
    cluster = document(compile_outbound(OUTBOUND["nothing-known"])[0][2])
    context = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    names = context["combined_validation_context"]["default_validation_context"]
    assert [name["matcher"] for name in names["match_typed_subject_alt_names"]] == [
        {"exact": "fedmesh:nobody"}
    ]


def test_a_workload_without_services_has_only_the_outbound_listener() -> None:
    assert [name for _, name, _ in compile_inbound(workload())] == ["outbound"]


def test_services_that_share_an_application_port_share_its_cluster() -> None:
    other = InboundPort("80.web.shop.svc.clusterset.local", 8080, AppProtocol.HTTP1)
    resources = compile_inbound(workload(serving(), other))
    assert [name for _, name, _ in resources] == ["app~8080~http/1.1", "inbound", "outbound"]
    chains = document(resources[1][2])["filter_chains"]
    assert [chain["name"] for chain in chains] == [serving().sni, other.sni]


def test_the_order_and_repetition_of_ports_does_not_change_the_bytes() -> None:
    ports = INBOUND["inbound"].ports
    again = workload(*reversed(ports), ports[0])
    assert compile_inbound(again) == compile_inbound(INBOUND["inbound"])
