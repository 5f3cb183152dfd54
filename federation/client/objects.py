"""The objects of a controller over its Kubernetes-style API: get, list, watch, apply, delete.

In: places and selections. Out: JSON objects, Tables, events of a watch, and the model's errors.
"""

import json
import math
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from federation.client.discovery import MEDIA, PATHS, Kinds, ServedKind, kinds_of
from federation.client.rest import NOT_MODIFIED, PLAIN, SECONDS, Answer, Opener, Request, Rest
from federation.client.statuses import Expired
from federation.model.errors import Busy, NotReady, PeerBroke

Json = dict[str, Any]

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MANAGER, EDITOR = "fedctl", "fedctl-edit"
"""Who owns what is applied, and what is edited."""

_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_SILENCE_SECONDS = 150.0
"""A watch says something at least every minute; one that is silent for longer is dead."""
_PAGE = 500
_CREATED = 201


@dataclass(frozen=True, slots=True)
class Kept:
    """A document of discovery with the ETag it came with."""

    etag: str
    body: Json


class Cache(Protocol):
    """Where documents of discovery are kept; one that keeps nothing is a cache as well."""

    def load(self, url: str) -> dict[str, Kept]: ...

    def store(self, url: str, documents: dict[str, Kept]) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """An object: its kind, its namespace ("" where there is none), its name."""

    kind: ServedKind
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Its path."""
        return self.kind.path(self.namespace, self.name)

    @property
    def title(self) -> str:
        """How lines name it."""
        return self.kind.title(self.name)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind; `namespace` "" for those of all."""

    kind: ServedKind
    namespace: str = ""
    labels: str = ""
    fields: str = ""

    @property
    def path(self) -> str:
        """The path of the list."""
        return self.kind.path(self.namespace)

    def query(self) -> dict[str, str]:
        """As parameters."""
        found = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: text for name, text in found.items() if text}


class Objects:
    """Asks one controller for objects."""

    def __init__(self, opener: Opener, sleep: Callable[[float], None]) -> None:
        """`sleep`: how to wait when the controller asks for it."""
        self._rest = Rest(opener, sleep)

    def kinds(self, cache: Cache) -> Kinds:
        """All kinds that the controller serves; what the cache has is only asked about."""
        kept = cache.load(self._rest.url)
        found: dict[str, Kept] = {}
        for path in PATHS:
            before = kept.get(path)
            headers = {"Accept": MEDIA} | ({"If-None-Match": before.etag} if before else {})
            answer = self._rest.ask(Request("GET", path, headers=headers))
            is_same = answer.status == NOT_MODIFIED and before is not None
            found[path] = before if is_same and before else Kept(answer.etag, answer.object)
        kinds = kinds_of(one.body for one in found.values())
        if found != kept:
            cache.store(self._rest.url, found)
        return kinds

    def document(self, path: str) -> Json:
        """A document that is no object, such as a part of OpenAPI."""
        return self._rest.ask(Request("GET", path)).object

    def get(self, place: Place, accept: str = PLAIN) -> Json:
        """An object, or a Table of it; raises NotReady when it is not there."""
        path = _with(place.path, _included(accept))
        return self._rest.ask(Request("GET", path, headers={"Accept": accept})).object

    def find(self, place: Place) -> Json | None:
        """The object, None when it is not there."""
        try:
            return self.get(place)
        except Busy:
            raise
        except NotReady:
            return None

    def list(self, selection: Selection, accept: str = PLAIN) -> Json:
        """The list, or the Table, of all that is selected, page by page.

        The whole of it is asked for anew at once when its pages are not kept any more.
        """
        try:
            return self._pages(selection, accept, _PAGE)
        except Expired:
            return self._pages(selection, accept, 0)

    def _pages(self, selection: Selection, accept: str, limit: int) -> Json:
        query = {
            **selection.query(),
            **_included(accept),
            **({"limit": str(limit)} if limit else {}),
        }
        whole: Json = {}
        while True:
            path = _with(selection.path, query)
            answer = self._rest.ask(Request("GET", path, headers={"Accept": accept}))
            page = answer.object
            name = "rows" if page.get("kind") == "Table" else "items"
            if not isinstance(page.get(name), list):
                raise PeerBroke(f"{answer.request}: the answer has no {name}")
            if whole:
                whole[name] += page[name]
            else:
                whole = page
            token = _metadata(page).get("continue")
            if not token:
                whole["metadata"] = {"resourceVersion": revision_of(whole)}
                return whole
            query["continue"] = str(token)

    def watch(
        self, selection: Selection, revision: str, accept: str = PLAIN, seconds: float = 0.0
    ) -> Iterator[tuple[str, Json]]:
        """What happens from a revision on: (type, object or Table), BOOKMARKs as well.

        Ends when the controller ends it, at the latest after `seconds` when they are given. Raises
        Expired when the revision is not kept any more.
        """
        query = {**selection.query(), **_included(accept), "resourceVersion": revision}
        query |= {"watch": "true", "allowWatchBookmarks": "true"}
        silence = _SILENCE_SECONDS
        if seconds:
            query["timeoutSeconds"] = str(max(1, math.ceil(seconds)))
            silence = min(silence, seconds + SECONDS)
        request = Request("GET", _with(selection.path, query), headers={"Accept": accept})
        yield from self._rest.stream(request, silence)

    def apply(
        self, document: Json, place: Place, *, force: bool, is_dry: bool
    ) -> tuple[bool, Json]:
        """Server-side apply; whether the object is new, and what it is then."""
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", "force": str(force).lower()}
        query |= _dry(is_dry)
        answer = self._write("PATCH", _with(place.path, query), document, _APPLY)
        return answer.status == _CREATED, answer.object

    def patch(self, place: Place, patch: Json) -> Json:
        """Merge a patch (RFC 7396) into an object."""
        query = {"fieldManager": EDITOR, "fieldValidation": "Strict"}
        return self._write("PATCH", _with(place.path, query), patch, _MERGE).object

    def delete(self, place: Place, *, is_dry: bool) -> None:
        """Delete an object, which may take its time to go."""
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1"}
        options["propagationPolicy"] = "Background"
        if is_dry:
            options["dryRun"] = ["All"]
        self._write("DELETE", _with(place.path, _dry(is_dry)), options, PLAIN)

    def _write(self, method: str, path: str, body: Json, media: str) -> Answer:
        headers = {"Content-Type": media, "User-Agent": MANAGER}
        return self._rest.ask(Request(method, path, json.dumps(body).encode(), headers))


def revision_of(found: Json) -> str:
    """The resourceVersion of an object, a list or a Table, "" when it has none."""
    return str(_metadata(found).get("resourceVersion") or "")


def _with(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def _included(accept: str) -> dict[str, str]:
    """With a Table the objects themselves, by which rows of a watch are told apart."""
    return {"includeObject": "Object"} if accept == TABLE else {}


def _dry(is_dry: bool) -> dict[str, str]:
    return {"dryRun": "All"} if is_dry else {}


def _metadata(found: Json) -> Json:
    metadata = found.get("metadata")
    return metadata if isinstance(metadata, dict) else {}
