"""What a sidecar's Envoy listens to, byte for byte, and whether a real one takes it."""

from dataclasses import replace
from pathlib import Path

import pytest

from federation.model import types
from federation.model.exports import AppProtocol
from sidecar.compile import Inbound, InboundPort, compile_inbound
from tests.unit.goldens import Named, check_golden, document, envoy_refusal

GOLDEN = Path(__file__).parent / "golden"


def workload(*ports: InboundPort) -> Inbound:
    own = "east.mesh.test"
    return Inbound("shop/api-1", "10.0.0.1", "127.0.0.1", ports, "127.0.0.1", trust_domain=own)


def serving(number: int = 80, protocol: AppProtocol = AppProtocol.HTTP1) -> InboundPort:
    return InboundPort(f"{number}.api.shop.svc.clusterset.local", 8000 + number, protocol)


CASES = {
    "inbound": workload(
        serving(),
        serving(9000, AppProtocol.HTTP2),
        serving(5432, AppProtocol.TCP),
    ),
    "inbound-without-services": workload(),
    "inbound-revoked": replace(
        workload(serving()), revoked=("old.mesh.test",), tcp_connection_seconds=60
    ),
}


def compiled(case: str) -> tuple[Named, ...]:
    return compile_inbound(CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_resources_equal_the_golden_files(case: str) -> None:
    check_golden(GOLDEN, case, compiled(case))


@pytest.mark.envoy
@pytest.mark.parametrize("case", CASES)
def test_a_real_envoy_takes_the_resources(case: str, tmp_path: Path) -> None:
    assert envoy_refusal(tmp_path, compiled(case)) == ""


def test_a_workload_without_services_has_only_the_outbound_listener() -> None:
    made = compile_inbound(workload())
    listeners = [name for type_url, name, _ in made if type_url == types.LISTENER]
    assert listeners == ["outbound"]


def test_services_that_share_an_application_port_share_its_cluster() -> None:
    other = InboundPort("80.web.shop.svc.clusterset.local", 8080, AppProtocol.HTTP1)
    resources = compile_inbound(workload(serving(), other))
    application = "app~8080~http/1.1"
    assert [name for _, name, _ in resources][:3] == [application, application, "inbound"]
    chains = document(resources[2][2])["filter_chains"]
    assert [chain["name"] for chain in chains[:2]] == [serving().sni, other.sni]


def test_the_order_and_repetition_of_ports_does_not_change_the_bytes() -> None:
    ports = CASES["inbound"].ports
    again = workload(*reversed(ports), ports[0])
    assert compile_inbound(again) == compile_inbound(CASES["inbound"])


def test_of_an_application_that_closes_only_its_clusters_of_http1_change() -> None:
    plain = workload(serving(80), serving(81), serving(82, AppProtocol.HTTP2))
    closing = replace(plain, closing=(8080, 8082))
    before, after = compile_inbound(plain), compile_inbound(closing)
    changed = [now.name for was, now in zip(before, after, strict=True) if was != now]
    assert changed == ["app~8080~http/1.1"]


def test_revoking_changes_routes_and_nothing_that_would_end_connections() -> None:
    before = workload(serving(), serving(5432, AppProtocol.TCP))
    after = replace(before, revoked=("old.mesh.test",))
    changed = set(compile_inbound(before)) ^ set(compile_inbound(after))
    assert {type_url for type_url, _, _ in changed} == {types.ROUTE}
