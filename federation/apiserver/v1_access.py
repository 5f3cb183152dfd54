"""What the calls under `/v1` ask, as attributes: so roles count for them as for objects.

In: the method and the path. Out: `Attributes`; a path without a row is asked for as a path, which
only an admin of the clusterset may.
"""

import re

from federation.apiserver.access import OURS, Attributes

_NAME = r"(?P<name>[^/]+)"
_ROWS: tuple[tuple[str, str, str, str, str], ...] = (
    ("GET", "/v1/clusters", "list", "clusters", ""),
    ("PUT", f"/v1/clusters/{_NAME}", "update", "clusters", ""),
    ("PATCH", f"/v1/clusters/{_NAME}", "patch", "clusters", ""),
    ("DELETE", f"/v1/clusters/{_NAME}", "delete", "clusters", ""),
    ("POST", f"/v1/clusters/{_NAME}/confirm", "create", "clusters", "confirm"),
    ("GET", "/v1/trust", "get", "trust", ""),
    ("POST", f"/v1/trust/{_NAME}/revoke", "create", "clusters", "revoke"),
    ("POST", f"/v1/trust/{_NAME}/rekey", "create", "clusters", "rekey"),
    ("GET", "/v1/join-tokens", "list", "jointokens", ""),
    ("POST", "/v1/join-tokens", "create", "clusters", "jointoken"),
    ("DELETE", f"/v1/join-tokens/{_NAME}", "delete", "jointokens", ""),
    ("GET", "/v1/audit", "list", "audit", ""),
    ("POST", "/v1/backup", "create", "backups", ""),
    ("GET", "/v1/services", "list", "services", ""),
    ("GET", "/v1/status", "get", "status", ""),
)
_TABLE = tuple(
    (method, re.compile(path), verb, resource, subresource)
    for method, path, verb, resource, subresource in _ROWS
)


def attributes_of(method: str, path: str) -> Attributes:
    """What a request under `/v1` asks."""
    method = "GET" if method == "HEAD" else method
    for wanted, pattern, verb, resource, subresource in _TABLE:
        match = pattern.fullmatch(path)
        if match and method == wanted:
            name = match.groupdict().get("name") or ""
            return Attributes(verb, OURS, resource, subresource, name=name)
    return Attributes(method.lower(), path=path)
