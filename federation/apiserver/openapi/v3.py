"""The documents of OpenAPI 3.0: `/openapi/v3` and what it leads to.

In: the kinds. Out: the index, and a document for each path in it. kubectl finds kinds in them by
their operations and schemas, and clients whose requests are made by machines keep to them.
"""

import hashlib
import json
from collections.abc import Sequence

from federation.api.kind import ApiKind, Json
from federation.apiserver.openapi.components import components, with_needed
from federation.apiserver.openapi.meta import VERSION_INFO
from federation.apiserver.openapi.names import META, by_version, camel, ref
from federation.apiserver.openapi.operations import paths
from federation.apiserver.openapi.responses import JSON, RESPONSES, errors

_SECURITY: Json = {
    "BearerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token; or a client certificate in its place.",
    }
}


def index(kinds: Sequence[ApiKind], *, version: str = "unversioned") -> Json:
    """`/openapi/v3`: where the documents are; what is in them never changes under one address."""
    return index_of(documents(kinds, version=version))


def index_of(found: dict[str, Json]) -> Json:
    """The index of documents."""
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest(document_)}"}
            for path, document_ in sorted(found.items())
        }
    }


def digest(found: Json) -> str:
    """The hash of a document, as its address has it."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha512(text.encode()).hexdigest().upper()


def documents(kinds: Sequence[ApiKind], *, version: str = "unversioned") -> dict[str, Json]:
    """All documents, by their paths below `/openapi/v3/`."""
    found = {
        "version": _single("/version/", "getCodeVersion", VERSION_INFO, version),
        "api": _single("/api/", "getCoreAPIVersions", f"{META}.APIVersions", version),
        "apis": _single("/apis/", "getAPIVersions", f"{META}.APIGroupList", version),
    }
    for (group, of), those in by_version(kinds).items():
        if group:
            path, name = f"apis/{group}", f"get{camel(group)}APIGroup"
            found[path] = _single(f"/{path}/", name, f"{META}.APIGroup", version)
        found[f"apis/{group}/{of}" if group else f"api/{of}"] = document(those, version=version)
    return found


def paths_of(kinds: Sequence[ApiKind]) -> tuple[str, ...]:
    """The paths of all documents, below `/openapi/v3/`; makes none of them."""
    found = ["version", "api", "apis"]
    for group, of in by_version(kinds):
        if group:
            found.append(f"apis/{group}")
        found.append(f"apis/{group}/{of}" if group else f"api/{of}")
    return tuple(dict.fromkeys(found))


def document(kinds: Sequence[ApiKind], *, version: str = "unversioned") -> Json:
    """The document of kinds of one group and version; `version` is that of the server."""
    first = kinds[0]
    root = first.path.rpartition("/")[0]
    name = f"get{camel(first.group)}{first.version.capitalize()}APIResources"
    found: Json = {f"{root}/": _read(name, f"{META}.APIResourceList")}
    for kind in kinds:
        found |= paths(kind)
    return _document(dict(sorted(found.items())), components(kinds), version)


def _single(path: str, operation_id: str, schema: str, version: str) -> Json:
    return _document({path: _read(operation_id, schema)}, {}, version)


def _read(operation_id: str, schema: str) -> Json:
    good = {"200": {"description": "OK", "content": {JSON: {"schema": ref(schema)}}}}
    return {"get": {"operationId": operation_id, "responses": good | errors("get")}}


def _document(found: Json, schemas: Json, version: str) -> Json:
    return {
        "openapi": "3.0.0",
        "info": {"title": "fedmesh", "version": version},
        "paths": found,
        "components": {
            "schemas": with_needed(schemas, found, RESPONSES),
            "responses": RESPONSES,
            "securitySchemes": _SECURITY,
        },
        "security": [{"BearerToken": []}],
    }
