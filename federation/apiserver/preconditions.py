"""What must hold before an object is written: it is the one that is meant, and not too large.

In: the object that is there, what a request names, what is to be kept. Raises StatusError.
"""

import json
from typing import Any

from federation.api.kind import ApiKind
from federation.apiserver.collection import Held
from federation.apiserver.requests import is_revision
from federation.apiserver.statuses import StatusError, bad_request, changed_meanwhile
from federation.model.errors import shown

LARGEST_OBJECT = 256 * 1024
"""Bytes of JSON, with all that is kept of who owns which field: a body, which can be sent back."""
_TOO_LARGE = 413


def check_held(kind: ApiKind, held: Held, uid: str = "", revision: str = "") -> None:
    """Whether this is the object that a request is about; "" for what it does not name.

    Raises StatusError: 409 when it is another one, 400 for a revision that is none.
    """
    metadata = held.object["metadata"]
    if uid and uid != metadata["uid"]:
        raise changed_meanwhile(
            kind,
            metadata["name"],
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
            f"{metadata['uid']}",
        )
    if not revision:
        return
    if not is_revision(revision):
        raise bad_request(f"metadata.resourceVersion is {shown(revision)}, but must be a number")
    if not held.since <= int(revision) <= held.revision:
        raise changed_meanwhile(kind, metadata["name"])


def check_size(kind: ApiKind, found: dict[str, Any]) -> None:
    """Whether an object can be kept; raises StatusError (413)."""
    size = len(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_OBJECT:
        name = found["metadata"]["name"]
        raise StatusError(
            _TOO_LARGE,
            f"{kind.kind} {name} would have {size} bytes, with all that is kept of who owns which "
            f"field, but at most {LARGEST_OBJECT} are kept: say less in it",
            kind=kind,
            name=name,
        )
