"""Heads that HTTP/2 does not allow: refused before a connection that others share has them.

In: nothing. Out: settings, routes and pieces of Lua for `federation.envoy.http`. A sender's
connection carries requests of many, and so does one to an application that speaks HTTP/2. What its
receiver takes for an error costs at least a useless answer, and some end the connection for it.
"""

from typing import Any as Message

from envoy.config.route.v3 import route_components_pb2

TE_HEADER = "x-fedmesh-te"
_BAD_REQUEST = 400
ODD_HOST = "fedmesh: the Host header names no host\n"
"""What is said to a request whose Host is none."""

NOT_OF_ANSWERS = ("te",)
"""Headers that an application's answer cannot have over HTTP/2; Envoy drops the others itself."""

NOT_OF_TRAILERS = (
    *("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"),
    *("host", "content-length", "trailer", "http2-settings"),
)
"""Trailers that HTTP/2 does not allow, and what says how a message is framed or where it goes."""

# What a receiver refuses in `:authority`, of what Envoy takes for a Host: none, user information.
# Two Host lines come as one value with a comma.
_AUTHORITY = "[^@, \t]+"

STATUS = "[1-9][0-9][0-9]"
"""What an answer's status must be; of HTTP/1.1 Envoy takes others as well."""

STATUS_SCRIPT = """
  if not string.find(headers:get(":status"), "^[1-9]%d%d$") then
    headers:replace(":status", "502")
  end
"""
"""Lua for the last hop's `envoy_on_response`, where `headers` are those of the answer."""

# A value must not begin or end with a space or tab (RFC 9113, 8.2.1). Of HTTP/2 Envoy takes such,
# and servers are known that end their connection for it.
BLANKS_SCRIPT = """
local function is_blank(byte)
  return byte == 32 or byte == 9
end
local function has_blanks(value)
  return is_blank(string.byte(value, 1)) or is_blank(string.byte(value, -1))
end
function envoy_on_request(handle)
  for _, value in pairs(handle:headers()) do
    if has_blanks(value) then
      handle:respond({[":status"] = "400"}, "fedmesh: a header begins or ends with a blank\\n")
      return
    end
  end
  local trailers = handle:trailers()
  if trailers == nil then
    return
  end
  local odd = {}
  for name, value in pairs(trailers) do
    if has_blanks(value) then
      table.insert(odd, name)
    end
  end
  for _, name in ipairs(odd) do
    trailers:remove(name)
  end
end
"""
"""Lua before an application that speaks HTTP/2: 400 for what it may take offence at. Trailers come
too late for an answer, so odd ones are left out."""


def without_odd_te() -> list[Message]:
    """Mutations of a request: an empty TE goes no further, the others Envoy puts right.

    Envoy leaves of TE what HTTP/2 allows, `trailers`, but not so when it is empty; no mutation by
    itself asks for a value, though none is made with an empty one.
    """
    return [
        {"remove": TE_HEADER},
        copied("te", TE_HEADER),
        {"remove": "te"},
        copied(TE_HEADER, "te"),
        {"remove": TE_HEADER},
    ]


def copied(source: str, header: str) -> dict[str, Message]:
    """A mutation of a request: `header` says what `source` says, when there is one."""
    wanted = {"key": header, "value": f"%REQ({source})%"}
    action = "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"append": {"header": wanted, "append_action": action}}


def of_odd_hosts() -> dict[str, Message]:
    """Matches requests whose Host is none."""
    return {
        "name": ":authority",
        "string_match": {"safe_regex": {"regex": _AUTHORITY}},
        "invert_match": True,
    }


def refusing_odd_hosts() -> route_components_pb2.Route:
    """A route before all others of a virtual host that takes any Host: 400 for what none can be."""
    return route_components_pb2.Route(
        match={"prefix": "/", "headers": [of_odd_hosts()]},
        direct_response={"status": _BAD_REQUEST, "body": {"inline_string": ODD_HOST}},
    )
