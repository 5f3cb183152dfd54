"""Who sends more than it may, of what it has sent and what of it was read."""

from collections.abc import Iterable

import pytest

from federation.wire.rpc.intake import (
    ALARM_SECONDS,
    MESSAGE_SECONDS,
    MOST_UNREAD_BYTES,
    MOST_UNREAD_IN_ALL,
    SLACK_BYTES,
    STRANGER_BYTES,
    STRANGER_SECONDS,
    STRANGERS_OF_A_SOURCE,
    Intake,
    Seen,
    source_of,
)

ONE, TWO = "ipv4:10.0.0.1:1000", "ipv4:10.0.0.2:1000"
MB = 1 << 20


def judge(intake: Intake, now: float, **received: int) -> Iterable[str]:
    names = {"one": ONE, "two": TWO}
    return intake.judge({names[k]: Seen(n) for k, n in received.items()}, now)


def watch(intake: Intake, seconds: int, received: int, begin: int = 0) -> dict[str, str]:
    """Look every second at one connection that has sent so much; returns the first verdict."""
    for now in range(begin, begin + seconds + 1):
        cut = intake.judge({ONE: Seen(received)}, float(now))
        if cut:
            return cut
    return {}


def test_a_stranger_may_send_little_and_not_more() -> None:
    intake = Intake()
    assert not judge(intake, 0, one=STRANGER_BYTES, two=1000)
    assert not intake.is_alarmed()
    assert list(judge(intake, 0.1, one=STRANGER_BYTES + 1000, two=1000)) == [ONE]
    assert intake.is_alarmed()


def test_the_alarm_ends() -> None:
    intake = Intake()
    judge(intake, 0, one=2 * STRANGER_BYTES)
    for now in range(1, int(ALARM_SECONDS) + 1):
        judge(intake, now)
    assert not intake.is_alarmed()


def test_a_stranger_has_a_while_to_prove_itself() -> None:
    found = watch(Intake(), 30, 1000)
    assert found == {ONE: "it has proved nothing within 10 s"}
    assert not watch(Intake(), int(STRANGER_SECONDS), 1000)


def test_who_has_proved_itself_may_stay_and_say_nothing() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        pass
    assert not watch(intake, 100, 1000)


def test_a_message_may_be_as_large_as_the_call_allows() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        assert not judge(intake, 0, one=MB + SLACK_BYTES)
        assert list(judge(intake, 1, one=2 * MB)) == [ONE]


def test_messages_that_were_read_count_for_nothing_any_more() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        for n in range(1, 100):
            intake.took(ONE, MB)
            assert not judge(intake, n / 10, one=n * MB)


def test_calls_that_are_open_do_not_add_up_for_ever() -> None:
    intake = Intake()
    with intake.call(ONE, 8 * MB), intake.call(ONE, 8 * MB), intake.call(ONE, 80 * MB):
        assert not judge(intake, 0, one=MOST_UNREAD_BYTES)
        assert list(judge(intake, 1, one=MOST_UNREAD_BYTES + 2 * SLACK_BYTES)) == [ONE]


def test_when_a_call_ends_what_it_allowed_ends() -> None:
    intake = Intake()
    with intake.call(ONE, 8 * MB):
        assert not judge(intake, 0, one=4 * MB)
    assert list(judge(intake, 1, one=4 * MB)) == [ONE]


def test_a_message_must_come_whole_in_time() -> None:
    intake = Intake()
    with intake.call(ONE, 8 * MB):
        found = watch(intake, 60, 4 * MB)
    assert found == {ONE: f"a message has not come whole within {MESSAGE_SECONDS:g} s"}


def test_a_process_that_stood_still_blames_nobody_for_it() -> None:
    intake = Intake()
    with intake.call(ONE, 8 * MB):
        assert not judge(intake, 0, one=4 * MB)
        assert not judge(intake, 1, one=4 * MB)
        assert not judge(intake, 100, one=4 * MB)


def test_acknowledging_much_that_was_sent_is_no_fault() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        assert not intake.judge({ONE: Seen(4 * MB, 400 * MB)}, 0)


def test_all_together_have_a_bound_and_who_has_most_goes() -> None:
    intake = Intake()
    each, count = 20 * MB, MOST_UNREAD_IN_ALL // (20 * MB)
    seen = {f"ipv4:10.0.1.{n}:1": Seen(each) for n in range(count)}
    calls = [intake.call(peer, 20 * MB) for peer in (*seen, ONE, TWO)]
    for call in calls:
        call.__enter__()
    assert not intake.judge(seen, 0)
    seen[ONE] = Seen(each + 1 * MB)
    seen[TWO] = Seen(1000)
    assert list(intake.judge(seen, 1)) == [ONE]


def test_of_one_source_only_so_many_strangers_are_waited_for_the_oldest_go() -> None:
    intake = Intake()
    old = {f"ipv4:10.0.0.9:{n}": Seen(100) for n in range(1, 11)}
    new = {f"ipv4:10.0.0.9:{n}": Seen(100) for n in range(11, 11 + STRANGERS_OF_A_SOURCE)}
    assert not intake.judge({**old, ONE: Seen(100)}, 0)
    cut: dict[str, str] = {}
    for now in (1, 2, 3):
        cut |= intake.judge({**old, **new, ONE: Seen(100)}, now)
    assert cut.keys() == old.keys()


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("ipv4:10.0.0.1:80", "10.0.0.1"),
        ("ipv6:%5B2001:db8:1:2:3::4%5D:80", "2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:80", "fe80::/64"),
    ],
)
def test_an_address_is_one_source_and_so_is_a_network_of_ipv6(peer: str, source: str) -> None:
    assert source_of(peer) == source


def test_where_callers_are_not_among_the_connections_nobody_is_judged() -> None:
    intake = Intake()
    with intake.call("unix:", MB):
        for now in range(100):
            judge(intake, now / 10, one=100)
        assert intake.is_blind
        assert not judge(intake, 10, one=99 * MB)
    assert list(judge(intake, 11, one=99 * MB)) == [ONE]
    assert not intake.is_blind


def test_a_call_that_outlives_its_connection_blinds_nobody() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        judge(intake, 0, one=10)
        for now in range(1, 100):
            judge(intake, now, two=10)
        assert not intake.is_blind
    judge(intake, 101, two=10)
    assert ONE not in intake._accounts


def test_with_a_stranger_it_is_not_settled_and_with_members_it_is() -> None:
    intake = Intake()
    assert intake.is_settled()
    judge(intake, 0, one=10)
    assert not intake.is_settled()
    with intake.call(ONE, MB):
        assert intake.is_settled()


def test_who_has_sent_what_was_not_read_is_watched_until_it_was() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        judge(intake, 0, one=MB)
        assert not intake.is_settled()
        intake.took(ONE, MB)
        judge(intake, 0.1, one=MB)
        assert intake.is_settled()


def test_what_is_settled_stays_so_when_calls_end() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        judge(intake, 0, one=SLACK_BYTES)
        assert intake.is_settled()
    assert not watch(intake, 100, SLACK_BYTES)


def test_who_is_missing_is_looked_for_until_it_is_forgotten() -> None:
    intake = Intake()
    with intake.call(ONE, MB):
        assert not intake.is_settled()  # the kernel has not shown it
        judge(intake, 0, one=10)
    judge(intake, 0.1)
    assert not intake.is_settled()
    judge(intake, 0.2)
    assert intake.is_settled()
    assert not intake._accounts
