"""federation.trust.lives: when a certificate was made and when it is renewed."""

from datetime import timedelta

import pytest

from federation.trust.lives import backdate, made_at, renew_at, seconds_until
from tests.unit.federation.trust.trust_certs import NOW

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("seconds", [1, 8, 10, 60, 1_199, 1_200, 3_600, 604_800])
def test_any_life_is_renewed_at_half_of_what_it_had_when_it_was_made(seconds: int) -> None:
    life = timedelta(seconds=seconds)
    start, end = NOW - backdate(life), NOW + life
    assert abs(made_at(start, end) - NOW) < timedelta(microseconds=2)
    assert abs(renew_at(start, end) - (NOW + life / 2)) < timedelta(microseconds=2)


def test_one_cut_short_by_its_issuer_is_renewed_earlier_and_never_later() -> None:
    start, end = NOW - 5 * MINUTE, NOW + 10 * MINUTE
    assert NOW < renew_at(start, end) < NOW + 5 * MINUTE


def test_sleep_ends_when_it_is_due_within_bounds() -> None:
    assert seconds_until(NOW + MINUTE, NOW, least=1, most=3_600) == 60
    assert seconds_until(NOW + MINUTE, NOW, least=1, most=10) == 10
    assert seconds_until(NOW - MINUTE, NOW, least=1, most=10) == 1
