"""A kind that has everything by which values are merged, and values of it."""

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

VERSION = "fedmesh.dev/v1alpha1"

_TEXT: Json = {"type": "string"}

SCHEMA: Json = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "mode": _TEXT,
                "count": {"type": "integer"},
                "target": {"x-kubernetes-int-or-string": True},
                "atomic": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "additionalProperties": True,
                },
                "list": {"type": "array", "items": {}},
                "zones": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name", "protocol"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": _TEXT,
                            "protocol": {"type": "string", "default": "TCP"},
                            "port": {"type": "integer"},
                            "zones": {
                                "type": "array",
                                "items": _TEXT,
                                "x-kubernetes-list-type": "set",
                            },
                        },
                    },
                },
                "weights": {"type": "object", "additionalProperties": {"type": "integer"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "empty": {"type": "object", "properties": {}},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}

_WORDS = st.sampled_from(["a", "b", "c"])
_SETS = st.lists(_WORDS, unique=True, max_size=3)
_NUMBERS = st.integers(0, 2)
_PORTS = st.lists(
    st.fixed_dictionaries(
        {"name": _WORDS},
        optional={
            "protocol": st.sampled_from(["TCP", "UDP"]),
            "port": _NUMBERS,
            "zones": _SETS,
        },
    ),
    max_size=3,
    unique_by=lambda item: (item["name"], item.get("protocol", "TCP")),
)
_FREE = st.recursive(
    _NUMBERS | st.none() | st.booleans() | st.lists(_NUMBERS, max_size=2),
    lambda inner: st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "mode": _WORDS,
        "count": _NUMBERS,
        "target": _NUMBERS | _WORDS,
        "atomic": st.dictionaries(_WORDS, _NUMBERS, max_size=2),
        "list": st.lists(_NUMBERS, max_size=3),
        "zones": _SETS,
        "ports": _PORTS,
        "weights": st.dictionaries(_WORDS, _NUMBERS, max_size=3),
        "free": st.dictionaries(_WORDS, _FREE, max_size=3),
    },
)
LABELS = st.dictionaries(_WORDS, _WORDS, max_size=3)


def document(spec: Json | None = None, **metadata: Any) -> Json:
    """An object of the kind."""
    found: Json = {
        "apiVersion": VERSION,
        "kind": "Thing",
        "metadata": {"name": "one", **metadata},
    }
    return found if spec is None else {**found, "spec": spec}


DOCUMENTS = st.builds(
    lambda spec, labels: document(spec, **({"labels": labels} if labels else {})),
    st.none() | SPECS,
    st.none() | LABELS,
)
