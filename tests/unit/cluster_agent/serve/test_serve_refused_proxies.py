"""Who was refused lately is told of for a while, so many of them, until it is let in."""

from cluster_agent.serve.refused_proxies import KEPT_SECONDS, MOST, RefusedProxies


def test_what_was_refused_is_told_for_a_minute_after_the_last_time() -> None:
    known = RefusedProxies()
    known.stranger("10.0.0.1", "it was not signed", 0.0)
    known.stranger("10.0.0.1", "it has expired", 50.0)
    known.holder("shop/api", "it is of another", 50.0)
    assert known.sentences(50.0 + KEPT_SECONDS) == {
        "proxy at 10.0.0.1": "a proxy at 10.0.0.1 gets no certificate: it has expired",
        "proxy of shop/api": "a proxy with the token of shop/api is refused: it is of another",
    }
    assert known.sentences(51.0 + KEPT_SECONDS) == {}


def test_who_is_let_in_is_told_of_no_more() -> None:
    known = RefusedProxies()
    known.stranger("10.0.0.1", "it was not signed", 0.0)
    known.stranger("10.0.0.2", "it was not signed", 0.0)
    known.holder("shop/api", "it is of another", 0.0)
    known.let_in("10.0.0.1", "shop/api")
    assert set(known.sentences(1.0)) == {"proxy at 10.0.0.2"}


def test_many_strangers_take_no_more_room_and_none_from_holders_of_tokens() -> None:
    known = RefusedProxies()
    for number in range(10 * MOST):
        known.stranger(f"10.0.1.{number}", "it was not signed", 0.0)
    known.holder("shop/api", "it is of another", 0.0)
    assert len(known.sentences(1.0)) == MOST + 1
    assert "proxy of shop/api" in known.sentences(1.0)
    known.stranger("10.0.9.9", "it was not signed", 2 * KEPT_SECONDS)
    assert set(known.sentences(2 * KEPT_SECONDS)) == {"proxy at 10.0.9.9"}
