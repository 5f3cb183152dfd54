"""A sender and a receiver joined in memory, message by message, without a loop."""

from federation.xds.held_type import Change
from federation.xds.receiver import Received, Receiver
from federation.xds.sender import Sender

_MOST_MESSAGES = 1_000


class Wire:
    """One sync stream; opened again by making another one with the same receiver."""

    def __init__(self, sender: Sender, receiver: Receiver) -> None:
        self.sender = sender
        self._receiver = receiver
        for request in receiver.open():
            sender.receive(request, 0.0)

    def deliver(self) -> list[Received]:
        """Exchange messages until both ends are silent."""
        found: list[Received] = []
        while (response := self.sender.next_response(0.0)) is not None:
            found.append(self._receiver.receive(response))
            self.sender.receive(found[-1].reply, 0.0)
            assert len(found) < _MOST_MESSAGES, "the two ends never fall silent"
        return found

    def changes(self) -> tuple[Change, ...]:
        """The same, and only what changed."""
        return tuple(change for received in self.deliver() for change in received.changes)
