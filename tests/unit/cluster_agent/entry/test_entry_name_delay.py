"""Names wait for listeners, and for one that is frozen only so long."""

from cluster_agent.entry.name_delay import NAMES_WAIT_SECONDS, NameDelay


def quiet() -> bool:
    """Every proxy has acknowledged all it was sent."""
    return True


def busy() -> bool:
    """Not every proxy has."""
    return False


def test_without_a_word_names_wait_for_so_long_and_no_longer() -> None:
    delay = NameDelay()
    assert not delay.is_over(1.0, quiet)
    assert delay.start(10.0)
    assert not delay.start(11.0), "they wait together"
    assert delay.due == 10.0 + NAMES_WAIT_SECONDS
    assert not delay.is_over(10.0 + NAMES_WAIT_SECONDS - 0.1, busy)
    assert delay.is_over(10.0 + NAMES_WAIT_SECONDS, busy)
    assert delay.due is None


def test_acknowledged_listeners_end_it_a_moment_later() -> None:
    delay = NameDelay()
    delay.settle(0.0, 0.03)  # nothing waits
    assert not delay.is_over(1.0, quiet)
    delay.start(10.0)
    delay.settle(10.5, 0.03)
    assert delay.due == 10.53
    assert delay.is_over(10.6, quiet)


def test_a_listener_that_was_sent_meanwhile_is_waited_for() -> None:
    delay = NameDelay()
    delay.start(10.0)
    delay.settle(10.5, 0.03)
    assert not delay.is_over(10.6, busy)
    assert delay.due == 10.0 + NAMES_WAIT_SECONDS
    delay.settle(11.0, 0.03)
    assert delay.is_over(11.1, quiet)
