"""What is cut is said, and somebody must have said yes."""

import io as streams
import sys
from typing import Any

import pytest

from federation.cli.consent import MOST_NAMED, consent, cut_by
from federation.model.errors import InvalidInput


def service(name: str, **ready: int) -> dict[str, Any]:
    backends = [{"cluster": cluster, "ready": count} for cluster, count in ready.items()]
    return {"name": name, "exporters": list(ready), "backends": backends}


def cluster(name: str, *, connected: bool = True, gateways: int = 1) -> dict[str, Any]:
    return {"id": name, "connected": connected, "gateways": [{}] * gateways}


def test_services_that_fail_are_told_apart_from_those_that_go_on() -> None:
    services = [
        service("shop/api", east=2, west=1),
        service("shop/cart", east=2),
        service("shop/pay", east=2, west=0),
        service("shop/other", west=1),
    ]
    clusters = [cluster("east", gateways=2), cluster("west"), cluster("away", connected=False)]
    assert cut_by("east", services, clusters) == [
        "services that no other cluster serves, and so fail: shop/cart, shop/pay",
        "services that other clusters go on to serve: shop/api",
        "connected clusters that lose its services, and it theirs: west",
        "its agent is connected, with 2 gateways",
    ]


def test_a_cluster_that_does_nothing_cuts_nothing() -> None:
    (line,) = cut_by("east", [], [cluster("east", connected=False)])
    assert line.startswith("nothing: ")


def test_a_cluster_that_is_revoked_already_is_cut_off_already() -> None:
    known = [{**cluster("east", connected=False), "trust": "revoked"}, cluster("west")]
    assert cut_by("east", [], known) == ["nothing: it is revoked already"]


def test_a_long_list_is_counted() -> None:
    services = [service(f"shop/s{i:02}", east=1) for i in range(MOST_NAMED + 3)]
    first, *_ = cut_by("east", services, [])
    assert first.endswith("shop/s09 and 3 more")


def test_without_a_terminal_nothing_is_done_unless_it_was_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", streams.StringIO("y\n"))
    with pytest.raises(InvalidInput, match=r"Nothing was changed: .* say --yes"):
        consent(False)("Go on?")
    assert consent(True)("Go on?")


@pytest.mark.parametrize(("typed", "goes_on"), [("y\n", True), ("\n", False), ("n\n", False)])
def test_on_a_terminal_a_person_is_asked(
    monkeypatch: pytest.MonkeyPatch, typed: str, goes_on: bool
) -> None:
    class Terminal(streams.StringIO):
        def isatty(self) -> bool:
            return True

    said = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", said)
    assert consent(False)("Go on?") is goes_on
    assert "Go on? [y/N]" in said.getvalue()
