"""How long files have been at rest: for as long as their stamps have been seen the same.

In: the stamps of a folder's files at every look, and when it was, by a clock that nobody sets.
Out: seconds. A stamp is only compared with the one before: what it says of the time may come from
another machine, an archive, or a clock that was set since. Used by
`cluster_agent.source.directory`.
"""

from collections.abc import Mapping

from cluster_agent.source.files import Found, Stamp


class Rest:
    """Since when every file has had the stamp it has."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[Stamp, float]] = {}

    def look(self, files: Mapping[str, Found], began: float, ended: float) -> dict[str, float]:
        """The seconds that each file has surely been at rest; it was looked at between these."""
        rests: dict[str, float] = {}
        since: dict[str, tuple[Stamp, float]] = {}
        for name, found in files.items():
            before = self._since.get(name)
            is_same = before is not None and before[0] == found.stamp
            since[name] = before if before is not None and is_same else (found.stamp, ended)
            rests[name] = max(0.0, began - since[name][1])
        self._since = since
        return rests
