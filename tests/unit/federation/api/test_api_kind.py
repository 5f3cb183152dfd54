"""Names that are derived from a kind."""

from federation.api.kind import EVERY, ApiKind, Subresource


def kind(group: str, version: str) -> ApiKind:
    below = (Subresource("status", ("get",)),)
    return ApiKind(group, version, "Thing", "things", "thing", False, EVERY, {}, subresources=below)


def test_a_kind_of_a_group() -> None:
    found = kind("fedmesh.dev", "v1alpha1")
    assert found.api_version == "fedmesh.dev/v1alpha1"
    assert found.path == "/apis/fedmesh.dev/v1alpha1/things"
    assert found.resource == "things.fedmesh.dev"


def test_a_kind_of_the_core() -> None:
    found = kind("", "v1")
    assert (found.api_version, found.path, found.resource) == ("v1", "/api/v1/things", "things")


def test_subresources_are_found_by_name() -> None:
    found = kind("", "v1")
    status = found.subresource("status")
    assert status is not None
    assert status.verbs == ("get",)
    assert found.subresource("scale") is None
