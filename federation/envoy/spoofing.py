"""Headers by which callers and applications could speak for the mesh, and what is done about them.

WSGI, CGI and PHP hand request headers to an application as variables, in which `-`, `_` and other
signs are the same: `X_Forwarded_Client_Cert` is read like the header that the last hop writes, and
may win. In: nothing. Out: mutations of requests for every connection manager, applied before it
writes anything itself; and the marks of answers, with who is believed about them.
"""

from collections.abc import Iterable
from typing import Any as Message

from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2 as filter_pb2
from envoy.extensions.filters.http.upstream_codec.v3 import upstream_codec_pb2
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2

from federation.envoy.build import extension

# Envoy takes small expressions only (100 instructions), so signs are ranges of ASCII. The `^` says
# nothing new, but by it names that begin otherwise, nearly all, are told apart in half of the time.
_SIGN = r"[!-/:-@\[-`{-~]"
_NO_DASH = r"[!-,./:-@\[-`{-~]"
_ANY = "[!-~]*"

OF_THE_MESH = f"^x{_SIGN}(?:forwarded{_SIGN}client{_SIGN}cert|fedmesh{_SIGN}{_ANY})"
"""`x-forwarded-client-cert` and `x-fedmesh-*` in all spellings: said by the mesh alone."""

_FAMILIES = "(?:forwarded|real|envoy)"
MISSPELLED = f"^x(?:{_NO_DASH}{_FAMILIES}{_SIGN}{_ANY}|-{_FAMILIES}(?:-{_ANY})?{_NO_DASH}{_ANY})"
"""`x-forwarded-*`, `x-real-*` and `x-envoy-*` with another sign than `-`.

Proxies before the mesh say these, and it passes them on: not what could be read in their place.
"""

UNREACHED = "x-fedmesh-unreached"
"""The last proxy before the application says by this that the request did not reach it."""
UNFINISHED = "x-fedmesh-unfinished"
"""And by this that the application broke off: it closed the connection, or reset the request."""
MARKS = (UNREACHED, UNFINISHED)
NOBODY = "x-fedmesh-nobody"
"""A header that no request has by the time when its sender is judged."""

_SAID_BY = "by="


def removing_spoofed(writing: Iterable[Message] = ()) -> list[Message]:
    """Settings `early_header_mutation_extensions`; `writing` are mutations that follow."""
    removed = (
        {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": regex}}}}
        for regex in (OF_THE_MESH, MISSPELLED)
    )
    mutations = header_mutation_pb2.HeaderMutation(mutations=[*removed, *writing])
    return [extension("envoy.http.early_header_mutation.header_mutation", mutations)]


def naming_who_marked() -> list[Message]:
    """The filters `upstream_http_filters` of a first proxy's router.

    Over the value of a mark it writes who has answered, by the identity that TLS has proved. So an
    application that is dialled without TLS can send a mark, and nobody heeds it.
    """
    said = filter_pb2.HeaderMutation(
        mutations={
            "response_mutations": [
                {
                    "append": {
                        "header": {"key": mark, "value": f"{_SAID_BY}%UPSTREAM_PEER_URI_SAN%"},
                        "append_action": "OVERWRITE_IF_EXISTS",
                    }
                }
                for mark in MARKS
            ]
        }
    )
    return [
        extension("envoy.filters.http.header_mutation", said),
        extension("envoy.filters.http.upstream_codec", upstream_codec_pb2.UpstreamCodec()),
    ]


def marked(mark: str) -> dict[str, Message]:
    """Matches the headers of an answer in which a proxy of the mesh has set this mark."""
    return {"name": mark, "string_match": {"prefix": f"{_SAID_BY}spiffe://"}}
