"""How much one source may ask: a count per second and source.

In: the address of a query's sender, and the tick of a second. Out: whether it is answered. Who asks
too much is told every other time to ask over TCP, where an address cannot be forged; the rest is
dropped, so that nobody is flooded in the name of another.
"""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from federation.model.addresses import PREFIX_BYTES, Network, counted_as

_MOST_REMEMBERED = 10_000
_V6_BYTES = 16


class Allowance(NamedTuple):
    """So many queries a second are answered to a source of a network."""

    network: Network
    per_second: int


class Sources:
    """The queries of this second, by source (a packed IP address).

    An address of IPv6 that an allowance names more exactly than by 64 bits counts alone.
    `is_told` says of the last query that was not answered whether its source is told to use TCP.
    """

    def __init__(self, per_second: int, allowances: Iterable[Allowance] = ()) -> None:
        self._per_second = per_second
        self._allowances = tuple(allowances)
        self._exact = tuple(
            a.network
            for a in self._allowances
            if a.network.version == 6 and a.network.prefixlen > PREFIX_BYTES * 8  # noqa: PLR2004
        )
        self._known: dict[bytes, int] = {}
        self._left: dict[bytes, int] = {}
        self.limited = 0
        self.is_told = False

    def tick(self) -> None:
        """A second is over."""
        self._left.clear()
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()

    def take(self, source: bytes) -> bool:
        """Whether one more query of a source is answered."""
        if len(source) == _V6_BYTES:
            source = self._counted_as(source)
        left = self._left.get(source)
        if left is None:
            left = self._allowed(source)
        self._left[source] = left - 1
        if left > 0:
            return True
        self.limited += 1
        self.is_told = left % 2 == 1
        return False

    def _counted_as(self, address: bytes) -> bytes:
        if self._exact and any(ipaddress.ip_address(address) in n for n in self._exact):
            return address
        return counted_as(address)

    def _allowed(self, source: bytes) -> int:
        known = self._known.get(source)
        if known is None:
            is_prefix = len(source) == PREFIX_BYTES
            address = ipaddress.ip_address(source + bytes(PREFIX_BYTES) if is_prefix else source)
            fitting = (a.per_second for a in self._allowances if address in a.network)
            known = self._known[source] = next(fitting, self._per_second)
        return known
