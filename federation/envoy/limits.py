"""What an Envoy of the mesh bears from outside: sizes, numbers, times. docs/reference/limits.md.

In: nothing, or what the machine allows. Out: settings of listeners, filter chains, connection
managers and the bootstrap. Numbers that Envoy would choose itself are stated all the same, so that
another version does not change them.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any as Message

from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2
from envoy.extensions.access_loggers.stream.v3 import stream_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.connection_limit.v3 import connection_limit_pb2

from federation.envoy.build import extension

# Callers give up earlier themselves: connecting may take 1 s, or 4 round trips (`senders.reach`).
HANDSHAKE_SECONDS = 5
"""From the accepted connection to the server name, and from there to the end of the handshake."""

# A burst of strangers is taken in turns with the work for those who are in.
ACCEPTS_PER_TURN = 10

CLIENT_HELLO_BYTES = 16 * 1024

# Our senders put 8 requests at a time on a connection, and close it when it was idle for 30 s.
STREAMS_PER_CONNECTION = 100
IDLE_SECONDS = 300

HEADERS_SECONDS = 10
HEADERS_KB = 60
HEADERS = 100
"""Of a request, as the first proxy takes it. The next one takes more, since the first adds some:
what the first has let pass is not refused later, where that would be a failure to try again."""
ADDED_KB = 4
ADDED_HEADERS = 28

ANSWER_KB = 60
ANSWER_HEADERS = 200
"""Of an answer, as the last proxy takes it from its application."""
PEER_ANSWER_KB = 512
PEER_ANSWER_HEADERS = 1_000
"""And as a sender takes it, be it from that proxy or from an application without one. Beyond this
it is a connection that broke."""

OUTBOUND_FRAMES = 10_000
OUTBOUND_CONTROL_FRAMES = 1_000
EMPTY_FRAMES = 1

MOST_CONNECTIONS = 10_000
CONNECTIONS_AT_AN_ADDRESS = 2_000
RESERVED_FILES = 1_024
_FILES_PER_CONNECTION = 2  # a connection that is passed on has another one behind it

# What waits in a connection's or stream's buffer, of which Envoy's own is 1 MB: 100 MB for a
# connection of 100 streams. A download over loopback is as fast with these, and slower with 64 KB.
BUFFER_BYTES = 256 * 1024
RETRY_BYTES = 1024 * 1024
"""Bodies of requests up to here can be sent again, whatever the buffers of connections are."""
UNTAKEN_SECONDS = 60
"""How long the end of an answer waits for whoever does not take it."""

MEMORY_MB = 1024
# From the first on streams are reset, 50 of a thread in each turn: of those that hold 128 KB or
# more, and the more is used the smaller ones, too. Envoy acts only while the pressure changes,
# which it does not beyond 1, so 1 means four times as much as may be used.
RESET_FROM_SHARE = 0.6
REFUSE_SHARE = 0.95
_WHOLE = 4
_TRACKED_POWER = 10
_REFRESH = "0.1s"

# Always: every 10 s Envoy gives up to 100 MB of what is free back to the system. What an attack
# took would else stay for many minutes.
_SHRINK_SHARE = 0.001
_RELEASED_BYTES = 1 << 30

_MONITORS = "type.googleapis.com/envoy.extensions.resource_monitors"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one Envoy takes: connections of others, and memory in MB (0: as much as there is)."""

    connections: int = MOST_CONNECTIONS
    memory_mb: int = MEMORY_MB


def affordable(wanted: int, files: int) -> int:
    """How many connections of the wanted ones a process may take that can open so many files."""
    return max(1, min(wanted, (files - RESERVED_FILES) // _FILES_PER_CONNECTION))


def lowered_because(wanted: int, files: int) -> str:
    """Why a process takes fewer connections than wanted, and what helps; empty when it does not."""
    if affordable(wanted, files) == wanted:
        return ""
    needed = wanted * _FILES_PER_CONNECTION + RESERVED_FILES
    return (
        f"the system lets this process open {files} files only: allow {needed} "
        "(ulimit -n, systemd's LimitNOFILE=)"
    )


def inspector() -> dict[str, Message]:
    """The listener filter that reads the server name a connection asks for."""
    made = tls_inspector_pb2.TlsInspector(max_client_hello_size={"value": CLIENT_HELLO_BYTES})
    return extension("envoy.filters.listener.tls_inspector", made)


def facing_strangers() -> dict[str, Message]:
    """Settings of a listener that anybody can connect to.

    Who says no server name in time is cut off. Refused handshakes are written to Envoy's log with
    their reason, who was refused only by address, since nobody has proved a name.
    """
    return {
        "listener_filters_timeout": timedelta(seconds=HANDSHAKE_SECONDS),
        "max_connections_to_accept_per_socket_event": {"value": ACCEPTS_PER_TURN},
        "access_log": [_refusals()],
        **buffers(),
    }


def facing_clients() -> dict[str, Message]:
    """Settings of a listener for clients without a sidecar: plain text, and nobody is known."""
    return {
        "max_connections_to_accept_per_socket_event": {"value": ACCEPTS_PER_TURN},
        **buffers(),
    }


def buffers() -> dict[str, Message]:
    """Settings of a listener or cluster: how much may wait in a connection's buffer."""
    return {"per_connection_buffer_limit_bytes": {"value": BUFFER_BYTES}}


def for_the_application() -> dict[str, Message]:
    """Settings of a listener for the own application: a flood of strangers does not shut it.

    As much of a body as may be sent again waits there. A virtual host that comes while a request
    is held must not say another limit: Envoy 1.40 then stops reading some bodies for ever.
    """
    buffers_ = {"per_connection_buffer_limit_bytes": {"value": RETRY_BYTES}}
    return {"ignore_global_conn_limit": True, **buffers_}


def at_one_address(counted_as: str) -> dict[str, Message]:
    """The filter that bounds the connections at one address and port, whoever opens them."""
    limit = connection_limit_pb2.ConnectionLimit(
        stat_prefix=counted_as, max_connections={"value": CONNECTIONS_AT_AN_ADDRESS}
    )
    return extension("envoy.filters.network.connection_limit", limit)


def handshake() -> dict[str, Message]:
    """Settings of a filter chain: how long TLS may take."""
    return {"transport_socket_connect_timeout": timedelta(seconds=HANDSHAKE_SECONDS)}


def http2() -> dict[str, Message]:
    """HTTP/2 against floods of streams, resets, PINGs, SETTINGS and empty frames.

    A connection beyond these is closed. Resets are also counted by Envoy itself: of more than 500
    streams, half may end within their first second.
    """
    return {
        "max_concurrent_streams": {"value": STREAMS_PER_CONNECTION},
        "max_outbound_frames": {"value": OUTBOUND_FRAMES},
        "max_outbound_control_frames": {"value": OUTBOUND_CONTROL_FRAMES},
        "max_consecutive_inbound_frames_with_empty_payload": {"value": EMPTY_FRAMES},
        **one_stream_at_a_time(),
    }


def one_stream_at_a_time() -> dict[str, Message]:
    """HTTP/2, at either end: a message that is not allowed ends its own stream, not the connection.

    Senders share connections, so by default one such request, or answer, takes those of others
    along. For HTTP/1.1 the default stays: a connection carries one request, and nobody can tell
    where the next one begins.
    """
    return {"override_stream_error_on_invalid_http_message": {"value": True}}


def requests(**common: Message) -> dict[str, Message]:
    """Settings of a connection manager; `common` are further ones for all HTTP versions.

    The head of a request must come whole in time. Bodies and streams may take as long as they like.
    """
    return heads(idle_timeout=timedelta(seconds=IDLE_SECONDS), **common) | {
        "request_headers_timeout": timedelta(seconds=HEADERS_SECONDS),
    }


def heads(**common: Message) -> dict[str, Message]:
    """Settings of a first proxy's connection manager: how large a head may be."""
    return _heads(HEADERS, HEADERS_KB, common)


def passed_on(**common: Message) -> dict[str, Message]:
    """Settings `requests` of a proxy that comes after another one."""
    return requests(**common) | _heads(
        HEADERS + ADDED_HEADERS,
        HEADERS_KB + ADDED_KB,
        {"idle_timeout": timedelta(seconds=IDLE_SECONDS), **common},
    )


def _heads(count: int, kilobytes: int, common: dict[str, Message]) -> dict[str, Message]:
    return {
        "common_http_protocol_options": {"max_headers_count": {"value": count}, **common},
        "max_request_headers_kb": {"value": kilobytes},
    }


def answers(count: int, kilobytes: int) -> dict[str, Message]:
    """Settings `common_http_protocol_options` of a cluster: how large an answer's head may be."""
    return {
        "max_headers_count": {"value": count},
        "max_response_headers_kb": {"value": kilobytes},
    }


def overload(bounds: Bounds) -> dict[str, object]:
    """The overload manager of a bootstrap: what is beyond the bounds is refused at once."""
    connections: dict[str, object] = {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {
            "@type": f"{_MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig",
            "max_active_downstream_connections": bounds.connections,
        },
    }
    if not bounds.memory_mb:
        return {"resource_monitors": [connections]}
    heap: dict[str, object] = {
        "name": "envoy.resource_monitors.fixed_heap",
        "typed_config": {
            "@type": f"{_MONITORS}.fixed_heap.v3.FixedHeapConfig",
            "max_heap_size_bytes": _WHOLE * bounds.memory_mb << 20,
        },
    }
    return {
        "refresh_interval": _REFRESH,
        "resource_monitors": [connections, heap],
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": _TRACKED_POWER},
        "actions": [
            _resetting(),
            _action("shrink_heap", _SHRINK_SHARE),
            _action("stop_accepting_connections", REFUSE_SHARE),
        ],
    }


def _action(name: str, share: float) -> dict[str, object]:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": share / _WHOLE}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}


def _resetting() -> dict[str, object]:
    scaled = {"scaling_threshold": RESET_FROM_SHARE / _WHOLE, "saturation_threshold": 1.0}
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "scaled": scaled}
    return {"name": "envoy.overload_actions.reset_high_memory_stream", "triggers": [trigger]}


def allocator() -> dict[str, object]:
    """Of a bootstrap: how fast memory that is free goes back to the system."""
    return {"bytes_to_release": _RELEASED_BYTES, "memory_release_interval": "1s"}


def _refusals() -> dict[str, Message]:
    line = (
        "[%START_TIME%][refused] %DOWNSTREAM_REMOTE_ADDRESS% at %DOWNSTREAM_LOCAL_ADDRESS% "
        "server_name=%REQUESTED_SERVER_NAME% reason=%DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n"
    )
    log = stream_pb2.StdoutAccessLog(log_format={"text_format_source": {"inline_string": line}})
    # A gateway's check hangs up after the handshake, which is an error of the system, not of TLS.
    failed = cel_pb2.ExpressionFilter(
        expression='connection.transport_failure_reason.contains("SSL routines")'
    )
    chosen = extension("envoy.access_loggers.extension_filters.cel", failed)
    return {
        **extension("envoy.access_loggers.stdout", log),
        "filter": {"extension_filter": chosen},
    }
