"""Where people are shown what has become of their objects: what every status offers to the agent.

In: what is news, by the object that it is about; conditions now. Out: whatever the source of the
cluster has for it: a file, or a field of the object.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from cluster_agent.source.objects import Condition


class Target(NamedTuple):
    """An object that is told about; `group` is its API's, empty for core."""

    group: str
    kind: str
    namespace: str
    name: str


Told = tuple[Condition, ...]
News = Mapping[Target, Told | None]
"""What is to be told of each from now on; None for nothing any more."""


class Status(Protocol):
    """Shows people what has become of their objects."""

    async def tell(self, news: News) -> None:
        """Take what is news and show it; raises OSError when all of this is to be told again."""
