from dataclasses import replace

import pytest

from cluster_agent.snapshot.sidecar_addresses import check_place, is_in_place
from federation.model.errors import Denied
from federation.model.names import parse_service_name
from federation.model.proxies import Kind, Proxy, State, Upstream

SIDECAR = Proxy(
    "shop/api-1",
    Kind.SIDECAR,
    State.SERVING,
    "10.0.0.1",
    15006,
    app_address="127.0.0.1",
    outbound_address="127.0.0.1",
    outbound_port=15001,
)
ELSEWHERE = Upstream("10.9.9.9", 7000, parse_service_name("shop/db"), 5432)


@pytest.mark.parametrize(
    "sidecar",
    [
        SIDECAR,
        replace(SIDECAR, app_address="10.0.0.1", outbound_address="10.0.0.1"),
        replace(SIDECAR, app_address="::1"),
        replace(SIDECAR, address="fd00:0::1", app_address="fd00::1"),
        replace(SIDECAR, upstreams=(replace(ELSEWHERE, address="127.0.0.7"),)),
    ],
)
@pytest.mark.parametrize("known", [(), ("10.0.0.1", "fd00::1")])
def test_a_sidecar_on_the_machine_of_its_workload_is_in_place(
    sidecar: Proxy, known: tuple[str, ...]
) -> None:
    """Nothing is raised."""
    check_place(sidecar, known)


@pytest.mark.parametrize(
    ("sidecar", "reason"),
    [
        (
            replace(SIDECAR, address="10.9.9.9", app_address="10.9.9.9"),
            "others dial it at 10.9.9.9, but the EndpointSlices know its workload at 10.0.0.1",
        ),
        (
            replace(SIDECAR, app_address="10.9.9.9"),
            "has app_address 10.9.9.9, but that must be a loopback address or its own, 10.0.0.1",
        ),
        (replace(SIDECAR, app_address="169.254.169.254"), "has app_address 169.254.169.254"),
        (replace(SIDECAR, outbound_address="0.0.0.0"), r"has outbound 0\.0\.0\.0"),
        (replace(SIDECAR, upstreams=(ELSEWHERE,)), "has an upstream at 10.9.9.9"),
    ],
)
def test_a_sidecar_that_names_another_machine_is_refused(sidecar: Proxy, reason: str) -> None:
    with pytest.raises(Denied, match=reason):
        check_place(sidecar, ["10.0.0.1"])
    assert not is_in_place(sidecar, ["10.0.0.1"])


def test_of_an_unknown_workload_only_the_address_that_is_dialled_is_free() -> None:
    check_place(replace(SIDECAR, address="10.9.9.9"), [])
    with pytest.raises(Denied, match="app_address"):
        check_place(replace(SIDECAR, app_address="10.9.9.9"), [])
