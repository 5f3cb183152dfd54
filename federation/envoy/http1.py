"""HTTP/1.1 as the mesh takes it from callers and speaks it to applications: as much as it allows.

In: nothing. Out: settings of connection managers and clusters, and filters for requests that want
another protocol. What passes and what does not is told in docs/reference/http.md.
"""

from collections.abc import Iterable
from typing import Any as Message

from envoy.extensions.filters.http.header_mutation.v3 import header_mutation_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2

from federation.envoy import heads
from federation.envoy.build import extension
from federation.envoy.spoofing import MARKS, MISSPELLED, OF_THE_MESH

_PASSED = "websocket"

DECLINED = "x-fedmesh-declined"
"""With which status an application has answered a WebSocket that it did not open.

Between proxies a WebSocket is an extended CONNECT of HTTP/2 (RFC 8441), where 2xx means that it is
open. So such an answer becomes 502: Envoy drops its body, and success without one would be wrong.
"""

FRAMED = "x-fedmesh-framed"
"""Set on a request that came with `Transfer-Encoding`, until the filters have seen it.

Of a request for another protocol Envoy removes that header before any filter.
"""

# By the time when a filter sees such a request, Envoy takes all that follows its head for the other
# protocol and finds no end of a body, so the offer cannot be left out any more.
_OPENING = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local bare = string.find(headers:get("content-length") or "0", "^0+$") ~= nil
    and headers:get("{FRAMED}") == nil
  local old = handle:streamInfo():protocol() == "HTTP/1.0"
  if headers:get(":method") == "GET" and bare and not old then
    return
  end
  local why = "fedmesh: a WebSocket opens with a GET of HTTP/1.1 that has no body\\n"
  handle:respond({{[":status"] = "400"}}, why)
end
"""

# Of answers below 400 to such requests Envoy does not remove the headers that routes say. The
# mesh's own answers are above.
_DECLINING = """
function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  if not string.find(status, "^[1-3]%d%d$") then
    return
  end
{removing}
  if string.find(status, "^2") then
    headers:replace("{declined}", status)
    headers:replace(":status", "502")
  end
end
"""


def taken(**more: Message) -> dict[str, Message]:
    """Settings `http_protocol_options` of a connection manager.

    Trailers and methods of any name pass. An upgrade to a protocol that the mesh does not pass on
    is ignored, as servers may do (RFC 9110, 7.8): common clients offer one with each request.
    """
    return {
        "enable_trailers": True,
        "allow_custom_methods": True,
        "ignore_http_11_upgrade": [{"safe_regex": {"regex": _other_than(_PASSED)}}],
        **more,
    }


def spoken() -> dict[str, Message]:
    """Settings `http_protocol_options` of a cluster."""
    return {"enable_trailers": True}


def noting_frames() -> list[Message]:
    """Mutations of a request, before anything reads it: whether its body has no stated length."""
    return [heads.copied("transfer-encoding", FRAMED)]


def trailers() -> Message:
    """A filter: what trailers must not say, and the note of `noting_frames` ends.

    Some servers hand those of a request on as headers, so they lose what the mesh alone may say, in
    the same spellings as headers do.
    """
    said = [
        {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": regex}}}}
        for regex in (OF_THE_MESH, MISSPELLED)
    ]
    odd = [{"remove": name} for name in heads.NOT_OF_TRAILERS]
    marks = [{"remove": mark} for mark in MARKS]
    found = header_mutation_pb2.HeaderMutation(
        mutations={
            "request_mutations": [{"remove": FRAMED}],
            "request_trailers_mutations": [*said, *odd],
            "response_trailers_mutations": [*marks, *odd],
        }
    )
    return extension("envoy.filters.http.header_mutation", found)


def upgrades(filters: Iterable[Message]) -> list[Message]:
    """Settings `upgrade_configs`: protocols that pass, with the filters that see such requests."""
    return [{"upgrade_type": _PASSED, "filters": filters}]


def opening() -> Message:
    """A filter for requests for a WebSocket: 400 for one that cannot open any.

    It must be a GET of HTTP/1.1 or later (RFC 6455, 4.1), and between proxies a body is lost.
    """
    script = lua_pb2.Lua(default_source_code={"inline_string": _OPENING})
    return extension("envoy.filters.http.lua", script)


def declining(not_of_answers: Iterable[str]) -> Message:
    """A filter of the last hop, for answers to requests for a WebSocket.

    One that does not open it says so, and an application says nothing that the mesh alone may say.
    """
    removing = "\n".join(f'  headers:remove("{name}")' for name in not_of_answers)
    text = _DECLINING.format(removing=removing, declined=DECLINED)
    script = lua_pb2.Lua(default_source_code={"inline_string": text})
    return extension("envoy.filters.http.lua", script)


def _other_than(word: str) -> str:
    """An expression for all texts but one, whatever the case; the language has no negation."""
    others, last = word[:-1], word[-1]
    found = f"(?:[^{last}].*|{last}.+)"
    for letter in reversed(others):
        found = f"(?:[^{letter}].*|{letter}{found}?)"
    return f"(?i){found}"
