"""A cluster is revoked: nobody believes it any more, over new connections nor over open ones."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from ssl import SSLSocket

import pytest
import yaml

from cluster_agent.authority.authority import Authority
from cluster_agent.authority.join import open_authority
from federation.demo.layout import find_site
from federation.model.errors import Conflict, Denied, FedmeshError, PeerBroke
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.runtime.files import write_private
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import pem
from federation.trust.profile import twin_profile
from federation.verify.guarantees import failures
from tests.e2e import thief
from tests.e2e.rig import Mesh, fedctl, finish, pause, wait_until
from tests.e2e.thief import Door
from tests.e2e.tls import PASSED_ON, TERMINATED, Shown

pytestmark = pytest.mark.timeout(120)

_OF_ITSELF = 503
"""No workload of the demo is without a sidecar, so the terminating gateway answers itself."""
CUT_SECONDS = 2.0
"""What is promised; milliseconds are usual."""
LODGER = ClusterId("lodger")
HOUR = timedelta(hours=1)
_SHORT_SECONDS = 12


def _doors(mesh: Mesh, shown: Shown, folder: Path) -> dict[str, Door]:
    sidecar = mesh.member("us-east-api-1-sidecar").address("inbound")
    gateway = mesh.member("us-east-gateway").address("mtls")
    return {
        "sidecar": Door(sidecar, PASSED_ON, shown, folder),
        "passing on": Door(gateway, PASSED_ON, shown, folder),
        "terminating": Door(gateway, TERMINATED, shown, folder),
    }


def _ctl(mesh: Mesh, *words: str) -> str:
    done = fedctl(*words, "--config", str(mesh.paths.fedctl))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_revoked_cluster_is_cut_off_at_once_and_for_good(mesh: Mesh, tmp_path: Path) -> None:
    thief.state_cluster(mesh, "thief")
    folder = tmp_path / "thief"
    authority = thief.join(mesh, "thief", folder)
    doors = _doors(mesh, thief.workload(authority), tmp_path)
    for name, door in doors.items():
        wait_until(f"{name} knows the newcomer", _answers(door), 10)
    with ExitStack() as stack:
        opened = {name: stack.enter_context(door.open()) for name, door in doors.items()}
        _revoke_and_see(mesh, authority, doors, opened, tmp_path)
    with pytest.raises((Denied, PeerBroke)):
        finish(_connect(mesh, authority))
    assert re.search("^thief +revoked ", _ctl(mesh, "trust", "status"), re.MULTILINE)
    with pytest.raises(Denied, match="key of cluster thief was revoked"):
        thief.join(mesh, "thief", folder)
    again = thief.join(mesh, "thief", tmp_path / "anew")
    door = _doors(mesh, thief.workload(again), tmp_path)["passing on"]
    wait_until("the cluster with a new key is known", lambda: door.knock()[0].status == 200, 10)
    assert doors["passing on"].knock()[0].status == 0, "leaves of the old key stay worthless"
    mesh.client.delete_cluster("thief")


def _revoke_and_see(
    mesh: Mesh,
    authority: Authority,
    doors: dict[str, Door],
    opened: dict[str, SSLSocket],
    folder: Path,
) -> None:
    """Everything that is open is refused in time, while others notice nothing."""
    for name, connection in opened.items():
        answer = thief.ask(connection)
        assert answer.status == (_OF_ITSELF if name == "terminating" else 200)
        assert answer.stays
    sessions = {name: connection.session for name, connection in opened.items()}
    for name in ("sidecar", "terminating"):  # the other leads to any of two
        assert doors[name].knock(sessions[name])[1], f"{name}: a session was resumed before"
    with mesh.traffic("us-west", folder, service="api") as load:
        ended = finish(_revoke_under_an_open_stream(mesh, authority))
        began = time.monotonic()
        assert ended < CUT_SECONDS
        for name, connection in opened.items():
            took = wait_until(f"{name} refuses", _is_cut(connection), CUT_SECONDS)
            assert took < CUT_SECONDS
        for name, door in doors.items():
            wait_until(f"{name} is shut", _is_shut(door), CUT_SECONDS)
            answer, resumed = door.knock(sessions[name])
            assert (answer.status, resumed) == (0, False), f"{name}: an old session opens the door"
        assert time.monotonic() - began < CUT_SECONDS
        pause(1)
    assert not failures(load.over.records)


def _is_cut(connection: SSLSocket) -> Callable[[], bool]:
    """Whether a request over it is refused, and it ends with that."""

    def looks() -> bool:
        answer = thief.ask(connection)
        assert answer.status in (0, 200, 403, 503)
        return answer.status == 0 or (answer.status == 403 and not answer.stays)

    return looks


def _answers(door: Door) -> Callable[[], bool]:
    return lambda: door.knock()[0].status != 0


def _is_shut(door: Door) -> Callable[[], bool]:
    return lambda: door.knock()[0].status == 0


async def _connect(mesh: Mesh, authority: Authority) -> None:
    async with thief.agent_stream(mesh, authority):
        pass


async def _revoke_under_an_open_stream(mesh: Mesh, authority: Authority) -> float:
    """Revoke; returns how long after that the agent of the cluster is told nothing any more."""
    async with thief.agent_stream(mesh, authority):
        began = time.monotonic()
        _ctl(mesh, "trust", "revoke", "thief", "--yes")
        took = time.monotonic() - began
        found = {c["id"]: c for c in mesh.client.clusters()}
        assert found["thief"]["trust"] == "revoked"
        assert not found["thief"]["connected"]
        return took


def test_a_second_cluster_of_the_same_name_is_refused_while_the_first_is_there(
    mesh: Mesh, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="with another key is connected"):
        thief.join(mesh, "us-west", tmp_path / "copy")


def test_a_cluster_leaves_in_order_and_comes_back_with_the_same_key(
    mesh: Mesh, tmp_path: Path
) -> None:
    thief.state_cluster(mesh, "guest")
    authority = thief.join(mesh, "guest", tmp_path / "guest")
    door = _doors(mesh, thief.workload(authority), tmp_path)["passing on"]
    wait_until("the guest is known", lambda: door.knock()[0].status == 200, 10)
    assert _ctl(mesh, "leave", "guest", "--yes") == "cluster guest has left\n"
    wait_until("the guest is gone", lambda: door.knock()[0].status == 0, CUT_SECONDS)
    with pytest.raises(FedmeshError):
        finish(_connect(mesh, authority))
    thief.state_cluster(mesh, "guest")
    thief.join(mesh, "guest", tmp_path / "guest")
    wait_until("the guest is back", lambda: door.knock()[0].status == 200, 10)
    mesh.client.delete_cluster("guest")


def test_a_key_from_before_joining_again_decides_nothing_and_ends_by_itself(
    mesh: Mesh, tmp_path: Path
) -> None:
    """Its leaves are believed for as long as those live which the new agent signs, not longer."""
    thief.state_cluster(mesh, "lodger")
    old = thief.join(mesh, "lodger", tmp_path / "old")
    spent = (tmp_path / "old" / "token").read_bytes()
    thief.renew(mesh, old)
    held, made = thief.workload(old), tmp_path / "held"
    made.mkdir()
    doors = _doors(mesh, held, made)
    for name, door in doors.items():
        wait_until(f"{name} knows the lodger", _answers(door), 10)
    new = thief.join(mesh, "lodger", tmp_path / "new", timedelta(seconds=_SHORT_SECONDS))
    began = time.monotonic()
    assert all(_answers(door)() for door in doors.values()), "its leaves live on for a while"
    _is_told_nothing(mesh, old)
    (tmp_path / "old" / "token").write_bytes(spent)
    (tmp_path / "old" / "member.json").unlink()
    with pytest.raises(Denied, match="does not speak for it any more"):
        finish(open_authority(tmp_path / "old", LODGER, tmp_path / "old" / "token", HOUR))
    _ctl(mesh, "trust", "rekey", "lodger")
    _is_told_nothing(mesh, old)
    anew = _doors(mesh, thief.workload(new), tmp_path)
    for name, door in anew.items():
        wait_until(f"{name} knows the new key", _answers(door), 10)
    for name, door in doors.items():
        left = began + _SHORT_SECONDS + CUT_SECONDS - time.monotonic()
        wait_until(f"{name} refuses the old key", _is_shut(door), max(left, 0.1))
    assert time.monotonic() - began >= _SHORT_SECONDS - 1
    newest = _doors(mesh, thief.workload(new), tmp_path)  # those before live no longer themselves
    assert all(_answers(door)() for door in newest.values())
    thief.renew(mesh, new)
    _is_told_nothing(mesh, old)
    mesh.client.delete_cluster("lodger")


def _is_told_nothing(mesh: Mesh, authority: Authority) -> None:
    """Neither facts nor a certificate, and it puts no other key."""
    key = new_key()
    domain = authority.membership.trust_domain
    twin = pem(make_twin(key, twin_profile(domain), utc_now()))
    with pytest.raises((Denied, PeerBroke)):
        finish(_connect(mesh, authority))
    for more in ({}, {"csr": pem(make_csr(key)), "twin": twin}, {"alone": True}):
        with pytest.raises(Denied, match=r"another key now|no anchor is known|is not signed by"):
            thief.renew(mesh, authority, **more)


def test_two_agents_with_one_state_folder_are_told_of(mesh: Mesh, tmp_path: Path) -> None:
    """Whatever they say, nobody loses a request for it."""
    copy = tmp_path / "copy"
    shutil.copytree(mesh.paths.state("us-west-agent"), copy)
    settings = yaml.safe_load(mesh.paths.config(mesh.member("us-west-agent")).read_text())
    del settings["grpc_socket"]
    settings |= {"state": str(copy), "listen": "127.30.9.3:15012"}
    (tmp_path / "copy.yaml").write_text(yaml.safe_dump(settings))
    command = (sys.executable, "-m", "cluster_agent.main", "--config", str(tmp_path / "copy.yaml"))
    with (
        mesh.traffic("us-east", tmp_path, service="orders", rate=50) as load,
        (tmp_path / "copy.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as agent,
    ):
        try:
            wait_until("it is told", lambda: _has_problem(mesh, "copies of one state folder"), 30)
        finally:
            agent.terminate()
    assert not failures(load.over.records)


def _has_problem(mesh: Mesh, text: str) -> bool:
    (item,) = [c for c in mesh.client.clusters() if c["id"] == "us-west"]
    return any(text in problem for problem in item["problems"])


def test_a_cluster_that_leaves_costs_others_nothing_and_its_agent_brings_it_back(
    mesh: Mesh, tmp_path: Path
) -> None:
    site = find_site(mesh.layout, "us-west")
    with mesh.traffic("us-east", tmp_path, service="orders") as load:
        pause(1)
        _ctl(mesh, "leave", "us-west", "--yes")
        left = time.monotonic()
        pause(1)
        cidr = f"{site.gateway.rpartition('.')[0]}.0/24"
        where = ("--zone", site.zone, "--network-name", site.id, "--gateway-cidr", cidr)
        _ctl(mesh, "cluster", "add", "us-west", "--region", site.region, *where)
        token = _ctl(mesh, "token", "create", "us-west")
        write_private(mesh.paths.token("us-west-agent"), token.encode())
        wait_until("it is back", lambda: _is_connected(mesh), 20)
    assert not failures(load.over.records)
    assert "us-west" not in {r.cluster for r in load.over.records if left < r.at < left + 1}


def _is_connected(mesh: Mesh) -> bool:
    return any(c["id"] == "us-west" and c["connected"] for c in mesh.client.clusters())
