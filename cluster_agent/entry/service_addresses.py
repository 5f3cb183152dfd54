"""The addresses of services at gateways, with their variants.

In: services and the variants of their plans, gateways and their ranges. Out: addresses. A variant
is named by a suffix: empty for the service itself, ` prefer CLUSTER`, ` only CLUSTER`.
`cluster_agent.entry.allocation` gives the numbers, the same at all gateways.
"""

from collections.abc import Callable, Iterable

from cluster_agent.entry.allocation import Addresses
from federation.model.names import ServiceName


class ServiceAddresses:
    """Which service has which addresses at which gateway; `now` in seconds since 1970."""

    def __init__(self, addresses: Addresses, now: Callable[[], float]) -> None:
        self._addresses = addresses
        self._now = now
        self._numbers: dict[ServiceName, dict[str, int]] = {}

    def assign(self, name: ServiceName, suffixes: Iterable[str]) -> None:
        """Give the variants of a service their numbers, and take back others'."""
        before = self._numbers.pop(name, {})
        wanted = set(suffixes)
        for suffix in before.keys() - wanted:
            self._addresses.give_up(f"{name}{suffix}", self._now())
        given = {s: self._addresses.give(f"{name}{s}", self._now()) for s in sorted(wanted)}
        numbers = {suffix: number for suffix, number in given.items() if number is not None}
        if numbers:
            self._numbers[name] = numbers

    def numbers(self, name: ServiceName) -> tuple[tuple[str, int], ...]:
        """The number of each variant of a service, sorted."""
        return tuple(sorted(self._numbers.get(name, {}).items()))

    def at(self, gateway: str, name: ServiceName, suffix: str) -> str | None:
        """The address of a variant at a gateway."""
        number = self._numbers.get(name, {}).get(suffix)
        return self._addresses.at(gateway, number) if number is not None else None

    def everywhere(self, name: ServiceName) -> frozenset[str]:
        """All addresses of a service at all gateways, whether DNS leads there or not."""
        numbers = self._numbers.get(name, {}).values()
        found = (self._addresses.at(g, n) for g in self._addresses.gateways for n in numbers)
        return frozenset(address for address in found if address)

    def answered(self, name: ServiceName, suffix: str) -> tuple[str, ...]:
        """The addresses of a variant at the gateways that DNS leads to, which may share a range."""
        found = (self.at(gateway, name, suffix) for gateway in self.gateways_answered)
        return tuple(dict.fromkeys(address for address in found if address))

    @property
    def gateways_answered(self) -> tuple[str, ...]:
        """The gateways that DNS leads to: those that serve, while there is one."""
        shown = self._addresses.shown
        there = tuple(g for g in self._addresses.gateways if shown is None or g in shown)
        return there or self._addresses.staying
