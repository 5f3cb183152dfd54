"""What one cluster may see of the facts: all, but addresses of endpoints of its own network only.

A view of the registry's table for a sender: it filters resources and never edits them, so that what
many may see is held and serialised once.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from federation.controller.member import Member
from federation.model.names import ClusterId
from federation.wire import codec
from federation.wire.codec.kind import Seen, reporter_of
from federation.xds.messages import Point
from federation.xds.resources import Resource
from federation.xds.snapshot import View


class Visible:
    """The facts as one cluster sees them: a `federation.xds.snapshot.View`.

    `members` and `lost` change while it lives. Nobody is told the endpoints of a cluster that is
    lost: those who ask DNS for one by name would be led to nothing.
    """

    def __init__(
        self,
        facts: View,
        members: Mapping[ClusterId, Member],
        lost: AbstractSet[ClusterId],
        viewer: ClusterId,
    ) -> None:
        self._facts = facts
        self._members = members
        self._lost = lost
        self._viewer = viewer

    def _shows(self, type_url: str, name: str) -> bool:
        fact = codec.TOLD.get(type_url)
        if fact is None or fact.seen is Seen.BY_ALL:
            return True
        cluster = ClusterId(reporter_of(name))
        return cluster not in self._lost and self._is_joined(cluster)

    def _is_joined(self, cluster: ClusterId) -> bool:
        here, there = self._members.get(self._viewer), self._members.get(cluster)
        if here is None or there is None:
            return False
        return here is there or bool(here.network and here.network == there.network)

    def get(self, type_url: str, name: str) -> Resource | None:
        """See View."""
        return self._facts.get(type_url, name) if self._shows(type_url, name) else None

    def names(self, type_url: str) -> Iterable[str]:
        """See View."""
        return (name for name in self._facts.names(type_url) if self._shows(type_url, name))

    def is_complete(self, type_url: str) -> bool:
        """See View."""
        return self._facts.is_complete(type_url)

    def point(self) -> Point | None:
        """See View."""
        return self._facts.point()
