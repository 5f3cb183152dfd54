"""What Envoy does not answer is a refusal, with the guilty one named where Envoy names it."""

from pathlib import Path

import pytest

from federation.model.errors import PeerBroke
from federation.model.proxies import Nack
from federation.model.types import CLUSTER, LISTENER
from federation.supervisor.unacknowledged import (
    MOST_NAMED,
    Overdue,
    late_refusals,
    look,
    read_rejected,
    read_warming,
)

DUMP = b'{"configs": [{"@type": "DynamicCluster", "cluster": {"@type": "Cluster", "name": "bad"}}]}'
STATS = b'{"stats": [{"name": "cluster_manager.cds.update_rejected", "value": 1}]}'


class Relay:
    """Something that waits for an answer."""

    def __init__(self, *overdue: tuple[str, str]) -> None:
        self._overdue = overdue
        self.late: tuple[Nack, ...] | None = None

    def overdue(self) -> Overdue:
        return self._overdue

    def set_late(self, refusals: tuple[Nack, ...]) -> None:
        self.late = refusals


def test_answers_of_envoy_are_read_and_rubbish_is_its_fault() -> None:
    assert read_warming(DUMP) == {"bad"}
    assert read_warming(b"{}") == frozenset()
    assert read_rejected(STATS) == 1
    assert read_rejected(b"{}") == 0
    for read in (read_warming, read_rejected):
        with pytest.raises(PeerBroke):
            read(b"no")


def test_of_all_that_is_overdue_the_clusters_that_are_warming_are_guilty() -> None:
    overdue = [(CLUSTER, "bad"), (CLUSTER, "good"), (LISTENER, "outbound")]
    (found,) = late_refusals(overdue, frozenset({"bad", "new"}), 1)
    assert (found.type_url, found.name) == (CLUSTER, "bad")
    assert "not acknowledged for more than 5 s" in found.reason
    assert "still warming in envoy (cluster_manager.cds.update_rejected: 1)" in found.reason


def test_where_nothing_is_warming_all_that_is_overdue_is_told_up_to_a_limit() -> None:
    overdue = [(LISTENER, f"l{n}") for n in range(50)]
    found = late_refusals(overdue, frozenset(), 0)
    assert len(found) == MOST_NAMED
    assert {r.reason for r in found} == {"not acknowledged for more than 5 s"}


async def test_envoy_is_asked_only_when_something_is_overdue(tmp_path: Path) -> None:
    relay = Relay()
    await look(tmp_path / "nobody.sock", relay)
    assert relay.late == ()


async def test_an_envoy_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    relay = Relay((CLUSTER, "bad"))
    await look(tmp_path / "nobody.sock", relay)
    assert relay.late is None
