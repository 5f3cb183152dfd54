"""The workload tokens that DNS servers have shown: who tells nothing of itself, as proxies do.

In: a token while the stream lasts that it opened. Out: what to tell people of those that end soon.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from federation.trust.workload_tokens import TokenLife, workload_token_life


class DnsTokens:
    """Tokens by holder; of one that has several streams, that of the newest."""

    def __init__(self) -> None:
        self._lives: dict[object, tuple[str, TokenLife]] = {}

    @contextmanager
    def by(self, holder: str, token: str) -> Iterator[None]:
        """Know it while the context lasts."""
        life = workload_token_life(token)
        stream = object()
        if life is not None:
            self._lives[stream] = (holder, life)
        try:
            yield
        finally:
            self._lives.pop(stream, None)

    def ending(self, now: float) -> Mapping[str, str]:
        """A sentence for each holder of one that ends soon; `now` in seconds since 1970."""
        newest = dict(self._lives.values())
        found = {holder: life.problem(now) for holder, life in newest.items()}
        return {
            holder: f"{holder} has shown a workload token: {what}"
            for holder, what in found.items()
            if what
        }
