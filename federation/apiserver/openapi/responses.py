"""The answers of operations.

In: the verb, the schema of the object. Out: the responses, by their status.
"""

from federation.api.kind import Json
from federation.apiserver.openapi.names import META, ref

JSON = "application/json"

_ERRORS = {
    400: ("BadRequest", "The request makes no sense."),
    401: ("Unauthorized", "It does not show who asks."),
    403: ("Forbidden", "Who asks may not do this."),
    404: ("NotFound", "There is no such object."),
    406: ("NotAcceptable", "There is no answer of a type that is accepted."),
    409: ("Conflict", "There is such an object already, it has changed, or others manage a field."),
    410: ("Expired", "What was asked for is too old; ask anew."),
    413: ("RequestEntityTooLarge", "The body is too long."),
    415: ("UnsupportedMediaType", "The body is of a type that is not read here."),
    422: ("Invalid", "The object is not valid; the causes say where."),
    429: ("TooManyRequests", "Ask again after what Retry-After says."),
    500: ("InternalError", "The server failed."),
    503: ("ServiceUnavailable", "The server is not ready; ask again."),
}
_ALWAYS = (400, 401, 403, 404, 406, 429, 500, 503)
_WRITE = (409, 413, 415, 422)
_BEYOND: dict[str, tuple[int, ...]] = {
    "list": (410, 422),
    "deletecollection": (*_WRITE, 410),
    "get": (),
}

RESPONSES: Json = {
    name: {"description": description, "content": {JSON: {"schema": ref(f"{META}.Status")}}}
    for name, description in _ERRORS.values()
}
"""Components: what errors are called."""


def of_verb(verb: str, object_: Json, objects: Json, *, watches: bool = False) -> Json:
    """Responses; `object_` and `objects` are the schemas of one and of a list."""
    content = {JSON: {"schema": object_}}
    if verb == "list":
        content = {JSON: {"schema": objects}}
        if watches:
            content["application/json;stream=watch"] = {"schema": ref(f"{META}.WatchEvent")}
    elif verb in ("delete", "deletecollection"):
        gone = {"anyOf": [ref(f"{META}.Status"), object_]}  # what has finalizers stays for a while
        content = {JSON: {"schema": objects if verb == "deletecollection" else gone}}
    return {**_good(verb, content), **errors(verb)}


def errors(verb: str) -> Json:
    """The errors of a verb, as references."""
    codes = sorted((*_ALWAYS, *_BEYOND.get(verb, _WRITE)))
    return {str(code): {"$ref": f"#/components/responses/{_ERRORS[code][0]}"} for code in codes}


def _good(verb: str, content: Json) -> Json:
    found = {} if verb == "create" else {"200": {"description": "OK", "content": content}}
    if verb in ("create", "patch"):
        found["201"] = {"description": "Created", "content": content}
    return found
