"""What became of a TrafficPolicy, as conditions in the words of Gateway API (GEP-713). Pure.

In: a policy, and whether a service is there. Out: conditions. A reference to what is missing is
accepted: the service may come later.
"""

from collections.abc import Callable
from typing import Any

from federation.controller.objects.views import condition

Json = dict[str, Any]


def conditions(found: Json, is_there: Callable[[str], bool]) -> list[Json]:
    """The conditions of a policy; `is_there` says whether a service of its namespace exists."""
    generation = found["metadata"].get("generation", 1)
    named = [target["name"] for target in found.get("spec", {}).get("targetRefs") or ()]
    missing = [name for name in named if not is_there(name)]
    accepted = condition("Accepted", True, "Accepted", "the policy is valid", "")
    resolved = condition(
        "ResolvedRefs",
        not missing,
        "TargetNotFound" if missing else "ResolvedRefs",
        f"no cluster exports {', '.join(missing)} in this namespace yet" if missing else "",
        "",
    )
    in_effect = condition(
        "Programmed",
        False,
        "NotImplemented",
        "this version keeps and shows the policy; traffic does not follow it yet",
        "",
    )
    return [{**one, "observedGeneration": generation} for one in (accepted, resolved, in_effect)]


def with_conditions(found: Json, judged: list[Json]) -> Json:
    """The policy with these conditions; those of other types, that somebody wrote, stay."""
    status = found.get("status") or {}
    ours = {one["type"] for one in judged}
    written = status.get("conditions")
    others = [
        one
        for one in (written if isinstance(written, list) else ())
        if isinstance(one, dict) and one.get("type") not in ours
    ]
    return {**found, "status": {**status, "conditions": [*judged, *others]}}
