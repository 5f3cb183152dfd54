"""The document of OpenAPI 2.0 (`/openapi/v2`): for kustomize, Terraform, Argo CD and old kubectls.

In: the documents of OpenAPI 3.0. Out: one document of all groups. What 2.0 has no words for is left
out: alternatives and nulls.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from federation.api.kind import ApiKind, Json
from federation.apiserver.openapi.meta import COMPONENTS
from federation.apiserver.openapi.names import META, SCHEMAS
from federation.apiserver.openapi.responses import JSON
from federation.apiserver.openapi.v3 import documents

_DEFINITIONS = "#/definitions/"
_METHODS = ("get", "put", "post", "delete", "patch")
_ALWAYS = (f"{META}.ObjectMeta",)
"""Schemas that clients look for, whatever refers to them."""
_KEPT = ("description", "operationId", "tags")


def document(kinds: Sequence[ApiKind], *, version: str = "unversioned") -> Json:
    """The document of all kinds; `version` is that of the server."""
    return converted(documents(kinds, version=version).values(), version=version)


def converted(found: Iterable[Json], *, version: str = "unversioned") -> Json:
    """One document of 2.0 out of those of 3.0."""
    schemas = {name: COMPONENTS[name] for name in _ALWAYS}
    paths: Json = {}
    for one in found:
        schemas |= one["components"]["schemas"]
        responses = one["components"]["responses"]
        paths |= {path: _item(item, responses) for path, item in one["paths"].items()}
    return {
        "swagger": "2.0",
        "info": {"title": "fedmesh", "version": version},
        "paths": dict(sorted(paths.items())),
        "definitions": {name: _schema(schemas[name]) for name in sorted(schemas)},
        "securityDefinitions": {
            "BearerToken": {
                "type": "apiKey",
                "in": "header",
                "name": "authorization",
                "description": "Bearer and a token; or a client certificate in its place.",
            }
        },
        "security": [{"BearerToken": []}],
    }


def _schema(node: Json) -> Json:
    """A schema without what 2.0 does not know."""
    if "anyOf" in node:
        if "x-kubernetes-int-or-string" in node:
            inner = {"type": "string", "format": "int-or-string"}
        else:
            inner = _schema(node["anyOf"][0])
        beside = {k: v for k, v in node.items() if k == "description"}
        return {**inner, **beside}
    if "$ref" in node:
        return {"$ref": node["$ref"].replace(SCHEMAS, _DEFINITIONS)}
    if "allOf" in node:
        beside = {k: v for k, v in node.items() if k == "description"}
        return {**_schema(node["allOf"][0]), **beside}
    found = {k: v for k, v in node.items() if k != "nullable"}
    if node.get("nullable"):
        found.pop("type", None)
    if "properties" in node:
        found["properties"] = {k: _schema(v) for k, v in node["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(node.get(word), dict):
            found[word] = _schema(node[word])
    return found


def _item(item: Json, responses: Json) -> Json:
    found: Json = {
        method: _operation(item[method], responses) for method in _METHODS if method in item
    }
    if "parameters" in item:
        found["parameters"] = [_parameter(p) for p in item["parameters"]]
    return found


def _operation(found: Json, responses: Json) -> Json:
    made: Json = {k: v for k, v in found.items() if k in _KEPT or k.startswith("x-")}
    body = found.get("requestBody")
    parameters = [_body(body)] if body else []
    made["parameters"] = parameters + [_parameter(p) for p in found.get("parameters", ())]
    made["responses"] = {
        code: _response(answer, responses) for code, answer in found["responses"].items()
    }
    made["produces"] = [JSON]
    if body:
        made["consumes"] = list(body["content"])
    return made


def _body(body: Json) -> Json:
    """The body is one schema in 2.0: an object, where content types differ in theirs."""
    schemas = [content["schema"] for content in body["content"].values()]
    is_same = all(schema == schemas[0] for schema in schemas)
    schema = schemas[0] if is_same else {"$ref": f"{SCHEMAS}{META}.Patch"}
    required = {"required": True} if body.get("required") else {}
    return {"name": "body", "in": "body", **required, "schema": _schema(schema)}


def _parameter(found: Json) -> Json:
    return {**{k: v for k, v in found.items() if k != "schema"}, **_schema(found["schema"])}


def _response(answer: Any, responses: Json) -> Json:
    if "$ref" in answer:
        answer = responses[answer["$ref"].rpartition("/")[2]]
    return {
        "description": answer["description"],
        "schema": _schema(answer["content"][JSON]["schema"]),
    }
