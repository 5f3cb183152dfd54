"""The way up, without proxies and facts: what is seen of services, and what of it is told."""

from pathlib import Path

import pytest

from cluster_agent.observe.service import ALL_WELL, Observed
from cluster_agent.report.exporter import Exports
from cluster_agent.source.objects import Key
from federation.model.names import ClusterId, ServiceName
from federation.runtime.disk import Disk
from federation.wire import codec
from federation.xds.sender import Refused
from tests.unit.builders import API, service
from tests.unit.fakes.fake_source import FakeSource
from tests.unit.fakes.shop import shop

EAST = ClusterId("east")
LATER = float("inf")


class East:
    """A cluster with one service, and what is told of it."""

    def __init__(self, folder: Path) -> None:
        self.source = FakeSource()
        self.exports = Exports(EAST, self.source, folder / "first-seen.json", Disk())
        self.told: list[tuple[str, str]] = []
        self.exports.tell = lambda type_url, name: self.told.append((type_url, name))

    def write(self, text: str, *, may_wait: bool = False, synced: bool = True) -> None:
        """All objects are these, and the source has been read as a whole, or not yet."""
        self.source.synced = synced
        batch = self.source.write(text, live=True)
        for name in self.exports.affected(batch):
            self.exports.look(name, ALL_WELL, 0.0, may_wait=may_wait)


def test_a_service_is_told_with_what_is_behind_it(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    assert len(east.exports) == 1
    assert {(codec.EXPORT, "shop/api"), (codec.BACKEND, "shop/api")} <= set(east.told)
    assert (codec.HEADLESS, "shop/api") not in east.told


def test_a_headless_service_is_told_with_its_endpoints(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True).replace("spec: {", "spec: {clusterIP: None, ", 1))
    assert (codec.HEADLESS, "shop/api") in east.told
    assert east.exports.declare()
    east.write(shop(True, exported=False))
    assert east.exports.reports.table.get(codec.HEADLESS, "shop/api") is None


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
    [odd] = east.exports.odd[API]
    assert (odd.type, odd.status, odd.reason) == ("Ready", "False", reason)
    east.write(whole)
    assert east.exports.odd == {}


def test_a_new_export_waits_where_it_may_and_is_told_in_time(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True), may_wait=True)
    assert (east.exports.has_waiting, east.told) == (True, [])
    assert east.exports.due() is not None
    east.exports.tick(LATER)
    assert (codec.EXPORT, "shop/api") in east.told
    assert not east.exports.has_waiting


def test_reports_are_whole_once_the_source_is(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True), synced=False)
    assert not east.exports.declare()
    assert east.told == [], "nor is anything told of what may be there in parts only"
    east.write(shop(True, True))
    assert east.exports.declare()
    for type_url in (codec.EXPORT, codec.BACKEND, codec.HEADLESS):
        assert east.exports.reports.table.is_complete(type_url)
    assert east.told[-1] == (codec.EXPORT, "")


def test_a_source_that_has_lost_everything_is_not_believed(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    east.source.synced = True
    assert east.exports.declare()
    again = East(tmp_path)
    again.exports.load()
    again.source.synced = True
    assert not again.exports.declare()
    assert "exported shop/api before" in again.exports.doubt


def test_what_may_be_there_in_parts_is_looked_at_again_when_all_was_read(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(exported=False), synced=False)
    assert east.exports.look(API, ALL_WELL, 0.0, may_wait=False) is None
    assert east.exports.take_unknown() == set(), "nothing has changed"
    east.source.synced = True
    assert east.exports.take_unknown() == {API}
    assert east.exports.look(API, ALL_WELL, 0.0, may_wait=False) is not None
    assert east.exports.take_unknown() == set()


def test_of_what_was_never_here_nothing_is_unknown(tmp_path: Path) -> None:
    east = East(tmp_path)
    found = east.exports.look(API, ALL_WELL, 0.0, may_wait=False)
    assert found == Observed(None, None, None, None)


def test_what_was_exported_and_is_missing_is_unknown_until_the_source_is_believed(
    tmp_path: Path,
) -> None:
    (tmp_path / "first-seen.json").write_text('{"shop/api": 7, "shop/web": 8}')
    east = East(tmp_path)
    east.exports.load()
    east.source.break_file("web.yaml")
    east.write(shop(True))
    web = ServiceName("shop", "web")
    assert east.exports.look(web, ALL_WELL, 0.0, may_wait=False) is None
    assert not east.exports.declare()
    east.source.mend_file("web.yaml")
    assert east.exports.declare()
    assert east.exports.take_unknown() == {web}
    assert east.exports.look(web, ALL_WELL, 0.0, may_wait=False) is not None


def test_services_are_found_by_the_addresses_behind_them(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    found = east.exports.look(API, ALL_WELL, 0.0, may_wait=False)
    assert found is not None
    assert found.local is not None
    address = found.local.endpoints[0].address
    assert east.exports.with_addresses(frozenset({address})) == {API}
    assert east.exports.with_addresses(frozenset({"192.0.2.1"})) == set()
    assert east.exports.with_addresses(frozenset()) == set()


def test_conditions_say_what_the_controller_did_not_take(tmp_path: Path) -> None:
    east = East(tmp_path)
    east.write(shop(True))
    refused = (Refused(codec.EXPORT, "shop/api", "1", "namespace shop may not be exported"),)
    assert east.exports.refuse(refused)
    assert not east.exports.refuse(refused)
    (conditions,) = east.exports.conditions({API: service("east")}).values()
    assert "may not be exported" in " ".join(c.message for c in conditions)
    assert list(east.exports.conditions({})) == [Key("ServiceExport", *API)]
