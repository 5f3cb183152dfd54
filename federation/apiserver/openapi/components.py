"""The schemas of kinds, as OpenAPI documents have them.

In: ApiKind. Out: schemas by their dotted names: of objects, lists and subresources.
"""

from collections.abc import Sequence
from typing import Any

from federation.api.kind import ApiKind, Json
from federation.apiserver.openapi.meta import COMPONENTS
from federation.apiserver.openapi.names import GVK, META, SCHEMAS, component, gvk, ref
from federation.apiserver.openapi.operations import body_of, name_of

_FREE: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def components(kinds: Sequence[ApiKind]) -> Json:
    """The schemas of kinds; raises ValueError where subresources share a kind, not its schema."""
    found: Json = {}
    for kind in kinds:
        own = (kind.group, kind.version, kind.kind)
        found[component(*own)] = _whole(kind.schema, *own)
        if "list" in kind.verbs:
            found[f"{component(*own)}List"] = _list(kind)
    for kind in kinds:
        for below in kind.subresources:
            name, body = name_of(kind, below), body_of(kind, below)
            if below.schema is not None:
                made = _whole(below.schema, *body)
                if not _is_same(found.setdefault(name, made), made):
                    raise ValueError(f"{name} has two schemas")
            else:
                found.setdefault(name, COMPONENTS.get(name) or _whole(_FREE, *body))
    return found


def with_needed(schemas: Json, *users: Any) -> Json:
    """The schemas, and those common ones that they and `users` refer to, sorted by name."""
    found, left = dict(schemas), [schemas, *users]
    while left:
        for name in _names(left.pop()):
            if name not in found:
                found[name] = COMPONENTS[name]
                left.append(COMPONENTS[name])
    return dict(sorted(found.items()))


def _names(node: Any) -> set[str]:
    """The schemas that are referred to anywhere below."""
    if isinstance(node, list):
        return set[str]().union(*map(_names, node))
    if not isinstance(node, dict):
        return set()
    to = node.get("$ref")
    own = {to.removeprefix(SCHEMAS)} if isinstance(to, str) and to.startswith(SCHEMAS) else set()
    return own.union(*map(_names, node.values()))


def _is_same(one: Json, other: Json) -> bool:
    """But for what they are said to be for."""
    return {**one, "description": ""} == {**other, "description": ""}


def _whole(schema: Json, group: str, version: str, kind: str) -> Json:
    """An object that can stand alone: of this version and kind, with its metadata."""
    found = _merged_by_keys(schema)
    fields = dict(found.get("properties", {}))
    said = {"apiVersion": f"{group}/{version}" if group else version, "kind": kind}
    for name, value in said.items():
        if name in fields:
            fields[name] = {**fields[name], "enum": [value]}
    if fields.get("metadata", {}).get("type") == "object" and len(fields["metadata"]) == 1:
        fields["metadata"] = {
            "description": "Standard object's metadata.",
            "allOf": [ref(f"{META}.ObjectMeta")],
        }
    return {
        **found,
        **({"properties": fields} if fields else {}),
        GVK: [gvk(group, version, kind)],
    }


def _list(kind: ApiKind) -> Json:
    item = component(kind.group, kind.version, kind.kind)
    return {
        "type": "object",
        "description": f"{kind.kind}List is a list of {kind.kind}.",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "enum": [kind.api_version]},
            "kind": {"type": "string", "enum": [f"{kind.kind}List"]},
            "metadata": {
                "description": "Standard list's metadata.",
                "allOf": [ref(f"{META}.ListMeta")],
            },
            "items": {"type": "array", "items": ref(item)},
        },
        GVK: [gvk(kind.group, kind.version, f"{kind.kind}List")],
    }


def _merged_by_keys(schema: Json) -> Json:
    """A schema in which lists also say by which key clients merge them.

    Clients know one key alone: a list has it if all its other keys have only one value.
    """
    found = dict(schema)
    if "properties" in found:
        found["properties"] = {k: _merged_by_keys(v) for k, v in found["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(found.get(word), dict):
            found[word] = _merged_by_keys(found[word])
    fields = found.get("items", {}).get("properties", {})
    keys = found.get("x-kubernetes-list-map-keys", [])
    free = [key for key in keys if len(fields.get(key, {}).get("enum", ())) != 1]
    if len(free) == 1:
        found["x-kubernetes-patch-merge-key"] = free[0]
        found["x-kubernetes-patch-strategy"] = "merge"
    return found
