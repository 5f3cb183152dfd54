"""How much goes into one response, and one batch for all receivers that are sent the same.

Receivers that stand alike are sent the same resources in the same order. They share the batch, and
with it what the wire makes of it: it is encoded once for all of them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property

from federation.xds.resources import Resource

BATCH_RESOURCES = 500
BATCH_BYTES = 1_000_000
"""Well below gRPC's default limit of 4 MiB for a message."""
BATCH_REMOVALS = 10_000
SHARED_BYTES = 4 << 20
"""Of the batches that are kept for the next receiver; twice that with what the wire makes of them.
"""


def fits(count: int, size: int, resource: Resource) -> bool:
    """Whether one more resource fits into a response of `count` resources and `size` bytes."""
    return not count or (count < BATCH_RESOURCES and size + len(resource.body) <= BATCH_BYTES)


def removal_fits(count: int, size: int, name: str) -> bool:
    """Whether one more name fits into a response of `count` removals and `size` bytes of names."""
    return not count or (count < BATCH_REMOVALS and size + len(name) <= BATCH_BYTES)


class Batch(tuple[Resource, ...]):
    """The resources of one response. `encoded` is for the wire, which sets it when it first writes.

    Many receivers share it: nothing of it is changed.
    """

    encoded: bytes | None = None

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version of each by name. Do not change it."""
        return {found.name: found.version for found in self}


class SharedBatches:
    """The last batches that were made, for whoever is sent the same next."""

    def __init__(self) -> None:
        self._batches: OrderedDict[tuple[str, ...], Batch] = OrderedDict()
        self._size = 0

    def of(self, chosen: Sequence[Resource]) -> Batch:
        """A batch of these, the same one for the same resources as far as it is remembered."""
        key = tuple([found.version for found in chosen])
        made = Batch(chosen)
        known = self._batches.get(key)
        if known == made:
            self._batches.move_to_end(key)
            return known
        if known is not None:
            self._forget(key)
        self._batches[key] = made
        self._size += _size(made)
        while self._size > SHARED_BYTES:
            self._forget(next(iter(self._batches)))
        return made

    def _forget(self, key: tuple[str, ...]) -> None:
        self._size -= _size(self._batches.pop(key))


def _size(batch: Batch) -> int:
    return sum([len(found.body) for found in batch])
