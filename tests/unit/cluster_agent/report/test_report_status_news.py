"""Every export that changed is told of once, and a few at a time."""

from cluster_agent.report.status_news import MOST_AT_ONCE, StatusNews, target_of
from federation.model.names import ServiceName

API, WEB = ServiceName("shop", "api"), ServiceName("shop", "web")


def test_what_is_told_of_is_taken_once_and_what_was_never_told_of_is_not_taken_back() -> None:
    news = StatusNews()
    news.mark([API, WEB, API])
    assert news.take({API}) == ((API,), ())
    assert news.take({API}) == ((), ())
    news.mark([API, WEB])
    assert news.take(frozenset()) == ((), (API,))
    news.mark([API])
    assert news.take(frozenset()) == ((), ())


def test_what_could_not_be_shown_comes_again_also_when_it_is_gone_by_then() -> None:
    news = StatusNews()
    news.mark([API])
    news.take({API})
    news.tell_again([target_of(API)])
    assert news.take({API}) == ((API,), ())
    news.mark([API])
    news.take(frozenset())
    news.tell_again([target_of(API)])
    assert news.take(frozenset()) == ((), (API,))


def test_of_many_a_few_are_taken_at_a_time() -> None:
    news = StatusNews()
    names = {ServiceName("shop", f"s{number}") for number in range(2 * MOST_AT_ONCE + 1)}
    news.mark(names)
    taken: list[ServiceName] = []
    while news.has_more:
        there, _ = news.take(names)
        assert len(there) <= MOST_AT_ONCE
        taken += there
    assert (len(taken), set(taken)) == (len(names), names)
