"""federation.trust.join_tokens: joining once."""

import base64
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from federation.model.errors import Denied, InvalidInput
from federation.model.names import ClusterId
from federation.trust import join_tokens as tokens

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
