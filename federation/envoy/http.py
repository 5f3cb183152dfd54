"""HTTP in Envoy: connection managers, the routes of last hops, the mark of what got nowhere.

In: cluster names. Out: HttpConnectionManager filters, route configurations of last hops; those of
senders are in `federation.envoy.routes`. The rule behind it: the mesh retries what the mesh failed,
never what an application answered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any as Message

from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from envoy.extensions.http.original_ip_detection.custom_header.v3 import custom_header_pb2

from federation.envoy import heads, http1, limits
from federation.envoy.build import ADS, extension
from federation.envoy.rbac import refusing
from federation.envoy.spoofing import (
    MARKS,
    NOBODY,
    UNFINISHED,
    UNREACHED,
    removing_spoofed,
)

_IDEMPOTENT = "GET|HEAD|OPTIONS|PUT|DELETE"

# The last proxy before the application says by these flags that the request did not reach it:
# connect failure, no healthy endpoint, overflow, no cluster, no route.
_UNREACHED_FLAGS = ("UF", "UH", "UO", "NC", "NR")

# And by these that the application broke off: closed the connection, or reset the request. It
# may have done its work, so the second mark is put on answers to idempotent methods only. It
# never ejects, since a request that kills its application would eject one after the other.
_UNFINISHED_FLAGS = ("UC", "UR")

# By this the last proxy says that the caller's cluster was revoked; the caller's connection ends.
REFUSED = "x-fedmesh-refused"
_FORBIDDEN = 403

# Also of a first proxy, which may have dialled the application itself, and callers over HTTP/2.
NOT_OF_ANSWERS = (*MARKS, REFUSED, *heads.NOT_OF_ANSWERS)
_NOT_OF_APPLICATIONS = (*NOT_OF_ANSWERS, http1.DECLINED)

# A PING waits behind the body of an upload in the receiver's buffer, so these windows are small.
_STREAM_WINDOW = 256 * 1024
_CONNECTION_WINDOW = 1024 * 1024

# For how long at most an identity may use what is open after it was revoked. The connection is
# drained, so this costs a handshake now and then and no request.
CONNECTION_SECONDS = 900

_TWICE = ".*URI=.*URI=.*"


@dataclass(frozen=True, slots=True)
class Gate:
    """Who gets no further at the last hop, and how long one request may last, 0 for ever.

    A request that is under way is not judged again, so that bounds how long one of a trust domain
    that was revoked meanwhile goes on.
    """

    revoked: tuple[str, ...] = ()
    seconds: float = 0


OPEN = Gate()


def receiving_http2() -> dict[str, Message]:
    """HTTP/2 as an mTLS listener takes it: all is bounded, WebSocket over HTTP/2 allowed."""
    return {
        **limits.http2(),
        "initial_stream_window_size": {"value": _STREAM_WINDOW},
        "initial_connection_window_size": {"value": _CONNECTION_WINDOW},
        "allow_connect": True,
    }


def receiving() -> dict[str, Message]:
    """Connections as an mTLS listener takes them: bounded requests, a bounded life.

    At the end of its life a connection takes no new streams, those in flight go on. HTTP/1.1 is
    told with an answer and not in between, where a request would be lost.
    """
    return {
        **limits.passed_on(max_connection_duration=timedelta(seconds=CONNECTION_SECONDS)),
        "http2_protocol_options": receiving_http2(),
        "http1_safe_max_connection_duration": True,
    }


def connection_manager(
    stat_prefix: str,
    filters: Iterable[Message] = (),
    writing: Iterable[Message] = (),
    upstream_filters: Iterable[Message] = (),
    upgrading: Sequence[Message] = (),
    **settings: Message,
) -> dict[str, Message]:
    """An HTTP connection manager that changes as little as it can.

    Headers by which a caller could speak for the mesh are removed first, then the mutations
    `writing` are applied. `filters` precede the router, `upstream_filters` see each answer before
    the router decides whether to retry, `upgrading` see only requests for a WebSocket. No caller
    counts as internal, whatever address it names, so `x-envoy-*` headers of callers have no effect.
    Paths are put into their normal form (RFC 3986, 6.2.2) without touching slashes, which
    applications tell apart. A stream may be silent for as long as it likes, as without a mesh;
    pings find dead peers. The application itself says whether it wants a body (`Expect`).
    """
    router = router_pb2.Router(suppress_envoy_headers=True, upstream_http_filters=upstream_filters)
    last = extension("envoy.filters.http.router", router)
    first, then = tuple(filters), http1.trailers()
    settings.setdefault("http_protocol_options", http1.taken())
    settings.setdefault("stream_idle_timeout", timedelta(0))
    manager = hcm_pb2.HttpConnectionManager(
        stat_prefix=stat_prefix,
        codec_type="AUTO",
        http_filters=[*first, then, last],
        proxy_100_continue=True,
        server_header_transformation="PASS_THROUGH",
        stream_flush_timeout=timedelta(seconds=limits.UNTAKEN_SECONDS),
        original_ip_detection_extensions=[_nobodys_word()],
        early_header_mutation_extensions=removing_spoofed((*http1.noting_frames(), *writing)),
        normalize_path={"value": True},
        merge_slashes=False,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        preserve_external_request_id=True,
        upgrade_configs=http1.upgrades([*first, http1.opening(), then, *upgrading, last]),
        **settings,
    )
    return extension("envoy.filters.network.http_connection_manager", manager)


def _nobodys_word() -> dict[str, Message]:
    """Who a caller is, is read from a header that no request has, and would not be believed.

    Otherwise Envoy reads `x-forwarded-for`, and lets a caller with a private address there steer
    it, also where no range is internal.
    """
    said = custom_header_pb2.CustomHeaderConfig(header_name=NOBODY)
    return extension("envoy.http.original_ip_detection.custom_header", said)


def discovered_routes(name: str) -> dict[str, Message]:
    """Routes that come by RDS under a name."""
    return {"route_config_name": name, "config_source": ADS}


def marking() -> dict[str, Message]:
    """The local replies of the last proxy say whether the request may be sent again."""
    unreached = {"response_flag_filter": {"flags": _UNREACHED_FLAGS}}
    unfinished = {
        "and_filter": {
            "filters": [
                {"response_flag_filter": {"flags": _UNFINISHED_FLAGS}},
                {"header_filter": {"header": idempotent_method()}},
            ]
        }
    }
    refused = {
        "status_code_filter": {
            "comparison": {
                "op": "EQ",
                "value": {"default_value": _FORBIDDEN, "runtime_key": "fedmesh.refused"},
            }
        }
    }
    return {
        "mappers": [
            _mapper(unreached, UNREACHED),
            _mapper(unfinished, UNFINISHED),
            _mapper(refused, REFUSED),
        ]
    }


def _mapper(condition: dict[str, Message], mark: str) -> dict[str, Message]:
    header = {
        "header": {"key": mark, "value": "1"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return {"filter": condition, "headers_to_add": [header]}


def idempotent_method() -> dict[str, Message]:
    """Matches the methods whose requests may be processed twice."""
    return {"name": ":method", "string_match": {"safe_regex": {"regex": _IDEMPOTENT}}}


def upgrading_filters() -> list[Message]:
    """What the last proxy does about answers to requests for a WebSocket."""
    return [http1.declining(_NOT_OF_APPLICATIONS)]


def last_hop_routes(
    name: str,
    action: dict[str, Message],
    gate: Gate = OPEN,
    **settings: Message,
) -> route_pb2.RouteConfiguration:
    """All requests to the application. Its answers cannot forge the mark, and nothing is retried:
    only the first proxy retries. Who comes with two ids gets 403.
    """
    life = {"max_stream_duration": {"max_stream_duration": timedelta(seconds=gate.seconds)}}
    how = {"timeout": timedelta(0), **(life if gate.seconds else {}), **action}
    route = {"match": {"prefix": "/"}, "route": how}
    host = {
        "name": "all",
        "domains": ["*"],
        "routes": [_two_ids(), route],
        **refusing(gate.revoked),
    }
    return route_pb2.RouteConfiguration(
        name=name,
        virtual_hosts=[host],
        response_headers_to_remove=_NOT_OF_APPLICATIONS,
        **settings,
    )


def _two_ids() -> dict[str, Message]:
    """A leaf has exactly one id (X509-SVID, 2). Envoy takes one with several and tells the
    application of all, of which it could believe either.
    """
    header = {"name": "x-forwarded-client-cert", "string_match": {"safe_regex": {"regex": _TWICE}}}
    return {
        "match": {"prefix": "/", "headers": [header]},
        "direct_response": {"status": _FORBIDDEN},
    }
