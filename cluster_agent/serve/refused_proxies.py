"""Proxies that the agent turned away lately, and why, so that `fedctl status` can say it.

In: who was refused, the reason, and `now` (seconds since 1970). Out: a sentence for each. Whoever
shows no good token names nothing here but the address that it comes from.
"""

from collections.abc import Mapping

KEPT_SECONDS = 60.0
"""After the last refusal: a supervisor asks again every few seconds."""
MOST = 20
"""Of those with a good token, and of those without: neither takes the places of the other. Who
comes when all are taken is not told of until one is free."""


class RefusedProxies:
    """Who was refused: `strangers` by address, holders of a good token by its subject."""

    def __init__(self) -> None:
        self._strangers: dict[str, tuple[str, float]] = {}
        self._holders: dict[str, tuple[str, float]] = {}

    def stranger(self, source: str, reason: str, now: float) -> None:
        """A caller at this address showed no good token."""
        _remember(self._strangers, source, reason, now)

    def holder(self, subject: str, reason: str, now: float) -> None:
        """The holder of this subject's token asked for what the token does not allow."""
        _remember(self._holders, subject, reason, now)

    def let_in(self, source: str, subject: str) -> None:
        """A proxy got what it asked for: its refusal is over."""
        self._strangers.pop(source, None)
        self._holders.pop(subject, None)

    def sentences(self, now: float) -> Mapping[str, str]:
        """What is to be told, by whom it is about."""
        for refused in (self._strangers, self._holders):
            _drop_old(refused, now)
        return {
            **{
                f"proxy at {source}": f"a proxy at {source} gets no certificate: {reason}"
                for source, (reason, _) in self._strangers.items()
            },
            **{
                f"proxy of {subject}": f"a proxy with the token of {subject} is refused: {reason}"
                for subject, (reason, _) in self._holders.items()
            },
        }


def _remember(refused: dict[str, tuple[str, float]], who: str, reason: str, now: float) -> None:
    _drop_old(refused, now)
    if who in refused or len(refused) < MOST:
        refused[who] = (reason, now)


def _drop_old(refused: dict[str, tuple[str, float]], now: float) -> None:
    for who in [w for w, (_, at) in refused.items() if abs(now - at) > KEPT_SECONDS]:
        del refused[who]
