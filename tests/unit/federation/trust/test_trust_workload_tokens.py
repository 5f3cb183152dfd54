"""federation.trust.workload_tokens: what workloads on hosts prove themselves with."""

import secrets

import pytest

from federation.model.errors import Denied, InvalidInput
from federation.trust import workload_tokens as tokens

KEY = bytes(range(32))


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
