"""Names in OpenAPI documents."""

import pytest

from federation.apiserver.openapi.names import by_version, camel, component, is_builtin
from tests.unit.federation.apiserver.kinds import KINDS


@pytest.mark.parametrize(
    ("group", "version", "name"),
    [
        ("", "v1", "io.k8s.api.core.v1.Thing"),
        ("fedmesh.dev", "v1alpha1", "dev.fedmesh.v1alpha1.Thing"),
        ("events.k8s.io", "v1", "io.k8s.api.events.v1.Thing"),
        ("multicluster.x-k8s.io", "v1", "io.x-k8s.multicluster.v1.Thing"),
        (
            "apiextensions.k8s.io",
            "v1",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.Thing",
        ),
    ],
)
def test_schemas_have_dotted_names(group: str, version: str, name: str) -> None:
    assert component(group, version, "Thing") == name
    assert is_builtin(group) == name.startswith("io.k8s.")


@pytest.mark.parametrize(
    ("group", "word"),
    [
        ("", "Core"),
        ("fedmesh.dev", "FedmeshDev"),
        ("authorization.k8s.io", "Authorization"),
        ("multicluster.x-k8s.io", "MulticlusterXK8sIo"),
    ],
)
def test_groups_in_names_of_operations(group: str, word: str) -> None:
    assert camel(group) == word


def test_kinds_come_by_their_versions() -> None:
    found = by_version(KINDS)
    assert list(found)[:2] == [("", "v1"), ("fedmesh.dev", "v1alpha1")]
    assert sum(len(kinds) for kinds in found.values()) == len(KINDS)
