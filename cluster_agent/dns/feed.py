"""Where the table comes from: the agent's stream, and the disk when the agent is away.

In: ServiceNames and GatewayNames of the agent. Out: the table, changed one owner at a time. What
was last told is kept on disk, so a server that starts without its agent answers from that.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from cluster_agent.dns.table import Table
from cluster_agent.dns.zone import RecordSet, gateway_records, service_records
from federation.model.errors import InvalidInput
from federation.runtime.disk import Disk
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.runtime.tasks import until_one_ends
from federation.supervisor.certificates import agent_trust
from federation.supervisor.certificates.tokens import replaced
from federation.wire import codec
from federation.wire.last_good import Hold
from federation.wire.rpc import methods
from federation.wire.rpc.channel import connect, stay_connected
from federation.wire.rpc.heartbeat import beating
from federation.wire.rpc.run_session import receive
from federation.xds.held_type import Change
from federation.xds.receiver import Received, Receiver

log = logging.getLogger(__name__)


class Feed:
    """Keeps the table as the agent says it is."""

    def __init__(
        self, table: Table, state: Path, on_change: Callable[[], None], disk: Disk
    ) -> None:
        self._table = table
        self._on_change = on_change
        self.receiver = Receiver("dns", codec.NAMES, codec.read)
        self._hold = Hold(state, self.receiver, codec.NAMES, disk)

    def load(self) -> None:
        """Take back what was last told."""
        self._hold.load()
        for change in self.receiver.taken_back():
            self._apply(change)
        self._update_synced()

    def apply(self, received: Received) -> None:
        """The agent sent names."""
        for change in received.changes:
            self._apply(change)
        self._hold.note(received)
        self._update_synced()

    def _update_synced(self) -> None:
        was_synced = self._table.is_synced
        self._table.set_synced(all(self.receiver.is_complete(t) for t in codec.NAMES))
        if self._table.is_synced and not was_synced:
            log.info(event("synced", answers=len(self._table)))

    def _apply(self, change: Change) -> None:
        owner = f"{change.type_url.rpartition('.')[2]} {change.name}"
        if change.resource is None:
            self._table.drop(owner)
        else:
            self._table.set(owner, self._records(change))
        self._on_change()

    def _records(self, change: Change) -> RecordSet:
        try:
            if change.type_url == codec.SERVICE_NAMES:
                return service_records(change.value, self._table.zones)
            return gateway_records(change.value, self._table.zones)
        except (InvalidInput, ValueError) as error:  # such as a name too long with its zone
            log.warning(event("name is not served", resource=change.name, reason=error))
            return RecordSet({}, frozenset())

    def loops(self, agent: str, trust_file: Path, token_file: Path) -> tuple[Loop, ...]:
        """Follow the agent for ever, and keep what it sends."""

        async def follow() -> None:
            """Until the stream ends, or there is a new token: the agent is shown the newest."""
            await until_one_ends(token=replaced(token_file), names=receive_names())

        async def receive_names() -> None:
            trust, token = agent_trust.read_trust(trust_file), agent_trust.read_token(token_file)
            async with (
                connect(agent, trust.identity, trust.agent_host, token) as connection,
                connection.stream(methods.NAMES) as stream,
                beating(stream) as link,
            ):
                await receive(link, self.receiver, apply)

        def apply(received: Received) -> None:
            following.works()
            self.apply(received)

        following = stay_connected("agent", follow)
        return following, self._hold.loop
