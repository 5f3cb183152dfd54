"""How long to wait before a broken stream is opened again: full jitter, doubling, bounded."""

import random


class Backoff:
    """Waits grow from `low` to `high` seconds; each is drawn evenly from the upper half."""

    def __init__(self, rng: random.Random, low: float = 0.1, high: float = 3.0) -> None:
        self._rng = rng
        self._low = low
        self._high = high
        self._step = low

    def reset(self) -> None:
        """The stream worked: the next wait is short again."""
        self._step = self._low

    def next_wait(self) -> float:
        """Seconds to wait now."""
        wait = self._rng.uniform(self._step / 2, self._step)
        self._step = min(self._high, self._step * 2)
        return wait
