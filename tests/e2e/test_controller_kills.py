"""kill -9 of a real controller under churn loses nothing that it has acknowledged."""

import resource
import signal
import threading
from pathlib import Path
from random import Random

import pytest

from cluster_agent.authority.join import join
from federation.client.client import Client
from federation.client.documents import cluster_document
from federation.model.errors import Failed, FedmeshError
from federation.runtime.files import private_folder
from federation.trust.join_tokens import parse_join_token
from federation.trust.profile import LEAF_LIFE
from tests.e2e.lone_controller import LoneController, lone_controller
from tests.e2e.rig import finish, pause

CLUSTERS = ("east", "west", "north")
FAST_KILLS = 4
SLOW_KILLS = 40
WORDS = "a passphrase of the tests"


class Writer(threading.Thread):
    """Somebody who states one cluster again and again, and makes tokens for it."""

    def __init__(self, client: Client, cluster: str, acknowledged: int) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.cluster = cluster
        self.acknowledged = acknowledged
        self.asked = acknowledged
        self.tokens: list[str] = []

    def run(self) -> None:
        try:
            while True:
                self.asked = self.acknowledged + 1
                self.client.put_cluster(cluster_document(self.cluster, f"r{self.asked}"))
                self.acknowledged = self.asked
                if self.acknowledged % 3 == 0:
                    token = self.client.create_join_token(self.cluster, 3600)["token"]
                    self.tokens.append(token)
        except FedmeshError:
            return  # it was killed


def churn(controller: LoneController, client: Client, so_far: dict[str, int], rng: Random) -> None:
    """Write until the controller is killed; then all that was acknowledged must be there."""
    writers = [Writer(client, c, so_far.get(c, 0)) for c in CLUSTERS]
    for writer in writers:
        writer.start()
    pause(rng.uniform(0.05, 0.6))
    controller.end(signal.SIGKILL)
    for writer in writers:
        writer.join(10)
        assert not writer.is_alive()
    found = {c["id"]: c["region"] for c in controller.start().clusters()}
    for writer in writers:
        region = int(found.get(writer.cluster, "r0").removeprefix("r"))
        assert region in (writer.acknowledged, writer.asked), "acknowledged, or under way"
        so_far[writer.cluster] = region
        for number, token in enumerate(writer.tokens[-1:]):
            check_token(controller.folder / f"{writer.cluster}-{region}-{number}", token)


def check_token(folder: Path, token: str) -> None:
    """A token that somebody holds is good after the kill."""
    private_folder(folder)
    finish(join(folder, parse_join_token(token), LEAF_LIFE, is_patient=False))
    assert (folder / "member.json").exists()


def kill_again_and_again(folder: Path, kills: int, seed: int) -> None:
    rng = Random(seed)
    so_far: dict[str, int] = {}
    with lone_controller(folder) as controller:
        controller.start()
        for _ in range(kills):
            churn(controller, controller.client(), so_far, rng)
        assert "Traceback" not in controller.log
    assert sum(so_far.values()) > kills, "it was written while it was killed"


@pytest.mark.timeout(90)
def test_no_acknowledged_write_is_lost_by_a_kill(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, FAST_KILLS, seed=4)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_acknowledged_write_is_lost_by_many_kills(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, SLOW_KILLS, seed=44)


@pytest.mark.timeout(60)
def test_a_full_disk_is_one_sentence_and_the_controller_goes_on(tmp_path: Path) -> None:
    """No file of the process may grow any more: the write fails as on a full disk."""
    with lone_controller(tmp_path) as controller:
        client = controller.start()
        client.put_cluster(cluster_document("east", "eu"))
        assert controller.process is not None
        pid = controller.process.pid
        most = (controller.state / "store.sqlite-wal").stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        for _ in range(3):
            with pytest.raises(Failed, match="the controller's store cannot be used") as said:
                client.put_cluster(cluster_document("east", "us"))
            assert "\n" not in str(said.value)
        assert client.is_healthy()
        assert client.clusters()[0]["region"] == "eu"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        client.put_cluster(cluster_document("east", "us"))
        assert controller.end(signal.SIGTERM) == 0
        assert controller.start().clusters()[0]["region"] == "us"
        assert "Traceback" not in controller.log


@pytest.mark.timeout(60)
def test_the_root_key_is_encrypted_at_the_next_start(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text(f"{WORDS}\n")
    with lone_controller(tmp_path) as controller:
        controller.start()
        root = (controller.state / "root.pem").read_bytes()
        key = (controller.state / "root.key").read_bytes().splitlines()[1]
        controller.end()
        controller.more = {"root_key_passphrase_file": str(words)}
        controller.start()
        assert [
            f.name for f in controller.state.rglob("*") if f.is_file() and key in f.read_bytes()
        ] == []
        controller.end()
        words.write_text("another passphrase\n")
        assert controller.spawn().wait(10) == 2
        assert controller.log.splitlines()[-1].startswith(
            "fedmesh-controller: root_key_passphrase_file does not fit: root key "
        )
        words.write_text(f"{WORDS}\n")
        controller.start()
        assert (controller.state / "root.pem").read_bytes() == root
        assert "Traceback" not in controller.log


@pytest.mark.timeout(60)
def test_a_second_controller_on_the_same_state_does_not_start(tmp_path: Path) -> None:
    with lone_controller(tmp_path) as controller:
        first = controller.start()
        running = controller.process
        assert controller.spawn().wait(10) == 1
        assert "is in use by another process" in controller.log.splitlines()[-1]
        controller.process = running
        first.put_cluster(cluster_document("east", "eu"))
