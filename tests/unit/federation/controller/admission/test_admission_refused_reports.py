"""What was refused is known by name until it is taken, gone, or said anew; and never too much."""

from federation.controller.admission.refused_reports import MOST, RefusedReports
from federation.wire import codec

BAD = {"shop/api": "namespace shop may not be exported"}


def texts(refusals: RefusedReports) -> list[str]:
    return [str(refusal) for refusal in refusals.first(10)]


def test_a_refusal_is_new_once_and_stays_with_its_time() -> None:
    refusals = RefusedReports()
    assert len(refusals.take(codec.EXPORT, BAD, (), "", 5.0)) == 1
    assert refusals.take(codec.EXPORT, BAD, (), "", 9.0) == ()
    assert texts(refusals) == ["Export shop/api: namespace shop may not be exported"]
    assert [r.since for r in refusals.first(1)] == [5.0]


def test_it_ends_when_that_resource_is_taken_or_gone_and_by_no_other() -> None:
    refusals = RefusedReports()
    refusals.take(codec.EXPORT, BAD, (), "", 5.0)
    refusals.take(codec.EXPORT, {}, ("shop/other",), "", 6.0)
    refusals.take(codec.BACKEND, {}, ("shop/api",), "", 6.0)
    assert len(refusals) == 1
    refusals.take(codec.EXPORT, {}, ("shop/api",), "", 7.0)
    assert len(refusals) == 0


def test_a_new_stream_says_again_what_is_still_wrong() -> None:
    refusals = RefusedReports()
    refusals.take(codec.EXPORT, BAD, (), "", 5.0)
    refusals.take(codec.EXPORT, {}, (), "1000000 resources in one response", 5.0)
    refusals.start_over()
    assert (len(refusals), texts(refusals)) == (0, [])


def test_a_response_refused_as_a_whole_is_known_until_one_is_taken() -> None:
    refusals = RefusedReports()
    assert len(refusals.take(codec.EXPORT, {}, (), "too many", 5.0)) == 1
    assert refusals.take(codec.EXPORT, {}, (), "too many", 6.0) == ()
    assert texts(refusals) == ["Export response: too many"]
    refusals.take(codec.EXPORT, {}, (), "", 7.0)
    assert len(refusals) == 0


def test_a_million_refusals_are_counted_and_not_kept() -> None:
    refusals = RefusedReports()
    for start in range(0, 20 * MOST, MOST):
        bad = {f"shop/s{n}": "no" for n in range(start, start + MOST)}
        refusals.take(codec.EXPORT, bad, (), "", 5.0)
    assert len(refusals) == 20 * MOST
    assert len(refusals.first(1_000_000)) == MOST


def test_a_name_that_cannot_be_read_is_shown_by_its_letters() -> None:
    refusals = RefusedReports()
    refusals.take(codec.EXPORT, {"\x1b[2J": "no"}, (), "", 5.0)
    assert texts(refusals) == [r"Export '\x1b[2J': no"]
    refusals.take(codec.EXPORT, {}, ("\x1b[2J",), "", 6.0)
    assert len(refusals) == 0


def test_what_goes_with_a_refused_export_is_not_told_beside_it() -> None:
    refusals = RefusedReports()
    refusals.take(codec.EXPORT, BAD, (), "", 5.0)
    refusals.take(codec.BACKEND, {**BAD, "shop/web": "it has no export"}, (), "", 5.0)
    refusals.take(codec.HEADLESS, BAD, (), "", 5.0)
    refusals.take(codec.TOMBSTONE, {"evil/x": "namespace evil may not be exported"}, (), "", 5.0)
    assert texts(refusals) == [
        "Backend shop/web: it has no export",
        "Export shop/api: namespace shop may not be exported",
    ]
    assert len(refusals) == 2
