"""A cluster that was revoked comes back as the page says: it is called and calls in seconds."""

import contextlib
import shutil
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import yaml

from federation.demo import configs
from federation.demo.layout import Role, members
from federation.runtime.files import private_folder, write_private
from tests.e2e.rig import Mesh, fedctl, wait_until

pytestmark = pytest.mark.timeout(180)

AWAY = "us-west"
RUNS_ON = "us-west-api-2-sidecar"
"""It is not started anew: it finds out by itself that its authority is another one."""
SECONDS = 30.0
"""Far less than the half hour for which the old certificates are not due."""


def _ctl(mesh: Mesh, *words: str) -> str:
    done = fedctl(*words, "--config", str(mesh.paths.fedctl))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_revoked_cluster_comes_back_as_the_page_says(mesh: Mesh) -> None:
    with _without_orders(mesh):
        wait_until("it calls others", lambda: _answers(mesh, AWAY) == "eu-west", 10)
        _ctl(mesh, "trust", "revoke", AWAY, "--yes")
        wait_until("it is cut off", lambda: not _answers(mesh, AWAY), 10)
        _give_an_empty_state_folder(mesh)
        _start_anew(mesh)
        wait_until("it calls others again", lambda: _answers(mesh, AWAY) == "eu-west", SECONDS)
    assert "authority has another key" in mesh.log(RUNS_ON)
    seen: set[str] = set()

    def is_called() -> bool:
        seen.add(_workload(mesh))
        return {"api-1", "api-2"} <= seen

    wait_until("others call both of its workloads", is_called, SECONDS)


def _give_an_empty_state_folder(mesh: Mesh) -> None:
    """A new agent with a token for joining; its key and that of workload tokens are other ones."""
    agent = f"{AWAY}-agent"
    mesh.kill(agent)
    shutil.rmtree(mesh.paths.state(agent))
    private_folder(mesh.paths.state(agent))
    token = _ctl(mesh, "token", "create", AWAY)
    write_private(mesh.paths.token(agent), token.encode())
    mesh.start(agent)
    key, trust = (mesh.paths.state(agent) / n for n in ("workload-tokens.key", "trust.pem"))
    wait_until("the new agent has joined", lambda: key.exists() and trust.exists(), 20)


def _start_anew(mesh: Mesh) -> None:
    """Give all proxies new tokens, and start them again with what they have in their folders."""
    proxies = [m for m in members(mesh.layout) if m.cluster == AWAY]
    for member in proxies:
        for file, subject in configs.tokens_of(member, mesh.layout, mesh.paths):
            state = mesh.paths.state(f"{AWAY}-agent")
            done = fedctl("workload", "token", subject, "--agent-state", str(state))
            assert done.returncode == 0, done.stderr
            write_private(file, done.stdout.encode())
    roles = (Role.GATEWAY, Role.SIDECAR, Role.DNS)
    again = [m.name for m in proxies if m.role in roles and m.name != RUNS_ON]
    mesh.kill(*again)
    mesh.start(*again)


@contextlib.contextmanager
def _without_orders(mesh: Mesh) -> Iterator[None]:
    """Nobody of its own is behind that service, so that it calls another cluster."""
    file = mesh.source(AWAY) / "services.yaml"
    documents = list(yaml.safe_load_all(file.read_text()))
    for document in documents:
        if document["metadata"]["name"] == "orders-1":
            document["endpoints"] = []
    with mesh.edited(AWAY, file.name, yaml.safe_dump_all(documents)):
        yield


def _answers(mesh: Mesh, caller: str) -> str:
    """Which cluster answers the client of another; empty: nobody does."""
    status, said = mesh.call(caller, "orders")
    return str(said["cluster"]) if status == HTTPStatus.OK else ""


def _workload(mesh: Mesh) -> str:
    """Which of its workloads answers another cluster; empty: none does."""
    status, said = mesh.call("us-east", "orders")
    is_its_own = status == HTTPStatus.OK and said["cluster"] == AWAY
    return str(said["workload"]) if is_its_own else ""
