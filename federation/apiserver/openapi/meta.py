"""Schemas that all groups have in common: lists, errors, options, discovery.

In: nothing. Out: `COMPONENTS`, by their dotted names.
"""

from federation.api.kind import Json
from federation.api.object_meta import OBJECT_META
from federation.apiserver.openapi.names import GVK, META, gvk

VERSION_INFO = "io.k8s.apimachinery.pkg.version.Info"


def _text(description: str = "") -> Json:
    return {"type": "string"} | ({"description": description} if description else {})


def _number(description: str) -> Json:
    return {"type": "integer", "format": "int64", "description": description}


def _object(description: str, fields: Json, *required: str) -> Json:
    found: Json = {"type": "object", "description": description, "properties": fields}
    return found | ({"required": list(required)} if required else {})


def _list(of: Json, description: str = "") -> Json:
    found: Json = {"type": "array", "items": of}
    return found | ({"description": description} if description else {})


_TEXTS = _list(_text())
_HEAD: Json = {
    "apiVersion": _text("The version of this representation."),
    "kind": _text("What this is."),
}

_LIST_META = _object(
    "What lists have beside their items.",
    {
        "continue": _text("Where the next page begins; empty on the last one."),
        "remainingItemCount": _number("How many items follow on other pages."),
        "resourceVersion": _text("The version of the list, from which it can be watched."),
        "selfLink": _text("Not set any more."),
    },
)
_CAUSE = _object(
    "One of the causes.",
    {
        "field": _text("The field that is wrong."),
        "message": _text("What is wrong, for people."),
        "reason": _text("What is wrong, for machines."),
    },
)
_STATUS = _object(
    "What has become of a request that returns no object.",
    {
        **_HEAD,
        "code": {"type": "integer", "format": "int32", "description": "The HTTP status."},
        "details": _object(
            "More of the cause.",
            {
                "causes": _list(_CAUSE, "The causes, where there are several."),
                "group": _text("The group of the object."),
                "kind": _text("The kind or resource of the object."),
                "name": _text("The name of the object."),
                "retryAfterSeconds": {
                    "type": "integer",
                    "format": "int32",
                    "description": "When to ask again.",
                },
                "uid": _text("The UID of the object."),
            },
        ),
        "message": _text("What has happened, for people."),
        "metadata": {**_LIST_META},
        "reason": _text("Why, in one word, for machines."),
        "status": {**_text("How it ended."), "enum": ["Success", "Failure"]},
    },
)
_DELETE_OPTIONS = _object(
    "How to delete.",
    {
        **_HEAD,
        "dryRun": _list({"type": "string", "enum": ["All"]}, "All: nothing is really deleted."),
        "gracePeriodSeconds": {
            **_number("Accepted; nothing here takes time to end."),
            "minimum": 0,
        },
        "preconditions": _object(
            "What must hold of the object, else it is a conflict.",
            {"resourceVersion": _text("Its version."), "uid": _text("Its UID.")},
        ),
        "propagationPolicy": {
            **_text("What becomes of the objects that belong to it."),
            "enum": ["Orphan", "Background", "Foreground"],
        },
    },
)
_JSON_PATCH = _list(
    _object(
        "One operation.",
        {
            "op": {"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"]},
            "path": _text("Where, as a JSON pointer."),
            "from": _text("From where, of move and copy."),
            "value": {"x-kubernetes-preserve-unknown-fields": True, "description": "What."},
        },
        "op",
        "path",
    ),
    "Operations, done one after the other (RFC 6902).",
)
_WATCH_EVENT = _object(
    "One event of a watch.",
    {
        "type": {"type": "string", "enum": ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]},
        "object": {
            "type": "object",
            "description": "The object; a Status with ERROR.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
    "type",
    "object",
)
_RESOURCE = _object(
    "A resource.",
    {
        "name": _text("The plural, with the subresource."),
        "singularName": _text("The singular."),
        "namespaced": {"type": "boolean", "description": "Whether it is in namespaces."},
        "group": _text("The group of the kind, where it is another one."),
        "version": _text("The version of the kind, where it is another one."),
        "kind": _text("The kind."),
        "verbs": {**_TEXTS, "description": "What can be done."},
        "shortNames": {**_TEXTS, "description": "Short names."},
        "categories": {**_TEXTS, "description": "Groups of resources that are asked for at once."},
        "storageVersionHash": _text("Changes with the version that is stored."),
    },
    "name",
    "singularName",
    "namespaced",
    "kind",
    "verbs",
)
_GROUP_VERSION = _object(
    "A version of a group.",
    {"groupVersion": _text("GROUP/VERSION."), "version": _text("The version.")},
    "groupVersion",
    "version",
)
_ADDRESS = _object(
    "Where clients of a network find the server.",
    {"clientCIDR": _text("The network."), "serverAddress": _text("The address.")},
    "clientCIDR",
    "serverAddress",
)
_GROUP = _object(
    "A group.",
    {
        **_HEAD,
        "name": _text("The name of the group."),
        "versions": _list(_GROUP_VERSION, "Its versions."),
        "preferredVersion": _GROUP_VERSION,
        "serverAddressByClientCIDRs": _list(_ADDRESS),
    },
    "name",
    "versions",
)
_VERSION_FIELDS = (
    "major minor gitVersion gitCommit gitTreeState buildDate goVersion compiler platform"
)

COMPONENTS: Json = {
    f"{META}.APIGroup": _GROUP,
    f"{META}.APIGroupList": _object("Groups.", {**_HEAD, "groups": _list(_GROUP)}, "groups"),
    f"{META}.APIResourceList": _object(
        "The resources of a version.",
        {**_HEAD, "groupVersion": _text("GROUP/VERSION."), "resources": _list(_RESOURCE)},
        "groupVersion",
        "resources",
    ),
    f"{META}.APIVersions": _object(
        "The versions of the core.",
        {**_HEAD, "versions": _TEXTS, "serverAddressByClientCIDRs": _list(_ADDRESS)},
        "versions",
    ),
    f"{META}.DeleteOptions": {**_DELETE_OPTIONS, GVK: [gvk("", "v1", "DeleteOptions")]},
    f"{META}.JSONPatch": _JSON_PATCH,
    f"{META}.ListMeta": _LIST_META,
    f"{META}.ObjectMeta": OBJECT_META,
    f"{META}.Patch": {
        "type": "object",
        "description": "The fields of an object that are to be as they are here.",
        "x-kubernetes-preserve-unknown-fields": True,
    },
    f"{META}.Status": {**_STATUS, GVK: [gvk("", "v1", "Status")]},
    f"{META}.WatchEvent": {**_WATCH_EVENT, GVK: [gvk("", "v1", "WatchEvent")]},
    VERSION_INFO: _object(
        "The version of the server.",
        {name: _text() for name in _VERSION_FIELDS.split()},
        *_VERSION_FIELDS.split(),
    ),
}
