"""Events of one object, as they are selected and sorted.

In: a place. Out: a field selector; the time of an event.
"""

from typing import Any

from federation.client.objects import Place

Json = dict[str, Any]

EVENTS = "events"


def about(place: Place) -> str:
    """The field selector of the events of an object."""
    fields = {"kind": place.kind.kind, "name": place.name, "namespace": place.namespace}
    return ",".join(f"involvedObject.{name}={text}" for name, text in fields.items() if text)


def time_of(event: Json) -> str:
    """When an event happened last, in an order that text has."""
    metadata = event.get("metadata") or {}
    return str(event.get("lastTimestamp") or metadata.get("creationTimestamp") or "")
