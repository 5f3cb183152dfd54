"""A run as documents: nothing that was broken is left out, whoever reads it."""

import json
from dataclasses import replace

import pytest

from federation.demo.scenarios.report import COLUMNS, Run, document_of, markdown_of, rows_of
from federation.demo.scenarios.run import Report
from federation.demo.scenarios.steps import Result, Row
from federation.verify.guarantees import Summary
from federation.verify.history import Lag

SUMMARY = Summary("lost", 2000, 3, (("eu-west", 0.9999), ("us-west", 0.0001)), 0.002, 0.01, 0.5)
ROWS = (
    Row("gateway killed", "lost", "gRPC", SUMMARY, in_flight=3, shifted=0.031),
    Row("gateway killed", "back", "gRPC", replace(SUMMARY, failed=0)),
)
RESULT = Result(
    "gateway killed", ROWS, ("api: 2 requests, 2 hits",), ("gateway: too slow",), Lag(0.2, 0.004, 9)
)
REPORT = Report((RESULT,), 61.5)
RUN = Run("fedctl demo run failover", 200, 10, 30, 2, short=False)


def test_the_document_says_all_and_that_it_was_not_kept() -> None:
    document = json.loads(json.dumps(document_of(REPORT, RUN)))
    assert document["kept"] is False
    assert document["broken"] == ["gateway: too slow"]
    (step,) = document["steps"]
    lost, back = step["phases"]
    assert (lost["failed"], lost["failed_in_flight"], lost["shifted"]) == (3, 3, 0.031)
    assert back["shifted"] is None
    assert lost["shares"] == {"eu-west": 0.9999, "us-west": 0.0001}
    assert step["generator_lag"] == {"worst": 0.2, "p99": 0.004}


def test_a_busy_machine_is_noted() -> None:
    (note,) = document_of(REPORT, RUN)["notes"]
    assert note.startswith("gateway killed: ")
    assert "200 ms late" in note


def test_a_line_names_failures_in_flight_and_leaves_out_the_tiniest_shares() -> None:
    lost, back = (dict(zip(COLUMNS, row, strict=True)) for row in rows_of(RESULT))
    assert lost["failed"] == "3 (3 in flight)"
    assert lost["answered by"] == "eu-west 100.0%"
    assert (lost["worst"], lost["shifted in"]) == ("500.0 ms", "0.03 s")
    assert (back["failed"], back["shifted in"]) == ("0", "")


@pytest.mark.parametrize(
    ("broken", "words"), [((), "Every promise was kept"), (("x",), "Not every promise was kept")]
)
def test_the_page_begins_with_the_verdict_and_its_command(
    broken: tuple[str, ...], words: str
) -> None:
    page = markdown_of(Report((replace(RESULT, broken=broken),), 61.5), RUN)
    head = page.partition("##")[0]
    assert words in head
    assert "`fedctl demo run failover`: 2 cores" in head


def test_the_page_has_a_table_a_step_with_its_facts_and_what_was_broken() -> None:
    page = markdown_of(REPORT, RUN)
    assert "## Gateway killed\n" in page
    assert page.count("| lost | gRPC | 2000 | 3 (3 in flight) |") == 1
    assert "- api: 2 requests, 2 hits\n- **not kept**: gateway: too slow\n" in page


def test_a_run_that_broke_off_says_so_first_and_was_not_kept() -> None:
    good, run = Report((replace(RESULT, broken=()),), 9.0), replace(RUN, ended="interrupted")
    document = document_of(good, run)
    assert (document["kept"], document["complete"], document["ended"]) == (
        False,
        False,
        "interrupted",
    )
    assert document_of(good, RUN)["complete"]
    head = markdown_of(good, run).partition("##")[0]
    assert "**Not complete**: interrupted." in head
    assert "Every promise was kept so far." in head
    assert "Not complete" not in markdown_of(good, RUN)
