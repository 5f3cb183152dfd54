"""What a gateway's Envoy is told, byte for byte, and whether a real one takes it."""

from pathlib import Path

import pytest

from federation.envoy.http import OPEN, Gate
from federation.model.exports import Transport
from federation.model.facts import LocalService
from federation.model.names import ClusterId
from gateway.compile import compile_listener, compile_service, compile_terminated
from tests.unit import builders as b
from tests.unit.goldens import Named, check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"
GRPC = b.port(9000, "grpc", "grpc")
TCP = b.port(5432, "db", "")
TARGETS = ((80, 8080), (5432, 5432), (9000, 9000))
SERVICES: dict[str, LocalService] = {
    "service": b.local_service(
        b.endpoint("10.0.0.2", ready=False),
        b.endpoint("10.0.0.1"),
        b.endpoint("10.0.1.1", zone="b", draining=True),
    ),
    "mixed": b.local_service(
        b.endpoint("10.0.0.1", targets=TARGETS),
        b.endpoint("10.0.0.2", sidecar=False, targets=TARGETS),
        b.endpoint("10.0.0.3", sidecar=False, ready=False, targets=TARGETS),
        ports=(b.HTTP, GRPC, TCP),
    ),
    "without-endpoints": b.local_service(),
}
REVOKED = Gate(("old.mesh.test",), 14_400)
CASES = ("listener", "terminated", "terminated-revoked", *SERVICES)


def compiled(case: str) -> tuple[Named, ...]:
    if case == "listener":
        return (compile_listener("10.1.0.1", 15443, ClusterId("east"), "gateway-1"),)
    if case.startswith("terminated"):
        return (compile_terminated(REVOKED if case.endswith("revoked") else OPEN),)
    return compile_service(SERVICES[case], SERVICES[case].ports)


@pytest.mark.parametrize("case", CASES)
def test_resources_equal_the_golden_files(case: str) -> None:
    check_golden(GOLDEN, case, compiled(case))


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_a_real_envoy_takes_the_resources(case: str, tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, compiled(case)) == ""


def names(service: LocalService) -> list[str]:
    return sorted({name for _, name, _ in compile_service(service, service.ports)})


def test_a_service_is_reached_by_its_server_name() -> None:
    assert names(SERVICES["service"]) == ["80.api.shop.svc.clusterset.local"]


def test_endpoints_without_a_sidecar_have_a_cluster_behind_the_terminating_chain() -> None:
    assert names(b.local_service(b.endpoint(sidecar=False))) == [
        "80.api.shop.svc-t.clusterset.local",
        "80.api.shop.svc.clusterset.local",
    ]


def test_a_port_that_is_not_exported_or_not_tcp_is_not_reachable() -> None:
    udp = b.port(53, "dns", transport=Transport.UDP)
    local = b.local_service(b.endpoint(), ports=(b.HTTP, udp))
    assert compile_service(local, (udp,)) == ()


def test_the_order_of_endpoints_does_not_change_the_bytes() -> None:
    local = SERVICES["mixed"]
    turned = LocalService(local.name, local.ports[::-1], local.endpoints[::-1])
    assert compile_service(turned, turned.ports) == compile_service(local, local.ports)


def statuses(service: LocalService) -> list[str]:
    assignment = document(compile_service(service, service.ports)[1][2])
    (locality,) = assignment["endpoints"]
    return [found["health_status"] for found in locality["lb_endpoints"]]


def test_endpoints_that_are_not_ready_stay_listed() -> None:
    assert statuses(SERVICES["service"]) == ["HEALTHY", "UNHEALTHY", "DRAINING"]


def test_every_chain_is_bound_to_server_names_of_the_clusterset() -> None:
    """Without the pattern a caller could name any cluster of the gateway."""
    listener = document(compiled("listener")[0][2])
    assert [chain["filter_chain_match"]["server_names"] for chain in listener["filter_chains"]] == [
        ["*.svc.clusterset.local"],
        ["*.svc-t.clusterset.local"],
        ["*.svc-r.clusterset.local"],
        ["health.gateways.clusterset.local"],
    ]
