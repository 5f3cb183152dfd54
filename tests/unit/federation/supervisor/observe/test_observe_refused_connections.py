"""Who was not let in is said: once for what was added, with the reason, never a line each."""

import asyncio
import json
import logging
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from federation.model.errors import PeerBroke
from federation.runtime.tasks import cancel, start
from federation.supervisor.observe import refused_connections
from federation.supervisor.observe.refused_connections import LOG_BYTES, PATH, Growth, read_counts

DOOR = "listener.10.0.0.1_15443"


def stats(**counts: int) -> bytes:
    found = [{"name": name, "value": value} for name, value in counts.items()]
    return json.dumps({"stats": [*found, {"histograms": {"supported_quantiles": []}}]}).encode()


def test_counters_become_reasons_over_all_listeners() -> None:
    answer = stats(
        **{
            f"{DOOR}.ssl.fail_verify_error": 2,
            "listener.10.0.0.1_15444.ssl.fail_verify_error": 3,
            f"{DOOR}.ssl.fail_verify_no_cert": 1,
            f"{DOOR}.downstream_pre_cx_timeout": 7,
            f"{DOOR}.no_filter_chain_match": 0,
        }
    )
    assert read_counts(answer) == {
        "certificate_invalid": 5,
        "no_certificate": 1,
        "no_server_name_in_time": 7,
    }


def test_an_answer_that_is_no_json_is_the_peers_mistake() -> None:
    with pytest.raises(PeerBroke):
        read_counts(b"<html>")


def test_exactly_the_counters_with_a_reason_are_asked_for() -> None:
    (asked,) = parse_qs(urlsplit(PATH).query)["filter"]
    for end in refused_connections.REASONS:
        assert re.search(asked, f"{DOOR}.{end}")
    assert not re.search(asked, f"{DOOR}.ssl.handshake")
    assert not re.search(asked, "cluster.a.ssl.connection_error")


def test_only_what_was_added_counts() -> None:
    growth = Growth()
    assert growth.look({"no_tls": 2}) == {"no_tls": 2}
    assert growth.look({"no_tls": 2}) == {}
    assert growth.look({"no_tls": 5, "no_certificate": 1}) == {"no_certificate": 1, "no_tls": 3}


def test_the_counts_of_a_new_envoy_begin_anew() -> None:
    growth = Growth()
    growth.look({"no_tls": 9})
    assert growth.look({"no_tls": 4}) == {"no_tls": 4}


async def cut(file: Path) -> None:
    while file.stat().st_size:  # noqa: ASYNC110, ASYNC240 - a file tells nobody
        await asyncio.sleep(0.01)


async def test_refusals_are_logged_together_and_the_log_of_envoy_is_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + stats(**{f"{DOOR}.ssl.fail_verify_error": 4}))
        writer.close()

    envoy_log, admin = tmp_path / "envoy.log", tmp_path / "a"
    envoy_log.touch()
    with envoy_log.open("r+b") as log:
        log.truncate(LOG_BYTES + 1)
    caplog.set_level(logging.WARNING)
    async with await asyncio.start_unix_server(answer, str(admin)):
        watching = start(refused_connections.watching(admin, envoy_log, 0.01).run(), "watching")
        async with asyncio.timeout(5):
            await cut(envoy_log)
        await cancel(watching)
    assert [r.message for r in caplog.records] == ["connections refused certificate_invalid=4"]
    assert envoy_log.stat().st_size == 0
    assert (tmp_path / "envoy.log.1").stat().st_size == LOG_BYTES + 1
