"""The metadata of Kubernetes' objects, as a structural schema."""

from federation.api.kind import Json

_TEXT: Json = {"type": "string"}
_MAP: Json = {"type": "object", "additionalProperties": {"type": "string"}}


def _text(description: str, **more: object) -> Json:
    return {"type": "string", "description": description, **more}


_OWNER: Json = {
    "type": "object",
    "description": "An object that this one belongs to.",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        "apiVersion": _text("API version of the owner."),
        "kind": _text("Kind of the owner."),
        "name": _text("Name of the owner."),
        "uid": _text("UID of the owner."),
        "controller": {"type": "boolean", "description": "Whether the owner manages the object."},
        "blockOwnerDeletion": {
            "type": "boolean",
            "description": "Whether the owner stays in foreground deletion until this is gone.",
        },
    },
    "x-kubernetes-map-type": "atomic",
}
_MANAGED: Json = {
    "type": "object",
    "description": "Which fields a manager has set, and when.",
    "properties": {
        "apiVersion": _text("The version in which the fields are named."),
        "fieldsType": _text("The format of the fields: FieldsV1."),
        "fieldsV1": {
            "type": "object",
            "description": "The fields.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "manager": _text("Who manages the fields."),
        "operation": _text("Apply or Update."),
        "subresource": _text("The subresource by which the fields were set."),
        "time": _text("When the fields were last changed.", format="date-time"),
    },
}

OBJECT_META: Json = {
    "type": "object",
    "description": "What all objects that are kept have.",
    "properties": {
        "annotations": {**_MAP, "description": "Anything that tools keep with an object."},
        "creationTimestamp": _text(
            "When the object was made; set by the server.", format="date-time"
        ),
        "deletionGracePeriodSeconds": {
            "type": "integer",
            "format": "int64",
            "description": "Seconds until the object is taken away; set by the server.",
        },
        "deletionTimestamp": _text(
            "When the object is to be gone; set by the server.", format="date-time"
        ),
        "finalizers": {
            "type": "array",
            "description": "Who must have finished before the object is taken away.",
            "items": _TEXT,
            "x-kubernetes-list-type": "set",
        },
        "generateName": _text("The beginning of a name that the server is to make unique."),
        "generation": {
            "type": "integer",
            "format": "int64",
            "description": "How often what is wanted has changed; set by the server.",
        },
        "labels": {**_MAP, "description": "What objects are selected by."},
        "managedFields": {
            "type": "array",
            "description": "Who manages which fields; set by the server.",
            "items": _MANAGED,
            "x-kubernetes-list-type": "atomic",
        },
        "name": _text("The name, unique in the namespace; cannot be changed."),
        "namespace": _text("The namespace; cannot be changed."),
        "ownerReferences": {
            "type": "array",
            "description": "What the object belongs to.",
            "items": _OWNER,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
        },
        "resourceVersion": _text(
            "The version of the object; a write that names it is refused when there is a newer one."
        ),
        "selfLink": _text("Not set any more."),
        "uid": _text("The identity of the object in all time; set by the server."),
    },
}
