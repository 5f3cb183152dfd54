"""The paths of a kind, with an operation for each verb.

In: ApiKind. Out: paths as OpenAPI 3.0 says them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from federation.api.kind import ApiKind, Json, Subresource
from federation.apiserver.openapi.names import (
    ACTION,
    GVK,
    META,
    camel,
    component,
    gvk,
    ref,
)
from federation.apiserver.openapi.parameters import of_path, query
from federation.apiserver.openapi.responses import JSON, of_verb

BODIES = (JSON, "application/yaml")
"""In what types an object may be sent."""

_METHODS = {
    "list": "get",
    "get": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_ACTIONS = {**_METHODS, "list": "list", "deletecollection": "deletecollection"}
_WORDS = {
    "list": "list",
    "get": "read",
    "create": "create",
    "update": "replace",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_SAYS = {
    "list": "list or watch objects of kind {}",
    "get": "read the specified {}",
    "create": "create a {}",
    "update": "replace the specified {}",
    "patch": "partially update the specified {}",
    "delete": "delete a {}",
    "deletecollection": "delete collection of {}",
}
_OF_ALL = ("list", "create", "deletecollection")
_OF_ONE = ("get", "update", "patch", "delete")


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path is for: objects of a kind, one of them, or what is below one."""

    kind: ApiKind
    verbs: Sequence[str]
    body: tuple[str, str, str]
    """Group, version and kind."""
    schema: str
    below: str = ""
    everywhere: bool = False
    says: str = ""
    """What the subresource is, where it says so."""

    def operation_id(self, verb: str) -> str:
        kind = self.kind
        group = f"{camel(kind.group)}{kind.version.capitalize()}"
        collection = "Collection" if verb == "deletecollection" else ""
        scope = "Namespaced" if kind.namespaced and not self.everywhere else ""
        end = "ForAllNamespaces" if self.everywhere else _pascal(self.below)
        return f"{_WORDS[verb]}{group}{collection}{scope}{kind.kind}{end}"


def body_of(kind: ApiKind, below: Subresource) -> tuple[str, str, str]:
    """The group, version and kind of what a subresource reads and writes."""
    return (
        below.group or kind.group,
        below.version or kind.version,
        below.kind or kind.kind,
    )


def name_of(kind: ApiKind, below: Subresource) -> str:
    """The name of its schema."""
    if below.schema is not None and not below.kind:
        return component(kind.group, kind.version, kind.kind + _pascal(below.name))
    return component(*body_of(kind, below))


def paths(kind: ApiKind) -> Json:
    """The paths of a kind and its subresources."""
    return {path: item for path, item in _paths(kind) if item}


def _paths(kind: ApiKind) -> Iterator[tuple[str, Json]]:
    own = (kind.group, kind.version, kind.kind)
    name = component(*own)
    all_, everywhere = kind.path, kind.namespaced
    if everywhere:
        head, _, plural = kind.path.rpartition("/")
        all_ = f"{head}/namespaces/{{namespace}}/{plural}"
        verbs = [verb for verb in kind.verbs if verb == "list"]
        yield kind.path, _item(_Target(kind, verbs, own, name, everywhere=True), named=False)
    of_all = [verb for verb in kind.verbs if verb in _OF_ALL]
    of_one = [verb for verb in kind.verbs if verb in _OF_ONE]
    yield all_, _item(_Target(kind, of_all, own, name), named=False)
    yield f"{all_}/{{name}}", _item(_Target(kind, of_one, own, name), named=True)
    for below in kind.subresources:
        verbs = [verb for verb in below.verbs if verb in _METHODS]
        body, schema = body_of(kind, below), name_of(kind, below)
        target = _Target(kind, verbs, body, schema, below.name, says=below.description)
        yield f"{all_}/{{name}}/{below.name}", _item(target, named=True)


def _item(target: _Target, *, named: bool) -> Json:
    found = {_METHODS[verb]: _operation(verb, target) for verb in target.verbs}
    if not found:
        return {}
    namespaced = target.kind.namespaced and not target.everywhere
    return {**found, "parameters": of_path(target.kind.kind, namespaced=namespaced, named=named)}


def _operation(verb: str, target: _Target) -> Json:
    watches = "watch" in target.kind.verbs and not target.below
    what = f"{target.below} of the specified {target.kind.kind}" if target.below else ""
    found: Json = {
        "tags": [f"{camel(target.kind.group)}_{target.kind.version}".lower()],
        "description": target.says or _SAYS[verb].format(what or target.kind.kind),
        "operationId": target.operation_id(verb),
        "parameters": query(verb, watches=watches),
        "responses": of_verb(
            verb, ref(target.schema), ref(f"{target.schema}List"), watches=watches
        ),
        ACTION: _ACTIONS[verb],
        GVK: gvk(*target.body),
    }
    if body := _body(verb, target):
        found["requestBody"] = body
    return found


def _body(verb: str, target: _Target) -> Json | None:
    if verb in ("create", "update"):
        required = not (target.below and verb == "create")
        return _content(dict.fromkeys(BODIES, target.schema), required=required)
    if verb == "patch":
        return _content(_patches(target.kind), required=True)
    if verb in ("delete", "deletecollection"):
        return _content(dict.fromkeys(BODIES, f"{META}.DeleteOptions"), required=False)
    return None


def _patches(kind: ApiKind) -> dict[str, str]:
    found = {
        "application/apply-patch+yaml": f"{META}.Patch",
        "application/json-patch+json": f"{META}.JSONPatch",
        "application/merge-patch+json": f"{META}.Patch",
    }
    if not kind.group:
        found["application/strategic-merge-patch+json"] = f"{META}.Patch"
    return found


def _content(schemas: dict[str, str], *, required: bool) -> Json:
    content = {type_: {"schema": ref(name)} for type_, name in schemas.items()}
    return {"content": content} | ({"required": True} if required else {})


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("-"))
