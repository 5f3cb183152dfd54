"""From installed software to two connected clusters, by commands alone."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.first_hour import CONTROLLER, FirstHour
from tests.e2e.rig import wait_until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def person() -> Iterator[FirstHour]:
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        found = FirstHour(Path(folder))
        try:
            yield found
        finally:
            found.stop()


def begin(person: FirstHour) -> None:
    listen = (f"{CONTROLLER}:8443", "--grpc-listen", f"{CONTROLLER}:7443")
    person.start(person.fedctl("init", "--state", "controller", "--listen", *listen))
    wait_until("the controller answers", lambda: "no cluster" in clusters(person), 20)


def clusters(person: FirstHour) -> str:
    try:
        return person.fedctl("cluster", "list") + person.said
    except AssertionError:
        return ""


def join(person: FirstHour, cluster: str, listen: str) -> str:
    command = person.fedctl("invite", cluster, "--region", "us").split()
    return person.run(*command, "--listen", listen)


@pytest.mark.slow  # the guide of the first hour does the same in every run
def test_two_clusters_are_connected_by_three_commands_each(person: FirstHour) -> None:
    begin(person)
    person.start(join(person, "east", "127.66.1.2:15012"))
    wait_until("east is connected", partial(person.is_connected, "east"), 20)
    command = person.fedctl("invite", "west", "--region", "us").strip()
    person.start(f"{command} --listen 127.66.2.2:15012 --run")
    wait_until("west is connected", partial(person.is_connected, "west"), 20)
    assert person.is_connected("east")


def test_a_federation_may_have_ipv6_addresses(person: FirstHour) -> None:
    person.start(person.fedctl("init", "--state", "controller", "--listen", "[::1]:8443"))
    wait_until("the controller answers", lambda: "no cluster" in clusters(person), 20)
    person.start(join(person, "east", "[::1]:15012"))
    wait_until("east is connected", partial(person.is_connected, "east"), 20)
    assert "https://[::1]:8443" in person.fedctl("context", "show")


def test_names_of_the_controller_are_completed(person: FirstHour) -> None:
    begin(person)
    person.fedctl("invite", "east", "--region", "us")
    person.environment |= {"_FEDCTL_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words, found in (
        ("fedctl leave e", "plain,east\n"),
        ("fedctl get clust", "plain,clusters\n"),
    ):
        person.environment["COMP_WORDS"] = words
        assert person.run("fedctl") == found
        assert person.said == ""
    person.stop()
    assert person.run("fedctl").strip() == ""
    assert person.said == ""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kubectl_reads_what_fedctl_has_written(person: FirstHour) -> None:
    begin(person)
    person.fedctl("invite", "east", "--region", "us")
    kubectl = ("kubectl", "--kubeconfig", "own.yaml")
    person.fedctl("kubeconfig", "--output", "own.yaml")
    assert person.run(*kubectl, "get", "clusters", "-o", "name").strip() == (
        "cluster.fedmesh.dev/east"
    )
    person.run("kubectl", "config", "set-context", "mine", "--cluster", "c", "--user", "u")
    person.fedctl("kubeconfig", "--merge", "--name", "mesh")
    shown = person.run("kubectl", "config", "get-contexts", "-o", "name").split()
    assert sorted(shown) == ["mesh", "mine"]
    assert "us" in person.run("kubectl", "--context", "mesh", "get", "cluster", "east")
    person.fedctl("user", "add", "eve")
    person.fedctl("kubeconfig", "--config", "eve.fedctl.yaml", "--output", "eve.yaml")
    assert "eve" in person.run("kubectl", "--kubeconfig", "eve.yaml", "auth", "whoami")
    person.fedctl("context", "show", "--config", "eve.fedctl.yaml")
    person.fedctl("cluster", "list", "--config", "eve.fedctl.yaml", code=4)


def test_every_step_can_be_repeated_while_all_runs(person: FirstHour) -> None:
    begin(person)
    command = person.fedctl("invite", "east", "--region", "us").split()
    agent = person.run(*command, "--listen", "127.66.1.2:15012")
    person.start(agent)
    wait_until("connected", lambda: person.is_connected("east"), 20)
    before = {f.name: f.read_bytes() for f in person.folder.glob("*.yaml")}
    person.fedctl("init", "--state", "controller")
    token = command[2]
    person.run("fedctl", "join", "-", *command[3:], stdin=f"{token}\n")
    assert "its agent runs" in person.said
    assert {f.name: f.read_bytes() for f in person.folder.glob("*.yaml")} == before
    assert person.is_connected("east")
    person.fedctl("leave", "east", "--yes")
    assert "east" not in clusters(person)


def test_where_another_controller_answers_nothing_is_written(person: FirstHour) -> None:
    begin(person)
    command = person.fedctl("invite", "east", "--region", "us").split()
    person.stop()
    person.run(*command, "--wait", "1s", code=8)
    assert "is the controller running" in person.said
    other = FirstHour(person.folder / "other")
    other.folder.mkdir()
    try:
        begin(other)
        person.run(*command, code=4)
        assert "is not the one of the token" in person.said
        assert "fedctl invite" in person.said
    finally:
        other.stop()
    assert not list(person.folder.glob("east*"))
