"""What a kind, or a field of it, means: read from the OpenAPI (v3) of the controller.

In: documents, a kind, the names of a path. Out: lines. Raises InvalidInput for a field that is not.
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from federation.client.discovery import ServedKind
from federation.model.errors import InvalidInput, PeerBroke, shown

Json = dict[str, Any]

INDEX = "/openapi/v3"
_WIDTH, _DEEPEST = 92, 64
_KINDS = "x-kubernetes-group-version-kind"


def path_of(index: Json, kind: ServedKind) -> str:
    """Where the document is that has a kind."""
    root = f"apis/{kind.group}" if kind.group else "api"
    found = (index.get("paths") or {}).get(f"{root}/{kind.version}") or {}
    path = found.get("serverRelativeURL")
    if not isinstance(path, str) or not path.startswith(INDEX):
        raise PeerBroke(f"the controller says nothing about {kind.api_version} in {INDEX}")
    return path


def explained(document: Json, kind: ServedKind, names: Sequence[str]) -> Iterator[str]:
    """The lines about a kind, or the field that `names` lead to."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    root = next((s for s in schemas.values() if wanted in (s.get(_KINDS) or ())), None)
    if root is None:
        raise PeerBroke(f"the controller does not say what {kind.kind} is made of")
    found, path = _resolved(root, schemas), ""
    for name in names:
        inner = _inside(found, schemas)
        if name not in (inner.get("properties") or {}):
            known = ", ".join(inner.get("properties") or ()) or "nothing"
            where = path.lstrip(".") or kind.kind
            raise InvalidInput(f"{where} has no field {shown(name)}, but {known}")
        found, path = _resolved(inner["properties"][name], schemas), f"{path}.{name}"
    yield f"KIND:     {kind.kind}"
    yield f"VERSION:  {kind.api_version}"
    if path:
        yield f"FIELD:    {path.lstrip('.')} <{_type(found, schemas)}>"
    yield ""
    yield from _words(found, "")
    yield from _fields(_inside(found, schemas), schemas)


def _fields(found: Json, schemas: Json) -> Iterator[str]:
    properties = found.get("properties") or {}
    required = found.get("required") or ()
    if not properties:
        return
    yield ""
    yield "FIELDS:"
    for name, said in properties.items():
        inner = _resolved(said, schemas)
        needed = " -required-" if name in required else ""
        yield f"  {name} <{_type(inner, schemas)}>{needed}"
        yield from _words(inner, "    ")


def _words(found: Json, indent: str) -> Iterator[str]:
    """What a schema says in words: its description, values, default."""
    text = str(found.get("description") or "")
    if text:
        yield from textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    if found.get("enum"):
        yield f"{indent}values: {', '.join(map(str, found['enum']))}"
    if found.get("default") not in (None, "", [], {}):
        yield f"{indent}default: {found['default']}"


def _resolved(found: Json, schemas: Json) -> Json:
    """A schema with what it refers to; what it says itself counts."""
    for _ in range(_DEEPEST):
        parts = found.get("allOf")
        reference = found.get("$ref")
        if isinstance(reference, str):
            other = schemas.get(reference.rpartition("/")[2].replace("~1", "/")) or {}
        elif isinstance(parts, list) and len(parts) == 1:
            other = parts[0]
        else:
            break
        found = {**other, **{n: v for n, v in found.items() if n not in ("$ref", "allOf")}}
    return found


def _inside(found: Json, schemas: Json) -> Json:
    """The schema whose properties follow in a path: that of the items of a list."""
    for _ in range(_DEEPEST):
        if found.get("type") != "array":
            break
        found = _resolved(found.get("items") or {}, schemas)
    return found


def _type(found: Json, schemas: Json) -> str:
    if found.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if found.get("type") == "array":
        return f"[]{_type(_resolved(found.get('items') or {}, schemas), schemas)}"
    values = found.get("additionalProperties")
    if isinstance(values, dict):
        return f"map of {_type(_resolved(values, schemas), schemas)}"
    return str(found.get("type") or "object")
