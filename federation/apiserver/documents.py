"""Documents that say what the API has: discovery, OpenAPI, the version.

In: the kinds, and documents as JSON values. Out: bytes with an ETag, made once for each form. One
whose address has its hash never changes, so clients keep it.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from aiohttp import web

Json = dict[str, Any]

_A_YEAR = 31_536_000
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Document:
    """A document in one form."""

    body: bytes
    media: str
    etag: str

    def answer(self, request: web.Request) -> web.Response:
        """The document, or that it is as the client has it."""
        headers = {"ETag": self.etag, "Vary": "Accept"}
        if request.query.get("hash"):
            headers["Cache-Control"] = f"public, immutable, max-age={_A_YEAR}"
        else:
            headers["Cache-Control"] = "no-cache, private"
        if self.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=_NOT_MODIFIED, headers=headers)
        headers["Content-Type"] = self.media
        return web.Response(body=self.body, headers=headers)


def made(body: bytes, media: str) -> Document:
    """A document of these bytes."""
    return Document(body, media, f'"{hashlib.sha256(body).hexdigest()[:32].upper()}"')


def of_json(found: Json, media: str = "application/json") -> Document:
    """A document of a JSON value."""
    return made(json.dumps(found, separators=(",", ":")).encode(), media)


Forms = Mapping[str, Document | Callable[[], Document]]
"""The forms of a document by what an Accept header must hold; "" is the one for everybody else."""


class Documents:
    """The documents by their paths; those that cost much are made when they are asked for."""

    def __init__(self, forms: Mapping[str, Forms]) -> None:
        self._forms = {path: dict(of_path) for path, of_path in forms.items()}

    def find(self, path: str, accept: str) -> Document | None:
        """The document at a path in the form that a client accepts; the first that it names."""
        forms = self._forms.get(path)
        if forms is None:
            return None
        offered = [part.strip() for part in accept.split(",")]
        wanted = next((form for part in offered for form in forms if form and form in part), "")
        found = forms[wanted]
        if not isinstance(found, Document):
            found = forms[wanted] = found()
        return found


def version_document(kubernetes: tuple[int, int]) -> Document:
    """`/version`: clients read from it which API they may expect; ours is that of Kubernetes."""
    major, minor = kubernetes
    ours = version("fedmesh")
    return of_json(
        {
            "major": str(major),
            "minor": str(minor),
            "gitVersion": f"v{major}.{minor}.0+fedmesh-{ours}",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "platform": "linux/amd64",
        }
    )
