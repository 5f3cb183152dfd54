"""What is in the way for a while ends nothing: a full disk, a token, descriptors, a frozen part.

Everything comes back by itself, within seconds, and is in the status as long as it lasts.
"""

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from federation.planning.liveness import SILENT_SECONDS
from federation.runtime.loops import LONGEST_PAUSE
from tests.e2e.documents import api_workload, exports, service, text_of
from tests.e2e.rig import Mesh, lasting, pause, wait_until

pytestmark = pytest.mark.timeout(120)

TABLE = "fedmesh_test_cut"
SIDECAR, AGENT = "us-west-web-1-sidecar", "us-west-agent"


def problems(mesh: Mesh) -> list[str]:
    return lasting(found["what"] for found in mesh.client.status()["problems"])


def is_told(mesh: Mesh, *words: str) -> bool:
    return any(all(word in told for word in words) for told in problems(mesh))


def state_of(mesh: Mesh, cluster: str) -> tuple[str, bool]:
    (found,) = [c for c in mesh.client.clusters() if c["id"] == cluster]
    return found["state"], found["connected"]


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_who_is_frozen_is_silent_after_10_s_and_back_at_once(mesh: Mesh) -> None:
    agent = mesh.process("eu-west-agent")["pid"]
    supervisor = mesh.process("us-east-api-2-sidecar")["pid"]
    assert state_of(mesh, "eu-west") == ("live", True)
    pause(4.0)  # so that the last beat is what counts
    with stopped(agent, supervisor):
        took = wait_until("suspect", lambda: state_of(mesh, "eu-west") == ("suspect", False), 20)
        assert took > SILENT_SECONDS - 4
        wait_until("told", lambda: is_told(mesh, "sidecar demo/api-2 is silent"), 8)
        assert is_told(mesh, "its agent is silent")
        assert mesh.call("eu-west")[0] == 200
    wait_until("live", lambda: state_of(mesh, "eu-west") == ("live", True), 15)
    wait_until("no problem is left", lambda: problems(mesh) == [], 20)


@contextlib.contextmanager
def cut(address: str) -> Iterator[None]:
    """No packet comes to or from an address and port of TCP any more, and nobody is told."""
    if os.geteuid() != 0 or shutil.which("nft") is None:
        pytest.skip("only root with nft may cut a network")
    host, _, port = address.rpartition(":")
    rules = f"""
        add table ip {TABLE}
        add chain ip {TABLE} cut {{ type filter hook input priority 0; }}
        add rule ip {TABLE} cut ip daddr {host} tcp dport {port} drop
        add rule ip {TABLE} cut ip saddr {host} tcp sport {port} drop
    """
    made = subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=False)
    if made.returncode != 0:
        pytest.skip("cutting a network is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "ip", TABLE], check=True)


def test_agents_that_are_cut_off_are_suspect_after_10_s_and_traffic_goes_on(mesh: Mesh) -> None:
    def states() -> set[tuple[str, bool]]:
        return {state_of(mesh, site.id) for site in mesh.layout.sites}

    assert states() == {("live", True)}
    pause(4.0)  # so that the last beat is what counts
    with cut(mesh.member("controller").address("grpc")):
        took = wait_until("suspect", lambda: states() == {("suspect", False)}, 20)
        assert took > SILENT_SECONDS - 4
        assert is_told(mesh, "its agent is silent")
        assert mesh.call("us-east", "orders")[0] == 200
        pause(10.0)  # the ends have noticed by now, and connect in vain
        assert mesh.call("us-east", "orders")[0] == 200
    wait_until("live", lambda: states() == {("live", True)}, 20)
    wait_until("no problem is left", lambda: problems(mesh) == [], 20)


def test_a_token_that_cannot_be_read_while_the_agent_restarts_ends_nothing(mesh: Mesh) -> None:
    settings = yaml.safe_load(mesh.paths.config(mesh.member(SIDECAR)).read_text())
    token = Path(settings["token_file"])
    aside = token.with_name("aside")
    token.rename(aside)
    token.mkdir()
    try:
        mesh.kill_alone(AGENT)
        mesh.start(AGENT)
        said = mesh.log(SIDECAR).count("agent cannot be used")
        wait_until("it is said", lambda: mesh.log(SIDECAR).count("agent cannot be used") > said, 20)
        pause(LONGEST_PAUSE)
        connected = mesh.log(AGENT).count("proxy connected proxy=sidecar/demo/web-1")
    finally:
        token.rmdir()
        aside.rename(token)

    def is_back() -> bool:
        return mesh.log(AGENT).count("proxy connected proxy=sidecar/demo/web-1") > connected

    wait_until("it connects by itself", is_back, LONGEST_PAUSE + 5)
    wait_until("no problem is left", lambda: problems(mesh) == [], 20)


def test_an_agent_without_free_descriptors_goes_on(mesh: Mesh) -> None:
    pid = mesh.process(AGENT)["pid"]
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    text = text_of(*service("few", api_workload(mesh.layout, "us-west"))) + "---\n" + exports("few")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, hard))
    try:
        with mesh.edited("us-west", "few.yaml", text):
            pause(2.0)
            assert mesh.call("us-west")[0] == 200
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            seen = lambda: mesh.call("us-east", "few")[0] == 200  # noqa: E731
            wait_until("it is exported by itself", seen, LONGEST_PAUSE + 10)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert mesh.process(AGENT)["pid"] == pid
    wait_until("no problem is left", lambda: problems(mesh) == [], 20)


# -- full disks -----------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disks(mesh: Mesh, *names: str) -> Iterator[list[Path]]:
    """Their state on disks with no room at all, from their start; afterwards as before."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounted: list[Path] = []
    mesh.kill(*names)
    try:
        for name in names:
            _mount(mesh.paths.state(name))
            mounted.append(mesh.paths.state(name))
        mesh.start(*names)
        yield [state / "filler" for state in mounted]
    finally:
        mesh.kill(*names)
        for state in mounted:
            subprocess.run(["umount", "-l", str(state)], check=True)
        mesh.start(*names)


def _mount(state: Path) -> None:
    before = state.with_name(f"{state.name}.before")
    shutil.copytree(state, before, ignore=lambda _, names: [n for n in names if "sock" in n])
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(state)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        shutil.rmtree(before)
        pytest.skip("mounting a small disk is not permitted here")
    shutil.copytree(before, state, dirs_exist_ok=True)
    shutil.rmtree(before)
    with contextlib.suppress(FileNotFoundError):
        (state / "envoy.pid").unlink()
    with (state / "filler").open("wb", buffering=0) as filler:
        for size in (65_536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(bytes(size))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (state / "more").write_bytes(b"1")
    (state / "more").unlink(missing_ok=True)


@pytest.mark.timeout(180)
def test_a_full_disk_ends_nobody_and_all_is_written_when_there_is_room(mesh: Mesh) -> None:
    names = (AGENT, SIDECAR, "us-west-gateway", "us-west-dns")
    text = text_of(*service("full", api_workload(mesh.layout, "us-west")))
    text += "---\n" + exports("full")
    with small_disks(mesh, *names) as fillers:
        for proxy in (SIDECAR, "us-west-gateway"):
            wait_until("it serves", lambda p=proxy: mesh.is_ready(p), 40)  # type: ignore[misc]
        wait_until("the agent is connected", lambda: state_of(mesh, "us-west")[1], 20)
        with mesh.edited("us-west", "full.yaml", text):
            wait_until("exported", lambda: mesh.call("us-east", "full")[0] == 200, 20)
            wait_until("told of a supervisor", lambda: is_told(mesh, SIDECAR_SAYS, NO_ROOM), 15)
            wait_until("told of an agent", lambda: is_told(mesh, "disk: ", NO_ROOM), 15)
            os.kill(mesh.process(SIDECAR)["envoy_pid"] or envoy_of(mesh, SIDECAR), signal.SIGKILL)
            wait_until("it is gone", lambda: not mesh.is_ready(SIDECAR), 15)
            wait_until("it is started again", lambda: mesh.is_ready(SIDECAR), 20)
            assert mesh.ask("us-west", "api.demo.svc.clusterset.local").rr
            for filler in fillers:
                filler.unlink()
            agent = mesh.paths.state(AGENT)
            wait_until("written", lambda: "demo/full" in read(agent / "first-seen.json"), 10)
            wait_until("written", (mesh.paths.state(SIDECAR) / "envoy.pid").exists, 10)
            for name, said in ((AGENT, "addresses.json"), ("us-west-dns", "ServiceNames.held")):
                found = mesh.paths.state(name) / said
                wait_until("written", lambda f=found: "full" in read(f), 10)  # type: ignore[misc]
            wait_until("no problem is left", lambda: not is_told(mesh, NO_ROOM), 15)
    for name in names:
        assert "Traceback" not in mesh.log(name)
    wait_until("no problem is left", lambda: problems(mesh) == [], 30)


SIDECAR_SAYS, NO_ROOM = "sidecar demo/web-1 fails at disk", "No space left on device"


def read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace") if file.exists() else ""


def envoy_of(mesh: Mesh, name: str) -> int:
    """The Envoy of a supervisor that has written its pid nowhere."""
    socket = str(mesh.paths.state(name) / "admin.sock").encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and socket in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise AssertionError(f"no Envoy of {name} runs")
