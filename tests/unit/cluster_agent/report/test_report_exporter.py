"""What is reported of a service, and when."""

from cluster_agent.observe.service import Observed
from cluster_agent.report.exporter import Exporter
from federation.model.names import ClusterId
from federation.wire import codec
from federation.xds.nacks import Nack
from tests.unit.builders import API, backend, export, local_service

EAST = ClusterId("east")
NOTHING = Observed(None, None, None, None)
THERE = Observed(export("east"), backend("east"), local_service(), None)


def exporter() -> tuple[Exporter, list[tuple[str, str]]]:
    """One, and what it told."""
    found, told = Exporter(EAST), []
    found.reports.on_change = lambda type_url, name: told.append((type_url, name))
    return found, told


def test_an_export_that_may_not_wait_is_reported_with_its_backend_at_once() -> None:
    found, told = exporter()
    found.export(API, None, THERE, 0.0, is_live=True, may_wait=False)
    assert told == [(codec.EXPORT, "shop/api"), (codec.BACKEND, "shop/api")]
    assert not found.has_pending


def test_one_that_waits_is_reported_as_it_is_when_its_time_is_over() -> None:
    found, told = exporter()
    found.export(API, None, THERE, 0.0, is_live=True, may_wait=True)
    later = Observed(export("east"), backend("east", ready=3), local_service(), None)
    found.export(API, THERE, later, 0.1, is_live=True, may_wait=True)
    assert told == []
    assert found.due() is not None
    found.tick(float("inf"))
    body = found.reports.table.get(codec.BACKEND, "shop/api")
    assert body is not None
    assert body.body == codec.encode(later.backend)
    assert (codec.EXPORT, "shop/api") in told


def test_one_that_goes_while_it_waits_is_never_reported() -> None:
    found, told = exporter()
    found.export(API, None, THERE, 0.0, is_live=True, may_wait=True)
    found.export(API, THERE, NOTHING, 0.1, is_live=False, may_wait=True)
    found.tick(float("inf"))
    assert told == []


def test_the_tombstone_of_what_somebody_saw_go_comes_before_it_is_gone() -> None:
    found, told = exporter()
    found.export(API, None, THERE, 0.0, is_live=True, may_wait=False)
    told.clear()
    found.export(API, THERE, NOTHING, 1.0, is_live=True, may_wait=False)
    assert told[0] == (codec.TOMBSTONE, "shop/api")
    assert (codec.EXPORT, "shop/api") in told[1:]


def test_that_this_is_all_is_said_once() -> None:
    found, told = exporter()
    found.mark_complete()
    found.mark_complete()
    assert told == [(codec.EXPORT, "")]


def test_a_refusal_is_news_once_and_while_it_lasts() -> None:
    found, _ = exporter()
    refused = (Nack(codec.EXPORT, "shop/api", "1", "not allowed"),)
    assert found.refuse(refused)
    assert not found.refuse(refused)
    assert found.refusal_of(API) == "not allowed"
    assert found.refuse(())
    assert found.refusal_of(API) == ""
