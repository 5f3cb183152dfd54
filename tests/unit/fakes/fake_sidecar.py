"""A sidecar without I/O: the agent's stream to it, its relay, and Envoy as far as it discovers."""

from cluster_agent.main import PROXY_RULES
from cluster_agent.serve.streams import OpenStream
from cluster_agent.snapshot.tables import Changed
from federation.model.types import IMPORT
from federation.supervisor.feeding import Feeding
from federation.supervisor.imports import Imports
from federation.supervisor.relay import ENVOY_RULES, TYPES, read_import
from federation.xds.messages import Request
from federation.xds.on_demand import OnDemand
from federation.xds.receiver import Receiver
from federation.xds.sender import Sender
from tests.unit.fakes.fake_envoy import FakeEnvoy, Has

_MOST_TURNS = 100


class FakeSidecar:
    """Fed from a view of the agent. `envoy` says what it has, `asked` what the agent was asked.

    The agent says nothing while it `is_silent`.
    """

    def __init__(self, demand: OnDemand, pinned: tuple[str, ...] = ()) -> None:
        self._demand = demand
        self.asked: list[Request] = []
        self.is_silent = False
        self.receiver = Receiver("sidecar/x", TYPES, read_import, by_name=(IMPORT,))
        self.imports = Imports(self.receiver, pinned, self._ask)
        self.imports.load(())
        self.connect()
        self.start_envoy()

    def connect(self) -> None:
        """Open a stream to the agent."""
        self._agent = Sender(self._demand, PROXY_RULES)
        self._stream = OpenStream((), self._agent, demand=self._demand)
        for request in self.receiver.open():
            self._ask(request)

    def start_envoy(self, has: Has | None = None) -> FakeEnvoy:
        """There is a new Envoy, or one that was there before and has something."""
        shown = self.imports.shown
        self.to_envoy = Sender(shown, ENVOY_RULES, marks=False, keeper=shown)
        self.imports.start(self.to_envoy)
        self._feeding = Feeding(self.imports, self.to_envoy)
        self.envoy = FakeEnvoy(self._feeding, has)
        return self.envoy

    def tell(self, changed: list[Changed]) -> None:
        """Something of the agent's tables changed."""
        for one in changed:
            self._stream.touch(one)

    def touch(self, type_url: str, name: str) -> None:
        """Something of what is asked for by name changed."""
        for key in self._demand.changed(type_url, name):
            self._agent.touch(*key)

    def settle(self) -> None:
        """Everything that there is to say is said and answered.

        Envoy is always faster than the agent: it sees each step on the way.
        """
        for _ in range(_MOST_TURNS):
            if not self._follow_agent() + self.envoy.fetch():
                return
        raise AssertionError("the sidecar and its agent never fall silent")

    def _follow_agent(self) -> int:
        response = self._agent.next_response(0.0) if not self.is_silent else None
        if response is None:
            return 0
        received = self.receiver.receive(response)
        self.imports.take(received)
        self._agent.receive(received.reply, 0.0)
        return 1

    def _ask(self, request: Request) -> None:
        self.asked.append(request)
        self._agent.receive(request, 0.0)
        self._stream.follow(request)
