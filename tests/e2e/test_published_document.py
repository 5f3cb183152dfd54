"""The published OpenAPI documents are the truth: what a machine makes of them finds no fault.

schemathesis reads the documents of a running controller, and sends what they allow and what they
do not. Every answer must be one that the document has, and none may be a failure of ours.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.lone_controller import LoneController, lone_controller

DOCUMENTS = (
    "apis/fedmesh.dev/v1alpha1",
    "apis/multicluster.x-k8s.io/v1beta1",
    "api/v1",
    "apis/authorization.k8s.io/v1",
    "apis/authentication.k8s.io/v1",
)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
SETTINGS = """
[parameters]
"query.watch" = false
"path.name" = "near"
"path.namespace" = "shop"
"""
"""Watches end by no request: other tests have them. The names are of objects that are there."""
BINDING = {"role": "viewer", "subjects": [{"kind": "User", "name": "near"}]}
OBJECTS: dict[str, dict[str, Any]] = {
    "clusters": {"region": "eu"},
    "users": {},
    "rolebindings": BINDING,
    "applysets": {},
    "namespaces/shop/trafficpolicies": {},
}


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneController]:
    with lone_controller(tmp_path_factory.mktemp("document")) as made:
        made.start()
        yield made


def ask(controller: LoneController, method: str, path: str, body: Any = None) -> Any:
    token = (controller.state / "admin.token").read_text()
    answer = requests.request(
        method,
        f"https://{controller.host}:8443{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        verify=str(controller.state / "root.pem"),
        timeout=10,
    )
    assert answer.ok, answer.text
    return answer.json()


def judge(controller: LoneController, document: str, folder: Path, *words: str) -> str:
    """What schemathesis says of a document."""
    for path, spec in OBJECTS.items():
        body = {"metadata": {"name": "near"}, "spec": spec}
        where = f"/apis/fedmesh.dev/v1alpha1/{path}"
        if not any(
            one["metadata"]["name"] == "near" for one in ask(controller, "GET", where)["items"]
        ):
            ask(controller, "POST", where, body)
    file = folder / "document.json"
    file.write_text(json.dumps(ask(controller, "GET", f"/openapi/v3/{document}")))
    (folder / "schemathesis.toml").write_text(SETTINGS)
    token = (controller.state / "admin.token").read_text()
    command = (
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file=schemathesis.toml",
        "run",
        str(file),
        f"--url=https://{controller.host}:8443",
        f"--tls-verify={controller.state / 'root.pem'}",
        f"--header=Authorization: Bearer {token}",
        f"--checks={','.join(CHECKS)}",
        "--request-timeout=10",
        "--seed=1",
        *words,
    )
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=280, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.timeout(120)
@pytest.mark.parametrize("document", DOCUMENTS[:1])
def test_requests_made_of_the_document(
    controller: LoneController, document: str, tmp_path: Path
) -> None:
    said = judge(controller, document, tmp_path, "--phases=fuzzing", "--max-examples=4")
    assert "Fuzzing" in said
    assert "Traceback" not in controller.log


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_bound_of_the_document(
    controller: LoneController, document: str, tmp_path: Path
) -> None:
    judge(controller, document, tmp_path, "--phases=coverage,fuzzing", "--max-examples=30")
    assert "Traceback" not in controller.log
