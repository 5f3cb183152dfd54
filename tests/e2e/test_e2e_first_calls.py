"""First calls while something dies: of services that two other clusters have."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from federation.demo import readiness
from federation.demo.layout import OUTBOUND_PORT, service_host
from federation.demo.rig import DemoRig
from federation.verify.faults import Fault, Way, inject
from tests.e2e.documents import api_workload, export, service, text_of
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(180)

HERE, NEAR, FAR = "us-east", "us-west", "eu-west"
COUNT = 12
SLOWEST_SECONDS = 4.0
FAULTS = (
    Fault("gateway-killed", Way.KILL, (f"{NEAR}-gateway",)),
    Fault("gateway-frozen", Way.FREEZE, (f"{NEAR}-gateway",)),
    Fault("workload-killed", Way.KILL, (f"{NEAR}-api-1-sidecar", f"{NEAR}-api-1-app")),
    Fault("workload-frozen", Way.FREEZE, (f"{NEAR}-api-1-sidecar", f"{NEAR}-api-1-app")),
    Fault("agent-there-killed", Way.KILL, (f"{NEAR}-agent",)),
    Fault("controller-killed", Way.KILL, ("controller",)),
)


@contextmanager
def offered(mesh: Mesh, *names: str) -> Iterator[None]:
    """Services of the near and the far cluster; another sidecar says when they are known."""
    with ExitStack() as stack:
        for cluster in (NEAR, FAR):
            workload = api_workload(mesh.layout, cluster)
            documents = [d for name in names for d in service(name, workload)]
            text = text_of(*documents, *map(export, names))
            stack.enter_context(mesh.edited(cluster, f"{names[0]}.yaml", text))
        other = f"{api_workload(mesh.layout, HERE).address}:{OUTBOUND_PORT}"
        for name in names:
            wait_until(f"{name} is there", partial(_answers, other, name), 20)
        pause(1.0)  # both clusters are known by then
        yield


def _answers(proxy: str, name: str) -> bool:
    return readiness.get(proxy, "/", service_host(name))[0] == 200


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_first_calls_during_a_fault_all_succeed(mesh: Mesh, fault: Fault) -> None:
    names = [f"{fault.name}-{number}" for number in range(COUNT)]
    with offered(mesh, *names):
        injection = inject(fault, DemoRig(mesh.state, mesh.layout))
        try:
            answers, slowest = [], 0.0
            for name in names:
                began = time.monotonic()
                answers.append(mesh.call(HERE, name)[0])
                slowest = max(slowest, time.monotonic() - began)
                pause(0.1)
        finally:
            injection.end()
        mesh.check_health()  # what goes while nobody looks is held back
        pause(1.0)
    assert not mesh.problems(NEAR)
    assert Counter(answers) == {200: COUNT}
    assert slowest < SLOWEST_SECONDS
