"""Which gateways this cluster tells the others about.

A gateway is told from the moment it serves until it says that it goes. Its silence is no reason to
withdraw it: others see for themselves whether it answers. Kept on disk, so an agent that restarts
forgets none; one that was silent for an hour is forgotten.
"""

import json
from dataclasses import asdict
from pathlib import Path

from federation.model.exports import Gateway
from federation.model.proxies import LEAVING, Proxy, State
from federation.runtime.disk import Disk, File
from federation.runtime.files import read_if_there

FORGET_SECONDS = 3600.0


class OwnGateways:
    """Gateways by name, with the time (seconds since 1970) they were last heard of."""

    def __init__(self, file: Path, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self._known: dict[str, tuple[Gateway, float]] = {}
        self.is_new = not file.exists()

    def load(self) -> tuple[Gateway, ...]:
        """Take back what an earlier agent knew; a damaged file counts as not there."""
        try:
            found = json.loads(read_if_there(self._file) or b"[]")
            self._known = {e["gateway"]["name"]: (Gateway(**e["gateway"]), e["at"]) for e in found}
        except (ValueError, TypeError, KeyError):
            self._known = {}
        return tuple(gateway for gateway, _ in self._known.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are told of."""
        return tuple(sorted(self._known))

    def record(self, proxy: Proxy, now: float) -> tuple[tuple[str, Gateway | None], ...]:
        """A gateway said something; returns what others must be told, by name."""
        told = Gateway(proxy.id, proxy.address, proxy.port, proxy.zone)
        before = self._known.get(proxy.id)
        if proxy.state in LEAVING:
            self._known.pop(proxy.id, None)
        elif proxy.state is State.SERVING or before is not None:
            self._known[proxy.id] = (told, now)
        after = self._known.get(proxy.id)
        if (before and before[0]) == (after and after[0]):
            return ()
        self._save()
        return ((proxy.id, after[0] if after else None),)

    def forget(self, connected: set[str], now: float) -> tuple[str, ...]:
        """Forget gateways that were silent for an hour; returns their names."""
        for name in connected & self._known.keys():
            self._known[name] = (self._known[name][0], now)
        silent = [n for n, (_, at) in self._known.items() if now - at > FORGET_SECONDS]
        for name in silent:
            del self._known[name]
        if self._known or silent:
            self._save()
        return tuple(silent)

    def _save(self) -> None:
        entries = [{"gateway": asdict(g), "at": at} for g, at in self._known.values()]
        self._disk.keep(File(self._file, json.dumps(entries).encode()))
