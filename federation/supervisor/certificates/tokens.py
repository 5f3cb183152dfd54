"""When the workload tokens in files end: without a new one their holders' certificates end, too.

In: files, the time. Out: refusals of the type `TOKEN_ENDS`, as people are told of them. A file is
read again only when it has changed.
"""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from federation.model.errors import FedmeshError
from federation.model.proxies import TOKEN_ENDS, Nack
from federation.supervisor.certificates.agent_trust import read_token
from federation.trust.workload_tokens import TokenLife, workload_token_life

LOOK_SECONDS = 10.0

Stamp = tuple[int, int, int]


def stamp_of(file: Path) -> Stamp | None:
    """What is another one when the file has another content; None while it is not there."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


class TokenEnds:
    """The tokens of one proxy."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(dict.fromkeys(files))
        self._read: dict[Path, tuple[Stamp | None, TokenLife | None]] = {}

    def problems(self, now: float) -> Iterator[Nack]:
        """The tokens that end soon, or have ended; `now` in seconds since 1970."""
        for file in self._files:
            life = self._life(file)
            if life is not None and (what := life.problem(now)):
                yield Nack(TOKEN_ENDS, file.name, what)

    def _life(self, file: Path) -> TokenLife | None:
        """As far as the file can be read: that it cannot is told by whoever needs it."""
        stamp = stamp_of(file)
        if file not in self._read or self._read[file][0] != stamp:
            try:
                life = workload_token_life(read_token(file))
            except (FedmeshError, OSError):
                life = None
            self._read[file] = (stamp, life)
        return self._read[file][1]


async def replaced(file: Path, every: float = LOOK_SECONDS) -> None:
    """Wait until a file is another one than now."""
    before = stamp_of(file)
    while stamp_of(file) in (before, None):  # noqa: ASYNC110 - a file tells nobody
        await asyncio.sleep(every)
