"""Answers of the calls under `/v1`: JSON objects, and errors by their status.

In: the status and the bytes of an answer. Out: JSON values, and the model's errors.
"""

import http.client
import json
from typing import Any

from federation.model.errors import Denied, FedmeshError, PeerBroke, of_http_status
from federation.runtime.escapes import visible

Json = dict[str, Any]


def error_of(status: int, answer: Json | None, call: str) -> FedmeshError:
    """The model's error for an answer that is not 2xx; `answer` is its JSON, if it had any."""
    said = (answer or {}).get("error")
    message = said.get("message") if isinstance(said, dict) else None
    if answer is not None and answer.get("kind") == "Status":
        message = answer.get("message")
    known = of_http_status(status)
    if not message:
        return known(f"{call} answered {status} without a reason")
    if isinstance(said, dict) and said.get("field"):
        message = f"{said['field']}: {message}"
    if known is Denied and status == http.client.UNAUTHORIZED:
        message = f"{message}: check token_file or certificate_file in fedctl's configuration"
    return known(visible(str(message)))


def parse_object(data: bytes) -> Json | None:
    """The JSON object that bytes are, None when they are none."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def items_of(answer: Json) -> list[Json]:
    """The items of a list; raises PeerBroke."""
    items = answer.get("items")
    if not isinstance(items, list):
        raise PeerBroke("the controller's answer lacks items")
    return items
