"""What people ask the controller, and what they are told."""

from pathlib import Path
from typing import Any

import pytest

from federation.controller.application import Controller
from federation.controller.authority import open_authority
from federation.controller.loop import Federation
from federation.controller.members import Members
from federation.controller.registry import Registry
from federation.model.errors import InvalidInput, NotReady
from federation.model.names import ClusterId
from federation.runtime.clock import utc_now
from federation.trust.issue import make_csr, make_twin, new_key
from federation.trust.pem import pem
from federation.trust.profile import twin_profile
from federation.wire import codec
from federation.xds.receiver import Change
from federation.xds.resources import resource
from tests.unit.builders import backend, export
from tests.unit.fakes.fake_store import FakeStore

EAST = ClusterId("east")


@pytest.fixture
def federation() -> Federation:
    return Federation(Registry(), FakeStore())


@pytest.fixture
def controller(tmp_path: Path, federation: Federation) -> Controller:
    authority = open_authority(tmp_path, "mesh.test", ["127.0.0.1"], utc_now())
    members = Members(federation._store, authority, "mesh.test", "https://127.0.0.1:8443")
    return Controller(federation, members, authority, "mesh.test", "127.0.0.1:7443")


def document(name: str = "east") -> dict[str, Any]:
    return {
        "apiVersion": "fedmesh.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {"region": "eu", "zones": ["a"]},
    }


async def test_a_cluster_is_known_before_it_joins_and_joined_after(controller: Controller) -> None:
    told = await controller.put_cluster("east", document())
    assert (told["id"], told["trust_domain"], told["joined"]) == ("east", "east.mesh.test", False)
    minted = await controller.mint_join_token({"cluster": "east"})
    key = new_key()
    twin = make_twin(key, twin_profile("east.mesh.test"), utc_now())
    body = {"token": minted["token"], "csr": pem(make_csr(key)).decode()}
    answer = await controller.join({**body, "twin": pem(twin).decode()})
    assert (answer["cluster"], answer["grpc"]) == ("east", "127.0.0.1:7443")
    assert answer["root"].encode() == controller.root_pem()
    (cluster,) = (await controller.clusters())["items"]
    assert (cluster["joined"], cluster["connected"]) == (True, False)


async def test_a_document_must_be_of_the_cluster_in_the_path(controller: Controller) -> None:
    with pytest.raises(InvalidInput, match="'east', but the path says 'west'"):
        await controller.put_cluster("west", document())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "field cluster is None"),
        ({"cluster": 7}, "field cluster is 7"),
        ({"cluster": "east", "expires_seconds": True}, "expires_seconds is True"),
        ({"cluster": "east", "expires_seconds": "60"}, "expires_seconds is '60'"),
        ({"cluster": "east", "expires_seconds": 0}, "expires_seconds is 0"),
    ],
)
async def test_a_wrong_field_is_named(
    controller: Controller, body: dict[str, Any], reason: str
) -> None:
    await controller.put_cluster("east", document())
    with pytest.raises(InvalidInput, match=reason):
        await controller.mint_join_token(body)


async def test_a_token_for_an_unknown_cluster_says_what_to_do(controller: Controller) -> None:
    with pytest.raises(NotReady, match="add it first"):
        await controller.mint_join_token({"cluster": "east"})


async def test_services_are_shown_with_the_counts_of_each_exporter(
    controller: Controller, federation: Federation
) -> None:
    await controller.put_cluster("east", document())
    changes = [
        Change(codec.EXPORT, "shop/api", resource("shop/api", codec.encode_export(export("east")))),
        Change(
            codec.BACKEND,
            "shop/api",
            resource("shop/api", codec.encode_backend(backend("east", ready=2))),
        ),
    ]
    federation.registry.apply(EAST, changes, 0)
    (service,) = (await controller.services())["items"]
    assert (service["name"], service["exporters"]) == ("shop/api", ["east"])
    assert service["backends"] == [{"cluster": "east", "ready": 2, "total": 2}]
    assert (await controller.status())["services"] == 1
