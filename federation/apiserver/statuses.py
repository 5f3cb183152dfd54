"""Refusals as Kubernetes says them: Status objects (meta/v1) with a reason and causes.

In: what is wrong, as an error of ours. Out: the HTTP status, and the Status object as JSON.
kubectl shows `details.kind`, `details.name` and the causes of an Invalid, not the message, so an
Invalid always has causes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from federation.api.kind import ApiKind
from federation.model.errors import FedmeshError

Json = dict[str, Any]

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_INVALID, _TOO_MANY, _UNAVAILABLE = 422, 429, 503
_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one field: its path as in `spec.order[0].zone`, and a sentence."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class StatusError(FedmeshError):
    """A request that is refused with a Status of its own."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str = "",
        kind: ApiKind | None = None,
        name: str = "",
        causes: Iterable[Cause] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.said = reason or _REASONS.get(code, "")
        self.kind = kind
        self.name = name
        self.causes = tuple(causes)


class AlreadyExistsError(StatusError):
    """There is an object of this name."""


def status_of(error: FedmeshError) -> tuple[int, Json]:
    """The HTTP status and the Status object of an error."""
    if not isinstance(error, StatusError):
        code = error.http_status
        return code, failure(code, error.reason, str(error), _retry(code))
    details: Json = _retry(error.code)
    if error.name:
        details["name"] = error.name
    if error.kind is not None:
        is_invalid = error.code == _INVALID  # of which kubectl names the kind, of others the plural
        details["group"] = error.kind.group
        details["kind"] = error.kind.kind if is_invalid else error.kind.plural
    if error.causes:
        details["causes"] = [
            {"reason": c.reason, "message": c.message, "field": c.field} for c in error.causes
        ]
    return error.code, failure(error.code, error.said, str(error), details)


def failure(code: int, reason: str, message: str, details: Json) -> Json:
    """A Status that says that something failed."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        **({"details": details} if details else {}),
        "code": code,
    }


def success(kind: ApiKind, name: str, uid: str = "") -> Json:
    """The Status of a deletion that is done."""
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details, "uid": uid} if uid else details,
    }


def _retry(code: int) -> Json:
    return {"retryAfterSeconds": _RETRY_SECONDS} if code in (_TOO_MANY, _UNAVAILABLE) else {}


def not_found(kind: ApiKind, name: str) -> StatusError:
    """There is no object of this name."""
    return StatusError(404, f'{kind.resource} "{name}" not found', kind=kind, name=name)


def already_exists(kind: ApiKind, name: str) -> AlreadyExistsError:
    """There is one of this name already."""
    message = f'{kind.resource} "{name}" already exists'
    return AlreadyExistsError(409, message, reason="AlreadyExists", kind=kind, name=name)


def changed_meanwhile(kind: ApiKind, name: str, why: str = "") -> StatusError:
    """The object is not the one any more that the request is about."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try "
        "again"
    )
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return StatusError(409, message, kind=kind, name=name)


def invalid(kind: ApiKind, name: str, causes: Iterable[Cause]) -> StatusError:
    """The object says what cannot be; at least one cause."""
    known = tuple(causes)
    said = [f"{c.field}: {c.message}" for c in known]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    message = f'{qualified} "{name}" is invalid: {text}'
    return StatusError(_INVALID, message, kind=kind, name=name, causes=known)


def bad_request(message: str) -> StatusError:
    """The request itself cannot be read."""
    return StatusError(400, message)


def expired(message: str) -> StatusError:
    """What is asked for is not kept any more: the caller lists again."""
    return StatusError(410, message)
