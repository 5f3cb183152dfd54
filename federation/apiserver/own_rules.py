"""What a caller may do in a namespace, as a list: the answer to a SelfSubjectRulesReview.

In: bindings, a caller, and the resources that there are. Out: rules, made by asking `decide` for
each verb, so that the list can never say more than the decision.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from federation.api.kind import ApiKind
from federation.apiserver.access import OPEN_PATHS, OURS, Attributes, Binding, decide, held_by
from federation.apiserver.caller import Caller


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, or a subresource of one (`RESOURCE/SUB`), with all verbs that it has."""

    group: str
    name: str
    namespaced: bool
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnRule:
    """Verbs on resources of a group; `names`: on these objects alone."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...] = ()


REVIEWS = (
    Resource("authorization.k8s.io", "selfsubjectaccessreviews", False, ("create",)),
    Resource("authorization.k8s.io", "selfsubjectrulesreviews", False, ("create",)),
    Resource("authentication.k8s.io", "selfsubjectreviews", False, ("create",)),
)


def resources_of(kinds: Iterable[ApiKind]) -> tuple[Resource, ...]:
    """All resources and subresources of the API."""
    found: list[Resource] = []
    for kind in kinds:
        found.append(Resource(kind.group, kind.plural, kind.namespaced, kind.verbs))
        found += [
            Resource(kind.group, f"{kind.plural}/{sub.name}", kind.namespaced, sub.verbs)
            for sub in kind.subresources
        ]
    return tuple(found)


def rules_of(
    bindings: Iterable[Binding], caller: Caller, namespace: str, resources: Iterable[Resource]
) -> tuple[OwnRule, ...]:
    """What a caller may do in a namespace and with what is in none; rules that are alike are one.

    Clusters and namespaces that are allowed one by one are rules with names.
    """
    his = held_by(bindings, caller)
    alike: dict[tuple[tuple[str, ...], str, tuple[str, ...]], list[str]] = {}
    for resource in (*REVIEWS, *resources):
        said: tuple[str, ...] = ()
        for names in _ways(his, resource):
            verbs = _verbs(his, caller, namespace, resource, names)
            if set(verbs) - set(said):
                alike.setdefault((verbs, resource.group, names), []).append(resource.name)
                said += verbs
    return tuple(
        OwnRule(verbs, group, tuple(sorted(names)), objects)
        for (verbs, group, objects), names in alike.items()
    )


def open_paths() -> tuple[str, ...]:
    """The paths that everybody who is known may read."""
    return tuple(pattern for path in OPEN_PATHS for pattern in (path, f"{path}/*"))


def _ways(his: tuple[Binding, ...], resource: Resource) -> Iterator[tuple[str, ...]]:
    """The objects that may be asked for: all of them, then those which a binding names."""
    yield ()
    base = resource.name.partition("/")[0]
    for binding in his:
        if resource.group == OURS and base == "clusters":
            yield tuple(sorted(binding.clusters))
        elif resource.group == "" and base == "namespaces":
            yield tuple(sorted(binding.namespaces))


def _verbs(
    his: tuple[Binding, ...],
    caller: Caller,
    namespace: str,
    resource: Resource,
    names: tuple[str, ...],
) -> tuple[str, ...]:
    """The verbs that are allowed for every one of these objects."""
    base, _, sub = resource.name.partition("/")
    asked = Attributes("", resource.group, base, sub, namespace if resource.namespaced else "")
    each = [replace(asked, name=name) for name in names] or [asked]
    return tuple(
        verb
        for verb in resource.verbs
        if all(decide(his, caller, replace(one, verb=verb)).allowed for one in each)
    )
