"""The verbs of fedctl for objects, as processes, at the controller of a running demo."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rig import Mesh, wait_until

pytestmark = pytest.mark.timeout(90)

POLICY = """\
apiVersion: fedmesh.dev/v1alpha1
kind: TrafficPolicy
metadata: {{name: {name}, namespace: verbs}}
spec: {{mode: {mode}}}
---
"""
NAME = "trafficpolicy.fedmesh.dev/near"


class Fedctl:
    """fedctl with the demo's configuration, and a cache of its own."""

    def __init__(self, mesh: Mesh, folder: Path) -> None:
        self.config = ("--config", str(mesh.paths.fedctl))
        self.environ = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "federation.cli.main", *words, *self.config]

    def __call__(
        self, *words: str, code: int = 0, given: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            input=given,
            timeout=60,
            check=False,
            env={**self.environ, **more},
        )
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json").stdout)


@pytest.fixture
def fedctl(mesh: Mesh, tmp_path: Path) -> Iterator[Fedctl]:
    made = Fedctl(mesh, tmp_path)
    yield made
    for found in made.json("get", "tp", "-n", "verbs")["items"]:
        made("delete", "tp", found["metadata"]["name"], "-n", "verbs")


def test_what_the_demo_has_is_shown(fedctl: Fedctl, mesh: Mesh, tmp_path: Path) -> None:
    header, *rows = fedctl("get", "clusters").stdout.splitlines()
    assert header.split() == ["NAME", "REGION", "STATE", "EXPORTS", "AGE"]
    assert [row.split()[0] for row in rows] == sorted(site.id for site in mesh.layout.sites)
    assert {row.split()[2] for row in rows} == {"live"}
    assert fedctl("get", "cluster/eu-west", "-o", "name").stdout == "cluster.fedmesh.dev/eu-west\n"
    shown = fedctl("get", "fedmesh,ns", "-A", "-o", "wide").stdout
    assert "serviceimport" in shown
    assert "namespace/demo" in shown
    gateways = fedctl.json("get", "gateways", "--field-selector", "status.cluster=eu-west")["items"]
    assert [one["status"]["cluster"] for one in gateways] == ["eu-west"]
    text = fedctl("describe", "cluster", "eu-west").stdout
    assert text.startswith("Name:         eu-west\n")
    assert "\nStatus:\n" in text
    assert (
        "condition met"
        in fedctl("wait", "cluster/eu-west", "--for", "jsonpath={.status.state}=live").stdout
    )
    assert "region <string>" in fedctl("explain", "cluster.spec").stdout
    assert "trafficpolicies" in fedctl("api-resources").stdout
    told = fedctl("events", "--for", "cluster/eu-west").stdout.splitlines()
    assert all("eu-west" in line for line in told[1:])
    assert list((tmp_path / "cache" / "fedmesh").iterdir())
    assert fedctl("get", "clusters", XDG_CACHE_HOME="/proc/none").stdout.startswith("NAME")


def test_a_policy_is_applied_changed_and_deleted(fedctl: Fedctl, tmp_path: Path) -> None:
    text = POLICY.format(name="near", mode="Locality")
    assert fedctl("diff", "-f", "-", given=text, code=1).stdout.startswith("--- /dev/null")
    assert fedctl("apply", "-f", "-", given=text).stdout == f"{NAME} created\n"
    assert fedctl("apply", "-f", "-", given=text).stdout == f"{NAME} unchanged\n"
    assert fedctl("diff", "-f", "-", given=text).stdout == ""
    fedctl("wait", "tp/near", "-n", "verbs", "--for", "condition=Accepted", "--timeout", "10s")
    fedctl("wait", "tp/near", "-n", "verbs", "--for", "delete", "--timeout", "1s", code=1)
    wrong = text + POLICY.format(name="far", mode="Sideways")
    refused = fedctl("apply", "-f", "-", given=wrong.replace("Locality", "None"), code=2)
    assert "stdin:6: trafficpolicy.fedmesh.dev/far: " in refused.stderr
    assert fedctl.json("get", "tp", "near", "-n", "verbs")["spec"]["mode"] == "Locality"
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/mode: Locality/mode: None/" "$1"\n')
    editor.chmod(0o755)
    edited = fedctl("edit", "tp", "near", "-n", "verbs", EDITOR=str(editor), TMPDIR=str(tmp_path))
    assert edited.stdout == f"{NAME} edited\n"
    assert not list(tmp_path.glob("fedctl-edit-*"))
    owned = fedctl("diff", "-f", "-", given=text, code=5).stderr
    assert 'conflict with "fedctl-edit"' in owned
    changed = fedctl("diff", "--force-conflicts", "-f", "-", given=text, code=1).stdout
    assert "\n-  mode: None\n+  mode: Locality" in changed
    shown = fedctl("get", "tp", "-n", "verbs", "-o", "yaml").stdout
    assert fedctl("apply", "-f", "-", given=shown).stdout == f"{NAME} unchanged\n"
    told = fedctl("events", "--for", "tp/near", "-n", "verbs")
    assert (told.stdout, told.stderr) == ("", "no events in namespace verbs\n")
    assert fedctl("delete", "-f", "-", given=text).stdout == f"{NAME} deleted\n"
    fedctl("get", "tp", "near", "-n", "verbs", code=8)


@contextlib.contextmanager
def watching(fedctl: Fedctl) -> Iterator[subprocess.Popen[str]]:
    """A watch that has shown that there is a policy."""
    words = fedctl.command("get", "tp", "-n", "verbs", "-w", "-o", "name")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=fedctl.environ) as watch:
        try:
            assert watch.stdout is not None
            assert watch.stdout.readline() == f"{NAME}\n"
            yield watch
        finally:
            watch.kill()


def test_a_watch_shows_changes_until_it_is_ended_or_nobody_reads(fedctl: Fedctl) -> None:
    modes = itertools.cycle(("Locality", "None"))

    def change() -> None:
        fedctl("apply", "-f", "-", given=POLICY.format(name="near", mode=next(modes)))

    change()
    with watching(fedctl) as watch:
        change()
        assert watch.stdout is not None
        assert watch.stdout.readline() == f"{NAME}\n"
    with watching(fedctl) as watch:
        assert watch.stdout is not None
        watch.stdout.close()

        def has_ended() -> bool:
            change()
            return watch.poll() is not None

        wait_until("it ends", has_ended, 20)
        assert watch.returncode == 141


def test_what_cuts_a_cluster_is_asked(fedctl: Fedctl) -> None:
    refused = fedctl("delete", "cluster", "eu-west", code=2)
    assert "departure of cluster eu-west cuts:" in refused.stderr
    assert "without a terminal, say --yes" in refused.stderr
    narrower = fedctl.json("get", "cluster", "eu-west")
    narrower["spec"]["namespaces"] = ["other"]
    refused = fedctl("apply", "--force-conflicts", "-f", "-", given=json.dumps(narrower), code=2)
    assert "change of cluster eu-west cuts:" in refused.stderr
    assert fedctl.json("get", "cluster", "eu-west")["spec"].get("namespaces") != ["other"]


def test_mistakes_have_their_exit_codes(fedctl: Fedctl, tmp_path: Path) -> None:
    assert "has no kind 'clusterz'" in fedctl("get", "clusterz", code=2).stderr
    assert "not found" in fedctl("delete", "tp", "none", code=8).stderr
    assert "cannot be read" in fedctl("apply", "-f", str(tmp_path / "none"), code=2).stderr
    assert "view of what" in fedctl("delete", "gateway", "eu-west.gateway-1", code=1).stderr
