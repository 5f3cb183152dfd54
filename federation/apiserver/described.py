"""What the API says of itself, made of its kinds: discovery, OpenAPI, CRDs, the version.

In: the kinds. Out: `Documents`, whose OpenAPI is made when it is asked for, since that takes a
while, and few ask for all.
"""

from collections.abc import Sequence
from functools import partial

from federation.api.kind import ApiKind
from federation.apiserver import discovery
from federation.apiserver.documents import (
    Document,
    Documents,
    Forms,
    made,
    of_json,
    version_document,
)
from federation.apiserver.openapi import v2, v3
from federation.apiserver.openapi.v2_protobuf import ACCEPTED, MEDIA, encode

_INDEX = ""
KUBERNETES = (1, 34)
"""The version of Kubernetes whose API ours behaves as: kubectl takes one that is one apart."""


def described(kinds: Sequence[ApiKind]) -> Documents:
    """All documents."""
    forms: dict[str, Forms] = {"/version": {"": version_document(KUBERNETES)}}
    found: dict[str, dict[str, Document]] = {
        path: {"": of_json(document)} for path, document in discovery.legacy(kinds).items()
    }
    for version in discovery.AGGREGATED:
        media = discovery.aggregated_media(version)
        for path, document in discovery.aggregated(kinds, version).items():
            found[path][f"v={version};as=APIGroupDiscoveryList"] = of_json(document, media)
    forms |= found
    return Documents(forms | _openapi(kinds))


def _openapi(kinds: Sequence[ApiKind]) -> dict[str, Forms]:
    """The documents of OpenAPI: as values they are large, and few ask for them."""
    found: dict[str, Document] = {}

    def of_v3(path: str) -> Document:
        if not found:
            documents = v3.documents(kinds)
            found.update({name: of_json(document) for name, document in documents.items()})
            found[_INDEX] = of_json(v3.index_of(documents))
        return found[path]

    return {
        "/openapi/v3": {"": partial(of_v3, _INDEX)},
        **{f"/openapi/v3/{path}": {"": partial(of_v3, path)} for path in v3.paths_of(kinds)},
        "/openapi/v2": {
            **{media: lambda: made(encode(v2.document(kinds)), MEDIA) for media in ACCEPTED},
            "": lambda: of_json(v2.document(kinds)),
        },
    }
