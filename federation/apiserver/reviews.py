"""Reviews: what a caller asks of himself. SelfSubject{Access,Rules}Review and SelfSubjectReview.

In: the body of a review, who asks, and the decision. Out: the review with its status. Nothing is
stored. The groups are authorization.k8s.io/v1 and authentication.k8s.io/v1 (and v1beta1, which
kubectl 1.27 asks for).
"""

from collections.abc import Callable
from typing import Any

from federation.apiserver.access import Attributes, Decision
from federation.apiserver.bodies import object_of
from federation.apiserver.caller import Caller
from federation.apiserver.statuses import Cause, StatusError
from federation.model.errors import shown

Json = dict[str, Any]
Decide = Callable[[Caller, Attributes], Decision]

ACCESS, RULES, SELF = (
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "selfsubjectreviews",
)
_AUTHORIZATION, _AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"
_KNOWN = {
    (_AUTHORIZATION, "v1", ACCESS),
    (_AUTHORIZATION, "v1", RULES),
    (_AUTHENTICATION, "v1", SELF),
    (_AUTHENTICATION, "v1beta1", SELF),
}


class Reviews:
    """Answers reviews; `rules` says what a caller may do in a namespace."""

    def __init__(self, rules: Callable[[Caller, str], Json]) -> None:
        self._rules = rules

    def answers(self, group: str, version: str, plural: str) -> bool:
        """Whether this is a kind of review."""
        return (group, version, plural) in _KNOWN

    def review(self, plural: str, version: str, body: Any, caller: Caller, decide: Decide) -> Json:
        """The review with its status; raises StatusError."""
        found = object_of(body)
        spec = found.get("spec") or {}
        if not isinstance(spec, dict):
            raise _bad("spec", spec, "must be an object")
        if plural == SELF:
            group, kind, status = _AUTHENTICATION, "SelfSubjectReview", _self(caller)
        elif plural == ACCESS:
            group, kind = _AUTHORIZATION, "SelfSubjectAccessReview"
            decision = decide(caller, _attributes(spec))
            status = {"allowed": decision.allowed, "reason": decision.reason}
        else:
            group, kind = _AUTHORIZATION, "SelfSubjectRulesReview"
            status = self._rules(caller, str(spec.get("namespace") or ""))
        made: Json = {
            "kind": kind,
            "apiVersion": f"{group}/{version}",
            "metadata": {},
            "status": status,
        }
        return made if plural == SELF else {**made, "spec": spec}


def _self(caller: Caller) -> Json:
    info: Json = {"username": caller.name, "groups": list(caller.groups)}
    if caller.uid:
        info["uid"] = caller.uid
    extra = {name: list(values) for name, values in caller.extra}
    if extra:
        info["extra"] = extra
    return {"userInfo": info}


def _attributes(spec: Json) -> Attributes:
    of_resource, of_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(of_resource, dict) and not of_path:
        texts = {name: _text(of_resource, name) for name in _FIELDS}
        return Attributes(**texts)
    if isinstance(of_path, dict) and not of_resource:
        return Attributes(_text(of_path, "verb"), path=_text(of_path, "path"))
    raise _bad(
        "spec", spec, "exactly one of resourceAttributes and nonResourceAttributes must be given"
    )


_FIELDS = ("verb", "group", "resource", "subresource", "namespace", "name")


def _text(found: Json, name: str) -> str:
    value = found.get(name) or ""
    if not isinstance(value, str):
        raise _bad(f"spec.{name}", value, "must be text")
    return value


def _bad(field: str, value: object, rule: str) -> StatusError:
    message = f"Invalid value: {shown(value)}: {rule}"
    return StatusError(422, f"{field}: {message}", causes=[Cause(field, message)])
