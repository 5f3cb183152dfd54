"""What a person gets wrong: one clear sentence, the right exit code, nothing damaged."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from federation.client.documents import cluster_document
from federation.trust.join_tokens import JoinToken, format_join_token, parse_join_token
from tests.e2e.rig import Mesh, fedctl, pause, wait_until

pytestmark = pytest.mark.timeout(120)

MODULES = {
    "controller": "federation.controller.main",
    "us-east-agent": "cluster_agent.main",
    "us-east-gateway": "gateway.main",
    "us-east-web-1-sidecar": "sidecar.main",
}
FAILED, USAGE, DENIED = 1, 2, 4
SPARE = "spare"
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT|[EIW]\d{4} ")
"""Lines of our own log, and those that gRPC's core writes."""


def settings_of(mesh: Mesh, name: str, folder: Path, **changes: Any) -> Path:
    """The settings of a process of the demo, with other ones in places."""
    found = yaml.safe_load(mesh.paths.config(mesh.member(name)).read_text())
    found.pop("grpc_socket", None)
    found |= {"state": str(folder / "state")} | changes
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(found))
    return file


def refusal(name: str, file: Path, code: int) -> str:
    """Run a process that must refuse to go on; its one sentence."""
    command = [sys.executable, "-m", MODULES[name], "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    said = [line for line in done.stderr.splitlines() if not _LOG_LINE.match(line)]
    assert done.returncode == code, done.stderr
    assert len(said) == 1, done.stderr
    assert said[0].startswith("fedmesh-"), done.stderr
    return said[0]


# -- joining ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def spare_leaves(mesh: Mesh) -> Iterator[None]:
    """What joins here is no part of the demo: for the tests that follow it must be gone."""
    yield
    if any(cluster["id"] == SPARE for cluster in mesh.client.clusters()):
        done = fedctl("leave", SPARE, "--yes", "--config", str(mesh.paths.fedctl))
        assert done.returncode == 0, done.stderr


def mint(mesh: Mesh, seconds: int = 600) -> JoinToken:
    """A join token for a cluster that is no part of the demo."""
    mesh.client.put_cluster(cluster_document(SPARE, "us", network=SPARE))
    return parse_join_token(mesh.client.create_join_token(SPARE, seconds)["token"])


def joining(mesh: Mesh, folder: Path, token: JoinToken, **changes: Any) -> Path:
    """The settings of an agent that joins with this token."""
    folder.mkdir(exist_ok=True)
    (folder / "source").mkdir(exist_ok=True)
    file = folder / "join.token"
    file.write_text(format_join_token(token))
    wanted = {
        "cluster": SPARE,
        "source": str(folder / "source"),
        "listen": "127.30.9.2:15012",
        "join_token_file": str(file),
    }
    return settings_of(mesh, "us-east-agent", folder, **(wanted | changes))


def has_joined(folder: Path) -> bool:
    return (folder / "state" / "member.json").exists()


def test_a_used_join_token_is_refused_for_another_key(mesh: Mesh, tmp_path: Path) -> None:
    token = mint(mesh)
    first = joining(mesh, tmp_path / "first", token)
    command = [sys.executable, "-m", "cluster_agent.main", "--config", str(first)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
        try:
            wait_until("the first joins", lambda: has_joined(tmp_path / "first"), 15)
        finally:
            agent.terminate()
    second = joining(mesh, tmp_path / "second", token)
    assert "was already used for another key" in refusal("us-east-agent", second, DENIED)
    assert not has_joined(tmp_path / "second")


def test_an_expired_join_token_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    token = mint(mesh, seconds=1)
    pause(1.2)
    file = joining(mesh, tmp_path / "a", token)
    assert "has expired" in refusal("us-east-agent", file, DENIED)
    assert not has_joined(tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"root_sha256": "0" * 64}, "is not the one of the token"),
        ({"secret": "x" * 43}, "secret of join token"),
        ({"id": "f" * 16}, "was not made by this controller"),
    ],
    ids=["wrong-root-hash", "wrong-secret", "foreign-token"],
)
def test_a_join_token_that_was_changed_is_refused(
    mesh: Mesh, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    file = joining(mesh, tmp_path / "a", replace(mint(mesh), **change))
    assert says in refusal("us-east-agent", file, DENIED)
    assert not has_joined(tmp_path / "a")


def test_a_join_token_of_another_cluster_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    file = joining(mesh, tmp_path / "a", mint(mesh), cluster="other")
    assert "the join token is for cluster spare" in refusal("us-east-agent", file, DENIED)


def test_text_that_is_no_join_token_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    file = joining(mesh, tmp_path / "a", mint(mesh))
    (tmp_path / "a" / "join.token").write_text("hello\n")
    assert "join token does not begin with" in refusal("us-east-agent", file, USAGE)


def test_a_join_token_that_is_not_there_is_asked_for(mesh: Mesh, tmp_path: Path) -> None:
    file = joining(mesh, tmp_path / "a", mint(mesh), join_token_file=str(tmp_path / "none"))
    said = refusal("us-east-agent", file, FAILED)
    assert "fedctl token create spare" in said


# -- addresses ----------------------------------------------------------------------------------


def test_a_taken_address_of_the_agent_is_named(mesh: Mesh, tmp_path: Path) -> None:
    taken = mesh.member("us-east-agent").address("xds")
    file = joining(mesh, tmp_path / "a", mint(mesh), listen=taken)
    assert f"cannot listen at {taken}" in refusal("us-east-agent", file, FAILED)


@pytest.mark.parametrize(
    ("field", "purpose"), [("grpc_listen", "grpc"), ("api_listen", "api")], ids=["grpc", "api"]
)
def test_a_taken_address_of_the_controller_is_named(
    mesh: Mesh, tmp_path: Path, field: str, purpose: str
) -> None:
    taken = mesh.member("controller").address(purpose)
    free = {"grpc_listen": "127.30.9.1:7443", "api_listen": "127.30.9.1:8443"}
    file = settings_of(mesh, "controller", tmp_path, **(free | {field: taken}))
    assert f"cannot listen at {taken}" in refusal("controller", file, FAILED)


@pytest.mark.parametrize("name", ["us-east-gateway", "us-east-web-1-sidecar"])
def test_a_taken_readiness_address_is_named(mesh: Mesh, tmp_path: Path, name: str) -> None:
    file = settings_of(mesh, name, tmp_path)
    taken = mesh.member(name).address("readiness")
    said = refusal(name, file, FAILED)
    assert f"readiness: cannot listen at {taken}" in said


# -- Envoy --------------------------------------------------------------------------------------


def _script(folder: Path, text: str) -> str:
    file = folder / "envoy"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "cannot be run"),
        ("exit 3", "cannot be run"),
        ("echo hello", "does not say its version"),
        (
            "echo 'envoy  version: abc/1.20.0/Clean/RELEASE/BoringSSL'",
            "is 1.20.0, but must be 1.36 or newer",
        ),
    ],
    ids=["missing", "broken", "something-else", "too-old"],
)
def test_an_envoy_that_is_of_no_use_is_named(
    mesh: Mesh, tmp_path: Path, script: str | None, says: str
) -> None:
    envoy = str(tmp_path / "missing") if script is None else _script(tmp_path, script)
    file = settings_of(mesh, "us-east-gateway", tmp_path, envoy=envoy)
    said = refusal("us-east-gateway", file, FAILED)
    assert envoy in said
    assert says in said


# -- state folders ------------------------------------------------------------------------------

EVERY = pytest.mark.parametrize("name", MODULES)


@EVERY
def test_a_state_folder_that_is_a_file_is_named(mesh: Mesh, tmp_path: Path, name: str) -> None:
    state = tmp_path / "file"
    state.write_text("precious")
    file = settings_of(mesh, name, tmp_path, state=str(state))
    assert f"state folder {state} cannot be used" in refusal(name, file, FAILED)
    assert state.read_text() == "precious"


@pytest.mark.slow
@EVERY
def test_a_state_folder_that_cannot_be_written_is_named(
    mesh: Mesh, tmp_path: Path, name: str
) -> None:
    state = "/sys/fedmesh-state"  # not even root may make a folder there
    file = settings_of(mesh, name, tmp_path, state=state)
    assert f"state folder {state} cannot be used" in refusal(name, file, FAILED)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that is full."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk is not permitted here")
    try:
        (disk / "state").mkdir()
        with pytest.raises(OSError, match="No space"):
            (disk / "filler").write_bytes(bytes(64 * 1024))
        yield disk / "state"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # a false Envoy may be there


@EVERY
def test_a_full_state_folder_is_named_and_room_in_it_waited_for(
    mesh: Mesh, tmp_path: Path, full_disk: Path, name: str
) -> None:
    free = {"grpc_listen": "127.30.9.1:7443", "api_listen": "127.30.9.1:8443"}
    changes = free if name == "controller" else {}
    if "agent" in name:
        changes = {"listen": "127.30.9.1:15012"}
    if "sidecar" in name or "gateway" in name:
        envoy = tmp_path / "envoy"  # a real one would take requests of the demo
        version = "[ $1 = --version ] && echo 'envoy  version: a/1.40.0/Clean/RELEASE/x' && exit"
        envoy.write_text(f"#!/bin/sh\n{version}\nexec sleep 20\n")
        envoy.chmod(0o755)
        changes = {"readiness": "127.30.9.1:15021", "envoy": str(envoy), "agent": "127.30.9.1:1"}
    file = settings_of(mesh, name, tmp_path, state=str(full_disk), **changes)
    command = [sys.executable, "-m", MODULES[name], "--config", str(file)]
    errors = tmp_path / "errors"
    with errors.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            wait_until("said", lambda: "No space left on device" in errors.read_text(), 20)
            pause(0.5)
            assert process.poll() is None, errors.read_text()
        finally:
            process.terminate()
            process.wait(20)
    said = errors.read_text()
    assert str(full_disk) in said or "store" in said
    assert "Traceback" not in said
    assert said.count("No space left on device") < 5


@EVERY
def test_a_state_folder_in_use_is_named(mesh: Mesh, tmp_path: Path, name: str) -> None:
    state = mesh.paths.state(name)
    file = settings_of(mesh, name, tmp_path, state=str(state))
    assert f"state folder {state} is in use" in refusal(name, file, FAILED)


# -- settings files -----------------------------------------------------------------------------


@EVERY
def test_an_unknown_setting_is_named(mesh: Mesh, tmp_path: Path, name: str) -> None:
    file = settings_of(mesh, name, tmp_path, colour="blue")
    said = refusal(name, file, USAGE)
    assert str(file) in said
    assert re.search(r"\bcolour is not .*known", said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("controller", "grpc_listen", "127.0.0.1:99999"),
        ("controller", "domain", ["a"]),
        ("us-east-agent", "listen", "nowhere"),
        ("us-east-agent", "leaf_seconds", "long"),
        ("us-east-gateway", "port", 70000),
        ("us-east-gateway", "concurrency", "many"),
        ("us-east-web-1-sidecar", "outbound", 15001),
        ("us-east-web-1-sidecar", "state", 7),
    ],
)
def test_a_setting_of_the_wrong_type_is_named(
    mesh: Mesh, tmp_path: Path, name: str, field: str, value: object
) -> None:
    file = settings_of(mesh, name, tmp_path, **{field: value})
    said = refusal(name, file, USAGE)
    assert str(file) in said
    assert f"{field} is " in said


@pytest.mark.slow
@EVERY
def test_a_settings_file_that_is_no_yaml_is_named(mesh: Mesh, tmp_path: Path, name: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("state: [\n")
    assert str(file) in refusal(name, file, USAGE)
    assert str(tmp_path / "none") in refusal(name, tmp_path / "none", USAGE)


def test_a_demo_on_taken_addresses_names_who_has_them() -> None:
    taken = socket.create_server(("127.77.0.1", 8443))
    with taken, tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        state = Path(folder) / "d"  # a short path, as sockets need it
        command = [sys.executable, "-m", "federation.cli.main", "demo", "up", "--detach"]
        command += ["--state", str(state), "--network", "127.77"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert not state.exists()
    assert done.returncode == FAILED
    assert "127.77.0.1:8443" in done.stderr
    assert str(os.getpid()) in done.stderr
