"""A person edits a ServiceExport, and the other clusters follow.

What comes on the way is judged here; how long it takes is measured by `make bench`.
"""

import time

import pytest

from federation.demo.layout import find_site
from tests.e2e.documents import api_workload, exports, service, text_of
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)

PATIENCE_SECONDS = 15.0
EDITS = 5


def answers_until(mesh: Mesh, cluster: str, name: str, wanted: int) -> dict[int, str]:
    """Call a service until it answers so: every status on the way, with the text that came last."""
    began = time.monotonic()
    seen: dict[int, str] = {}
    while wanted not in seen:
        late = time.monotonic() - began > PATIENCE_SECONDS
        assert not late, f"{name} from {cluster}: never {wanted}, but {seen}"
        status, text = mesh.answer(cluster, name)
        seen[status] = text
        pause(0.005)
    return seen


def test_the_first_export_of_a_service_works_elsewhere_at_once_and_without_an_error(
    mesh: Mesh,
) -> None:
    names = [f"first-{i}" for i in range(EDITS)]
    workload = api_workload(mesh.layout, "us-east")
    documents = [d for name in names for d in service(name, workload)]
    with mesh.edited("us-east", "first.yaml", text_of(*documents)):
        pause(0.5)
        for name in names:
            assert mesh.call("eu-west", name)[0] == 404
            with mesh.edited("us-east", f"{name}-export.yaml", exports(name)):
                seen = answers_until(mesh, "eu-west", name, 200)
                assert seen.keys() <= {404, 200}, seen
                assert mesh.call("eu-west", name)[1]["cluster"] == "us-east"


def test_a_withdrawn_service_is_not_answered_any_more(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    with mesh.edited("us-east", "gone.yaml", text_of(*service("gone", workload))):
        with mesh.edited("us-east", "gone-export.yaml", exports("gone")):
            answers_until(mesh, "eu-west", "gone", 200)
            pause(0.3)
        seen = answers_until(mesh, "eu-west", "gone", 404)
        # 503 for a few ms is possible: the exporter stops answering before others have heard.
        later = []
        for _ in range(30):
            later.append(mesh.call("eu-west", "gone")[0])
            pause(0.02)
    assert seen.keys() <= {200, 404, 503}, seen
    assert set(later) == {404}


def test_what_was_never_exported_is_not_answered_from_elsewhere(mesh: Mesh) -> None:
    workload = api_workload(mesh.layout, "us-east")
    with mesh.edited("us-east", "private.yaml", text_of(*service("private", workload))):
        seen = set()
        for _ in range(50):
            seen.add(mesh.call("eu-west", "private")[0])
            pause(0.01)
    assert seen == {404}


def test_an_endpoint_that_is_not_ready_gets_no_request_and_comes_back(mesh: Mesh) -> None:
    site = find_site(mesh.layout, "us-west")
    first, second = site.behind("api")
    text = (mesh.source("us-west") / "services.yaml").read_text()
    head, address, tail = text.partition(first.address)
    edited = head + address + tail.replace("ready: true", "ready: false", 1)
    assert edited != text

    def answering() -> set[str]:
        return {mesh.call("us-west")[1].get("workload", "nobody") for _ in range(30)}

    with mesh.edited("us-west", "services.yaml", edited):
        wait_until("it has left", lambda: answering() == {second.name}, PATIENCE_SECONDS)
        assert answering() == {second.name}
    wait_until("it is back", lambda: answering() == {first.name, second.name}, PATIENCE_SECONDS)
