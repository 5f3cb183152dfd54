"""The fleet as a state machine: whatever is cut, restarted, emptied or re-ordered.

Nothing still exported vanishes from what an agent plans with; no older state is applied; after the
last fault all hold exactly what is computed from scratch.
"""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from federation.model.names import ClusterId, ServiceName
from federation.wire import codec
from tests.unit.builders import said
from tests.unit.flow.fleet import CLUSTERS, NAMES, Fleet, Home

CLUSTER = st.sampled_from(CLUSTERS)
THEN = st.sampled_from(["", "connect", "settle", "settle"])
"""What comes right after a fault: its effects show only when somebody hears of them."""
SERVICES = st.frozensets(st.sampled_from(NAMES), min_size=1)


class Machine(RuleBasedStateMachine):
    """`blind` clusters have a source that lost everything, though their services run on."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-"))
        self.fleet = Fleet(self.folder)
        self.known: dict[ClusterId, set[str]] = {c: set() for c in CLUSTERS}
        self.blind: set[ClusterId] = set()

    def home(self, cluster: ClusterId) -> Home:
        return self.fleet.homes[cluster]

    # -- what people do --------------------------------------------------------------------------

    @rule(cluster=CLUSTER, names=SERVICES, ready=st.booleans(), then=THEN)
    def export(
        self, cluster: ClusterId, names: frozenset[ServiceName], ready: bool, then: str
    ) -> None:
        self._show(cluster, self.home(cluster).truth | dict.fromkeys(names, ready))
        self._then(cluster, then)

    @rule(cluster=CLUSTER, names=SERVICES)
    def withdraw(self, cluster: ClusterId, names: frozenset[ServiceName]) -> None:
        truth = self.home(cluster).truth
        self._show(cluster, {n: ready for n, ready in truth.items() if n not in names})

    def _show(self, cluster: ClusterId, truth: dict[ServiceName, bool]) -> None:
        if cluster in self.blind:
            return
        home = self.home(cluster)
        home.truth = truth
        self._forget()
        home.show(truth, live=True)

    @precondition(lambda self: self.blind)
    @rule(cluster=CLUSTER)
    def confirm(self, cluster: ClusterId) -> None:
        """A person believes a blind cluster. One that nobody held back anything of is let alone."""
        if cluster in self.blind and self.fleet.hub.held_back(cluster):
            self.home(cluster).truth = {}
            self.blind.discard(cluster)
            self._forget()
            self.fleet.hub.confirm(cluster, self.fleet.now)

    # -- faults ----------------------------------------------------------------------------------

    @rule(cluster=CLUSTER)
    def connect(self, cluster: ClusterId) -> None:
        self.home(cluster).connect()

    @rule(cluster=CLUSTER)
    def cut(self, cluster: ClusterId) -> None:
        self.home(cluster).cut()

    @rule(cluster=CLUSTER)
    def save(self, cluster: ClusterId) -> None:
        self.home(cluster).save()

    @rule(cluster=CLUSTER, then=THEN)
    def restart_agent(self, cluster: ClusterId, then: str) -> None:
        home = self.home(cluster)
        home.start(None if cluster in self.blind else home.truth)
        self.known[cluster] = home.backends() & self._in_force()
        self._then(cluster, then)

    @rule(cluster=CLUSTER, then=THEN)
    def restart_agent_without_its_disk(self, cluster: ClusterId, then: str) -> None:
        self._lose_disk(cluster)
        self.home(cluster).start(None if cluster in self.blind else self.home(cluster).truth)
        self._then(cluster, then)

    def _lose_disk(self, cluster: ClusterId) -> None:
        shutil.rmtree(self.home(cluster).folder)
        self.known[cluster] = set()

    @rule(cluster=CLUSTER, kept=st.frozensets(st.sampled_from(NAMES)), then=THEN)
    def restart_agent_half_read(
        self, cluster: ClusterId, kept: frozenset[ServiceName], then: str
    ) -> None:
        """A file is unreadable at the start, and read a while later."""
        home = self.home(cluster)
        if cluster in self.blind:
            return
        home.start({n: r for n, r in home.truth.items() if n in kept}, ("broken.yaml",))
        self.known[cluster] = home.backends() & self._in_force()
        self._then(cluster, then)

    @rule(cluster=CLUSTER, then=THEN)
    def restart_agent_with_an_empty_source(self, cluster: ClusterId, then: str) -> None:
        """It had exports before, so it believes nothing until there are objects."""
        home = self.home(cluster)
        if cluster not in self.blind:
            home.start(None)
            self.known[cluster] = home.backends() & self._in_force()
            self._then(cluster, then)

    @rule(cluster=CLUSTER, then=THEN)
    def lose_everything_of_a_cluster(self, cluster: ClusterId, then: str) -> None:
        """Its agent begins with nothing on its disk and in its source: the guard alone is left."""
        in_force = self.fleet.hub.registry.count_exports(cluster)
        if cluster not in self.blind and in_force > 3:
            self._lose_disk(cluster)
            self.home(cluster).start(None)
            self.blind.add(cluster)
            self._then(cluster, then)

    @rule(cluster=CLUSTER)
    def read_the_source_again(self, cluster: ClusterId) -> None:
        self._see_again(self.home(cluster))

    def _see_again(self, home: Home) -> None:
        home.source.unread = ()
        self.blind.discard(home.cluster)
        home.show(home.truth, live=False)

    @rule(cluster=CLUSTER, then=THEN)
    def restart_controller(self, cluster: ClusterId, then: str) -> None:
        self.fleet.write()
        self.fleet.restart(disk=True)
        self._then(cluster, then)

    @precondition(lambda self: not self.blind)
    @rule(cluster=CLUSTER, then=THEN)
    def restart_controller_without_its_disk(self, cluster: ClusterId, then: str) -> None:
        self.fleet.restart(disk=False)
        self._then(cluster, then)

    def _then(self, cluster: ClusterId, then: str) -> None:
        if then == "connect":
            self.home(cluster).connect()
            self.deliver_to(self.home(cluster), 40)
        elif then == "settle":
            self.fleet.settle()
        self._note()

    def deliver_to(self, home: Home, count: int) -> None:
        for _ in range(count):
            for stream in home.streams or ():
                stream.deliver(self.fleet.now, up_first=True)

    # -- what happens by itself ------------------------------------------------------------------

    @rule(
        cluster=CLUSTER,
        which=st.integers(0, 1),
        count=st.integers(1, 12),
        up_first=st.booleans(),
    )
    def deliver(self, cluster: ClusterId, which: int, count: int, up_first: bool) -> None:
        home = self.home(cluster)
        for _ in range(count):
            if home.streams is not None:
                home.streams[which].deliver(self.fleet.now, up_first=up_first)
        self._note()

    @rule()
    def settle(self) -> None:
        self.fleet.settle()
        self._note()

    @rule(seconds=st.sampled_from([0.05, 0.3, 6.0, 61.0]))
    def advance(self, seconds: float) -> None:
        self.fleet.advance(seconds)

    @rule()
    def end_grace(self) -> None:
        self.fleet.hub.end_grace()

    # -- promises --------------------------------------------------------------------------------

    def _exported(self) -> set[str]:
        return {f"{n}@{c}" for c, home in self.fleet.homes.items() for n in home.truth}

    def _note(self) -> None:
        """What clusters know. A withdrawal that was meant may still be on its way to them."""
        in_force = self._in_force()
        for cluster, home in self.fleet.homes.items():
            self.known[cluster] |= home.backends() & in_force
        self._forget()

    def _in_force(self) -> set[str]:
        return {name for type_url, name in self.fleet.facts() if type_url == codec.BACKEND}

    def _forget(self) -> None:
        exported = self._exported()
        self.known = {cluster: known & exported for cluster, known in self.known.items()}

    @invariant()
    def nothing_still_exported_vanishes(self) -> None:
        for cluster, home in self.fleet.homes.items():
            lost = self.known[cluster] - home.backends()
            assert not lost, f"{cluster} lost {sorted(lost)}"

    def teardown(self) -> None:
        try:
            self._heal()
        finally:
            self.fleet.close()
            shutil.rmtree(self.folder)

    def _heal(self) -> None:
        for home in self.fleet.homes.values():
            self._see_again(home)
        self.fleet.settle()
        for cluster in CLUSTERS:
            self.fleet.hub.confirm(cluster, self.fleet.now)
            assert self.fleet.hub.held_back(cluster) == ""
        self.fleet.settle()
        self.nothing_still_exported_vanishes()
        scratch = from_scratch(self.fleet)
        assert self.fleet.facts() == scratch
        for home in self.fleet.homes.values():
            assert home.held() == scratch
            assert home.backends() == self._exported()


def from_scratch(fleet: Fleet) -> dict[tuple[str, str], str]:
    """The facts as a controller makes them that hears each cluster once, whole."""
    other = Fleet.__new__(Fleet)
    other.rows, other.lives, other.revision = {}, 0, 1
    hub = other._begin()
    for cluster, home in fleet.homes.items():
        table = home.agent.reports.table
        for type_url in codec.REPORTS:
            if type_url != codec.TOMBSTONE:
                found = (table.get(type_url, name) for name in sorted(table.names(type_url)))
                values = (codec.read(type_url, report) for report in found if report is not None)
                hub.registry.apply(cluster, [said(value) for value in values], 0)
    other.hub = hub
    return other.facts()


@pytest.mark.timeout(90)
def test_whatever_happens_nothing_still_exported_vanishes_and_all_converge() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
