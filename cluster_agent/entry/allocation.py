"""Addresses of services for clients without a sidecar: always the same ones, over every restart.

A service has a number; the address at a gateway is that number within the gateway's range. In: the
ranges that gateways state, names that want a number. Out: numbers and addresses, and a document
that `cluster_agent.entry.allocation_file` keeps on disk before anybody is told of them. A number
that is given up is not given to another for ten minutes, since clients may still hold its address.
"""

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from ipaddress import ip_network
from typing import Any

from federation.model.addresses import Network

REST_SECONDS = 600.0
_RESERVED = 2
"""The first and the last address of a range are those of the network and of all in it."""


class Addresses:
    """Numbers by name, ranges by gateway."""

    def __init__(self) -> None:
        self._ranges: dict[str, Network] = {}
        self._numbers: dict[str, int] = {}
        self._resting: dict[str, tuple[int, float]] = {}
        self._taken: set[int] = set()
        self.version = 0
        """Counts the changes that must be kept."""
        self._without: set[str] = set()
        self._overlapping: dict[str, str] = {}
        self._leaving: dict[str, float] = {}
        self.shown: frozenset[str] | None = None
        """The gateways that DNS leads to; None: nobody has said so yet."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take back what an earlier agent gave (`document`); raises ValueError when it is none."""
        try:
            ranges = {name: ip_network(text) for name, text in kept["ranges"].items()}
            numbers = {name: int(number) for name, number in kept["numbers"].items()}
            resting = {name: (int(n), float(t)) for name, (n, t) in kept["resting"].items()}
            leaving = {name: float(until) for name, until in kept.get("leaving", {}).items()}
            shown = frozenset(map(str, kept["shown"])) if kept.get("shown") is not None else None
        except (TypeError, AttributeError, KeyError) as error:
            raise ValueError("these are no addresses") from error
        self._ranges, self._numbers, self._resting = ranges, numbers, resting
        self._leaving, self.shown = leaving, shown
        self._taken = {*numbers.values(), *(number for number, _ in resting.values())}

    def document(self) -> dict[str, Any]:
        """All that must be kept, as JSON takes it."""
        return {
            "ranges": {name: str(network) for name, network in self._ranges.items()},
            "numbers": self._numbers,
            "resting": self._resting,
            "leaving": self._leaving,
            "shown": None if self.shown is None else sorted(self.shown),
        }

    @property
    def gateways(self) -> tuple[str, ...]:
        """The gateways that have a range, sorted."""
        return tuple(sorted(self._ranges))

    @property
    def ranges(self) -> tuple[Network, ...]:
        """All ranges, in the order of their gateways."""
        return tuple(self._ranges[gateway] for gateway in self.gateways)

    @property
    def staying(self) -> tuple[str, ...]:
        """Those of them that have not said that they go; all when none stays."""
        found = tuple(g for g in self.gateways if g not in self._leaving)
        return found or self.gateways

    def set_serving(self, gateways: frozenset[str]) -> bool:
        """Note which gateways DNS leads to; returns whether that is news."""
        is_news = gateways != self.shown
        self.shown = gateways
        self.version += is_news
        return is_news

    def leave(self, gateway: str, now: float) -> None:
        """A gateway said that it goes: its range is free ten minutes later, if it is not back."""
        if gateway in self._ranges and gateway not in self._leaving:
            self._leaving[gateway] = now + REST_SECONDS
            self.version += 1

    def gone(self, now: float) -> tuple[str, ...]:
        """The gateways that went long enough ago."""
        return tuple(gateway for gateway, until in self._leaving.items() if until <= now)

    def set_range(self, gateway: str, entry: str) -> bool:
        """The range (CIDR) of a gateway, "" when it has none; returns whether that is news.

        One that overlaps another gateway's is not used: an address would be that of two services.
        Equal ones may be, where an address moves from one gateway to the other.
        """
        before = self._ranges.pop(gateway, None)
        self._overlapping.pop(gateway, None)
        self.version += self._leaving.pop(gateway, None) is not None
        if entry:
            network = ip_network(entry)
            other = next((g for g, n in self._ranges.items() if _overlap(n, network)), None)
            if other is None:
                self._ranges[gateway] = network
            else:
                self._overlapping[gateway] = (
                    f"gateway {gateway} has the entry addresses {network}, which overlap those of "
                    f"gateway {other} ({self._ranges[other]}): make them different, or equal"
                )
        changed = before != self._ranges.get(gateway)
        self.version += changed
        return changed

    def give(self, name: str, now: float) -> int | None:
        """The number of a name, a new one when it has none; None without a range, or a full one.

        `now` in seconds since 1970.
        """
        known = self._numbers.get(name)
        if known is None:
            known = self._find(name, now)
            if known is None:
                if self._ranges:
                    self._without.add(name)
                return None
            self._numbers[name] = known
            self._taken.add(known)
            self.version += 1
        self._without.discard(name)
        return known

    def _find(self, name: str, now: float) -> int | None:
        """The number it had, or that of its name, or the next one that is free."""
        had = self._resting.pop(name, None)
        if had is not None:
            return had[0]
        for other, (number, until) in list(self._resting.items()):
            if until <= now:
                del self._resting[other]
                self._taken.discard(number)
        room = min((n.num_addresses - _RESERVED for n in self._ranges.values()), default=0)
        if len(self._taken) >= room:
            return None
        found = preferred(name) % room
        while found in self._taken:
            found = (found + 1) % room
        return found

    def give_up(self, name: str, now: float) -> None:
        """A name needs no number any more."""
        self._without.discard(name)
        number = self._numbers.pop(name, None)
        if number is not None:
            self._resting[name] = (number, now + REST_SECONDS)
            self.version += 1

    def at(self, gateway: str, number: int) -> str | None:
        """The address of a number at a gateway; None when its range has no such."""
        network = self._ranges.get(gateway)
        if network is None or number >= network.num_addresses - _RESERVED:
            return None
        return str(network[number + 1])

    def troubles(self, there: AbstractSet[str]) -> tuple[str, ...]:
        """What people must know, one sentence each; of gateways only of those that are there."""
        found = [text for gateway, text in self._overlapping.items() if gateway in there]
        if self._without:
            found.append(
                f"the ranges of service addresses (entry of the gateways) are full: "
                f"{len(self._without)} have none, such as {min(self._without)}: give the gateways "
                "larger ranges"
            )
        largest = max(self._numbers.items(), key=lambda item: item[1], default=("", 0))
        for gateway, network in sorted(self._ranges.items()):
            if gateway in there and largest[1] >= network.num_addresses - _RESERVED:
                found.append(
                    f"gateway {gateway} has the entry addresses {network}, too few for all "
                    f"services, such as {largest[0]}: give it as many as the other gateways have"
                )
        return tuple(found)


def _overlap(one: Network, other: Network) -> bool:
    return one != other and one.version == other.version and one.overlaps(other)


def preferred(name: str) -> int:
    """By its name alone, so that an agent which has lost its file mostly gives the same again."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
