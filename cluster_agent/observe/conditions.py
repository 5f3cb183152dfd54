"""What has become of an export: the conditions that people see on their ServiceExport.

In: whether it is valid here, what the clusterset made of it (the Service fact), what the controller
refused. Out: conditions as the MCS API words them.
"""

from dataclasses import replace

from cluster_agent.observe.service import VALID, Observed
from cluster_agent.observe.usable_endpoints import in_words
from cluster_agent.source.objects import Condition
from federation.model.facts import Service
from federation.model.names import ClusterId
from federation.planning.honoured import not_honoured

_MOST_CHARACTERS = 32_768
HONOURED = "fedmesh.dev/Honoured"
"""Only there, and False, when the mesh does not do all that the Service says."""


def conditions(
    valid: Condition,
    service: Service | None,
    refusal: str,
    here: ClusterId,
    *,
    hollow: Condition | None = None,
    remarks: tuple[str, ...] = (),
) -> tuple[Condition, ...]:
    """The conditions of one export; `refusal` is why the controller did not take it, or empty.

    `hollow`: why nobody can call it here. `remarks`: what its documents say that has no effect.
    """
    if refusal:
        refused = Condition("Valid", "False", "NotAllowed", refusal[:_MOST_CHARACTERS])
        return refused, Condition("Ready", "False", "Failed", "the controller refused the export")
    if valid.status != "True":
        return valid, Condition("Ready", "False", "Failed", "the export is not valid")
    if service is None or here not in service.exporters:
        pending = "the controller has not confirmed the export yet"
        return valid, Condition("Ready", "False", "Pending", pending)
    ready = hollow if hollow is not None else _exported(service, here)
    if remarks:
        ready = replace(ready, message=f"{ready.message}; {in_words(remarks)}")
    ready = replace(ready, message=ready.message[:_MOST_CHARACTERS])
    return valid, ready, _conflict(service), *_honoured(service)


def oddities(seen: Observed) -> tuple[Condition, ...]:
    """What makes an export not simply valid, each with its sentence."""
    remarks = in_words(seen.remarks) if seen.remarks else ""
    found = (
        seen.valid if seen.valid != VALID else None,
        seen.hollow,
        Condition("Valid", "True", "WithoutEffect", remarks) if remarks else None,
    )
    return tuple(condition for condition in found if condition is not None)


def _exported(service: Service, here: ClusterId) -> Condition:
    message = f"exported to the clusterset by {', '.join(service.exporters)}"
    unserved = ", ".join(map(str, dict(service.unserved).get(here, ())))
    if unserved:
        message += f"; no requests come here for port {unserved}, see the condition Conflict"
    return Condition("Ready", "True", "Exported", message)


def _conflict(service: Service) -> Condition:
    if not service.conflicts:
        return Condition("Conflict", "False", "NoConflicts", "all exporting clusters agree")
    reasons = ",".join(dict.fromkeys(c.reason for c in service.conflicts))
    message = "; ".join(c.message for c in service.conflicts)
    return Condition("Conflict", "True", reasons, message[:_MOST_CHARACTERS])


def _honoured(service: Service) -> tuple[Condition, ...]:
    found = not_honoured(service)
    return (Condition(HONOURED, "False", "NotSupported", "; ".join(found)),) if found else ()
