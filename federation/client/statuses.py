"""What a Kubernetes-style API server says when it refuses: a Status becomes one of our errors.

In: the HTTP status and the answer's JSON. Out: the model's error, as one sentence with its causes.
"""

from typing import Any

from federation.model.errors import (
    Busy,
    Denied,
    Failed,
    FedmeshError,
    InvalidInput,
    of_http_status,
)
from federation.runtime.escapes import visible

Json = dict[str, Any]

_GONE, _TOO_MANY, _UNAUTHORIZED, _UNSUPPORTED = 410, 429, 401, 415
_MOST_CAUSES = 10


class Expired(Failed):
    """The past that is asked for is not kept any more: list again."""


def status_error(code: int, answer: Any, call: str) -> FedmeshError:
    """The error that an answer means; `call` is named when it gives no reason."""
    said = answer if isinstance(answer, dict) else {}
    if said.get("kind") == "Status" and isinstance(said.get("code"), int):
        code = said["code"]  # in a stream, which began with 200, the only one
    kind = _kind(code)
    message = said.get("message")
    if said.get("kind") != "Status" or not isinstance(message, str) or not message:
        return kind(f"{call} answered {code} without a reason")
    if code == _UNAUTHORIZED:
        message = f"{message}: check token_file in fedctl's configuration"
    return kind(visible("; ".join([message, *_causes(said, message)])))


def _kind(code: int) -> type[FedmeshError]:
    if code == _GONE:
        return Expired
    if code == _TOO_MANY:
        return Busy
    return InvalidInput if code == _UNSUPPORTED else of_http_status(code)


def _causes(said: Json, message: str) -> list[str]:
    """The causes that the message does not say itself."""
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    found = []
    for cause in causes if isinstance(causes, list) else ():
        if not isinstance(cause, dict):
            continue
        field, text = str(cause.get("field") or ""), str(cause.get("message") or "")
        if text and not (text in message and field in message):
            found.append(f"{field}: {text}" if field else text)
    more = len(found) - _MOST_CAUSES
    return [*found[:_MOST_CAUSES], *([f"and {more} more"] if more > 0 else [])]


def is_final(error: FedmeshError) -> bool:
    """Whether to ask again changes nothing: what is wrong is the asking, or who asks."""
    return isinstance(error, Denied | InvalidInput)
