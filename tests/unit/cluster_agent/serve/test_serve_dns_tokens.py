"""Tokens of those who tell nothing of themselves are known while their streams last."""

import os

from cluster_agent.serve.dns_tokens import DnsTokens
from federation.trust.workload_tokens import mint_workload_token

KEY = os.urandom(32)
DAY = 86_400


def token(days: int) -> str:
    return mint_workload_token(KEY, "dns", days * DAY)


def test_a_token_that_ends_soon_is_told_while_its_stream_lasts() -> None:
    shown = DnsTokens()
    with shown.by("DNS server at 10.0.0.5", token(30)):
        assert shown.ending(0.0) == {}
        assert shown.ending(24.0 * DAY) == {
            "DNS server at 10.0.0.5": (
                "DNS server at 10.0.0.5 has shown a workload token: "
                "it ends at 1970-01-31 00:00:00 UTC"
            )
        }
        with shown.by("DNS server at 10.0.0.5", token(300)):
            assert shown.ending(24.0 * DAY) == {}, "it has connected with a newer one"
    assert shown.ending(24.0 * DAY) == {}


def test_what_is_no_token_is_not_known() -> None:
    shown = DnsTokens()
    with shown.by("DNS server at 10.0.0.5", "hello"):
        assert shown.ending(24.0 * DAY) == {}
