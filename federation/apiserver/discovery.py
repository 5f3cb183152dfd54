"""Discovery: which groups, versions and resources there are; in the old and the aggregated form.

In: the kinds. Out: the documents below `/api` and `/apis`. kubectl asks for the aggregated form,
which has all at once; clients in Python, and `kubectl auth can-i`, know only the other one.
"""

import re
from collections.abc import Sequence

from federation.api.kind import ApiKind, Json, Subresource

AGGREGATED = ("v2", "v2beta1")
"""The versions of the aggregated form."""

_KUBERNETES_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES = {"alpha": 0, "beta": 1, None: 2}


def aggregated_media(version: str) -> str:
    """The media type of the aggregated form, as clients accept and want to have it."""
    return f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


def aggregated(kinds: Sequence[ApiKind], version: str = AGGREGATED[0]) -> dict[str, Json]:
    """The documents of `/api` and `/apis` in the aggregated form."""
    groups = _groups(kinds)
    return {
        "/api": _discovery_list(version, {g: v for g, v in groups.items() if not g}),
        "/apis": _discovery_list(version, {g: v for g, v in groups.items() if g}),
    }


def legacy(kinds: Sequence[ApiKind]) -> dict[str, Json]:
    """The documents by their paths: `/api`, `/apis`, of each group, and of each of its versions."""
    groups = _groups(kinds)
    found: dict[str, Json] = {
        "/api": {
            "kind": "APIVersions",
            "apiVersion": "v1",
            "versions": list(groups.get("", {})),
            "serverAddressByClientCIDRs": [],
        },
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(g, versions) for g, versions in groups.items() if g],
        },
    }
    for group, versions in groups.items():
        if group:
            head = {"kind": "APIGroup", "apiVersion": "v1"}
            found[f"/apis/{group}"] = {**head, **_group(group, versions)}
        for those in versions.values():
            found[those[0].path.rpartition("/")[0]] = api_resources(those)
    return found


def api_resources(kinds: Sequence[ApiKind]) -> Json:
    """The resources of one group and version."""
    resources: list[Json] = []
    for kind in kinds:
        resources.append(
            {
                "name": kind.plural,
                "singularName": kind.singular,
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": sorted(kind.verbs),
                **_extras(kind),
            }
        )
        resources += [_below(kind, below) for below in kind.subresources]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": resources,
    }


def priority(version: str) -> tuple[int, int, int, str]:
    """By which versions are sorted, the preferred one last: v1alpha1, v1beta1, v1, v2.

    Names that are no versions of Kubernetes come before all.
    """
    match = _KUBERNETES_VERSION.fullmatch(version)
    if match is None:
        return (-1, 0, 0, version)
    major, stage, minor = match.groups()
    return (_STAGES[stage], int(major), int(minor or 0), version)


_Groups = dict[str, dict[str, list[ApiKind]]]


def _groups(kinds: Sequence[ApiKind]) -> _Groups:
    """The kinds by group and version, the preferred version of a group first."""
    found: _Groups = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return {
        group: {v: versions[v] for v in sorted(versions, key=priority, reverse=True)}
        for group, versions in found.items()
    }


def _group(name: str, versions: dict[str, list[ApiKind]]) -> Json:
    said = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": said, "preferredVersion": said[0]}


def _extras(kind: ApiKind) -> Json:
    found = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {name: words for name, words in found.items() if words}


def _below(kind: ApiKind, below: Subresource) -> Json:
    elsewhere = {"group": below.group, "version": below.version}
    return {
        "name": f"{kind.plural}/{below.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        **{name: said for name, said in elsewhere.items() if said},
        "kind": below.kind or kind.kind,
        "verbs": sorted(below.verbs),
    }


def _discovery_list(version: str, groups: _Groups) -> Json:
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": of,
                        "resources": [_discovered(kind) for kind in kinds],
                        "freshness": "Current",
                    }
                    for of, kinds in versions.items()
                ],
            }
            for group, versions in groups.items()
        ],
    }


def _discovered(kind: ApiKind) -> Json:
    found: Json = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
        **_extras(kind),
    }
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": below.name,
                "responseKind": {
                    "group": below.group or kind.group,
                    "version": below.version or kind.version,
                    "kind": below.kind or kind.kind,
                },
                "verbs": sorted(below.verbs),
            }
            for below in kind.subresources
        ]
    return found
