"""What becomes of an object when it is created, changed, or deleted: the system's part of it. Pure.

In: the object before, and what a request says. Out: the object after: uid, creationTimestamp,
generation, deletionTimestamp and status are never the caller's word. The rules are those of
Kubernetes' API conventions (metadata, spec and status).
"""

from typing import Any

from federation.api.kind import ApiKind
from federation.apiserver.statuses import Cause, bad_request, changed_meanwhile, invalid

Json = dict[str, Any]

_OF_THE_SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion")
_NOT_KEPT = (*_OF_THE_SYSTEM, "selfLink", "deletionGracePeriodSeconds", "clusterName")


def created(kind: ApiKind, said: Json, uid: str, now: str) -> Json:
    """A new object; `now` as RFC 3339 in whole seconds. Raises StatusError (400)."""
    metadata = said["metadata"]
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    own = {n: v for n, v in metadata.items() if n not in _NOT_KEPT and v not in ("", None)}
    own |= {"uid": uid, "creationTimestamp": now, "generation": 1}
    made = {**said, "metadata": own}
    if kind.subresource("status"):
        made.pop("status", None)
    return made


def changed(kind: ApiKind, before: Json, said: Json, subresource: str = "") -> Json:
    """The object after a request that writes it, or its `status` alone.

    Raises StatusError: 409 for another uid, 422 for a new finalizer of what is being deleted.
    """
    metadata, old = said["metadata"], before["metadata"]
    if metadata.get("uid") not in (None, "", old["uid"]):
        raise changed_meanwhile(
            kind,
            old["name"],
            f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: "
            f"{old['uid']}",
        )
    if subresource == "status":
        made = {**before, "status": said["status"]} if "status" in said else _without_status(before)
        fields = metadata.get("managedFields", old.get("managedFields"))
        return {**made, "metadata": {**old, **({"managedFields": fields} if fields else {})}}
    own = {name: value for name, value in metadata.items() if name not in _NOT_KEPT}
    own |= {name: old[name] for name in _OF_THE_SYSTEM if name in old}
    made = {**said, "metadata": own}
    if kind.subresource("status"):
        made = _without_status(made)
        if "status" in before:
            made["status"] = before["status"]
    if "deletionTimestamp" in old:
        _check_finalizers(kind, old, own)
    if _word(before) != _word(made):
        own["generation"] = old.get("generation", 1) + 1
    return made


def _without_status(found: Json) -> Json:
    return {name: value for name, value in found.items() if name != "status"}


def _word(found: Json) -> Json:
    """What people say in it: all but metadata and status."""
    return {name: value for name, value in found.items() if name not in ("metadata", "status")}


def _check_finalizers(kind: ApiKind, old: Json, own: Json) -> None:
    added = [f for f in own.get("finalizers") or () if f not in (old.get("finalizers") or ())]
    if added:
        message = (
            f"Forbidden: no new finalizers can be added if the object is being deleted, found new "
            f"finalizers {added}"
        )
        raise invalid(kind, old["name"], [Cause("metadata.finalizers", message)])


def is_finished(found: Json) -> bool:
    """Whether nothing holds up the deletion of an object any more."""
    metadata = found["metadata"]
    return "deletionTimestamp" in metadata and not metadata.get("finalizers")


def deleting(before: Json, now: str) -> Json:
    """The object while its finalizers hold up its deletion."""
    old = before["metadata"]
    if "deletionTimestamp" in old:
        return before
    own = {**old, "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
    own["generation"] = old.get("generation", 1) + 1
    return {**before, "metadata": own}
