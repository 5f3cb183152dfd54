"""Who of a refused response is guilty, and with what reason it is shown."""

from federation.xds.nacks import REASON_CHARACTERS, Verdict, judge, reason_of


def test_those_that_are_named_are_guilty_and_the_rest_goes_again_together() -> None:
    verdict = judge(["a", "b", "c"], "b: it is bad")
    assert verdict == Verdict(("b",), (("a", "c"),))


def test_when_nobody_is_named_each_half_goes_alone_and_at_last_the_guilty_one() -> None:
    assert judge(["a", "b", "c"], "bad") == Verdict((), (("a",), ("b", "c")))
    assert judge(["a"], "bad") == Verdict(("a",), ())


def test_a_name_that_is_part_of_another_is_not_blamed() -> None:
    assert judge(["80.api", "180.api"], "Error adding cluster 180.api: bad").guilty == ("180.api",)


def test_a_long_reason_keeps_its_beginning_and_its_end() -> None:
    message = f"Error adding x: {'dump ' * 1000}\n: value must be greater than 0"
    reason = reason_of("x", message)
    assert len(reason) <= REASON_CHARACTERS
    assert reason.startswith("x: dump dump")
    assert reason.endswith(" : value must be greater than 0")


def test_of_a_refusal_with_a_line_for_each_name_a_reason_is_its_own_line() -> None:
    lines = ("up~a: cannot bind 'a'", "up~b: cannot bind 'b'\n  since it is taken", "up~c: no")
    message = "Error adding/updating listener(s) " + "\n".join(lines)
    names = {"up~a": "1", "up~b": "1", "up~c": "1"}
    assert [reason_of(name, message, names) for name in names] == [
        "up~a: cannot bind 'a'",
        "up~b: cannot bind 'b' since it is taken",
        "up~c: no",
    ]
