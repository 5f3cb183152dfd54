"""CustomResourceDefinitions of the kinds that Kubernetes does not have itself; to be read only.

In: the kinds. Out: an object of apiextensions.k8s.io/v1 for each, which is derived and never kept.
Tools look there for schemas, for columns, and for kinds that they may use for a purpose.
"""

from collections.abc import Callable, Sequence

from federation.api.kind import ApiKind, Column, Json
from federation.apiserver.discovery import priority
from federation.apiserver.openapi.names import is_builtin


def definitions(
    kinds: Sequence[ApiKind], *, uid: Callable[[str], str], created: str
) -> tuple[Json, ...]:
    """The definitions, by name; `uid` makes one out of a name, `created` is an RFC 3339 time."""
    found: dict[str, list[ApiKind]] = {}
    for kind in kinds:
        if not is_builtin(kind.group):
            found.setdefault(kind.resource, []).append(kind)
    return tuple(definition(found[name], uid=uid(name), created=created) for name in sorted(found))


def definition(kinds: Sequence[ApiKind], *, uid: str, created: str) -> Json:
    """The definition of one kind in all its versions."""
    sorted_ = sorted(kinds, key=lambda kind: priority(kind.version), reverse=True)
    first = sorted_[0]
    labels = {name: value for kind in sorted_ for name, value in kind.labels}
    return {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {
            "name": first.resource,
            "uid": uid,
            "generation": 1,
            "creationTimestamp": created,
            **({"labels": labels} if labels else {}),
        },
        "spec": {
            "group": first.group,
            "names": _names(first),
            "scope": "Namespaced" if first.namespaced else "Cluster",
            "versions": [_version(kind, is_stored=kind is first) for kind in sorted_],
            "conversion": {"strategy": "None"},
        },
        "status": {
            "acceptedNames": _names(first),
            "conditions": [
                _condition("NamesAccepted", "NoConflicts", "no conflicts found", created),
                _condition(
                    "Established",
                    "InitialNamesAccepted",
                    "the initial names have been accepted",
                    created,
                ),
            ],
            "storedVersions": [first.version],
        },
    }


def _names(kind: ApiKind) -> Json:
    found: Json = {
        "plural": kind.plural,
        "singular": kind.singular,
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
    }
    lists = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {**found, **{name: words for name, words in lists.items() if words}}


def _version(kind: ApiKind, *, is_stored: bool) -> Json:
    found: Json = {
        "name": kind.version,
        "served": True,
        "storage": is_stored,
        "schema": {"openAPIV3Schema": kind.schema},
    }
    if kind.columns:
        found["additionalPrinterColumns"] = [_column(column) for column in kind.columns]
    if kind.selectable:
        found["selectableFields"] = [{"jsonPath": f".{path}"} for path in kind.selectable]
    if kind.subresource("status") is not None:
        found["subresources"] = {"status": {}}
    return found


def _column(column: Column) -> Json:
    return {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        **({"description": column.description} if column.description else {}),
        **({"priority": 1} if column.wide else {}),
    }


def _condition(type_: str, reason: str, message: str, since: str) -> Json:
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
    }
