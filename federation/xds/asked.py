"""The names of one type that a receiver asks for, within limits."""

from federation.model.errors import PeerBroke
from federation.xds.messages import MAX_NAMES, MAX_NAMES_BYTES, is_name, shown


class AskedNames:
    """The names of one type that a receiver asks for."""

    def __init__(self, type_url: str) -> None:
        self._type_url = type_url
        self._names: set[str] = set()
        self._bytes = 0

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str) -> None:
        """Note that a name is asked for; raises PeerBroke when that is too much."""
        if not is_name(name):
            raise PeerBroke(f"{self._type_url}: {shown(name)} is no name of a resource")
        if name in self._names:
            return
        self._bytes += len(name)
        if len(self._names) >= MAX_NAMES or self._bytes > MAX_NAMES_BYTES:
            raise PeerBroke(
                f"{self._type_url}: at most {MAX_NAMES} names of {MAX_NAMES_BYTES} bytes in "
                "all may be asked for"
            )
        self._names.add(name)

    def discard(self, name: str) -> None:
        """A name is no more asked for."""
        if name in self._names:
            self._names.remove(name)
            self._bytes -= len(name)
