"""What an agent finds wrong in its cluster: by which check, of what, and since when."""

import pytest

from cluster_agent.health.problems import MOST_OF_A_KIND, Parts, Problems
from cluster_agent.observe.service import VALID
from cluster_agent.source.objects import Condition, Problem
from federation.model.checks import OF_AGENTS, Finding
from federation.model.names import ServiceName
from federation.wire.codec.proxies import MAX_FINDINGS

API = ServiceName("shop", "api")


def valid(status: str, reason: str, message: str) -> dict[ServiceName, tuple[Condition, ...]]:
    return {API: (Condition("Valid", status, reason, message),)}


@pytest.mark.parametrize(
    ("parts", "check", "subject", "what"),
    [
        (Parts(trouble="the folder is gone"), "source-unreadable", "", "the folder is gone"),
        (
            Parts(incomplete_because="3 exports are missing"),
            "source-unreadable",
            "",
            "3 exports are missing",
        ),
        (
            Parts(files=(Problem("shop.yaml:3", "port is 81000"),)),
            *("file-unreadable", "shop.yaml:3", "shop.yaml:3: port is 81000"),
        ),
        (
            Parts(files=(Problem("shop.yaml:3", "spec.prts is odd", is_remark=True),)),
            *("document-remark", *["shop.yaml:3: spec.prts is odd"] * 2),
        ),
        (
            Parts(exports=valid("False", "NoService", "there is no Service")),
            *("export-without-service", "shop/api", "ServiceExport shop/api: there is no Service"),
        ),
        (
            Parts(exports=valid("False", "InvalidServiceType", "it is ExternalName")),
            *("export-not-valid", "shop/api", "ServiceExport shop/api: it is ExternalName"),
        ),
        (
            Parts(exports=valid("True", "Valid", "without 2 endpoints")),
            *("export-limited", "shop/api", "ServiceExport shop/api: without 2 endpoints"),
        ),
        (
            Parts(entry=("ranges are full",)),
            "entry-addresses",
            "ranges are full",
            "ranges are full",
        ),
        (Parts(tasks=("status: no room",)), "agent-trouble", "status", "status: no room"),
        (Parts(silent=("sidecar a/b",)), "proxy-silent", "sidecar a/b", "sidecar a/b is silent"),
        (
            Parts(away={"gw": "is not connected"}),
            *("gateway-away", "gateway gw", "gateway gw is not connected"),
        ),
        (Parts(untold_proxies=7), "proxies-not-listed", "", "7 proxies are not listed"),
        (Parts(strangers=("a/b",)), "sidecar-without-pod", "sidecar a/b", "Pod a/b, which is not"),
        (
            Parts(refused_proxies={"proxy at 10.0.0.1": "a proxy at 10.0.0.1 gets no certificate"}),
            *("proxy-turned-away", "proxy at 10.0.0.1", "gets no certificate"),
        ),
        (Parts(tokens={"dns server": "it ends"}), "workload-token-ends", "dns server", "it ends"),
    ],
)
def test_each_part_has_its_check(parts: Parts, check: str, subject: str, what: str) -> None:
    (found,) = Problems().find(parts, 7.0)
    assert (found.check, found.subject, found.since) == (check, subject, 7)
    assert what in found.what
    assert check in OF_AGENTS


def test_an_export_has_a_finding_for_each_condition() -> None:
    odd = (
        Condition("Ready", "False", "NoSlices", "there is no EndpointSlice"),
        Condition("Valid", "True", "WithoutEffect", "Service api: prts is not known"),
    )
    found = Problems().find(Parts(exports={API: odd}), 7.0)
    assert [(f.check, f.what) for f in found] == [
        ("export-limited", "ServiceExport shop/api: Service api: prts is not known"),
        ("export-not-valid", "ServiceExport shop/api: there is no EndpointSlice"),
    ]


def test_a_folder_that_cannot_be_read_is_told_once() -> None:
    parts = Parts(trouble="gone", files=(Problem("/folder", "gone"),))
    assert [f.check for f in Problems().find(parts, 7.0)] == ["source-unreadable"]


def test_where_all_is_well_nothing_is_found() -> None:
    assert Problems().find(Parts(exports={}), 7.0) == ()
    assert VALID.status == "True"


def test_a_problem_keeps_its_time_as_long_as_it_lasts() -> None:
    known = Problems()
    known.find(Parts(away={"g1": "is away"}), 7.0)
    found = known.find(Parts(away={"g1": "is away, in other words", "g2": "is away"}), 9.0)
    assert [(f.subject, f.since) for f in found] == [("gateway g1", 7), ("gateway g2", 9)]


def test_all_of_it_fits_into_a_report_whatever_there_is() -> None:
    many = range(10_000)
    parts = Parts(
        files=tuple(Problem(f"f{n}", "broken") for n in many),
        exports={
            ServiceName("shop", f"s{n}"): (Condition("Valid", "False", "X", "no"),) for n in many
        },
        tasks=tuple(f"t{n}: fails" for n in many),
        silent=[f"sidecar a/b{n}" for n in many],
        away={f"g{n}": "is away" for n in many},
        strangers=[f"a/c{n}" for n in many],
        entry=tuple(f"e{n}" for n in many),
        tokens={f"sidecar a/d{n}": "it ends" for n in many},
        refused_proxies={f"proxy at {n}": "it is refused" for n in many},
    )
    found = Problems().find(parts, 7.0)
    assert len(found) == 9 * (MOST_OF_A_KIND + 1)
    assert len(OF_AGENTS) * (MOST_OF_A_KIND + 1) <= MAX_FINDINGS
    more = f"{10_000 - MOST_OF_A_KIND} more of these"
    assert Finding("file-unreadable", "more", more, 7) in found
