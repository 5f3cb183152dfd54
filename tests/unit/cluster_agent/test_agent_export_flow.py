"""The way up, without proxies and facts: what is seen of services, and what of it is told."""

from pathlib import Path

import pytest

from cluster_agent.export_flow import ExportFlow
from cluster_agent.observe.service import ALL_WELL, Observed
from cluster_agent.report.first_seen import FirstSeen
from federation.model.names import ClusterId, ServiceName
from federation.runtime.disk import Disk
from federation.wire import codec
from federation.xds.nacks import Nack
from tests.unit.builders import API, service
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.shop import shop

EAST = ClusterId("east")
LATER = float("inf")


class East:
    """A cluster with one service, and what is told of it."""

    def __init__(self, folder: Path) -> None:
        self.source = FakeSource()
        self.flow = ExportFlow(
            EAST, self.source, folder / "first-seen.json", Disk(), loopback=False
        )
        self.told: list[tuple[str, str]] = []
        self.flow.exporter.reports.on_change = lambda type_url, name: self.told.append(
            (type_url, name)
        )

    def write(self, text: str, *, may_wait: bool = False, synced: bool = True) -> None:
        """All objects are these, and the source has been read as a whole, or not yet."""
        self.source.synced = synced
        batch = self.source.write(text, live=True)
        for name in self.flow.affected(batch):
            self.flow.observe(name, ALL_WELL, 0.0, may_wait=may_wait)


def test_a_service_is_told_with_what_is_behind_it(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    assert len(east.flow.services.known) == 1
    assert {(codec.EXPORT, "shop/api"), (codec.BACKEND, "shop/api")} <= set(east.told)
    assert (codec.HEADLESS, "shop/api") not in east.told


def test_a_headless_service_is_told_with_its_endpoints(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True).replace("spec: {", "spec: {clusterIP: None, ", 1))
    assert (codec.HEADLESS, "shop/api") in east.told
    assert east.flow.complete()
    east.write(shop(True, exported=False))
    assert east.flow.exporter.reports.table.get(codec.HEADLESS, "shop/api") is None


@pytest.mark.parametrize(
    ("ports", "reason"),
    [("[]", "NoPorts"), ("[{name: dns, port: 53, protocol: UDP}]", "NoTcpPort")],
)
def test_an_export_that_nobody_can_call_is_odd_until_it_can_be(
    tmp_path: Path, ports: str, reason: str
) -> None:
    east = East(tmp_path)
    whole = shop(True)
    begin = whole.index("ports: ")
    east.write(whole[: begin + 7] + ports + whole[whole.index("]", begin) + 1 :])
    [odd] = east.flow.services.odd[API]
    assert (odd.type, odd.status, odd.reason) == ("Ready", "False", reason)
    east.write(whole)
    assert east.flow.services.odd == {}


def test_a_new_export_waits_where_it_may_and_is_told_in_time(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True), may_wait=True)
    assert (east.flow.exporter.has_pending, east.told) == (True, [])
    assert east.flow.exporter.due() is not None
    east.flow.exporter.tick(LATER)
    assert (codec.EXPORT, "shop/api") in east.told
    assert not east.flow.exporter.has_pending


def test_reports_are_whole_once_the_source_is(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True), synced=False)
    assert not east.flow.complete()
    assert east.told == [], "nor is anything told of what may be there in parts only"
    east.write(shop(True, True))
    assert east.flow.complete()
    for type_url in (codec.EXPORT, codec.BACKEND, codec.HEADLESS):
        assert east.flow.exporter.reports.table.is_complete(type_url)
    assert east.told[-1] == (codec.EXPORT, "")


def test_a_source_that_has_lost_everything_is_not_believed(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    east.source.synced = True
    assert east.flow.complete()
    again = East(tmp_path)
    again.flow.load()
    again.source.synced = True
    assert not again.flow.complete()
    assert "exported shop/api before" in again.flow.incomplete_because


def test_what_may_be_there_in_parts_is_looked_at_again_when_all_was_read(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(exported=False), synced=False)
    assert east.flow.observe(API, ALL_WELL, 0.0, may_wait=False) is None
    assert east.flow.release_unknown() == set(), "nothing has changed"
    east.source.synced = True
    assert east.flow.release_unknown() == {API}
    assert east.flow.observe(API, ALL_WELL, 0.0, may_wait=False) is not None
    assert east.flow.release_unknown() == set()


def test_of_what_was_never_here_nothing_is_unknown(tmp_path: Path) -> None:
    east = East(tmp_path)
    found = east.flow.observe(API, ALL_WELL, 0.0, may_wait=False)
    assert found == Observed(None, None, None, None)


def test_what_was_exported_and_is_missing_is_unknown_until_the_source_is_believed(
    tmp_path: Path,
) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7, "shop/web": 8}')
    east = East(tmp_path)
    east.flow.load()
    east.source.break_file("web.yaml")
    east.write(shop(True))
    web = ServiceName("shop", "web")
    assert east.flow.observe(web, ALL_WELL, 0.0, may_wait=False) is None
    assert not east.flow.complete()
    east.source.mend_file("web.yaml")
    assert east.flow.complete()
    assert east.flow.release_unknown() == {web}
    assert east.flow.observe(web, ALL_WELL, 0.0, may_wait=False) is not None


def test_services_are_found_by_the_addresses_behind_them(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    found = east.flow.observe(API, ALL_WELL, 0.0, may_wait=False)
    assert found is not None
    assert found.local is not None
    address = found.local.endpoints[0].address
    assert east.flow.services.with_addresses(frozenset({address})) == {API}
    assert east.flow.services.with_addresses(frozenset({"192.0.2.1"})) == set()
    assert east.flow.services.with_addresses(frozenset()) == set()


def test_conditions_say_what_the_controller_did_not_take(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    refused = (Nack(codec.EXPORT, "shop/api", "1", "namespace shop may not be exported"),)
    assert east.flow.exporter.refuse(refused)
    assert not east.flow.exporter.refuse(refused)
    ((target, conditions),) = east.flow.news({API: service("east")}).items()
    assert target == ("multicluster.x-k8s.io", "ServiceExport", "shop", "api")
    assert conditions is not None
    assert "may not be exported" in " ".join(c.message for c in conditions)
    assert east.flow.news({}) == {}, "that is no news"


def test_first_sights_are_kept_when_other_services_are_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    east = East(tmp_path)
    kept: list[set[ServiceName]] = []
    monkeypatch.setattr(FirstSeen, "keep", lambda _, exported: kept.append(set(exported)))
    for text in (shop(True), shop(False), shop(True, True), shop(True, exported=False)):
        east.write(text)
        east.flow.observe(API, ALL_WELL, 0.0, may_wait=False)
        assert east.flow.complete()
    assert kept == [{API}, set()]
