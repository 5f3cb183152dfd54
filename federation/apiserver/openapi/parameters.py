"""The parameters of requests, in the query and in the path.

In: the verb. Out: parameters as OpenAPI 3.0 says them.
"""

from federation.api.kind import Json

_TEXT: Json = {"type": "string"}
_FLAG: Json = {"type": "boolean"}
_NUMBER: Json = {"type": "integer", "minimum": 0}


def _choice(*values: str) -> Json:
    return {"type": "string", "enum": list(values)}


_QUERY: dict[str, tuple[Json, str]] = {
    "allowWatchBookmarks": (_FLAG, "Whether a watch may send BOOKMARK events."),
    "continue": (_TEXT, "The continue of the page before; the other parameters stay the same."),
    "dryRun": (_choice("All"), "All: everything is judged, and nothing is kept."),
    "fieldManager": (
        {"type": "string", "maxLength": 128},
        "Who changes the fields.",
    ),
    "fieldSelector": (_TEXT, "Restricts to objects with these values of fields."),
    "fieldValidation": (
        _choice("Ignore", "Warn", "Strict"),
        "What becomes of unknown and repeated fields: Ignore drops them, Warn also answers with "
        "warnings, Strict refuses the request.",
    ),
    "force": (_FLAG, "Whether an apply takes fields over that others manage."),
    "gracePeriodSeconds": (_NUMBER, "Accepted; nothing here takes time to end."),
    "labelSelector": (_TEXT, "Restricts to objects with these labels."),
    "limit": (_NUMBER, "The most items of a page."),
    "propagationPolicy": (
        _choice("Orphan", "Background", "Foreground"),
        "What becomes of the objects that belong to it.",
    ),
    "resourceVersion": (_TEXT, "The version at which to read, or from which to watch."),
    "resourceVersionMatch": (
        _choice("Exact", "NotOlderThan"),
        "How resourceVersion is meant.",
    ),
    "sendInitialEvents": (
        _FLAG,
        "Whether a watch begins with what there is, which ends with a BOOKMARK that has the "
        "annotation k8s.io/initial-events-end; with resourceVersionMatch NotOlderThan.",
    ),
    "timeoutSeconds": (_NUMBER, "How long a list or watch lasts at most."),
    "watch": (_FLAG, "Whether changes are sent as they come, instead of a list."),
}
_WATCH = ("allowWatchBookmarks", "sendInitialEvents", "watch")
_LIST = (
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = ("dryRun", "gracePeriodSeconds", "propagationPolicy")
_OF: dict[str, tuple[str, ...]] = {
    "list": _LIST,
    "get": (),
    "create": _WRITE,
    "update": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": _DELETE,
    "deletecollection": ("fieldSelector", "labelSelector", *_DELETE),
}

_PRETTY: Json = {
    "name": "pretty",
    "in": "query",
    "description": "Accepted; answers are compact.",
    "schema": {"type": "string"},
}


def query(verb: str, *, watches: bool = False) -> list[Json]:
    """The parameters of a verb; `watches`: a list can also be watched."""
    names = sorted((*_OF[verb], *(_WATCH if watches and verb == "list" else ())))
    return [
        {"name": name, "in": "query", "description": _QUERY[name][1], "schema": _QUERY[name][0]}
        for name in names
    ]


def of_path(kind: str, *, namespaced: bool, named: bool) -> list[Json]:
    """The parameters of all operations of a path, of which some are in the path."""
    found = [_PRETTY]
    if namespaced:
        found.append(_in_path("namespace", "The namespace."))
    if named:
        found.append(_in_path("name", f"The name of the {kind}."))
    return found


def _in_path(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
