"""The page of limits says what the code does: every row is held to its constant."""

import re

import pytest

from cluster_agent.dns import message, udp_batches, zone
from cluster_agent.dns.settings import DnsSettings
from cluster_agent.serve import certificate_quota, proxy_server, refused_proxies
from cluster_agent.settings import AgentSettings
from cluster_agent.source import files
from federation.apiserver import (
    collection,
    connection_guard,
    impersonation,
    metadata,
    paging,
    preconditions,
    rate_limit,
    reading,
    resource,
    selectors,
    server,
    streams,
)
from federation.apiserver.patching import json_patch, values
from federation.controller import agent_server as controller_server
from federation.controller import audit, audit_changes, audit_entry, audit_file, sessions
from federation.controller.access import users
from federation.controller.membership import join_tokens, joining
from federation.controller.objects import events, storage
from federation.controller.trust import anchors
from federation.envoy import http, limits, on_demand, senders
from federation.model import exports, imports
from federation.runtime import health, limited_log, yamldocs, yamlplain
from federation.supervisor import admin
from federation.supervisor import imports as asked_imports
from federation.supervisor.observe import refused_connections as watching
from federation.supervisor.settings import ProxySettings
from federation.trust import pem, profile, spiffe, token_text, validate, workload_tokens
from federation.wire import discovery
from federation.wire.codec import checks, clusters, kind, known_proxies, proxies, services, zones
from federation.wire.rpc import intake, methods, server_links
from federation.wire.rpc import server as wire_server
from federation.xds import messages
from tests.docs.pages import ROOT
from tests.unit.test_security_page import names_of_tests

PAGE = ROOT / "docs" / "reference" / "limits.md"
KB, MB, DAY = 1024, 1 << 20, 86_400


def _default(name: str) -> float:
    fields = ProxySettings.__struct_fields__
    defaults = dict(
        zip(reversed(fields), reversed(ProxySettings.__struct_defaults__), strict=False)
    )
    found: float = defaults[name]
    return found


def _dns(name: str) -> float:
    fields = DnsSettings.__struct_fields__
    defaults = dict(zip(reversed(fields), reversed(DnsSettings.__struct_defaults__), strict=False))
    found: float = defaults[name]
    return found


def _tcp_seconds() -> float:
    fields = AgentSettings.__struct_fields__
    defaults = dict(
        zip(reversed(fields), reversed(AgentSettings.__struct_defaults__), strict=False)
    )
    found: float = defaults["tcp_connection_seconds"]
    return found


STATED: dict[str, str] = {
    "time from the connection to the server name": f"{limits.HANDSHAKE_SECONDS} s",
    "time of the TLS handshake": f"{limits.HANDSHAKE_SECONDS} s",
    "first TLS message (ClientHello)": f"{limits.CLIENT_HELLO_BYTES // KB} KB",
    "connections of others at one proxy (`max_connections`)": f"{_default('max_connections'):,}",
    "memory of an Envoy's heap (`memory_mb`)": f"{_default('memory_mb'):,} MB",
    "what waits in a buffer of a connection or stream (1 MB from the own application)": (
        f"{limits.BUFFER_BYTES // KB} KB"
    ),
    "answer that is whole and is not taken": f"{limits.UNTAKEN_SECONDS} s",
    "body of a request that can be sent again": f"{limits.RETRY_BYTES // MB} MB",
    "HTTP/2: answer in flight to a sender, for each stream": (f"{senders.STREAM_WINDOW // MB} MB"),
    "connections taken before others are served again": f"{limits.ACCEPTS_PER_TURN}",
    "HTTP/2: streams of a connection at a time": f"{limits.STREAMS_PER_CONNECTION}",
    "HTTP/2: answers that wait to be sent on a connection, in frames": (
        f"{limits.OUTBOUND_FRAMES:,}"
    ),
    "HTTP/2: answers to PING, SETTINGS and resets that wait to be sent": (
        f"{limits.OUTBOUND_CONTROL_FRAMES:,}"
    ),
    "HTTP/2: empty frames in a row": f"{limits.EMPTY_FRAMES}",
    "HTTP/2: window of a stream": f"{http._STREAM_WINDOW // KB} KB",
    "HTTP/2: window of a connection": f"{http._CONNECTION_WINDOW // KB:,} KB",
    "time in which the head of a request comes": f"{limits.HEADERS_SECONDS} s",
    "size of the head of a request": f"{limits.HEADERS_KB} KB",
    "headers of a request": f"{limits.HEADERS}",
    "size of the head of an answer, from an application behind its own proxy": (
        f"{limits.ANSWER_KB} KB"
    ),
    "headers of such an answer": f"{limits.ANSWER_HEADERS}",
    "size of the head of an answer, as a sender takes it": f"{limits.PEER_ANSWER_KB} KB",
    "headers of an answer, as a sender takes it": f"{limits.PEER_ANSWER_HEADERS:,}",
    "connections at one address and port": f"{limits.CONNECTIONS_AT_AN_ADDRESS:,}",
    "HTTP connection without a request": f"{limits.IDLE_SECONDS} s",
    "life of an HTTP connection": f"{http.CONNECTION_SECONDS} s",
    "life of a TCP connection (`tcp_connection_seconds`)": f"{_tcp_seconds():,.0f} s",
    "answer of an Envoy to its supervisor (admin interface)": f"{admin.ANSWER_BYTES // MB} MB",
    "log of an Envoy": f"{watching.LOG_BYTES // MB} MB",
    "15001: host that is asked for": f"{imports.MOST_CHARACTERS} characters",
    "15001: first request to a host, until somebody says what it leads to": (
        f"{on_demand.HELD_SECONDS:g} s"
    ),
    "15001: hosts without a service that are remembered": f"{asked_imports.MOST_MISSING:,}",
    "7443, 15012: time of the TLS handshake": f"{wire_server.HANDSHAKE_SECONDS} s",
    "7443, 15012: connections": f"{wire_server.MAX_CONNECTIONS:,}",
    "7443, 15012: calls of a connection at a time": f"{wire_server.STREAMS_PER_CONNECTION}",
    "7443, 15012: connection without a call": f"{wire_server.IDLE_SECONDS} s",
    "7443, 15012: silence of a connection until it is asked whether it lives": (
        f"{wire_server.PING_SECONDS} s"
    ),
    "7443, 15012: time for the answer to it": f"{wire_server.PONG_SECONDS} s",
    "7443, 15012: size of a message": f"{methods.MAX_MESSAGE_BYTES // MB} MB",
    "7443, 15012: headers of a call": f"{wire_server.HEADERS}",
    "7443, 15012: names, versions and resources in a message": f"{discovery.MAX_FIELDS:,}",
    "7443, 15012: names asked for on a stream, of each type": f"{messages.MAX_NAMES:,}",
    "7443, 15012: the same in bytes": f"{messages.MAX_NAMES_BYTES // MB} MB",
    "15012: streams of a proxy, of each kind": f"{proxy_server.STREAMS_OF_A_PROXY}",
    "15012: streams of one token for proxies that the source does not show": (
        f"{proxy_server.UNKNOWN_STREAMS}"
    ),
    "15012: streams of DNS servers": f"{proxy_server.DNS_STREAMS}",
    "7443, 15012: size of a request for a certificate": f"{methods.MAX_CALL_BYTES // KB} KB",
    "7443, 15012: time in which a request for a certificate comes whole": (
        f"{server_links.CALL_SECONDS:g} s"
    ),
    "7443, 15012: time in which any message comes whole": f"{intake.MESSAGE_SECONDS:g} s",
    "7443, 15012: what a connection sends beyond the messages that its calls allow": (
        f"{intake.SLACK_BYTES // KB} KB"
    ),
    "7443, 15012: what a connection has sent and nobody could read yet": (
        f"{intake.MOST_UNREAD_BYTES // MB} MB"
    ),
    "7443, 15012: the same of all connections": f"{intake.MOST_UNREAD_IN_ALL // MB} MB",
    "15012: refused proxies that are told of, with a good token": f"{refused_proxies.MOST}",
    "15012: addresses of refused proxies that are told of, without one": f"{refused_proxies.MOST}",
    "15012: bytes of a connection that shows no token": f"{intake.STRANGER_BYTES // KB} KB",
    "15012: time until it shows one": f"{intake.STRANGER_SECONDS:g} s",
    "15012: such connections of one source": f"{intake.STRANGERS_OF_A_SOURCE}",
    "15012: certificates of one identity, asked for from one source (of IPv6: one network of 64 "
    "bits)": (
        f"{certificate_quota.BURST_FROM_ONE}, "
        f"then {certificate_quota.PER_SECOND_FROM_ONE:g} a second"
    ),
    "15012: certificates of one identity in all": (
        f"{certificate_quota.BURST_OF_ALL}, then {certificate_quota.PER_SECOND_OF_ALL:g} a second"
    ),
    "lines about certificates of one identity in a log": (
        f"{limited_log.BURST}, then {limited_log.LINES_PER_SECOND:g} a second"
    ),
    "8443: time of the TLS handshake": f"{connection_guard.HANDSHAKE_SECONDS:g} s",
    "8443: connections, those in a TLS handshake among them": (
        f"{connection_guard.MAX_CONNECTIONS:,}"
    ),
    "8443: requests of one source without the API's token": (
        f"{rate_limit.ASKS_AT_ONCE}, then {rate_limit.ASKS_PER_SECOND} a second"
    ),
    "8443: an answer that is taken slowly": (
        f"{connection_guard.ANSWER_BYTES_AT_LEAST // KB} KB in "
        f"{connection_guard.REQUEST_SECONDS:g} s"
    ),
    "requests to join, of one cluster at once": f"{joining.JOINS_OF_A_CLUSTER}",
    "requests of a member for certificates at once": (f"{controller_server.RENEWALS_OF_A_CLUSTER}"),
    "8443: time for a whole request": f"{connection_guard.REQUEST_SECONDS:g} s",
    "8443: size of a body": f"{server.MAX_BODY_BYTES // KB} KB",
    "8443: depth of nesting of a body": f"{values.MAX_DEPTH}",
    "8443: size of an object that is kept, with who owns which field": (
        f"{preconditions.LARGEST_OBJECT // KB} KB"
    ),
    "8443: time that a write waits for others of the same object": f"{resource.TURN_SECONDS:g} s",
    "8443: line of a head": f"{connection_guard.LINE_BYTES:,} bytes",
    "8443: headers of a request": f"{connection_guard.HEADERS}",
    "8443: watches at once": f"{streams.MOST_WATCHES}",
    "8443: watches of one user": f"{streams.MOST_WATCHES_OF_ONE}",
    "8443: a watch that is not read": f"{streams.STALL_SECONDS:g} s",
    "8443: length of a watch": f"{reading.LONGEST_WATCH_SECONDS:,} s",
    "8443: changes of a kind that can still be watched from": f"{collection.KEPT_EVENTS:,}",
    "8443: lists that are read in pages, at once": f"{paging.MOST_LISTS}",
    "8443: time between the first page of a list and the last": f"{paging.KEPT_SECONDS:g} s",
    "8443: characters of a selector": f"{selectors.LONGEST:,}",
    "8443: operations of a JSON patch": f"{json_patch.MAX_OPERATIONS:,}",
    "annotations of an object": f"{metadata.MOST_ANNOTATION_BYTES // KB} KB",
    "finalizers of an object": f"{metadata.MOST_FINALIZERS}",
    "objects of a kind that people write": f"{storage.MOST_OBJECTS:,}",
    "objects of a kind that people write, together": f"{storage.MOST_BYTES // MB} MB",
    "events that are kept": f"{events.MOST_EVENTS:,}, for an hour",
    "certificate request, and the certificate beside it": (f"{pem.LARGEST_FROM_OUTSIDE // KB} KB"),
    "lines about refused calls in a log": (
        f"{limited_log.BURST}, then {limited_log.LINES_PER_SECOND:g} a second"
    ),
    "15021: request for readiness": f"{health._REQUEST_BYTES // KB} KB",
    "15021: time for it": f"{health._REQUEST_SECONDS:g} s",
    "queries of one source (`queries_per_second`); of IPv6, of one network of 64 bits": (
        f"{_dns('queries_per_second'):,} a second"
    ),
    "answer over UDP": f"{message.UDP_SIZE:,} bytes",
    "query": f"{udp_batches.LARGEST // KB} KB",
    "TCP: connections (`tcp_connections`)": f"{_dns('tcp_connections'):,}",
    "TCP: connections of one source (`tcp_connections_of_one_source`); of IPv6, of one network of "
    "64 bits": (f"{_dns('tcp_connections_of_one_source')}"),
    "TCP: silence (`tcp_silent_seconds`)": f"{_dns('tcp_silent_seconds'):g} s",
    "headless service: endpoints in all": f"{zones.MAX_ENDPOINTS:,}",
    "headless service: an answer": f"{zone._MOST_BYTES:,} bytes",
    "exports of a cluster": f"{services.MAX_EXPORTS:,}",
    "gateways of a cluster": f"{clusters.MAX_GATEWAYS}",
    "size of one resource of a report": f"{kind.MAX_BODY_BYTES // KB} KB",
    "size of what its gateways see": f"{proxies.MAX_OBSERVATION_BYTES // MB} MB",
    "streams of facts of a cluster": f"{sessions.MAX_FACT_STREAMS}",
    "ready endpoints that count for a service": f"{services.MAX_READY:,}",
    "named endpoints of a headless service": f"{exports.MAX_NAMED}",
    "ports of a service": f"{exports.MAX_PORTS}",
    "groups of endpoints of a service": f"{services.MAX_GROUPS}",
    "service accounts of a service": f"{services.MAX_ACCOUNTS}",
    "proxies of a cluster that the controller is told of": f"{known_proxies.MAX_PROXIES:,}",
    "what is told of them, in all": f"{known_proxies.MAX_BYTES // MB} MB",
    "resources that a proxy did not take, of each in the list of proxies": (
        f"{known_proxies.MAX_REFUSED}"
    ),
    "text of each of them there": f"{known_proxies.MAX_REASON} characters",
    "problems that an agent has found in its cluster": f"{proxies.MAX_FINDINGS}",
    "text of a problem, or of what a proxy did not take": f"{proxies.MAX_REASON} characters",
    "text of any other field": f"{checks.MAX_TEXT:,} characters",
    "file of YAML": f"{yamldocs.MAX_BYTES // MB} MB",
    "documents in a file": f"{yamlplain.MAX_DOCUMENTS:,}",
    "values in a file": f"{yamlplain.MAX_NODES:,}",
    "depth of nesting": f"{yamlplain.MAX_DEPTH}",
    "files of a cluster's folder, of any kind, with its sub-folders": f"{files.MAX_FILES:,}",
    "size of a whole number": f"{yamlplain.MAX_BITS} bits",
    "join token": f"{token_text.LONGEST_TOKEN:,} characters",
    "life of a join token": f"{join_tokens.MAX_TOKEN_SECONDS // DAY} days",
    "life of a workload token": f"{workload_tokens.LONGEST_LIFE // DAY} days",
    "join tokens that are kept": f"{join_tokens.MOST_TOKENS:,}",
    "users of the API who have tokens or certificates": f"{users.MOST_USERS:,}",
    "tokens of a user, and certificates of a user": f"{users.MOST_OF_A_USER}",
    "life of a user's token or certificate": f"{users.LONGEST_SECONDS // DAY} days",
    "name of a user who gets a certificate": f"{profile._LONGEST_USER} characters",
    "headers `Impersonate-*` of a request": f"{impersonation.MOST_VALUES}",
    "file of the audit log": f"{audit_file.SEGMENT_BYTES // MB} MB",
    "files of the audit log": f"{audit_file.MOST_SEGMENTS}",
    "entries of the audit log in one answer": f"{audit.MOST_SHOWN:,}",
    "entries of a day that say that the same one was refused": f"{audit.MOST_REFUSED}",
    "entries of the audit log that wait for a disk": f"{audit.MOST_UNWRITTEN:,}",
    "end of the audit log in a backup": f"{audit.BACKUP_BYTES // MB} MB",
    "changed fields in an entry of the audit log": f"{audit_changes.MOST_CHANGES}",
    "addresses that are remembered to have used the admin token": f"{audit.MOST_ADDRESSES:,}",
    "text of an entry of the audit log": f"{audit_entry.LONGEST_TEXT} characters",
    "life of leaves that an agent names (how long an older key of its cluster is accepted)": (
        f"{anchors.LONGEST_LEAF_SECONDS:,} s"
    ),
    "older keys of a cluster that are accepted until their end": f"{anchors.OLD_ANCHORS}",
    "certificate chain of a peer": f"{validate._LARGEST_CHAIN // KB} KB",
    "certificates in it": f"{validate._LONGEST_CHAIN}",
    "SPIFFE id": f"{spiffe._LONGEST_ID:,} characters",
}
WITHOUT_A_NUMBER = {
    "open files of an Envoy",
    "HTTP/2: streams that end within their first second",
    "body of a request, length of a stream",
    "request that HTTP/2 does not allow",
    "Host that is empty or has an `@`, and two Host lines",
    "header that begins or ends with a blank, before an application that speaks HTTP/2",
    "answer of an application whose status has not three digits",
}


def rows() -> dict[str, str]:
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    return {what: limit for what, limit in found if what not in ("what", "---")}


@pytest.mark.parametrize("what", STATED)
def test_a_limit_of_the_page_is_that_of_the_code(what: str) -> None:
    assert rows().get(what) == STATED[what]


def test_every_row_of_the_page_is_held_to_something() -> None:
    assert rows().keys() == STATED.keys() | WITHOUT_A_NUMBER


def test_every_row_names_the_tests_that_go_beyond_it_and_they_exist() -> None:
    part = PAGE.read_text().partition("## Which test goes beyond\n")[2]
    held = dict(re.findall(r"^\| (.+) \| (`test_.*) \|$", part, re.MULTILINE))
    assert list(held) == list(rows())
    named = {name for tests in held.values() for name in re.findall(r"`(test_\w+)`", tests)}
    assert sorted(named - names_of_tests()) == []


def test_the_reasons_that_the_page_names_are_those_of_the_log() -> None:
    named = set(re.findall(r"`(?!test_)([a-z]+(?:_[a-z]+)+)`", PAGE.read_text()))
    settings = {"max_connections", "memory_mb", "tcp_connection_seconds", "queries_per_second"}
    settings |= {"tcp_connections", "tcp_connections_of_one_source", "tcp_silent_seconds"}
    assert named - settings <= set(watching.REASONS.values())
