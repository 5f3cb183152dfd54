"""Whether what an agent finds at its start is the whole cluster: unknown is not absent.

In: what was exported before the start, what is found. Out: why it is not believed, as a sentence.
"""

from collections.abc import Set as AbstractSet

from federation.model.names import ServiceName

_MOST_NAMED = 3


def doubt(
    had: AbstractSet[str],
    found: AbstractSet[ServiceName],
    *,
    has_objects: bool,
    unread: tuple[str, ...],
) -> str:
    """Why the source is not believed yet; empty when it is.

    `had` are the services that were exported before, `found` those that are now. `unread` is what
    could not be read even once.
    """
    missing = sorted(had - {str(name) for name in found})
    if not missing:
        return ""
    if not has_objects:
        return (
            f"the source has no objects, but the cluster exported {_named(missing)} before: "
            "nothing is withdrawn until there is an object of any kind"
        )
    if unread:
        return (
            f"the cluster exported {_named(missing)} before, but {_named(unread)} cannot be read: "
            "nothing is withdrawn until it can be, or is deleted"
        )
    return ""


def _named(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    beyond = len(names) - _MOST_NAMED
    return f"{shown} and {beyond} more" if beyond > 0 else shown
