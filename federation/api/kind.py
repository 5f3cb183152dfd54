"""What the Kubernetes-style API must know of a kind: one value for each.

In: names, a schema, columns. Out: discovery, OpenAPI, tables and paths, which are all derived from
it; `federation.api.kinds` has the rows. The machinery (`federation.apiserver`) knows no kind.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")
EVERY = (*READ, *WRITE)
CREATE_ONLY = ("create",)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `path` leads to the value, as in `.spec.region`.

    It may put several into a text, as in `{.kind}/{.metadata.name}`.

    `type` is that of OpenAPI (`string`, `integer`, `boolean`), or `date`, which is shown as an age.
    `wide` columns are shown with `-o wide` alone.
    """

    name: str
    path: str
    type: str = "string"
    description: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Subresource:
    """What lies below an object, such as `status`; `verbs` are those of Kubernetes.

    `kind`, `group` and `version` are those of the body, and the object's own where they are empty.
    """

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""
    schema: Json | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ApiKind:
    """A kind of objects in one version. `group` is "" for the core.

    `schema` is the structural schema (OpenAPI v3) of a whole object, without references; lists in
    it say by `x-kubernetes-list-type` how they are merged. `spec` is the model by which an object's
    spec is judged; None where there is nothing to judge. `selectable` are the fields by which a
    list can be selected, beside name and namespace. `is_label`: a name is one DNS label, not a
    subdomain. `labels` are those of its CustomResourceDefinition, by which tools find kinds that
    they may use for a purpose.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    schema: Json
    spec: type[BaseModel] | None = None
    description: str = ""
    columns: tuple[Column, ...] = ()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    selectable: tuple[str, ...] = ()
    is_label: bool = True
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def api_version(self) -> str:
        """As documents say it: `GROUP/VERSION`, or the version of the core."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Where its objects are, without namespace: `/apis/GROUP/VERSION/PLURAL`."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/{self.plural}"

    @property
    def resource(self) -> str:
        """`PLURAL.GROUP`, or the plural of a kind of the core: how messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of this name."""
        return next((s for s in self.subresources if s.name == name), None)
