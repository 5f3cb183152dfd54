"""Imports on demand, walked at random: whatever comes in between, Envoy is never misled.

Services come, change and go, hosts are called, messages wait; agent, supervisor and Envoy start
again, with what they had or without. Envoy checks each word that it hears. When all is quiet it has
what was called, in its newest form, and nobody remembers anything else.
"""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cluster_agent.main import PROXY_RULES
from cluster_agent.serve.streams import OpenStream
from federation.envoy.on_demand import NOBODY, asked_name, virtual_host
from federation.model.imports import Import, import_of
from federation.model.types import CLUSTER, ENDPOINTS, IMPORT, VIRTUAL_HOST
from federation.supervisor.feeding import Feeding
from federation.supervisor.imports import Imports
from federation.supervisor.relay import ENVOY_RULES, TYPES, read_import
from federation.wire.codec.imports import brought_by
from federation.xds.messages import Request, Response
from federation.xds.on_demand import OnDemand
from federation.xds.receiver import Receiver
from federation.xds.resources import Resource
from federation.xds.sender import Sender
from tests.unit.fakes.demand_agent import APP, DB, Agent, Way
from tests.unit.fakes.fake_envoy import Has
from tests.unit.fakes.strict_envoy import ANY, BAD, StrictEnvoy

FEW_MISSING = 3
MOST_TURNS = 400
NAMES = ("a", "b")
HOSTS = tuple(f"{name}.shop{form}" for name in NAMES for form in ("", ".svc", ":80"))


class Walk(RuleBasedStateMachine):
    """See above. `services` is the truth, which the agent comes to know."""

    def __init__(self) -> None:
        super().__init__()
        self.services: dict[str, Way] = {}
        self.called: set[str] = set()
        self.went: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.agent = Agent()
        self.agent.put("db", (DB,), Import(b"", ("out~db",)), b"1")
        self.agent.sync()
        self._start_supervisor({}, ())
        self._start_envoy(None, set())
        self._settle()

    # -- what happens ------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(NAMES),
        kind=st.sampled_from(("near", "far", "both", "parts")),
        version=st.sampled_from((b"1", b"2", BAD)),
        plain=st.booleans(),
    )
    def serve(self, name: str, kind: str, version: bytes, plain: bool) -> None:
        before, way = self.services.get(name), Way(kind, version, plain)
        if before is not None and before.plain and not plain:
            self.went.add(name)
        self.services[name] = way
        self._teach(name)

    def _teach(self, name: str) -> None:
        way = self.services[name]
        changed = self.agent.put(name, way.imports(name), way.found(name), way.version)
        self._touch(changed)

    @rule(name=st.sampled_from(NAMES))
    def withdraw(self, name: str) -> None:
        self.services.pop(name, None)
        self.went.add(name)
        self._touch(self.agent.withdraw(name))

    @rule()
    def finish(self) -> None:
        self._touch(self.agent.finish())

    @rule(hosts=st.lists(st.sampled_from((*HOSTS, DB)), min_size=1, max_size=3))
    def call(self, hosts: list[str]) -> None:
        self.called.update(hosts)
        self.envoy.call(*hosts)

    @rule(first=st.integers(0, 8), count=st.integers(1, 5))
    def invent(self, first: int, count: int) -> None:
        self.envoy.call(*(f"x{number}.shop" for number in range(first, first + count)))

    @rule()
    def slow(self) -> None:
        self.envoy.warming = True

    @rule()
    def warm(self) -> None:
        self.envoy.warm()

    # -- messages ----------------------------------------------------------------------------------

    @rule(turns=st.integers(1, 4))
    def agent_hears(self, turns: int) -> None:
        for _ in range(turns):
            self._agent_hears()

    @rule(turns=st.integers(1, 4))
    def agent_says(self, turns: int) -> None:
        for _ in range(turns):
            self._agent_says()

    @rule(turns=st.integers(1, 4))
    def supervisor_hears(self, turns: int) -> None:
        for _ in range(turns):
            self._supervisor_hears()

    @rule(turns=st.integers(1, 4))
    def envoy_hears(self, turns: int) -> None:
        for _ in range(turns):
            self.envoy.hear()

    def _agent_hears(self) -> bool:
        if not self.up:
            return False
        request = self.up.popleft()
        self.to_sidecar.receive(request, 0.0)
        self.stream.follow(request)
        return True

    def _agent_says(self) -> bool:
        response = self.to_sidecar.next_response(0.0)
        if response is not None:
            self.down.append(response)
        return response is not None

    def _supervisor_hears(self) -> bool:
        if not self.down:
            return False
        received = self.receiver.receive(self.down.popleft())
        self.imports.take(received)
        self.up.append(received.reply)
        return True

    # -- starts ------------------------------------------------------------------------------------

    @rule()
    def connect(self) -> None:
        """The stream to the agent ends; what was on its way is lost."""
        self.up: deque[Request] = deque(self.receiver.open())
        self.down: deque[Response] = deque()
        self.demand = OnDemand(IMPORT, self.agent.common, self.agent.pool, brought_by)
        self.to_sidecar = Sender(self.demand, PROXY_RULES)
        self.stream = OpenStream((), self.to_sidecar, demand=self.demand)

    @rule()
    def restart_agent(self) -> None:
        """It knows nothing yet; what is served and withdrawn from now on it hears."""
        self.agent = Agent()
        self.connect()

    @rule(has=st.booleans())
    def restart_envoy(self, has: bool) -> None:
        self._start_envoy(self.envoy.has if has else None, self.envoy.asked if has else set())

    @rule(kept=st.sets(st.sampled_from(TYPES)), called=st.booleans(), has=st.booleans())
    def restart_supervisor(self, kept: set[str], called: bool, has: bool) -> None:
        held = {t: tuple(self.receiver.held(t).values()) for t in kept}
        complete = {t for t in kept if self.receiver.is_complete(t)}
        self._start_supervisor(held, complete, self.imports.called if called else ())
        if not (called and IMPORT in kept):
            self.went.add(ANY)  # it has aggregates, but does not know them for such
        self.restart_envoy(has)

    def _start_supervisor(
        self,
        held: dict[str, tuple[Resource, ...]],
        complete: set[str] | tuple[()],
        called: tuple[str, ...] = (),
    ) -> None:
        self.receiver = Receiver("sidecar/x", TYPES, read_import, by_name=(IMPORT,))
        for type_url, found in held.items():
            self.receiver.restore(type_url, found, None, complete=type_url in complete)
        self.imports = Imports(self.receiver, (DB,), self._ask, most_missing=FEW_MISSING)
        self.imports.load(called)
        self.connect()

    def _ask(self, request: Request) -> None:
        self.up.append(request)

    def _start_envoy(self, has: Has | None, asked: set[str]) -> None:
        shown = self.imports.shown
        sender = Sender(shown, ENVOY_RULES, marks=False, keeper=shown)
        self.imports.start(sender)
        self.envoy = StrictEnvoy(Feeding(self.imports, sender), has, asked, self.went)

    def _touch(self, names: list[str]) -> None:
        for name in names:
            for type_url in (CLUSTER, ENDPOINTS, IMPORT):
                for key in self.demand.changed(type_url, name):
                    self.to_sidecar.touch(*key)

    # -- when all is quiet -------------------------------------------------------------------------

    @rule()
    def learn(self) -> None:
        """The agent knows everything."""
        self._touch(self.agent.put("db", (DB,), Import(b"", ("out~db",)), b"1"))
        for name in NAMES:
            if name in self.services:
                self._teach(name)
            else:
                self._touch(self.agent.withdraw(name))
        self.agent.sync()

    @rule()
    def fall_silent(self) -> None:
        """Nothing is bad any more, everything is said and answered."""
        for name, way in self.services.items():
            if way.version == BAD:
                self.services[name] = Way(way.kind, b"3", way.plain)
        self.learn()
        self.envoy.warm()
        self._settle()
        self.finish()
        self.envoy.call(*sorted(self.called))
        self._settle()
        self._check()
        self.went.clear()

    def _settle(self) -> None:
        for _ in range(MOST_TURNS):
            said = (
                self._agent_hears(),
                self._agent_says(),
                self._supervisor_hears(),
                self.envoy.hear(),
            )
            if not any(said):
                return
        raise AssertionError("they never fall silent")

    def _check(self) -> None:
        ways = {one: (n, way) for n, way in self.services.items() for one in way.imports(n)}
        hosts = {NOBODY: None}
        has = self.envoy.has[VIRTUAL_HOST]
        for host in HOSTS:
            name, way = ways.get(str(import_of(host)), ("", None))
            if way is not None and (host in self.called or host in self.imports.called):
                body = virtual_host(asked_name(host), way.found(name).host)
                assert has.get(asked_name(host)) == body, f"{host} is not there"
                hosts[asked_name(host)] = None
        assert has.keys() == hosts.keys()
        assert self.envoy.asked <= has.keys() | self.envoy.none, "somebody waits for ever"
        led = {str(import_of(host)) for host in self.imports.called} - {DB}
        clusters = {APP: b"app", "out~db": b"1"}
        for name, way in (ways[one] for one in led):
            found = way.found(name)
            clusters |= dict.fromkeys((*found.clusters, *found.aggregates), way.version)
        assert self.envoy.has[CLUSTER] == clusters
        self._check_memory(led)

    def _check_memory(self, led: set[str]) -> None:
        shown, held = self.imports.shown, self.receiver.held(IMPORT)
        assert set(held) == {*led, DB}
        assert self.demand.names(IMPORT) == self.receiver._types[IMPORT].subscribed()
        waits = (shown._leaving, shown._claimed, shown.unready, shown._held_back)
        assert not any(waits)
        asked = len(list(shown.names(VIRTUAL_HOST)))
        assert asked <= 1 + len({*self.called, DB}) + FEW_MISSING
        known = self.imports._known
        assert set(known) == set(held)
        assert known._missing <= set(self.imports._hosts.imports())


TestWalk = pytest.mark.timeout(90)(Walk.TestCase)
TestWalk.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
