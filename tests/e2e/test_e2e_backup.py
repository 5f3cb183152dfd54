"""The controller is lost, with a backup and without one; nobody's requests are."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from federation.client.client import Client
from federation.client.documents import cluster_document
from federation.model.errors import FedmeshError
from federation.runtime.files import write_private
from federation.verify import guarantees
from tests.e2e.documents import api_workload, exports, service, text_of
from tests.e2e.rig import Load, Mesh, fedctl, pause, wait_until

pytestmark = pytest.mark.timeout(180)

ELSEWHERE = "127.30.0.9"
"""Where the controller is after it has moved."""


def run_fedctl(*words: str) -> str:
    done = fedctl(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_nothing_failed(*loads: Load) -> None:
    for load in loads:
        records = load.over.records
        assert len(records) > 100
        failed = guarantees.failures(records)
        assert not failed, failed[:5]


@contextlib.contextmanager
def two_loads(mesh: Mesh, folder: Path, *services: str) -> Iterator[list[Load]]:
    """Calls from us-east of several services at once."""
    with contextlib.ExitStack() as stack:
        loads = []
        for name in services:
            (folder / name).mkdir()
            load = mesh.traffic("us-east", folder / name, rate=60, service=name)
            loads.append(stack.enter_context(load))
        yield loads


def connected(client: Callable[[], Client], *clusters: str) -> Callable[[], bool]:
    def passes() -> bool:
        try:
            found = {c["id"]: c["connected"] for c in client().clusters()}
        except FedmeshError:
            return False
        return all(found.get(cluster) for cluster in clusters)

    return passes


def holds(mesh: Mesh, epoch: str) -> Callable[[], bool]:
    """Whether every agent has taken the facts of an epoch, and written them down."""
    files = [mesh.paths.state(f"{s.id}-agent") / "Service.held" for s in mesh.layout.sites]
    return lambda: all(epoch.encode() in file.read_bytes() for file in files)


def no_problems(client: Client) -> bool:
    return not any(cluster["problems"] for cluster in client.clusters())


def appears(mesh: Mesh, name: str, there: str) -> None:
    """A new export of one cluster is answered in us-east, and its withdrawal is followed."""
    text = text_of(*service(name, api_workload(mesh.layout, there)))
    with mesh.edited(there, f"{name}.yaml", text):
        with mesh.edited(there, f"{name}-export.yaml", exports(name)):
            wait_until("answered", lambda: mesh.call("us-east", name)[0] == 200, 15)
        wait_until("withdrawn", lambda: mesh.call("us-east", name)[0] == 404, 15)


# -- with a backup ---------------------------------------------------------------------------------


def set_controller(mesh: Mesh, cluster: str, address: str | None) -> None:
    """Tell an agent where the controller is (None: where it said it is), and start it again."""
    name = f"{cluster}-agent"
    file = mesh.paths.config(mesh.member(name))
    settings = yaml.safe_load(file.read_text())
    settings.pop("controller", None)
    if address is not None:
        settings["controller"] = address
    file.write_text(yaml.safe_dump(settings))
    mesh.kill_alone(name)
    mesh.start(name)


@contextlib.contextmanager
def controller_elsewhere(mesh: Mesh, state: Path, log: Path) -> Iterator[Callable[[], Client]]:
    """The controller with another folder, at another address; afterwards back where it was."""
    clusters = [site.id for site in mesh.layout.sites]
    settings = yaml.safe_load(mesh.paths.config(mesh.member("controller")).read_text())
    moved = {
        "state": str(state),
        "grpc_listen": f"{ELSEWHERE}:7443",
        "api_listen": f"{ELSEWHERE}:8443",
        "advertise": [ELSEWHERE],
    }
    config = state.with_suffix(".yaml")
    config.write_text(yaml.safe_dump(settings | moved))
    command = (sys.executable, "-m", "federation.controller.main", "--config", str(config))

    def client() -> Client:
        token = (state / "admin.token").read_text()
        return Client(f"https://{ELSEWHERE}:8443", state / "root.pem", token)

    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            wait_until("it serves", lambda: client().is_healthy(), 20)
            for cluster in clusters:
                set_controller(mesh, cluster, f"{ELSEWHERE}:7443")
            wait_until("all are connected", connected(client, *clusters), 30)
            yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            state.rename(mesh.paths.state("controller"))
            mesh.start("controller")
            for cluster in clusters:
                set_controller(mesh, cluster, None)
            wait_until("all are back", connected(lambda: mesh.client, *clusters), 30)


def test_a_backup_becomes_the_controller_of_another_machine_and_no_request_fails(
    mesh: Mesh, tmp_path: Path
) -> None:
    file = tmp_path / "fedmesh.backup"
    secret = ("--passphrase-file", str(mesh.paths.backup_words()))
    state, log = mesh.state / "moved", tmp_path / "moved.log"
    run_fedctl("backup", str(file), *secret, "--config", str(mesh.paths.fedctl))
    before = mesh.client.status()
    later = text_of(*service("later", api_workload(mesh.layout, "eu-west")))
    with (
        mesh.edited("eu-west", "later.yaml", later),
        mesh.edited("eu-west", "later-export.yaml", exports("later")),
    ):
        wait_until("answered", lambda: mesh.call("us-east", "later")[0] == 200, 15)
        with two_loads(mesh, tmp_path, "orders", "later") as loads:
            mesh.kill_alone("controller")
            shutil.rmtree(mesh.paths.state("controller"))
            run_fedctl("restore", str(file), *secret, "--state", str(state))
            with controller_elsewhere(mesh, state, log) as client:
                after = client().status()
                assert after["epoch"] != before["epoch"]
                appears(mesh, "after", "eu-west")
                names = {s["name"] for s in client().services()}
                assert "demo/later" in names, "exported since the backup"
                wait_until("the new epoch is accepted", holds(mesh, after["epoch"]), 15)
                wait_until("nobody is awaited", lambda: no_problems(client()), 15)
    assert_nothing_failed(*loads)
    assert "Traceback" not in log.read_text()


# -- without a backup ------------------------------------------------------------------------------


def lose(mesh: Mesh, what: str) -> None:
    """The controller dies with files of its state, and starts again by itself."""
    mesh.kill_alone("controller")
    for file in mesh.paths.state("controller").glob(what):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()
    mesh.start("controller")

    def serves() -> bool:
        try:
            return mesh.client.is_healthy()
        except FedmeshError:
            return False

    wait_until("the controller serves", serves, 20)


def state_clusters(mesh: Mesh) -> None:
    """First of all, the operator's word about every cluster."""
    for site in mesh.layout.sites:
        cidr = f"{site.gateway.rpartition('.')[0]}.0/24"
        document = cluster_document(
            site.id, site.region, zones=(site.zone,), network=site.id, gateway_cidrs=(cidr,)
        )
        mesh.client.put_cluster(document)


def kept_of(mesh: Mesh, cluster: str) -> tuple[bytes, bytes]:
    folder = mesh.paths.state(f"{cluster}-agent")
    return (folder / "ca.key").read_bytes(), (folder / "twin.pem").read_bytes()


@pytest.mark.parametrize(
    ("what", "root_stays"),
    [("*", False), pytest.param("store.sqlite*", True, marks=pytest.mark.slow)],
    ids=["everything", "the store"],
)
def test_without_a_backup_clusters_go_on_and_join_again_one_by_one(
    mesh: Mesh, tmp_path: Path, what: str, root_stays: bool
) -> None:
    clusters = [site.id for site in mesh.layout.sites]
    kept = {cluster: kept_of(mesh, cluster) for cluster in clusters}
    root = mesh.paths.root().read_bytes()
    with two_loads(mesh, tmp_path, "orders", "api") as loads:
        lose(mesh, what)
        assert (mesh.paths.root().read_bytes() == root) is root_stays
        pause(1.0)
        assert mesh.client.clusters() == []
        state_clusters(mesh)
        for number, cluster in enumerate(clusters):
            config = ("--config", str(mesh.paths.fedctl))
            token = run_fedctl("token", "create", cluster, *config)
            write_private(mesh.paths.token(f"{cluster}-agent"), token.encode())
            back = clusters[: number + 1]
            wait_until("it is back", connected(lambda: mesh.client, *back), 20)
            assert mesh.call("us-east", "orders")[0] == 200
        for cluster in ("us-west", "eu-west"):
            appears(mesh, "after", cluster)
    assert_nothing_failed(*loads)
    assert {cluster: kept_of(mesh, cluster) for cluster in clusters} == kept
    wait_until("nobody is awaited", lambda: no_problems(mesh.client), 15)
    assert all(f"joined cluster={c} " in mesh.log(f"{c}-agent") for c in clusters)
