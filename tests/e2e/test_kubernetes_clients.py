"""Programs that nobody here wrote, beside kubectl: the official Python client in all its forms.

Further: what Argo CD, k9s and Terraform's kubernetes_manifest are known to ask, as they send it.
"""

import asyncio
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

from tests.e2e.kubectls import write_kubeconfig
from tests.e2e.lone_controller import LoneController, lone_controller

pytestmark = pytest.mark.timeout(60)

GROUP, VERSION, PLURAL = "fedmesh.dev", "v1alpha1", "trafficpolicies"


def policy(name: str = "near", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TrafficPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneController]:
    with lone_controller(tmp_path_factory.mktemp("clients")) as made:
        made.start()
        yield made


@pytest.fixture
def kubeconfig(controller: LoneController, tmp_path: Path) -> Path:
    token = (controller.state / "admin.token").read_text()
    server, root = f"https://{controller.host}:8443", controller.state / "root.pem"
    return write_kubeconfig(tmp_path / "kubeconfig", server, root, {"token": token})


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[client.ApiClient]:
    made = config.new_client_from_config(str(kubeconfig))
    yield made
    client.CustomObjectsApi(made).delete_collection_namespaced_custom_object(
        GROUP, VERSION, "shop", PLURAL
    )
    made.close()


def test_versions_groups_and_namespaces(api: client.ApiClient) -> None:
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")
    groups = {one.name for one in client.ApisApi(api).get_api_versions().groups}
    assert {GROUP, "multicluster.x-k8s.io"} <= groups
    core = client.CoreV1Api(api)
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="mine")))
    assert "mine" in {one.metadata.name for one in core.list_namespace().items}
    core.delete_namespace("mine")
    assert core.list_event_for_all_namespaces().items is not None
    kinds = client.ApiextensionsV1Api(api).list_custom_resource_definition()
    assert f"{PLURAL}.{GROUP}" in {one.metadata.name for one in kinds.items}


def test_what_one_may(api: client.ApiClient) -> None:
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(
                verb="delete", group=GROUP, resource="clusters"
            )
        )
    )
    found = client.AuthorizationV1Api(api).create_self_subject_access_review(review)
    assert found.status.allowed
    who = client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview())
    assert who.status.user_info.username == "admin"


def test_custom_objects(api: client.ApiClient) -> None:
    objects = client.CustomObjectsApi(api)
    made = objects.create_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, policy())
    assert made["spec"] == {"mode": "Locality"}
    patched = objects.patch_namespaced_custom_object(
        GROUP, VERSION, "shop", PLURAL, "near", {"spec": {"mode": "None"}}
    )
    assert patched["spec"]["mode"] == "None"
    listed = objects.list_cluster_custom_object(GROUP, VERSION, PLURAL, limit=1)
    assert [one["metadata"]["name"] for one in listed["items"]] == ["near"]
    with pytest.raises(ApiException) as error:
        objects.create_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, policy())
    assert json.loads(error.value.body)["reason"] == "AlreadyExists"
    objects.delete_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, "near")


def test_the_dynamic_client(api: client.ApiClient, tmp_path: Path) -> None:
    found = dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery"))
    policies = found.resources.get(api_version=f"{GROUP}/{VERSION}", kind="TrafficPolicy")
    policies.create(body=policy(), namespace="shop")
    applied = policies.server_side_apply(
        body=policy(mode="None"), namespace="shop", name="near", field_manager="me",
        force_conflicts=True,
    )  # fmt: skip
    assert applied.spec.mode == "None"
    merge = "application/merge-patch+json"
    policies.patch(
        body={"metadata": {"labels": {"a": "b"}}}, namespace="shop", name="near",
        content_type=merge,
    )  # fmt: skip
    assert len(policies.get(namespace="shop", label_selector="a=b").items) == 1
    events = policies.watch(namespace="shop", timeout=1)
    assert [event["type"] for event in events] == ["ADDED"]


def test_a_watch_of_the_client(api: client.ApiClient, kubeconfig: Path) -> None:
    objects = client.CustomObjectsApi(api)
    seen: list[tuple[str, str]] = []

    def follow() -> None:
        own = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))
        stream = watch.Watch().stream(
            own.list_cluster_custom_object, GROUP, VERSION, PLURAL, timeout_seconds=5
        )
        for event in stream:
            seen.append((event["type"], event["object"]["metadata"]["name"]))
            if len(seen) == 3:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    objects.create_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, policy())
    objects.patch_namespaced_custom_object(
        GROUP, VERSION, "shop", PLURAL, "near", {"spec": {"mode": "None"}}
    )
    objects.delete_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, "near")
    thread.join(20)
    assert seen[-1] == ("DELETED", "near")


def test_the_client_for_asyncio(kubeconfig: Path, api: client.ApiClient) -> None:
    aio = pytest.importorskip("kubernetes.aio")

    async def work() -> list[str]:
        await aio.config.load_kube_config(str(kubeconfig))
        async with aio.client.ApiClient() as made:
            objects = aio.client.CustomObjectsApi(made)
            await objects.create_namespaced_custom_object(GROUP, VERSION, "shop", PLURAL, policy())
            listed = await objects.list_cluster_custom_object(GROUP, VERSION, PLURAL)
            return [one["metadata"]["name"] for one in listed["items"]]

    assert asyncio.run(work()) == ["near"]


class Raw:
    """Requests as they are sent on the wire."""

    def __init__(self, controller: LoneController) -> None:
        self._base = f"https://{controller.host}:8443"
        self._token = (controller.state / "admin.token").read_text()
        self._tls = ssl.create_default_context(cafile=str(controller.state / "root.pem"))

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes, str]:
        """Status, body and content type."""
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        shown["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, shown, method=method)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=10) as answer:
                return answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers["Content-Type"]


def test_what_argo_cd_asks(controller: LoneController) -> None:
    raw = Raw(controller)
    status, body, _ = raw("GET", "/version")
    assert (status, json.loads(body)["gitVersion"][0]) == (200, "v")
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    status, body, media = raw("GET", "/openapi/v2", Accept=protobuf)
    assert (status, media) == (
        200,
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    )
    assert b"dev.fedmesh.v1alpha1.TrafficPolicy" in body
    status, body, _ = raw("GET", "/apis", Accept="application/json")
    follows: list[str] = []
    for group in json.loads(body)["groups"]:
        version = group["preferredVersion"]["groupVersion"]
        status, found, _ = raw("GET", f"/apis/{version}", Accept="application/json")
        assert status == 200
        for one in json.loads(found)["resources"]:
            if {"list", "watch"} <= set(one["verbs"]):  # one that fails, fails all of them
                path = f"/apis/{version}/{one['name']}"
                status, items, _ = raw("GET", f"{path}?limit=500", Accept="application/json")
                assert status == 200
                revision = json.loads(items)["metadata"]["resourceVersion"]
                assert revision not in ("", "0")
                follow = f"{path}?watch=true&resourceVersion={revision}&timeoutSeconds=1"
                follows.append(f"{follow}&allowWatchBookmarks=true")
    with ThreadPoolExecutor(len(follows)) as pool:
        assert {status for status, _, _ in pool.map(partial(raw, "GET"), follows)} == {200}


def test_what_k9s_asks(controller: LoneController) -> None:
    raw = Raw(controller)
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    for path in ("/api/v1/namespaces", f"/apis/{GROUP}/{VERSION}/clusters"):
        status, body, _ = raw("GET", f"{path}?includeObject=Object&limit=500", Accept=table)
        assert (status, json.loads(body)["kind"]) == (200, "Table")
    initial = (
        "?allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true"
        "&timeoutSeconds=1&watch=true"
    )
    status, body, _ = raw("GET", f"/apis/{GROUP}/{VERSION}/clusters{initial}")
    bookmark = json.loads(body.splitlines()[0])
    assert bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
    review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
              "spec": {"resourceAttributes": {"verb": "list", "group": GROUP,
                                              "resource": "clusters"}}}  # fmt: skip
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, body, _ = raw("POST", path, review, Content_Type="application/json")
    assert (status, json.loads(body)["status"]["allowed"]) == (201, True)


def test_what_terraforms_kubernetes_manifest_asks(controller: LoneController) -> None:
    raw = Raw(controller)
    assert raw("GET", "/apis")[0] == 200
    status, body, media = raw("GET", "/openapi/v2", Accept="application/json")
    definitions = json.loads(body)["definitions"]
    assert (status, media.partition(";")[0]) == (200, "application/json")
    assert "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" in definitions
    status, body, _ = raw("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    (found,) = (
        one for one in json.loads(body)["items"] if one["spec"]["names"]["plural"] == PLURAL
    )
    assert found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    path = f"/apis/{GROUP}/{VERSION}/namespaces/shop/{PLURAL}/planned"
    assert raw("GET", path)[0] == 404
    apply = "application/apply-patch+yaml"
    wish = f"{path}?fieldManager=Terraform&force=false"
    status, body, _ = raw("PATCH", f"{wish}&dryRun=All", policy("planned"), Content_Type=apply)
    assert status in (200, 201)
    status, body, _ = raw("PATCH", wish, policy("planned"), Content_Type=apply)
    assert status == 201
    status, again, _ = raw("PATCH", wish, policy("planned"), Content_Type=apply)
    assert (status, json.loads(again)) == (200, json.loads(body))
    assert raw("DELETE", path)[0] == 200
    assert raw("GET", path)[0] == 404
