"""How OpenAPI documents of Kubernetes name things: schemas, operations, kinds.

In: group, version and kind. Out: names that clients look for.
"""

from collections.abc import Sequence

from federation.api.kind import ApiKind, Json

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
SCHEMAS = "#/components/schemas/"
GVK = "x-kubernetes-group-version-kind"
ACTION = "x-kubernetes-action"

_OWN_NAMES = {"apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions"}


def is_builtin(group: str) -> bool:
    """Whether Kubernetes has the group itself."""
    return not group or group.endswith(".k8s.io")


def component(group: str, version: str, kind: str) -> str:
    """The dotted name of a kind's schema, as `dev.fedmesh.v1alpha1.Cluster`."""
    if not group:
        root = "io.k8s.api.core"
    elif is_builtin(group):
        root = _OWN_NAMES.get(group, f"io.k8s.api.{group.removesuffix('.k8s.io')}")
    else:
        root = ".".join(reversed(group.split(".")))
    return f"{root}.{version}.{kind}"


def ref(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"{SCHEMAS}{name}"}


def gvk(group: str, version: str, kind: str) -> Json:
    """What a document says of the kind that an operation or a schema is for."""
    return {"group": group, "version": version, "kind": kind}


def camel(group: str) -> str:
    """A group within the name of an operation."""
    words = group.removesuffix(".k8s.io").replace("-", ".").split(".") if group else ["core"]
    return "".join(word.capitalize() for word in words)


def by_version(kinds: Sequence[ApiKind]) -> dict[tuple[str, str], list[ApiKind]]:
    """The kinds of each group and version, in the order in which these come."""
    found: dict[tuple[str, str], list[ApiKind]] = {}
    for kind in kinds:
        found.setdefault((kind.group, kind.version), []).append(kind)
    return found
