"""Names wait for listeners, and for one that is frozen only so long."""

from cluster_agent.entry.name_delay import NAMES_WAIT_SECONDS, NameDelay


def test_without_a_word_names_wait_for_so_long_and_no_longer() -> None:
    delay = NameDelay()
    assert not delay.is_over(1.0, is_quiet=True)
    assert delay.start(10.0)
    assert not delay.start(11.0), "they wait together"
    assert delay.due == 10.0 + NAMES_WAIT_SECONDS
    assert not delay.is_over(10.0 + NAMES_WAIT_SECONDS - 0.1, is_quiet=False)
    assert delay.is_over(10.0 + NAMES_WAIT_SECONDS, is_quiet=False)
    assert delay.due is None


def test_acknowledged_listeners_end_it_a_moment_later() -> None:
    delay = NameDelay()
    delay.settle(0.0, 0.03)  # nothing waits
    assert not delay.is_over(1.0, is_quiet=True)
    delay.start(10.0)
    delay.settle(10.5, 0.03)
    assert delay.due == 10.53
    assert delay.is_over(10.6, is_quiet=True)


def test_a_listener_that_was_sent_meanwhile_is_waited_for() -> None:
    delay = NameDelay()
    delay.start(10.0)
    delay.settle(10.5, 0.03)
    assert not delay.is_over(10.6, is_quiet=False)
    assert delay.due == 10.0 + NAMES_WAIT_SECONDS
    delay.settle(11.0, 0.03)
    assert delay.is_over(11.1, is_quiet=True)
