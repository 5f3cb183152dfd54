"""federation.trust.tokens: joining once, and workloads on hosts."""

import base64
import json
import secrets
from dataclasses import asdict, replace
from typing import Any

import pytest

from federation.model.errors import Denied, InvalidInput
from federation.model.names import ClusterId
from federation.trust import tokens

TOKEN = tokens.JoinToken(
    url="https://controller.example:8443",
    root_sha256="ab" * 32,
    cluster=ClusterId("east"),
    id="k7x2",
    secret="q-_9" * 8,
)
MINE = "11" * 32
OTHER = "22" * 32
RECORD = tokens.JoinRecord("k7x2", ClusterId("east"), tokens.secret_hash(TOKEN.secret), 1000)
KEY = bytes(range(32))


def encoded(values: object) -> str:
    raw = json.dumps(values).encode()
    return "fmj1." + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_join_token_is_read_back_from_one_word() -> None:
    text = tokens.format_join_token(TOKEN)
    assert text.startswith("fmj1.")
    assert "=" not in text
    assert tokens.parse_join_token(f"  {text}\n") == TOKEN


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://controller.example"),
        ("url", "https://"),
        ("url", "https://user@controller.example"),
        ("url", "https://controller.example:70000"),
        ("url", "https://controller.example?x=1"),
        ("url", "https://controller.example\n"),
        ("root_sha256", "ab"),
        ("root_sha256", "AB" * 32),
        ("cluster", "East"),
        ("id", ""),
        ("id", "a/b"),
        ("secret", "a b"),
        ("secret", "x" * 129),
        ("secret", 7),
        ("cluster", None),
    ],
)
def test_a_join_token_with_a_wrong_field_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=r"join token|cluster id"):
        tokens.parse_join_token(encoded({**asdict(TOKEN), field: value}))


@pytest.mark.parametrize("url", ["https://[::1]:8443", "https://10.0.0.1/", "https://localhost"])
def test_a_join_token_leads_to_a_host_or_an_address(url: str) -> None:
    token = replace(TOKEN, url=url)
    assert tokens.parse_join_token(tokens.format_join_token(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fmj1.",
        "fmj2.e30",
        "fmj1.!!!",
        "fmj1.ü",
        encoded([]),
        encoded({}),
        encoded({**asdict(TOKEN), "more": "x"}),
        encoded("x"),
        "fmj1." + base64.urlsafe_b64encode(b"[" * 2500).decode(),
        "fmj1." + "A" * 4096,
        tokens.format_join_token(TOKEN)[:-3],
    ],
)
def test_rubbish_is_no_join_token(text: str) -> None:
    with pytest.raises(InvalidInput, match="join token"):
        tokens.parse_join_token(text)


def test_a_token_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(InvalidInput, match="url of join token"):
        tokens.format_join_token(replace(TOKEN, url="controller.example"))


def test_no_error_shows_the_secret() -> None:
    with pytest.raises(InvalidInput) as caught:
        tokens.parse_join_token(encoded({**asdict(TOKEN), "secret": "my secret"}))
    assert "my secret" not in str(caught.value)


def test_the_first_redeem_binds_the_token_to_the_key() -> None:
    spent = tokens.redeem(RECORD, TOKEN.secret, MINE, now=999.9)
    assert spent == replace(RECORD, used_by=MINE, used_at=999)
    assert tokens.redeem(spent, TOKEN.secret, MINE, now=999.95) == spent


def test_the_same_key_may_ask_again_and_another_may_not() -> None:
    spent = tokens.redeem(RECORD, TOKEN.secret, MINE, now=10.0)
    assert tokens.redeem(spent, TOKEN.secret, MINE, now=20.0) == spent
    with pytest.raises(Denied, match="already used for another key"):
        tokens.redeem(spent, TOKEN.secret, OTHER, now=20.0)


def test_an_expired_token_is_denied_even_to_its_key() -> None:
    spent = replace(RECORD, used_by=MINE)
    for record in (RECORD, spent):
        with pytest.raises(Denied, match="has expired"):
            tokens.redeem(record, TOKEN.secret, MINE, now=1000.0)


def test_a_revoked_token_opens_nothing_and_says_so_to_who_knows_its_secret_only() -> None:
    void = replace(RECORD, revoked=True)
    with pytest.raises(Denied, match="was revoked"):
        tokens.redeem(void, TOKEN.secret, MINE, now=0)
    with pytest.raises(Denied, match=r"secret .* is wrong"):
        tokens.redeem(void, "guessed", MINE, now=0)


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "unused"),
        ({"used_by": MINE}, "used"),
        ({"used_by": MINE, "revoked": True}, "revoked"),
        ({"expires": 5}, "expired"),
        ({"expires": 5, "used_by": MINE}, "used"),
    ],
)
def test_what_has_become_of_a_token_is_one_word(changed: dict[str, Any], state: str) -> None:
    assert tokens.state_of(replace(RECORD, **changed), now=5) == state


def test_a_wrong_secret_learns_nothing_of_the_token() -> None:
    for record in (RECORD, replace(RECORD, used_by=OTHER), replace(RECORD, expires=1)):
        with pytest.raises(Denied, match="secret of join token k7x2 is wrong"):
            tokens.redeem(record, "guess", MINE, now=10.0)


@pytest.mark.parametrize("digest", ["", "11", "zz" * 32])
def test_a_token_is_bound_to_a_real_digest(digest: str) -> None:
    with pytest.raises(InvalidInput, match="digest"):
        tokens.redeem(RECORD, TOKEN.secret, digest, now=10.0)


@pytest.mark.parametrize("subject", ["shop/api", "gateway:gateway-1", "entry:gateway-1", "dns"])
def test_a_workload_token_proves_its_subject_until_it_expires(subject: str) -> None:
    token = tokens.mint_workload_token(KEY, subject, expires=1000)
    assert tokens.check_workload_token(KEY, token, now=999.9) == subject
    with pytest.raises(Denied, match=f"workload token of {subject} has expired"):
        tokens.check_workload_token(KEY, token, now=1000.0)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "agent",
        "gateway",
        "entry",
        "gateway:",
        "gateway:GW",
        "gateway:a/b",
        "entry:a:b",
        "dns:a",
        "shop",
        "shop/api/x",
        "Shop/api",
    ],
)
def test_no_token_is_minted_for_another_subject(subject: str) -> None:
    with pytest.raises(InvalidInput):
        tokens.mint_workload_token(KEY, subject, expires=1000)


def test_a_changed_token_is_denied_wherever_it_is_changed() -> None:
    token = tokens.mint_workload_token(KEY, "shop/api", expires=1000)
    for place in range(len(token)):
        other = "B" if token[place] == "A" else "A"
        with pytest.raises(Denied):
            tokens.check_workload_token(KEY, token[:place] + other + token[place + 1 :], now=1.0)


def test_a_token_of_another_cluster_is_denied() -> None:
    token = tokens.mint_workload_token(KEY[::-1], "shop/api", expires=1000)
    with pytest.raises(Denied, match="not signed by this cluster's agent"):
        tokens.check_workload_token(KEY, token, now=1.0)


@pytest.mark.parametrize("token", ["", ".", "fmw1..", "fmw1.e30.x", "ü.ü", "\ud800", "A" * 5000])
def test_rubbish_is_no_workload_token(token: str) -> None:
    with pytest.raises(Denied):
        tokens.check_workload_token(KEY, token, now=1.0)


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(InvalidInput, match="at least 32"):
        tokens.mint_workload_token(KEY[:31], "gateway:gw", expires=1000)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (b"", "workload-tokens.key has 0 bytes, but must have at least 32"),
        (KEY[:31], "workload-tokens.key has 31 bytes"),
        (bytes(32), "workload-tokens.key is damaged"),
        (b"\n" * 64, "workload-tokens.key is damaged"),
        (KEY[:11] + bytes(21), "workload-tokens.key is damaged"),
    ],
)
def test_a_key_that_a_crash_left_is_refused(key: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        tokens.check_token_key(key, "workload-tokens.key")


def test_a_key_of_chance_is_taken() -> None:
    for _ in range(100):
        key = secrets.token_bytes(32)
        assert tokens.check_token_key(key, "key") == key


def test_its_holder_can_read_when_a_workload_token_ends() -> None:
    token = tokens.mint_workload_token(KEY, "shop/api", expires=1000)
    assert tokens.workload_token_end(token) == 1000


@pytest.mark.parametrize(
    "token", ["", "fmw1.", "fmw1.x.y", "eyJhbGciOi.e30.x", "fmw1." + "a" * 5000]
)
def test_other_tokens_say_nothing_of_their_end(token: str) -> None:
    assert tokens.workload_token_end(token) is None


@pytest.mark.parametrize(
    ("made", "ends", "told_from"),
    [
        (0, 30, 23),
        (1, 30, 23),
        (10, 17, 13.5),
        (10, 11, 10.5),
    ],
    ids=["of-unknown-life", "long", "a-week", "a-day"],
)
def test_the_end_of_a_workload_token_is_told_in_time(
    made: int, ends: int, told_from: float
) -> None:
    day = 86_400
    text = tokens.mint_workload_token(KEY, "shop/api", ends * day, made=made * day)
    assert tokens.check_workload_token(KEY, text, 10.0 * day) == "shop/api"
    life = tokens.workload_token_life(text)
    assert life is not None
    assert tokens.workload_token_end(text) == ends * day
    assert life.problem(told_from * day - 1) == ""
    assert life.problem(told_from * day + 1).startswith("it ends at 1970-01-")
    assert life.problem(ends * day).startswith("it ended at 1970-01-")


@pytest.mark.parametrize("text", ["", "hello", "fmw1.e30.x", "fmw1.eyJleHAiOiJ4In0.x"])
def test_what_is_no_workload_token_has_no_life(text: str) -> None:
    assert tokens.workload_token_life(text) is None
    assert tokens.workload_token_end(text) is None
