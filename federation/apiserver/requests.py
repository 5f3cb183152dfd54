"""What a request asks for, read from its method, path and query; pure.

In: method, path, query. Out: `Asked`, or StatusError (404) for a path that leads nowhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from federation.apiserver.statuses import StatusError, bad_request
from federation.model.errors import shown

_BELOW_NAMESPACES = ("status", "finalize")
_TRUE, _FALSE = (
    ("true", "True", "1", "t", "T", "TRUE"),
    ("false", "False", "0", "f", "F", "FALSE", ""),
)
_GROUP, _CORE = 3, 2

VERBS_OF_A_LIST = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
VERBS_OF_ONE = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a path says: group, version, plural; `namespace` "" for none; `name` "" for a list."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def read_path(path: str) -> Asked | None:
    """What an API path asks for; None when it leads to no resource (a group, a version)."""
    parts = [part for part in path.split("/") if part]
    if not parts or parts[0] not in ("api", "apis"):
        return None
    skip = _CORE if parts[0] == "api" else _GROUP
    if len(parts) <= skip:
        return None
    group = "" if parts[0] == "api" else parts[1]
    version, rest = parts[skip - 1], parts[skip:]
    namespace = ""
    in_a_namespace = rest[0] == "namespaces" and len(rest) >= _GROUP
    if in_a_namespace and not (group == "" and rest[2] in _BELOW_NAMESPACES):
        namespace, rest = rest[1], rest[2:]
    elif rest[0] == "namespaces" and group:
        raise StatusError(404, "the server could not find the requested resource")
    if len(rest) > _GROUP:
        raise StatusError(404, "the server could not find the requested resource")
    name, subresource = (*rest[1:], "", "")[:2]
    return Asked(group, version, rest[0], namespace, name, subresource)


def verb_of(method: str, asked: Asked, is_watch: bool) -> str:
    """The verb of Kubernetes; raises StatusError (405)."""
    if asked.subresource:
        verbs = {**VERBS_OF_ONE, "POST": "create"}
    else:
        verbs = VERBS_OF_ONE if asked.name else VERBS_OF_A_LIST
    verb = verbs.get(method)
    if verb is None:
        raise StatusError(405, "the server does not allow this method on the requested resource")
    return "watch" if is_watch and verb in ("list", "get") else verb


def truth(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is true or false; raises StatusError (400)."""
    text = query.get(name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise bad_request(f"{name} is {shown(text)}, but must be true or false")


def count(query: Mapping[str, str], name: str, most: int) -> int:
    """A parameter that is a number, 0 when it is not given; raises StatusError (400)."""
    text = query.get(name, "")
    if not text:
        return 0
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise bad_request(f"{name} is {shown(text)}, but must be a whole number from 0")
    return min(int(text), most)


def revision(query: Mapping[str, str]) -> int | None:
    """`resourceVersion`, None when it is not given; raises StatusError (400)."""
    text = query.get("resourceVersion", "")
    if not text:
        return None
    if not is_revision(text):
        raise bad_request(f"resourceVersion is {shown(text)}, but must be a number of a list")
    return int(text)


def is_revision(text: str) -> bool:
    """Whether this can be a resourceVersion of ours."""
    return re.fullmatch(r"\d{1,18}", text, re.ASCII) is not None


def is_dry(values: list[str]) -> bool:
    """Whether a request must change nothing; raises StatusError (400) for an unknown word."""
    for value in values:
        if value != "All":
            raise bad_request(f"dryRun is {shown(value)}, but must be All")
    return bool(values)
