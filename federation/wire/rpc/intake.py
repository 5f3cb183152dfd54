"""What every connection has sent, and how much of it was of use: who sends too much of the rest?

gRPC bounds a message, but neither the number of messages that are half there, nor heads without
end, nor how much of what is no message somebody sends. In go what the kernel has received on each
connection (`federation.wire.rpc.connection_guard`), who has proved to be somebody, and the messages
that were read (`federation.wire.rpc.server`). Out come the connections to cut, with the reason. A
connection is called by gRPC's name of its peer.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network

STRANGER_BYTES = 128 << 10
"""Of a connection on which nobody has proved to be somebody; such a one has nothing to say."""
STRANGER_SECONDS = 10.0
STRANGERS_OF_A_SOURCE = 100
"""Connections that have proved nothing, of one address (IPv6: one /64)."""
ALARM_SECONDS = 10.0
"""After somebody was cut for what it sent it is looked more often: it may come back."""
_CROWD_SECONDS = 1.0
SLACK_BYTES = 256 << 10
"""Heads, PINGs and the like that a connection may have sent lately."""
MOST_UNREAD_BYTES = 24 << 20
"""Of one connection, whatever calls it has open: three messages of the largest size."""
MESSAGE_SECONDS = 30.0
"""In which a message must come whole."""
MOST_UNREAD_IN_ALL = 256 << 20
_WINDOW = 64 << 10
_OF_A_CALL = 4096
_OF_A_MESSAGE = 512
_STRANGER_RATE = 1 << 10
_RATE = 4 << 10
"""Bytes a second that need no reason: keep-alive, calls that are refused."""
_ANSWERED_PART = 64
"""For so many bytes that the peer has taken it may send one: its acknowledgements."""
_LONGEST_STEP = 1.0
_MISSED = 20
"""Looks at which a caller that was never there may be missing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the kernel says of one connection, in bytes since its beginning."""

    received: int
    taken: int = 0


@dataclass(slots=True)
class _Account:
    born: float
    is_proved: bool = False
    explained: float = 0.0
    calls: int = 0
    may_wait: int = 0
    over_since: float | None = None
    unread: float = 0.0
    was_seen: bool = False
    missed: int = 0


class Intake:
    """The accounts of all connections at one address. Times are `now` of whoever asks."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._alarm_ends = 0.0
        self._clock = 0.0
        self._asked: float | None = None
        self.is_blind = False
        """Calls come from peers that the kernel does not show: nothing can be judged."""

    @contextmanager
    def call(self, peer: str, largest: int) -> Iterator[None]:
        """Somebody has proved who it is and makes a call with messages of up to so many bytes."""
        account = self._account(peer)
        account.is_proved = True
        account.explained += _OF_A_CALL
        account.calls += 1
        account.may_wait += largest + _WINDOW
        try:
            yield
        finally:
            account.calls -= 1
            account.may_wait -= largest + _WINDOW

    def took(self, peer: str, size: int) -> None:
        """A message of so many bytes was read."""
        self._account(peer).explained += size + size / 32 + _OF_A_MESSAGE

    def _account(self, peer: str) -> _Account:
        return self._accounts.setdefault(peer, _Account(self._clock))

    def is_alarmed(self) -> bool:
        """Whether somebody was cut lately for what it sent."""
        return self._clock < self._alarm_ends

    def is_settled(self) -> bool:
        """Whether the next verdict is that of the last one unless somebody sends or comes."""
        return all(
            account.is_proved
            and account.was_seen
            and not account.missed
            and account.unread <= SLACK_BYTES
            for account in tuple(self._accounts.values())
        )

    def judge(self, seen: Mapping[str, Seen], now: float) -> dict[str, str]:
        """Whom to cut, and why; `seen` are all connections there are."""
        step = min(_LONGEST_STEP, now - self._asked) if self._asked is not None else 0.0
        self._asked = now
        self._clock += step  # a process that stood still has not watched anybody
        self._forget(seen)
        for peer, found in seen.items():
            self._settle(self._account(peer), found, step)
        if self.is_blind:
            return {}
        cut = dict(self._too_much(seen))
        for peer, reason in (*self._crowds(seen), *self._in_all(seen)):
            cut.setdefault(peer, reason)
        return cut

    def _forget(self, seen: Mapping[str, Seen]) -> None:
        self.is_blind = False
        for peer, account in tuple(self._accounts.items()):
            if peer in seen:
                continue
            account.missed += 1
            if not account.calls and account.missed > 1:
                del self._accounts[peer]
            elif not account.was_seen and account.missed > _MISSED:
                self.is_blind = True

    @staticmethod
    def _settle(account: _Account, found: Seen, step: float) -> None:
        account.was_seen, account.missed = True, 0
        account.explained += step * (_RATE if account.is_proved else _STRANGER_RATE)
        account.explained = min(account.explained, found.received)
        account.unread = found.received - account.explained - found.taken / _ANSWERED_PART

    def _too_much(self, seen: Mapping[str, Seen]) -> Iterator[tuple[str, str]]:
        for peer in seen:
            account = self._accounts[peer]
            reason = self._of_member(account) if account.is_proved else self._of_stranger(account)
            if reason:
                yield peer, reason
            if reason and account.unread > STRANGER_BYTES:
                self._alarm_ends = self._clock + ALARM_SECONDS

    def _of_stranger(self, account: _Account) -> str:
        if account.unread > STRANGER_BYTES:
            return f"it has sent {account.unread:.0f} bytes and proved nothing"
        if self._clock - account.born > STRANGER_SECONDS:
            return f"it has proved nothing within {STRANGER_SECONDS:g} s"
        return ""

    def _of_member(self, account: _Account) -> str:
        if account.unread > SLACK_BYTES + min(account.may_wait, MOST_UNREAD_BYTES):
            return f"it has sent {account.unread:.0f} bytes that are no messages it may send"
        if account.unread <= SLACK_BYTES + account.calls * _WINDOW:
            account.over_since = None
        elif account.over_since is None:
            account.over_since = self._clock
        elif self._clock - account.over_since > MESSAGE_SECONDS:
            return f"a message has not come whole within {MESSAGE_SECONDS:g} s"
        return ""

    def _crowds(self, seen: Mapping[str, Seen]) -> Iterator[tuple[str, str]]:
        strangers: dict[str, list[str]] = defaultdict(list)
        for peer in sorted(seen, key=lambda p: self._accounts[p].born):
            if not self._accounts[peer].is_proved:
                strangers[source_of(peer)].append(peer)
        for peers in strangers.values():
            for peer in peers[: max(0, len(peers) - STRANGERS_OF_A_SOURCE)]:
                if self._clock - self._accounts[peer].born > _CROWD_SECONDS:
                    yield peer, "too many of its address have proved nothing"

    def _in_all(self, seen: Mapping[str, Seen]) -> Iterator[tuple[str, str]]:
        over = sum(max(0.0, self._accounts[p].unread) for p in seen) - MOST_UNREAD_IN_ALL
        for peer in sorted(seen, key=lambda p: -self._accounts[p].unread):
            if over <= 0:
                return
            over -= self._accounts[peer].unread
            yield peer, f"of all that wait for {MOST_UNREAD_IN_ALL} bytes it keeps most waiting"


def source_of(peer: str) -> str:
    """Whose a connection is: the address without the port, of IPv6 the network of 64 bits."""
    host = peer.partition(":")[2].rpartition(":")[0]
    if peer.startswith("ipv6:"):
        inner = host.removeprefix("%5B").removesuffix("%5D").partition("%25")[0]
        return str(ip_network(f"{inner}/64", strict=False))
    return host
