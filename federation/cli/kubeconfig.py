"""A context of fedctl as one of kubectl: a kubeconfig of its own, or one more in a file.

In: the context's URL, root certificate and credentials; documents as they are in files. Out:
documents. Nothing of anybody else is changed or lost; what is not a kubeconfig is refused.
"""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.cli.contexts import check_name
from federation.model.errors import Conflict, InvalidInput, shown
from federation.runtime.yamldocs import YamlError, load_document

Json = dict[str, Any]

_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_OTHER_TRUST = ("certificate-authority", "insecure-skip-tls-verify")


@dataclass(frozen=True, slots=True)
class Access:
    """All that kubectl needs: where, whom to trust (PEM), and a token, or a certificate and key."""

    name: str
    server: str
    root: bytes
    token: str = ""
    certificate: bytes = b""
    key: bytes = b""

    @property
    def cluster(self) -> Json:
        """The server and how to know it."""
        return {"server": self.server, "certificate-authority-data": _base64(self.root)}

    @property
    def user(self) -> Json:
        """Who asks."""
        if self.token:
            return {"token": self.token}
        return {
            "client-certificate-data": _base64(self.certificate),
            "client-key-data": _base64(self.key),
        }


def kubeconfig(access: Access) -> Json:
    """A kubeconfig of this context alone."""
    return merged({}, access, Path("new"))


def merged(document: Json, access: Access, file: Path) -> Json:
    """The document with the context; what is there of others stays, in its order.

    Raises Conflict when another context, cluster or user has the name.
    """
    name = check_name(access.name)
    context = _found(document, "contexts", name)
    cluster = _found(document, "clusters", name)
    _check_ours(document, access, file)
    trust = {k: v for k, v in (cluster or {}).items() if k not in _OTHER_TRUST}
    entries = {
        "clusters": {**trust, **access.cluster},
        "users": access.user,
        "contexts": {**(context or {}), "cluster": name, "user": name},
    }
    made: Json = {"apiVersion": "v1", "kind": "Config", **document}
    for field, value in entries.items():
        made[field] = _with(document.get(field) or [], name, _LISTS[field], value)
    if not made.get("current-context"):
        made["current-context"] = name
    return made


def has_context(document: Json, name: str) -> bool:
    """Whether the document has a context of this name."""
    return _found(document, "contexts", name) is not None


def read_kubeconfig(data: bytes, file: Path) -> Json:
    """The document in a file; an empty one has nothing. Raises InvalidInput for a damaged one."""
    try:
        document = load_document(data.decode(), str(file))
    except UnicodeDecodeError as error:
        raise _damaged(file, "is not UTF-8") from error
    except YamlError as error:
        raise _damaged(Path(error.where), error.reason) from error
    if document is None:
        return {}
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise _damaged(file, "is no document of kind Config")
    for field, inner in _LISTS.items():
        entries = document.get(field)
        if entries is not None and not isinstance(entries, list):
            raise _damaged(file, f"has {field} that are no list")
        for entry in entries or ():
            is_named = isinstance(entry, dict) and isinstance(entry.get("name"), str)
            if not is_named or not isinstance(entry.get(inner) or {}, dict):
                raise _damaged(file, f"has {shown(entry)} in {field}, which is no entry of it")
    return document


def _damaged(file: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        f"kubeconfig {file} {reason}; nothing was changed: repair it, or name another file by "
        "--output"
    )


def _check_ours(document: Json, access: Access, file: Path) -> None:
    """Raise Conflict when something of this name is not what an earlier merge has written."""
    name = access.name
    context, cluster = (_found(document, field, name) for field in ("contexts", "clusters"))
    is_theirs = (
        (cluster is not None and cluster.get("server") != access.server)
        or (context is not None and (context.get("cluster"), context.get("user")) != (name, name))
        or (_found(document, "users", name) is not None and context is None)
    )
    others = [c for c in document.get("contexts") or () if c["name"] != name]
    used = [c["name"] for c in others if (c.get("context") or {}).get("user") == name]
    if is_theirs or used:
        raise Conflict(
            f"kubeconfig {file} has another {name} already, which is not replaced: choose another "
            "name by --name"
        )


def _found(document: Json, field: str, name: str) -> Json | None:
    for entry in document.get(field) or ():
        if entry["name"] == name:
            return entry.get(_LISTS[field]) or {}
    return None


def _with(entries: list[Json], name: str, inner: str, value: Json) -> list[Json]:
    """The entries with this one in its place, or at the end."""
    if not any(entry["name"] == name for entry in entries):
        return [*entries, {"name": name, inner: value}]
    return [{**e, inner: value} if e["name"] == name else e for e in entries]


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
